// Messages: dismiss one, and say plainly when the portal cannot be reached at all.
document.addEventListener("click", (event) => {
  event.target.closest("[data-dismiss]")?.closest(".message")?.remove();
});

const UNREACHABLE = "offline-message";
document.addEventListener("htmx:sendError", () => {
  if (document.getElementById(UNREACHABLE)) return;
  const template = document.getElementById("offline-template");
  const area = document.getElementById("messages");
  if (template && area) area.append(template.content.cloneNode(true));
});
document.addEventListener("htmx:afterOnLoad", () => document.getElementById(UNREACHABLE)?.remove());
