// Asks the phone for its key: to be remembered, or to come in. Without it nothing is shown of either.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const opened = (asked) => {
  const options = { ...asked, challenge: bytes(asked.challenge) };
  if (asked.user) options.user = { ...asked.user, id: bytes(asked.user.id) };
  for (const name of ["excludeCredentials", "allowCredentials"]) {
    if (asked[name]) options[name] = asked[name].map((one) => ({ ...one, id: bytes(one.id) }));
  }
  return options;
};

const closed = (made) => {
  const answer = { clientDataJSON: text(made.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (made.response[name]) answer[name] = text(made.response[name]);
  }
  return { id: made.id, rawId: text(made.rawId), type: made.type, response: answer, clientExtensionResults: {} };
};

async function sent(path, about) {
  const answer = await fetch(path, {
    method: "POST", body: JSON.stringify(about),
    headers: { accept: "application/json", "content-type": "application/json" },
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`${told.error}. ${told.do}`);
  return told;
}

// `ask` is the browser's own question to the phone; whoever says no there is told so, and may again.
function prepare(form, begin, ask) {
  if (!form || !window.PublicKeyCredential) return;
  form.hidden = false;
  const not = document.getElementById("passkey-not");
  if (not) not.hidden = true;
  const wrong = form.querySelector(".wrong");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const proof = form.elements.proof.value;
    wrong.hidden = true;
    try {
      const publicKey = opened(await sent(begin, { proof }));
      const made = await ask(publicKey);
      location.assign((await sent(form.getAttribute("action"), { proof, answer: closed(made) })).to);
    } catch (error) {
      const said = error instanceof DOMException ? form.dataset.cancelled : error instanceof TypeError ? form.dataset.failed : error.message;
      wrong.textContent = said;
      wrong.hidden = false;
    }
  });
}

prepare(document.getElementById("passkey-add"), "/passkey/add/begin", (publicKey) => navigator.credentials.create({ publicKey }));
prepare(document.getElementById("passkey-enter"), "/passkey/begin", (publicKey) => navigator.credentials.get({ publicKey }));
