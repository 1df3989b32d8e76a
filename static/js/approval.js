// Requests: the time left of each by the server's clock; the inbox read again when something
// changed; an open request that was decided meanwhile, or void, says so.

import { attribute, put } from "./cells.js";
import { moment } from "./format.js";
import { live } from "./page.js";

const EVERY_MS = 5_000;
const bar = document.querySelector(".decide .bar-fill");
const inbox = document.querySelector("[data-inbox]");
const request = document.getElementById("request");
let mark; // none seen yet

export function leftWords(ms) {
  const left = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

function tick() {
  const now = live.clock.now();
  for (const node of document.querySelectorAll("[data-until]")) {
    const until = moment(node.dataset.until);
    put(node, leftWords(until - now));
    const from = moment(node.dataset.from ?? null);
    if (bar && from !== null) {
      const share = Math.max(0, Math.min(100, (100 * (until - now)) / (until - from)));
      attribute(bar, "d", `M0 0h${Math.round(share)}v6H0z`);
    }
  }
}

async function read(address, as) {
  try {
    const answer = await fetch(address, { redirect: "manual", signal: AbortSignal.timeout(5000) });
    return answer.ok ? await answer[as]() : null;
  } catch {
    return null; // asked again; the band tells a lost connection
  }
}

async function refresh() {
  const text = await read(location.href, "text");
  const fresh = text && new DOMParser().parseFromString(text, "text/html").querySelector("[data-inbox]");
  if (!fresh || inbox.contains(document.activeElement)) return; // nothing is pulled from under a focus
  if (fresh.innerHTML !== inbox.innerHTML) inbox.replaceChildren(...fresh.childNodes);
  tick();
}

async function look() {
  const standing = await read(request.dataset.standing, "json");
  if (!standing) return;
  const over = standing.state !== "pending";
  const moved = standing.changed !== Number(request.dataset.moved);
  if (!over && !moved) return;
  const said = document.getElementById("moved");
  const again = Object.assign(document.createElement("a"), { href: location.href, textContent: "Show it as it is" });
  const words = over ? `It is ${standing.state} meanwhile. ` : "Something that it rests on has changed. ";
  said.replaceChildren(words, again);
  said.hidden = false;
}

live.addEventListener("desk", ({ detail }) => {
  const now = detail.waiting_mark ?? null;
  if (now === mark) return;
  const first = mark === undefined;
  mark = now;
  if (first) return;
  if (inbox) refresh();
  else if (request?.dataset.standing) look();
});

setInterval(tick, 500);
if (request?.dataset.standing) setInterval(look, EVERY_MS);
