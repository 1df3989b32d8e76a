// What every live page has beside its values: keys, palette, sound, and buttons that raise risk
// waiting while nothing is live.

import "./keys.js";
import { paletteOf } from "./palette.js";
import { soundOf } from "./sound.js";

// What both raises and lowers (a rung, a size) stays: stopping is never made to wait.
const RAISING = [
  '[data-act="lift"]', 'form[action$="/lift"] button', 'form[action*="break-glass"] button',
  'form[action$="/approve"] button:not([formaction])', "form[data-raises] button",
].join(", ");
const WAITS = "Waits for the connection: nothing on this page is live";
const EVERY_MS = 500;

let dead = false;

function hold() {
  for (const node of document.querySelectorAll(RAISING)) {
    if (dead === (node.getAttribute("aria-disabled") === "true")) continue;
    if (dead) {
      node.setAttribute("aria-disabled", "true");
      node.dataset.titleWas = node.title;
      node.title = WAITS;
    } else {
      node.removeAttribute("aria-disabled");
      node.title = node.dataset.titleWas ?? "";
    }
  }
}

addEventListener("click", (event) => {
  const raising = event.target.closest?.('[aria-disabled="true"]');
  if (!dead || !raising?.matches(RAISING)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
addEventListener("submit", (event) => {
  if (!dead || !event.submitter?.matches(RAISING)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

export function equip(live) {
  paletteOf(live);
  soundOf(live);
  setInterval(() => {
    dead = live.standing() === "dead";
    hold();
  }, EVERY_MS);
}
