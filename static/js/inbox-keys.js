// Single-key shortcuts. Never while typing, never with a modifier, and off for whoever turns them off (WCAG 2.1.4).
const KEY = "bailiwick.keys";
const enabled = () => {
  try { return localStorage.getItem(KEY) !== "off"; } catch { return true; }
};
const rows = () => [...document.querySelectorAll("[data-key-row]")].filter((row) => !row.closest("details:not([open])"));
const link = (row) => row.querySelector("[data-key-open]") ?? row.querySelector("a[href]");
const current = () => document.activeElement?.closest?.("[data-key-row]")
  ?? document.querySelector("[data-key-row].row--current, [data-key-row][aria-selected=true]");

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(current());
  const next = all[Math.max(0, Math.min(all.length - 1, at + step))];
  link(next)?.focus();
  next.scrollIntoView({ block: "nearest" });
}

function select() {
  const box = current()?.querySelector("[data-key-select]");
  if (!box) return;
  box.checked = !box.checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

const go = (name) => document.querySelector(`[data-go="${name}"]`)?.click();
const focusOn = (selector) => {
  const target = document.querySelector(selector);
  target?.closest("details:not([open])")?.setAttribute("open", "");
  target?.scrollIntoView({ block: "nearest" });
  target?.focus();
  return Boolean(target);
};

// What a key does to a request, it does to the one whose row was gone to. Beside the list another may still stand open:
// then the row's own is opened first and the key waits for it. Where there is no room beside the list its page opens.
function onRequest(act) {
  const detail = document.getElementById("detail");
  const row = detail && document.activeElement?.closest?.("[data-key-row]");
  if (!row) {
    if (detail?.hasAttribute("aria-busy")) document.addEventListener("bailiwick:loaded", act, { once: true });
    else act();
    return;
  }
  const opener = link(row);
  opener.click();
  if (!detail.getClientRects().length) return;
  const its = () => { if (detail.querySelector(`#${opener.id.replace("open-", "request-")}`)) act(); };
  if (detail.hasAttribute("aria-busy")) document.addEventListener("bailiwick:loaded", its, { once: true });
  else its();
}

// A key never decides: it goes to the reason, and the button that was meant is marked and comes next with Tab. Approve
// stands first anyway, after whatever has not been on the screen yet.
function decide(button) {
  if (!focusOn("[data-key-decide]")) return;
  for (const one of document.querySelectorAll(".decision-buttons .button--meant")) one.classList.remove("button--meant");
  document.querySelector(button)?.classList.add("button--meant");
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Tab" || event.shiftKey || !event.target.matches?.("[data-key-decide]")) return;
  const meant = event.target.form?.querySelector(".button--meant:not([data-approve])");
  if (!meant) return;
  event.preventDefault();
  meant.focus();
});

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  o: () => { const row = current(); if (row) link(row)?.click(); },
  a: () => onRequest(() => decide("[data-approve]")),
  d: () => onRequest(() => decide("[data-deny]")),
  c: () => onRequest(() => decide("[data-changes]")),
  e: () => onRequest(() => document.querySelector("[data-key-edit]")?.click()),
  u: () => onRequest(() => focusOn("[data-key-undo]")),
  b: () => document.querySelector("[data-picked]:not([hidden]) [data-key-batch]")?.click(),
  n: () => document.querySelector("[data-news]:not([hidden]) [data-news-show]")?.click(),
  x: select,
  "/": () => focusOn("[data-key-search]"),
  "?": () => document.getElementById("keyboard-help")?.showModal(),
};
const GO = { h: "home", i: "inbox", a: "agents", r: "runs", p: "packages" };

let pending = 0;
const typing = (element) => element.isContentEditable
  || element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])");

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!enabled() || typing(event.target) || document.querySelector("dialog[open]")) return;
  const afterG = event.timeStamp - pending < 1200 && pending > 0;
  pending = 0;
  if (afterG && GO[event.key]) {
    event.preventDefault();
    go(GO[event.key]);
  } else if (event.key === "g") {
    pending = event.timeStamp;
  } else if (Object.hasOwn(KEYS, event.key)) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

// A decision replaces the row: carry on with the one that took its place.
let lastIndex = 0;
let decided = false;
document.addEventListener("bailiwick:decided", () => { decided = true; });
document.addEventListener("focusin", (event) => {
  const row = event.target.closest("[data-key-row]");
  if (row) lastIndex = rows().indexOf(row);
});
document.addEventListener("bailiwick:refreshed", (event) => {
  if (!decided || !event.target.querySelector?.("[data-key-row]")) return;
  decided = false;
  const all = rows();
  const next = all[Math.min(lastIndex, all.length - 1)];
  if (next) link(next)?.focus();
});

const box = document.querySelector("[data-keys-switch]");
if (box) {
  box.checked = enabled();
  box.addEventListener("change", () => {
    try { localStorage.setItem(KEY, box.checked ? "on" : "off"); } catch { /* private mode: stays on */ }
  });
}
