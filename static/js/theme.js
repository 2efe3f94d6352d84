// Light or dark, before the first paint. A classic script on purpose: a module would run after it.
(() => {
  const root = document.documentElement;
  const KEY = "bailiwick.theme";
  const read = () => {
    try { return localStorage.getItem(KEY); } catch { return null; }
  };
  const apply = (choice) => {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
  };
  root.dataset.js = "";
  apply(read());

  document.addEventListener("DOMContentLoaded", () => {
    const chosen = read() ?? "system";
    for (const input of document.querySelectorAll('input[name="theme"]')) {
      input.checked = input.value === chosen;
    }
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches('input[name="theme"]')) return;
    apply(event.target.value);
    try { localStorage.setItem(KEY, event.target.value); } catch { /* private mode: for this page only */ }
  });
  addEventListener("storage", (event) => { if (event.key === KEY) apply(event.newValue); });
})();
