// Copy an id: the button takes the text from data-copy and says so to everyone.
const announce = (text) => {
  const live = document.getElementById("announce");
  if (live) live.textContent = text;
};

async function put(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy"); // plain http on a local network has no clipboard API
  area.remove();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  try {
    await put(button.dataset.copy);
  } catch {
    announce("Could not copy. Select the text and copy it by hand.");
    return;
  }
  button.dataset.copied = "";
  announce("Copied.");
  setTimeout(() => { delete button.dataset.copied; }, 1500);
});
