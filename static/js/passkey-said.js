// What a browser says when a passkey does not come about, in words; and where passkeys work when they cannot here.
const WHY = {
  NotAllowedError: "The passkey did not confirm it: it was cancelled, it took too long, or no key of yours is here.",
  InvalidStateError: "This key is one of yours already.",
  SecurityError: "Browsers take passkeys only at the portal's own name.",
  NotSupportedError: "This key cannot do what is asked of it.",
};

export const usable = () => Boolean(window.isSecureContext && window.PublicKeyCredential);

export function explain(error, undone) {
  const why = usable() ? WHY[error.name] ?? error.message : "This browser offers no passkeys at this address: they need https.";
  return `${why} ${undone}`;
}

// The portal names the one place where passkeys work; only the browser knows whether it is there.
function place() {
  for (const line of document.querySelectorAll("[data-passkeys-at][hidden]")) {
    const there = line.dataset.passkeysAt;
    if (there && new URL(there).hostname === location.hostname && usable()) continue;
    const link = line.querySelector("a");
    if (there && new URL(there).origin !== location.origin) link.href = there + location.pathname + location.search;
    else link?.remove();
    line.hidden = false;
  }
}
place();
document.addEventListener("htmx:afterSwap", place);
