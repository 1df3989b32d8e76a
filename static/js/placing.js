// Sending a stop: a plain form to /stop, with a nonce, so that it can be sent again until somebody
// answers. The same nonce is the same hold; a stop sent twice is one stop.

const ANSWER_MS = 5000;
const AGAIN_MS = 700;
const GIVE_UP_MS = 60_000;
const PART = "X-Haltline-Part";

export const nonce = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");

const token = () => document.querySelector("#stop-form [name=csrfmiddlewaretoken]").value;
const address = () => document.getElementById("stop-form").getAttribute("action");

// { status, part, hold } of the answer; throws when nobody answered. `waiting(n)` is told of tries.
export async function place(fields, waiting = () => {}) {
  const body = new URLSearchParams({ ...fields, nonce: nonce(), csrfmiddlewaretoken: token() });
  const begun = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await fetch(address(), {
        method: "POST",
        body,
        headers: { [PART]: "1", "X-CSRFToken": token() },
        redirect: "manual",
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (answer.type === "opaqueredirect") throw new SignedOut();
      if (answer.status === 502 || answer.status === 504) throw new TypeError("no answer");
      return { status: answer.status, hold: answer.headers.get("X-Haltline-Hold"), part: partOf(await answer.text()) };
    } catch (error) {
      if (error instanceof SignedOut || performance.now() - begun > GIVE_UP_MS) throw error;
      waiting(attempt);
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }
}

export class SignedOut extends Error {}

// The receipt (or the refusal) in an answer, as an element; null when there is none.
export function partOf(html) {
  return new DOMParser().parseFromString(html, "text/html").querySelector(".receipt");
}
