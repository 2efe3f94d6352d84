// The page of a request: how long it was in sight, what of it was on the screen, and the passkey that signs a decision.
// Everything here is a help for an honest reader; what a decision needs is enforced by the portal.
const seconds = new WeakMap();
const seen = new WeakMap();
const unfolded = new WeakSet();

const articles = () => [...document.querySelectorAll(".request")];
// Where several are decided together one form stands for all of them.
const together = () => document.querySelector("form[data-together]");
const formOf = (article) => article.querySelector("form[data-decision]") ?? together();
const leftOf = (form) => [...document.querySelectorAll(".request")].filter((one) => formOf(one) === form).flatMap((one) => [...(seen.get(one) ?? [])]);

// Where several stand on one page, those on the screen share the time; none of it counts for the others.
const inSight = new Set();
const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) inSight[isIntersecting ? "add" : "delete"](target);
});
function tell(article) {
  const form = formOf(article);
  const passed = Math.floor((seconds.get(article) ?? 0) / 1000);
  const field = article.querySelector("[data-visible]");
  if (field) field.value = String(passed);
  const number = article.id.replace("request-", "");
  const looked = form?.querySelector(`[data-looked="${number}"]`);
  if (looked) looked.value = `${number}:${passed}:${folded(article) ? 0 : 1}`;
}
const folded = (article) => [...article.querySelectorAll("details[data-fold]")].some((fold) => !fold.open && !unfolded.has(fold));

// Time in sight: seconds during which the page was visible (Page Visibility), counted for the request that stands open.
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  const passed = Math.min(now - last, 2000);
  last = now;
  if (document.visibilityState !== "visible") return;
  const open = together() ? articles().filter((one) => inSight.has(one)) : articles();
  for (const article of open) {
    seconds.set(article, (seconds.get(article) ?? 0) + passed / open.length);
    tell(article);
  }
}, 500);

function paintFolds(article) {
  // A decision within the first half second was looked at for no second, which is not the same as not known.
  tell(article);
  const field = article.querySelector("[data-unfolded]");
  if (field) field.value = folded(article) ? "0" : "1";
}
document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.("details[data-fold]") || !event.target.open) return;
  unfolded.add(event.target);
  paintFolds(event.target.closest(".request"));
}, true);

// Approving waits until the end of each part of what is decided was on the screen.
const observer = new IntersectionObserver((entries) => {
  const touched = new Set();
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    const article = entry.target.closest(".request");
    seen.get(article)?.delete(entry.target);
    observer.unobserve(entry.target);
    touched.add(article);
  }
  for (const article of touched) if (article) paint(article);
});

function watch(article) {
  const parts = [...article.querySelectorAll("[data-seen]")].filter((part) => !part.closest("details[data-fold]:not([open])"));
  seen.set(article, new Set(parts));
  for (const part of parts) observer.observe(part);
  paintFolds(article);
  paint(article);
}

function paint(article) {
  const form = formOf(article);
  const left = form ? leftOf(form).length : 0;
  const line = form?.querySelector("[data-unseen]");
  const approve = form?.querySelector("[data-approve]");
  if (!line || !approve) return;
  line.hidden = left === 0;
  line.querySelector("[data-unseen-said]").textContent = left === 1
    ? "One part of what you decide has not been on your screen yet, so it cannot be approved."
    : `${left} parts of what you decide have not been on your screen yet, so it cannot be approved.`;
  if (left) {
    approve.setAttribute("aria-disabled", "true");
    approve.setAttribute("aria-describedby", line.id);
  } else {
    approve.removeAttribute("aria-disabled");
    approve.removeAttribute("aria-describedby");
  }
}

document.addEventListener("click", (event) => {
  const go = event.target.closest?.("[data-unseen-go]");
  if (go) {
    const [next] = leftOf(go.form);
    (next?.closest(".pg, pre") ?? next)?.scrollIntoView({ block: "end" });
    next?.scrollIntoView({ block: "center" });
  }
  const approve = event.target.closest?.("[data-approve][aria-disabled=true]");
  if (approve) {
    event.preventDefault();
    event.stopPropagation();
    document.getElementById("announce").textContent = approve.form.querySelector("[data-unseen-said]").textContent;
    approve.form.querySelector("[data-unseen-go]").focus();
  }
}, true);

// Side by side or inline: kept in this browser.
const LAYOUT = "bailiwick.diff";
const layout = () => { try { return localStorage.getItem(LAYOUT); } catch { return null; } };
function arrange(root) {
  if (layout() !== "inline") return;
  for (const box of root.querySelectorAll('[data-layout][value="inline"]')) box.checked = true;
}
document.addEventListener("change", (event) => {
  if (!event.target.matches?.("[data-layout]")) return;
  try { localStorage.setItem(LAYOUT, event.target.value); } catch { /* private mode: for this page only */ }
});

const known = new WeakSet();
function look() {
  for (const article of articles()) {
    if (known.has(article)) continue;
    known.add(article);
    arrange(article);
    watch(article);
    sight.observe(article);
  }
}
look();
document.addEventListener("htmx:afterSwap", look);
