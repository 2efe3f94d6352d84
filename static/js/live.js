// Parts of a page that keep themselves true: data-live names the address, data-live-every the pause in ms.
// Asked with the version that stands there (?v=); 204 means nothing has changed. A hidden tab does not ask.
// Where the page carries a pulse (data-pulse), the parts are asked only when it has changed, and now and then all the same.
const versionOf = (part) => part.querySelector("[data-version]")?.dataset.version ?? part.dataset.liveVersion ?? "";
const SURE = 60000;
const due = new WeakMap();
const sure = new WeakMap();
const busy = new WeakSet();
const anew = new WeakSet();

function addressOf(part) {
  const address = new URL(part.dataset.live, location.href);
  address.searchParams.set("v", versionOf(part));
  const open = document.querySelector("#detail > .request")?.id.replace("request-", "");
  if (open && part.id === "inbox-list") address.searchParams.set("open", open);
  return address.pathname + address.search;
}

// After a decision what is on its way may be from before it: it is not shown, and asked for once more.
async function refresh(part, decided = false) {
  if (busy.has(part)) {
    if (decided) anew.add(part);
    return;
  }
  busy.add(part);
  sure.set(part, performance.now() + SURE);
  try {
    if (part.dataset.liveHold !== undefined) await fetched(part);
    else await swapped(part);
  } catch {
    // Not reached, or the page is going away: notices.js says so, and the next round asks again.
  } finally {
    busy.delete(part);
    if (anew.delete(part)) refresh(part);
  }
}

async function swapped(part) {
  let seen = false;
  part.addEventListener("htmx:afterSwap", () => { seen = true; }, { once: true });
  await htmx.ajax("GET", addressOf(part), { target: part, swap: "innerHTML", source: part });
  if (!seen) return;
  // A notice of change stands until the reader acts on it; asking on would say the same again.
  if (part.dataset.liveVersion !== undefined && part.childElementCount) delete part.dataset.live;
  part.dispatchEvent(new CustomEvent("bailiwick:refreshed", { bubbles: true }));
}

// A list that decides itself what to do with what arrives.
async function fetched(part) {
  let answer;
  try {
    answer = await fetch(addressOf(part), { headers: { "HX-Request": "true" } });
  } catch (error) {
    document.dispatchEvent(new Event("htmx:sendError"));
    throw error;
  }
  document.dispatchEvent(new Event("htmx:afterOnLoad"));
  const text = await answer.text();
  if (!answer.ok || answer.redirected || anew.has(part)) return;
  // The list may have known of a decision before the one who gave it was answered: whoever waits for it goes on.
  if (answer.status === 204) part.dispatchEvent(new CustomEvent("bailiwick:refreshed", { bubbles: true }));
  else part.dispatchEvent(new CustomEvent("bailiwick:arrived", { bubbles: true, detail: text }));
}

// One question for all parts of the page: is anything new at all?
let pulse;
let asking = false;
async function beat() {
  const note = document.querySelector("[data-pulse]");
  if (!note || asking) return;
  pulse ??= note.dataset.pulseNow;
  asking = true;
  try {
    const answer = await fetch(`${note.dataset.pulse}&p=${pulse}`, { credentials: "omit" });
    document.dispatchEvent(new Event("htmx:afterOnLoad")); // reached again: what said otherwise goes
    if (answer.status === 204) return;
    pulse = answer.ok ? await answer.text() : "";
    all();
  } catch {
    document.dispatchEvent(new Event("htmx:sendError"));
  } finally {
    asking = false;
  }
}

let next = performance.now() + 1500;
setInterval(() => {
  if (document.hidden) return;
  const now = performance.now();
  const pulsed = document.querySelector("[data-pulse]") !== null;
  if (pulsed && now >= next) {
    next = now + 1300 + Math.random() * 400; // not all at once, after the portal was away
    beat();
  }
  for (const part of document.querySelectorAll("[data-live]")) {
    const at = due.get(part);
    if (at !== undefined && now < at) continue;
    due.set(part, now + Number(part.dataset.liveEvery));
    if (at === undefined) sure.set(part, now + SURE);
    else if (!(pulsed && part.matches("[data-live-hold], [data-pulse]")) || now >= sure.get(part)) refresh(part);
  }
}, 250);

const all = (decided = false) => { for (const part of document.querySelectorAll("[data-live]")) refresh(part, decided); };
document.addEventListener("visibilitychange", () => { if (!document.hidden) all(); });
document.addEventListener("bailiwick:decided", () => all(true));
