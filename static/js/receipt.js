// The live receipt: asked for again while it grows, and never drawn behind what was shown.

import { partOf } from "./placing.js";

const SOON_MS = 400;
const LATER_MS = 1500;
const SOON_FOR_MS = 15_000;

// Keeps `box` showing the receipt at `address` until it is complete; returns how to stop.
export function follow(box, address, changed = () => {}) {
  const begun = performance.now();
  let over = false;

  const shown = () => box.querySelector(".receipt");
  const look = async () => {
    if (over || !box.isConnected) return;
    try {
      const answer = await fetch(address, { redirect: "manual", signal: AbortSignal.timeout(4000) });
      if (answer.ok) take(partOf(await answer.text()));
    } catch {
      // asked again below; what is shown stays true
    }
    if (over || shown()?.dataset.complete === "yes") return;
    const wait = performance.now() - begun < SOON_FOR_MS ? SOON_MS : LATER_MS;
    setTimeout(look, wait);
  };

  const take = (fresh) => {
    const now = shown();
    if (over || !fresh?.dataset.rank) return;
    if (now?.dataset.rank && Number(now.dataset.rank) > Number(fresh.dataset.rank)) return;
    if (now && now.innerHTML === fresh.innerHTML && now.dataset.complete === fresh.dataset.complete) return;
    box.replaceChildren(fresh);
    changed(fresh);
  };

  if (shown()?.dataset.complete !== "yes") setTimeout(look, SOON_MS);
  return () => {
    over = true;
  };
}
