// The risk page: the triggers' table is read again every second.

import "./page.js";

const EVERY_MS = 1000;
const at = document.getElementById("triggers-at");

async function look() {
  if (!document.hidden) {
    try {
      const answer = await fetch(at.dataset.from, { redirect: "manual", signal: AbortSignal.timeout(3000) });
      if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("triggers"));
    } catch {
      // asked again; the band tells a lost connection
    }
  }
  setTimeout(look, EVERY_MS);
}

function take(fresh) {
  const open = at.querySelector("details")?.open;
  const details = fresh?.querySelector("details");
  if (details) details.open = Boolean(open);
  const from = at.querySelector(".scroll")?.scrollLeft ?? 0;
  if (!fresh || fresh.innerHTML === at.firstElementChild?.innerHTML) return;
  if (at.contains(document.activeElement)) return; // nothing is pulled from under a focus
  at.replaceChildren(fresh);
  const box = at.querySelector(".scroll");
  if (box) box.scrollLeft = from;
}

setTimeout(look, EVERY_MS);
