// What was written in a form whose sending led to the sign-in page is there again afterwards, in this tab only.
const KEY = "bailiwick.kept";
const read = () => {
  try { return JSON.parse(sessionStorage.getItem(KEY) ?? "null"); } catch { return null; }
};
const write = (kept) => {
  try { if (kept) sessionStorage.setItem(KEY, JSON.stringify(kept)); else sessionStorage.removeItem(KEY); } catch { /* private mode */ }
};
const address = (form) => new URL(form.getAttribute("action") || location.pathname, location.href).pathname;

document.addEventListener("submit", (event) => {
  const texts = [...event.target.querySelectorAll("textarea[name]")].filter((area) => area.value);
  if (texts.length) write({ action: address(event.target), texts: texts.map((area) => [area.name, area.value]) });
}, true);

function restore() {
  const kept = read();
  if (!kept || location.pathname.startsWith("/accounts/")) return;
  write(null);
  const form = [...document.querySelectorAll("form[method=post]")].find((one) => address(one) === kept.action);
  for (const [name, value] of form ? kept.texts : []) {
    const area = form.querySelector(`textarea[name="${CSS.escape(name)}"]`);
    if (area && !area.value) area.value = value;
  }
}
restore();
