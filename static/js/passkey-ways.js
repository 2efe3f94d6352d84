// The account pages: what a passkey's dialog came to, beside the button that opened it. The dialogs are allauth's.
import { explain } from "./passkey-said.js";

// Pressed before all scripts are there, such a button would do nothing or send an empty form: until then it is disabled.
// allauth's own listener was there before this one, so its dialogs are ready now.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("button[data-passkey]")) button.disabled = false;
});

let pressed = null;
document.addEventListener("click", (event) => { pressed = event.target.closest?.("button") ?? pressed; }, true);

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const row = pressed?.closest(".button-row") ?? document.querySelector("main .button-row");
  let line = document.querySelector("[data-passkey-problem]");
  if (!line) {
    line = document.createElement("p");
    line.className = "field-error";
    line.dataset.passkeyProblem = "";
    line.setAttribute("role", "alert");
  }
  row.before(line);
  line.textContent = explain(event.detail.exception, "Nothing was done.");
});
