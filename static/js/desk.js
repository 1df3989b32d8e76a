// The desk page: every strategy, the register of figures, the lists under the table.

import { wire } from "./actions.js";
import { drawBand, firstAsOf } from "./band.js";
import { put, rows } from "./cells.js";
import { fillLists, fillTape } from "./desklists.js";
import { fillAges, fillRow } from "./deskrow.js";
import { Chosen } from "./deskchosen.js";
import * as format from "./format.js";
import { bind } from "./keys.js";
import { Live } from "./live.js";
import { oncePerPicture } from "./picture.js";
import { fillMoving, fillRegister } from "./register.js";
import { fillRinging } from "./ringing.js";
import { rowsWith } from "./stop.js";

const table = document.getElementById("strategies");
const body = table?.tBodies[0];
const template = document.getElementById("strategy-row");
const lists = document.getElementById("lists");
const lost = document.getElementById("lost");
const live = new Live("desk", firstAsOf());
const holdings = new WeakMap();

let frame = null;
const chosen = table ? new Chosen(table, () => draw()) : null;
const soon = oncePerPicture(draw);

function newRow() {
  return wired(template.content.firstElementChild.cloneNode(true));
}

function wired(row) {
  holdings.set(row, wire(row, () => row.dataset.key));
  return row;
}

for (const row of body?.rows ?? []) wired(row);

function draw() {
  if (!frame || document.hidden) return; // drawn when it is looked at; alarms do not wait
  if (table) {
    const lines = chosen.lines(frame.strategies);
    rows(body, lines, (one) => one.key, newRow, (row, one) => fillRow(row, one, live.age()));
    document.getElementById("none-shown").hidden = lines.length > 0;
    put(document.getElementById("strategies-sum"), summary(lines));
  }
  put(document.getElementById("as-of"), format.clock(frame.at));
  fillRegister(frame, live);
  fillLists(frame);
  fillBooks();
  fillRinging(document.getElementById("ringing"), frame);
  fillTape(frame);
}

live.addEventListener("desk", ({ detail }) => {
  frame = detail;
  if (!table && frame.strategies.length) location.reload(); // the first strategy has come
  document.getElementById("no-frame")?.remove();
  soon();
});
document.addEventListener("visibilitychange", draw);

function fillBooks() {
  const note = document.getElementById("books-note");
  const { status, as_of: asOf, age_ms: ms } = frame.books ?? { status: "fresh" };
  note.hidden = status === "fresh";
  if (note.hidden) return;
  const words = `The database was last read at ${format.clock(format.moment(asOf))}, ${format.age(ms)} ago: positions, orders and fills are as of then; prices go on.`;
  put(note.querySelector("span"), words);
}

function summary(lines) {
  const count = (state) => lines.filter((one) => one.state === state).length;
  const parts = ["ACTIVE", "REDUCE-ONLY", "HALTED", "FROZEN", "UNKNOWN"]
    .filter(count)
    .map((state) => `${count(state)} ${state.toLowerCase()}`);
  return [`${lines.length} of ${frame.strategies.length}`, ...parts].join(" · ");
}

// Rows by keyboard: j and k move, Enter opens, p held 0.8 s pauses.
const selected = () => body?.querySelector('[aria-selected="true"]') ?? null;
rowsWith(() => (selected() ?? document.activeElement?.closest?.("tr[data-key]"))?.dataset.key ?? "");

function move(by) {
  const all = [...(body?.rows ?? [])];
  const to = all[Math.max(0, Math.min(all.length - 1, all.indexOf(selected()) + by))];
  selected()?.removeAttribute("aria-selected");
  to?.setAttribute("aria-selected", "true");
  to?.scrollIntoView({ block: "nearest" });
}

bind("j", () => move(1), { repeats: true });
bind("k", () => move(selected() ? -1 : 1), { repeats: true });
bind("Enter", () => selected() && location.assign(`/strategies/${encodeURIComponent(selected().dataset.key)}`));
bind("p", () => holdings.get(selected())?.begin(), { release: () => holdings.get(selected())?.release() });
bind("/", () => chosen?.focus());
bind("Escape", () => {
  if (selected()) selected().removeAttribute("aria-selected");
  else chosen?.clear();
});

// The connection is gone: what still works, what waits, and how often it was tried.
function drawLost() {
  const gone = live.standing() === "dead" && live.phase !== "open";
  lost.hidden = !gone;
  lists.hidden = gone;
  if (!gone) return;
  put(lost.querySelector('[data-lost="seen"]'), format.clock(live.asOf));
  const tries = live.tries.slice(-4).reverse();
  rows(document.getElementById("attempts").tBodies[0], tries, (one) => String(one.n), () => {
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    row.append(document.createElement("td"), head, document.createElement("td"));
    return row;
  }, (row, one) => {
    [format.clock(one.at), `attempt ${one.n}`, one.what].forEach((text, n) => put(row.cells[n], text));
  });
}

drawBand(live, () => {
  drawLost();
  if (!frame || document.hidden) return;
  for (const one of frame.strategies) {
    const row = body?.querySelector(`[data-key="${CSS.escape(one.key)}"]`);
    if (row) fillAges(row, one, live.age());
  }
  fillMoving(frame, live);
});
