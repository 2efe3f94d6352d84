// Parts of a page that keep themselves true: data-live names the address, data-live-every the pause in ms.
// Asked with the version that stands there (?v=); 204 means nothing has changed. A hidden tab does not ask.
const versionOf = (part) => part.querySelector("[data-version]")?.dataset.version ?? part.dataset.liveVersion ?? "";
const due = new WeakMap();
const busy = new WeakSet();

async function refresh(part) {
  if (busy.has(part)) return;
  busy.add(part);
  const address = new URL(part.dataset.live, location.href);
  address.searchParams.set("v", versionOf(part));
  const open = document.querySelector("#detail > .request")?.id.replace("request-", "");
  if (open && part.id === "inbox-list") address.searchParams.set("open", open);
  const before = new Set([...part.querySelectorAll("[data-key-row]")].map((row) => row.id));
  try {
    const swapped = once(part, "htmx:afterSwap");
    await htmx.ajax("GET", address.pathname + address.search, { target: part, swap: "innerHTML", source: part });
    if (swapped.happened()) arrived(part, before);
  } catch {
    // Not reached, or the page is going away: notices.js says so, and the next round asks again.
  } finally {
    busy.delete(part);
  }
}

function once(part, name) {
  let seen = false;
  part.addEventListener(name, () => { seen = true; }, { once: true });
  return { happened: () => seen };
}

function arrived(part, before) {
  const fresh = [...part.querySelectorAll("[data-key-row]")].filter((row) => !before.has(row.id));
  for (const row of fresh) row.classList.add("new-mark");
  if (fresh.length) {
    document.getElementById("announce").textContent = fresh.length === 1 ? "1 new request." : `${fresh.length} new requests.`;
  }
  // A notice of change stands until the reader acts on it; asking on would say the same again.
  if (part.dataset.liveVersion !== undefined && part.childElementCount) delete part.dataset.live;
  part.dispatchEvent(new CustomEvent("bailiwick:refreshed", { bubbles: true }));
}

setInterval(() => {
  if (document.hidden) return;
  const now = performance.now();
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = due.get(part);
    if (next === undefined || now >= next) {
      due.set(part, now + Number(part.dataset.liveEvery));
      if (next !== undefined) refresh(part);
    }
  }
}, 250);

const all = () => { for (const part of document.querySelectorAll("[data-live]")) refresh(part); };
document.addEventListener("visibilitychange", () => { if (!document.hidden) all(); });
document.addEventListener("bailiwick:decided", all);
