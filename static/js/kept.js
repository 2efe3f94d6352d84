// What was typed in a form whose sending, or whose question as one types, led to the sign-in page is there again
// afterwards, in this tab only. Ticks and choices come back where the form says data-kept="all": elsewhere a tick may
// be a word that has to be given anew.
const KEY = "bailiwick.kept";
const TICKS = 'input[name][type="checkbox"], input[name][type="radio"]';
const TEXTS = 'textarea[name], select[name], input[name]:not([type="hidden"], [type="password"], [type="file"], [type="checkbox"], [type="radio"], [type="submit"])';
const read = () => {
  try { return JSON.parse(sessionStorage.getItem(KEY) ?? "null"); } catch { return null; }
};
const write = (kept) => {
  try { if (kept) sessionStorage.setItem(KEY, JSON.stringify(kept)); else sessionStorage.removeItem(KEY); } catch { /* private mode */ }
};
const address = (form) => new URL(form.getAttribute("action") || location.pathname, location.href).pathname;
const asServed = (field) => field.tagName === "SELECT" ? [...field.options].find((one) => one.defaultSelected)?.value ?? field.options[0]?.value : field.defaultValue;

// Whether there was something to keep.
function keep(form) {
  if (form.method !== "post" || form.querySelector('input[type="password"]') || address(form).startsWith("/accounts/")) return false;
  const texts = [...form.querySelectorAll(TEXTS)].filter((field) => field.value !== asServed(field)).map((field) => [field.name, field.value]);
  const ticked = form.dataset.kept === "all" ? [...form.querySelectorAll(TICKS)] : [];
  const ticks = ticked.filter((field) => field.checked !== field.defaultChecked).map((field) => [field.name, field.value, field.checked]);
  if (!texts.length && !ticks.length) return false;
  write({ action: address(form), texts, ticks });
  return true;
}
document.addEventListener("submit", (event) => keep(event.target), true);
document.addEventListener("htmx:beforeOnLoad", (event) => {
  // Whoever asked, a list that keeps itself true too: the page goes away with all that is typed on it.
  if (!event.detail.xhr.getResponseHeader("HX-Redirect")?.startsWith("/accounts/")) return;
  const asked = event.detail.elt.closest("form");
  [...document.querySelectorAll("form[data-kept]"), ...(asked ? [asked] : []), ...document.querySelectorAll("form[method=post]")].some(keep);
});

function restore() {
  const kept = read();
  if (!kept) return;
  if (location.pathname.startsWith("/accounts/")) return write({ ...kept, signedIn: true });
  write(null);
  if (!kept.signedIn) return; // it arrived: what the page shows is the answer to it
  const form = [...document.querySelectorAll("form[method=post]")].find((one) => address(one) === kept.action);
  if (!form) return;
  const said = document.getElementById("kept-template");
  if (said) document.getElementById("messages").append(said.content.cloneNode(true));
  for (const [name, value] of kept.texts) {
    const field = form.querySelector(`[name="${CSS.escape(name)}"]`);
    if (!field || field.value !== asServed(field)) continue;
    field.value = value;
    unfold(field);
  }
  for (const [name, value, checked] of kept.ticks ?? []) {
    const field = [...form.querySelectorAll(TICKS)].find((one) => one.name === name && one.value === value);
    if (!field) continue;
    field.checked = checked;
    unfold(field);
  }
}

function unfold(field) {
  for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}
restore();
