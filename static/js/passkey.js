// Passkeys: asks this server what to ask, asks the browser, puts its answer into the form and
// sends the form. A form says data-passkey="get" or "create" and where its question is.

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

const WORDS = {
  NotAllowedError: "Not given: it was cancelled or took too long. Try again.",
  InvalidStateError: "This authenticator holds a passkey of yours already.",
  SecurityError: "Passkeys do not work at this address. Use an authenticator app.",
  NotSupportedError: "This authenticator cannot do what is needed. Use another one.",
};

function readable(asked) {
  const options = { ...asked, challenge: bytes(asked.challenge) };
  if (asked.user) options.user = { ...asked.user, id: bytes(asked.user.id) };
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    if (asked[list]) options[list] = asked[list].map((one) => ({ ...one, id: bytes(one.id) }));
  }
  return options;
}

function answerOf(credential) {
  const given = credential.response;
  const response = { clientDataJSON: text(given.clientDataJSON) };
  if (given.attestationObject) {
    response.attestationObject = text(given.attestationObject);
    response.transports = given.getTransports ? given.getTransports() : [];
  } else {
    response.authenticatorData = text(given.authenticatorData);
    response.signature = text(given.signature);
    if (given.userHandle) response.userHandle = text(given.userHandle);
  }
  const id = text(credential.rawId);
  return JSON.stringify({ id, rawId: id, type: credential.type, response });
}

async function question(form) {
  const answer = await fetch(form.dataset.options, { method: "POST", body: new FormData(form) });
  const json = (answer.headers.get("Content-Type") || "").startsWith("application/json");
  const said = json ? await answer.json() : {};
  if (!answer.ok) throw new Error(said.detail || "Your session has ended. Sign in again.");
  return readable(said);
}

async function ask(form) {
  const publicKey = await question(form);
  const credential =
    form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
  form.elements.passkey.value = answerOf(credential);
  form.submit();
}

function prepare(form) {
  const button = form.querySelector("button");
  const said = form.querySelector("[data-passkey-said]");
  const tell = (words) => {
    said.textContent = words;
    said.hidden = !words;
  };
  if (!window.PublicKeyCredential) {
    button.disabled = true;
    tell("This browser or address cannot use passkeys. Use an authenticator app.");
    return;
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.dataset.asking) return;
    form.dataset.asking = "yes";
    tell("");
    try {
      await ask(form);
    } catch (error) {
      tell(WORDS[error.name] || error.message || "The passkey could not be used.");
    } finally {
      delete form.dataset.asking;
    }
  });
}

for (const form of document.querySelectorAll("form[data-passkey]")) prepare(form);
