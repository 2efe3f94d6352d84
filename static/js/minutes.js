// A number of minutes also in larger units while it is typed, in the words that the server writes.
import { span } from "./time.js";

document.addEventListener("input", ({ target }) => {
  const said = target.id && document.querySelector(`[data-minutes-of="${CSS.escape(target.id)}"]`);
  if (!said) return;
  const typed = target.value.trim();
  said.hidden = !/^[0-9]{1,9}$/.test(typed) || Number(typed) < 60;
  if (!said.hidden) said.querySelector("span").textContent = span(Number(typed) * 60);
});
