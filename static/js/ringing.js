// Alerts of documents that ring: links to their engine. console/pages/enginealerts.py is its twin.

import * as format from "./format.js";

const NEAR = { critical: "breach", warning: "warning", info: "info" };
const GRAVITY = Object.keys(NEAR);
const NOBODY = "nobody evaluates them now: none begins or ends";
const marks = new WeakMap();

function link(strategy, one, before) {
  const at = format.moment(one.since);
  const node = document.createElement("a");
  node.className = "near";
  node.dataset.near = NEAR[one.severity] ?? "warning";
  node.href = `/engines/${encodeURIComponent(strategy)}#alerts`;
  node.title = `since ${format.day(at)} ${format.clock(at).slice(0, 5)} UTC`;
  node.textContent = `${before}${one.name}, ${one.severity}`;
  return node;
}

// Written anew only when it differs, so that a link that is focused stays.
function fill(box, of, nodes) {
  const mark = JSON.stringify(of);
  if (marks.get(box) === mark) return;
  marks.set(box, mark);
  box.replaceChildren(...nodes().filter(Boolean).flatMap((node) => [node, " "]));
}

// In the head of one strategy.
export function fillAlerts(box, line, frame) {
  const found = line.alerts ?? [];
  const none = line.alerts && (frame.alerting ?? "dead") !== "dead" ? "none" : format.UNKNOWN;
  fill(box, [found, none], () => (found.length ? found.map((one) => link(line.key, one, "")) : [none]));
}

// Above the desk's table: of every strategy, the gravest first.
export function fillRinging(section, frame) {
  const found = frame.strategies.flatMap((line) => (line.alerts ?? []).map((one) => ({ key: line.key, one })));
  const gravity = ({ one }) => GRAVITY.indexOf(one.severity);
  found.sort((a, b) => gravity(a) - gravity(b) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const nobody = (frame.alerting ?? "dead") === "dead" ? NOBODY : "";
  section.hidden = !found.length && !nobody;
  fill(section.querySelector("span"), [found, nobody], () => [...found.map(({ key, one }) => link(key, one, `${key}: `)), nobody]);
}
