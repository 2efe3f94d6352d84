// Approving with a passkey: the portal says what is to be signed, the authenticator signs exactly that, the form carries it.
import { explain, usable } from "./passkey-said.js";

const said = (text) => { document.getElementById("announce").textContent = text; };

function problem(form, text) {
  let line = form.querySelector("[data-passkey-problem]");
  if (!line) {
    line = document.createElement("p");
    line.className = "field-error";
    line.dataset.passkeyProblem = "";
    form.querySelector(".decision-buttons").before(line);
  }
  line.textContent = text;
  said(text);
}

async function sign(form) {
  const body = new URLSearchParams({ verdict: "approve", view_hash: form.elements.view_hash.value });
  const answer = await fetch(form.dataset.proof, {
    method: "POST", body, headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value, Accept: "application/json" },
  });
  const options = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(options?.detail ?? "The portal did not say what to sign. Nothing was decided.");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey ?? options);
  const credential = await navigator.credentials.get({ publicKey });
  return JSON.stringify(credential.toJSON());
}

// Before htmx and the browser: the answer has to be in the form when it is sent.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches?.("form[data-proof]") || event.submitter?.value !== "approve" || form.elements.proof?.value) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { submitter } = event;
  if (!usable() || !PublicKeyCredential.parseRequestOptionsFromJSON) {
    problem(form, explain(new Error("This browser is too old to sign a decision with a passkey."), "Nothing was decided."));
    return;
  }
  said("Confirm with your passkey.");
  sign(form).then((proof) => {
    form.elements.proof.value = proof;
    form.requestSubmit(submitter);
  }).catch((error) => {
    // What the portal answered says already that nothing was decided.
    problem(form, error instanceof DOMException ? explain(error, "Nothing was decided.") : error.message);
  });
}, true);
