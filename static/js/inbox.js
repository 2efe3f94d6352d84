// The inbox beside its detail: on a wide screen a row opens in place. The list keeps still: rows that were decided
// elsewhere fade where they stand, and what is new waits behind a button until the reader asks for it.
const wide = matchMedia("(min-width: 62rem)");
const list = document.getElementById("inbox-list");
const detail = document.getElementById("detail");
const news = document.querySelector("[data-news]");
const picked = new Set();
let held = null;
let decided = false;

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("#inbox-list [data-key-open]");
  if (!link || !wide.matches || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const shown = detail.querySelector(`#request-${link.id.replace("open-", "")}`);
  if (detail.hasAttribute("aria-busy") ? loading !== link.pathname : !shown) load(link.pathname);
  for (const row of list.querySelectorAll(".row--current")) row.classList.remove("row--current");
  link.closest("[data-key-row]").classList.add("row--current");
  const address = new URL(location.href);
  address.searchParams.set("open", link.id.replace("open-", ""));
  history.replaceState(null, "", address);
});

// What is typed meanwhile must not go into the request that is about to be replaced: keys wait for the new one. Of
// several that were gone to quickly the last is shown; those before it are given up on their way.
let loading = null;
let asked = 0;
async function load(path) {
  const mine = ++asked;
  loading = path;
  detail.setAttribute("aria-busy", "true");
  htmx.trigger(detail, "htmx:abort");
  try {
    await htmx.ajax("GET", path, { source: detail, target: detail, swap: "innerHTML" });
  } catch { /* given up for another, or notices.js says that the portal is away */ }
  if (mine !== asked) return;
  detail.removeAttribute("aria-busy");
  detail.dispatchEvent(new CustomEvent("bailiwick:loaded", { bubbles: true }));
}

// The pane scrolls for itself: whatever comes into it is read from its beginning, the news of a decision first. Only a
// reason that was not taken stays where it is written, with what is wrong with it.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail?.target === detail && !detail.querySelector("[aria-invalid=true]")) detail.scrollTop = 0;
});

const rowsOf = (root) => new Map([...root.querySelectorAll("[data-key-row]")].map((row) => [row.id, row]));

list.addEventListener("bailiwick:arrived", (event) => {
  const fresh = new DOMParser().parseFromString(event.detail, "text/html").body;
  const before = rowsOf(list);
  const after = rowsOf(fresh);
  const added = [...after.keys()].filter((id) => !before.has(id));
  const still = before.size > 0 && after.size > 0 && added.length > 0 && !decided;
  decided = false;
  if (still) hold(fresh, before, after, added);
  else show(fresh, before);
  document.dispatchEvent(new Event("htmx:afterSwap")); // times and the title follow
});
document.addEventListener("bailiwick:decided", () => { decided = true; });
list.addEventListener("bailiwick:refreshed", () => { decided = false; });

// Everything that stays is brought up to date in its place; the rest waits.
function hold(fresh, before, after, added) {
  const focused = document.activeElement?.id;
  for (const [id, row] of before) {
    const now = after.get(id);
    if (!now) fade(row);
    else if (now.outerHTML !== row.outerHTML) row.replaceWith(document.importNode(now, true));
  }
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  list.firstElementChild.dataset.version = fresh.firstElementChild.dataset.version;
  const waiting = waitingIn(fresh);
  if (waiting) waitingIn(list)?.replaceWith(document.importNode(waiting, true));
  held = fresh;
  const count = added.length === 1 ? "1 new request" : `${added.length} new requests`;
  news.querySelector("[data-news-count]").textContent = `${count}: show`;
  news.hidden = false;
  say(`${count}.`);
  keepPicked();
}

function fade(row) {
  row.classList.add("row--gone");
  const left = row.querySelector(".deadline");
  if (left) left.replaceWith(Object.assign(document.createElement("span"), { className: "muted", textContent: "settled" }));
}

function show(fresh, before) {
  const focused = document.activeElement?.id;
  const anchor = document.activeElement?.closest?.("[data-key-row]") ?? list.querySelector(".row--current");
  const top = anchor?.getBoundingClientRect().top;
  const open = [...list.querySelectorAll("details.like[open]")].map((fold) => fold.dataset.like);
  list.replaceChildren(...[...fresh.children].map((node) => document.importNode(node, true)));
  for (const fold of list.querySelectorAll("details.like")) fold.open = open.includes(fold.dataset.like);
  const added = [...rowsOf(list).values()].filter((row) => !before.has(row.id));
  for (const row of added) row.classList.add("new-mark");
  if (added.length) say(added.length === 1 ? "1 new request." : `${added.length} new requests.`);
  const back = focused && document.getElementById(focused);
  if (back && list.contains(back)) back.focus({ preventScroll: true });
  const moved = anchor && document.getElementById(anchor.id);
  if (moved) scrollBy(0, moved.getBoundingClientRect().top - top);
  held = null;
  news.hidden = true;
  keepPicked();
  list.dispatchEvent(new CustomEvent("bailiwick:refreshed", { bubbles: true }));
}

news.querySelector("[data-news-show]").addEventListener("click", () => {
  if (!held) return;
  const before = rowsOf(list);
  show(held, before);
  const first = list.querySelector(".new-mark [data-key-open]");
  first?.focus();
});

const say = (text) => { document.getElementById("announce").textContent = text; };

function showPicked() {
  const line = list.querySelector("[data-picked]");
  if (!line) return;
  line.hidden = picked.size === 0;
  line.querySelector("[data-picked-count]").textContent = `${picked.size} selected`;
  line.querySelector("[data-picked-copy]").dataset.copy = [...picked]
    .map((number) => new URL(`/approvals/AR-${number}/`, location.href).href).join("\n");
}

list.addEventListener("change", (event) => {
  if (!event.target.matches("[data-key-select]")) return;
  if (event.target.checked) picked.add(event.target.value);
  else picked.delete(event.target.value);
  showPicked();
});

// A list of all that waits for the reader carries the badge too; a narrowed one does not, and it is asked for.
const waitingIn = (root) => root.querySelector("template[data-waiting]");
function showCount(waiting) {
  const place = document.querySelector('[hx-get$="/badge/"]');
  if (!place) return;
  if (waiting) place.replaceChildren(document.importNode(waiting.content, true));
  else htmx.ajax("GET", place.getAttribute("hx-get"), { target: place, swap: "innerHTML" }).catch(() => {});
}

// After the list was replaced: what was selected stays selected, and the number in the bar and title follows.
function keepPicked() {
  const there = new Set();
  for (const box of list.querySelectorAll("[data-key-select]")) {
    box.checked = picked.has(box.value);
    if (box.checked) there.add(box.value);
  }
  for (const number of picked) if (!there.has(number)) picked.delete(number);
  showPicked();
  showCount(waitingIn(list));
}
