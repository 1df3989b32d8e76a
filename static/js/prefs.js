// What somebody prefers in this browser. Kept by name of person where it is about the person; a
// browser that keeps nothing forgets it with the page.

import { viewer } from "./viewer.js";

const mine = (name) => `haltline.${name}.${viewer?.name ?? ""}`;
const memory = new Map();

export function kept(name, otherwise = "") {
  try {
    return localStorage.getItem(mine(name)) ?? otherwise;
  } catch {
    return memory.get(name) ?? otherwise;
  }
}

export function keep(name, value) {
  memory.set(name, value);
  try {
    localStorage.setItem(mine(name), value);
  } catch {
    // for as long as this page is open
  }
}
