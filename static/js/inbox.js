// The inbox beside its detail: on a wide screen a row opens in place, selected rows can be copied as links.
const wide = matchMedia("(min-width: 62rem)");
const list = document.getElementById("inbox-list");
const detail = document.getElementById("detail");
const picked = new Set();

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("#inbox-list [data-key-open]");
  if (!link || !wide.matches || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  htmx.ajax("GET", link.pathname, { target: detail, swap: "innerHTML" }).catch(() => {});
  for (const row of list.querySelectorAll(".row--current")) row.classList.remove("row--current");
  link.closest("[data-key-row]").classList.add("row--current");
  const address = new URL(location.href);
  address.searchParams.set("open", link.id.replace("open-", ""));
  history.replaceState(null, "", address);
});

function showPicked() {
  const line = list.querySelector("[data-picked]");
  if (!line) return;
  line.hidden = picked.size === 0;
  line.querySelector("[data-picked-count]").textContent = `${picked.size} selected`;
  line.querySelector("[data-picked-copy]").dataset.copy = [...picked]
    .map((label) => new URL(`/approvals/${label}/`, location.href).href).join("\n");
}

list.addEventListener("change", (event) => {
  if (!event.target.matches("[data-key-select]")) return;
  if (event.target.checked) picked.add(event.target.value);
  else picked.delete(event.target.value);
  showPicked();
});

// After the list was replaced: what was selected stays selected, and the number in the bar and title follows.
list.addEventListener("bailiwick:refreshed", () => {
  const there = new Set();
  for (const box of list.querySelectorAll("[data-key-select]")) {
    box.checked = picked.has(box.value);
    if (box.checked) there.add(box.value);
  }
  for (const label of picked) if (!there.has(label)) picked.delete(label);
  showPicked();
  const badge = document.querySelector('[hx-get$="/badge/"]');
  if (badge) htmx.ajax("GET", badge.getAttribute("hx-get"), { target: badge, swap: "innerHTML" }).catch(() => {});
});
