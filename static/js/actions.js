// The buttons of a strategy: pause is held 0.8 s in its place, kill and flatten open the stop.

import { holdable } from "./holding.js";
import { place, SignedOut } from "./placing.js";
import { answered, openStop } from "./stop.js";
import { say } from "./toast.js";

// Wires the forms in `box` (a row, or a strategy's head); `keyOf` says whose they are.
export function wire(box, keyOf) {
  const pause = box.querySelector('[data-act="pause"] button');
  for (const act of ["kill", "flatten"]) {
    const form = box.querySelector(`[data-act="${act}"]`);
    form?.addEventListener("submit", (event) => {
      event.preventDefault();
      openStop({ strategy: keyOf(), what: "kill", flatten: act === "flatten" });
    });
  }
  if (!pause) return null;
  pause.form.addEventListener("submit", (event) => event.preventDefault());
  const label = pause.querySelector(".hold-label");
  const holding = holdable(pause, {
    say: (text) => say(`${keyOf()}: ${text}`),
    confirm: () => openStop({ strategy: keyOf(), what: "pause" }),
    send: async () => {
      const key = keyOf();
      label.textContent = "Sent";
      try {
        const answer = await place({ scope: `strategy:${key}`, what: "pause", reason: "" });
        const { hold, part, status } = answer;
        if (hold && status === 200) say(`${key}: ${part.dataset.headline}`, `/holds/${hold}`);
        else answered(answer);
      } catch (error) {
        say(error instanceof SignedOut ? "Not sent: this session has ended." : `${key}: no answer from the server. Hold again, or use Stop.`);
      }
      label.textContent = "Pause";
      holding.rest();
    },
  });
  return holding;
}
