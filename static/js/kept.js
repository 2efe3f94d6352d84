// What was typed in a form whose sending led to the sign-in page is there again afterwards, in this tab only.
const KEY = "bailiwick.kept";
const FIELDS = 'textarea[name], select[name], input[name]:not([type="hidden"], [type="password"], [type="file"], [type="checkbox"], [type="radio"], [type="submit"])';
const read = () => {
  try { return JSON.parse(sessionStorage.getItem(KEY) ?? "null"); } catch { return null; }
};
const write = (kept) => {
  try { if (kept) sessionStorage.setItem(KEY, JSON.stringify(kept)); else sessionStorage.removeItem(KEY); } catch { /* private mode */ }
};
const address = (form) => new URL(form.getAttribute("action") || location.pathname, location.href).pathname;
const asServed = (field) => field.tagName === "SELECT" ? [...field.options].find((one) => one.defaultSelected)?.value ?? field.options[0]?.value : field.defaultValue;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.querySelector('input[type="password"]') || address(form).startsWith("/accounts/")) return;
  const texts = [...form.querySelectorAll(FIELDS)].filter((field) => field.value !== asServed(field)).map((field) => [field.name, field.value]);
  if (texts.length) write({ action: address(form), texts });
}, true);

function restore() {
  const kept = read();
  if (!kept) return;
  if (location.pathname.startsWith("/accounts/")) return write({ ...kept, signedIn: true });
  write(null);
  if (!kept.signedIn) return; // it arrived: what the page shows is the answer to it
  const form = [...document.querySelectorAll("form[method=post]")].find((one) => address(one) === kept.action);
  for (const [name, value] of form ? kept.texts : []) {
    const field = form.querySelector(`[name="${CSS.escape(name)}"]`);
    if (!field || field.value !== asServed(field)) continue;
    field.value = value;
    const fold = field.closest("details");
    if (fold) fold.open = true;
  }
}
restore();
