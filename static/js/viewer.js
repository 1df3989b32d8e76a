// Who looks, and what of stopping and lifting is theirs: for words and buttons only, the server
// decides. The table of rules comes with the page (console/pages/viewer.py).

import { rolesWords } from "./words.js";

const told = document.getElementById("viewer");
export const viewer = told ? JSON.parse(told.textContent) : null;
const owners = document.getElementById("owners");
export const names = owners ? JSON.parse(owners.textContent) : {};
export const nameOf = (who) => names[who] ?? who;

function standings(scope, own = viewer.owns) {
  const found = new Set(viewer.roles);
  if (found.has("trader") && scope.startsWith("strategy:") && own.includes(scope.slice(9))) {
    found.add("own");
  }
  return found;
}

export function mayPlace(kind, scope) {
  const mine = standings(scope);
  return viewer.rules[kind].placed_by.some((one) => mine.has(one));
}

// { word, who }: the button's word, empty where it is not theirs; who may, in words.
export function liftWay(hold) {
  const rule = viewer.rules[hold.kind];
  const mine = standings(hold.scope, viewer.resumes);
  const counts = (role) =>
    mine.has(role) && !(role === "trader" && hold.scope.startsWith("strategy:") && !mine.has("own"));
  const placed = rule.placed_by.some((one) => mine.has(one));
  const placer = rule.placer_lifts && hold.by_person && hold.by === viewer.name && placed;
  const may = rule.lifted_by.some(counts) || placer;
  const who = rolesWords(rule.lifted_by) + (rule.placer_lifts ? " or who placed it" : "");
  const two = rule.people > 1;
  const short = may ? (two ? "Ask…" : "Resume…") : "";
  return { short, word: may ? (two ? "Ask to resume…" : "Resume…") : "", who: two ? `two people: ${who}` : who };
}
