// Keys of the page. Single keys speak only outside of fields and dialogs, and can be turned off;
// those with Ctrl always do. "?" shows all of them, "g" and a letter goes to a page.

import { keep, kept } from "./prefs.js";

const GO_MS = 1500;
const dialog = document.getElementById("keys-dialog");
const hint = document.getElementById("going");
const bound = new Map();
let going = 0;

export const singleKeys = () => kept("single-keys", "on") === "on";

// `run` on pressing; `release` on letting go. A key that is held does not repeat unless it `repeats`.
export function bind(key, run, { release = null, repeats = false } = {}) {
  bound.set(key, { run, release, repeats });
}

const typing = (node) =>
  node.matches?.("input:not([type=radio], [type=checkbox]), select, textarea, [contenteditable]");
// Enter and Space on a button or a link are its own.
const pressing = (node, key) => (key === "Enter" || key === " ") && node.matches?.("button, a, summary");

function idle(event) {
  return event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing
    || typing(event.target) || pressing(event.target, event.key) || document.querySelector("dialog[open]");
}

function go(letter) {
  stay();
  const link = document.querySelector(`[data-go="${CSS.escape(letter)}"]`);
  if (link) location.assign(link.href);
}

function stay() {
  clearTimeout(going);
  going = 0;
  hint.hidden = true;
}

addEventListener("keydown", (event) => {
  if (idle(event)) return;
  if (event.key === "?") {
    event.preventDefault();
    showKeys();
    return;
  }
  if (!singleKeys()) return;
  if (going) {
    event.preventDefault();
    go(event.key.toLowerCase());
    return;
  }
  if (event.key === "g") {
    hint.hidden = false;
    going = setTimeout(stay, GO_MS);
    return;
  }
  const one = bound.get(event.key);
  if (!one || (event.repeat && !one.repeats)) return;
  event.preventDefault();
  one.run();
});

addEventListener("keyup", (event) => {
  if (singleKeys()) bound.get(event.key)?.release?.();
});

export function showKeys() {
  if (dialog.open) return;
  dialog.showModal();
}

const box = dialog.querySelector("[name=single-keys]");
box.checked = singleKeys();
box.addEventListener("change", () => {
  keep("single-keys", box.checked ? "on" : "off");
  mark();
});
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());

function mark() {
  document.documentElement.dataset.keys = singleKeys() ? "on" : "off";
}
mark();
for (const button of document.querySelectorAll("[data-keys-open]")) button.addEventListener("click", showKeys);
