// The number waiting, in the tab's title and icon, whenever a fragment with data-inbox-count arrives.
const bare = document.title.replace(/^\(\d+\+?\) /, "");
const icon = document.querySelector('link[rel="icon"]');

function show() {
  const badge = document.querySelector("[data-inbox-count]");
  if (!badge) return;
  const count = Number.parseInt(badge.dataset.inboxCount, 10) || 0;
  document.title = count > 0 ? `(${badge.firstElementChild.textContent}) ${bare}` : bare;
  if (icon) icon.href = count > 0 ? icon.dataset.alert : icon.dataset.plain;
}

show();
document.addEventListener("htmx:afterSwap", show);
