// What every live page has beside its values: keys, palette, sound, and buttons that raise risk
// waiting while nothing is live.

import "./keys.js";
import { paletteOf } from "./palette.js";
import { soundOf } from "./sound.js";

const RAISING = [
  '[data-act="lift"]', 'form[action$="/lift"] button', 'form[action$="/approve"] button',
  'form[action$="/stage"] button', "form[data-raises] button", "a[data-raises]",
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

// What scrolls sideways and holds nothing to focus is itself reached by keyboard.
const INSIDE = "a[href], button, input, select, textarea, [tabindex]";

function reachable() {
  for (const box of document.querySelectorAll(".scroll")) {
    const wanted = box.scrollWidth > box.clientWidth && !box.querySelector(INSIDE);
    if (wanted) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

export function equip(live) {
  reachable();
  addEventListener("resize", reachable);
  paletteOf(live);
  soundOf(live);
  setInterval(() => {
    dead = live.standing() === "dead";
    hold();
  }, EVERY_MS);
}
