// The lists under the desk's table: instruments, accounts and traders, the tape.

import { figure, put, rows, signed } from "./cells.js";
import * as format from "./format.js";
import { nameOf } from "./viewer.js";

const TAPE_EVERY_MS = 1000;

// What is summed over strategies, below the table; paper money in no sum but its account's.
export function fillLists(frame) {
  const held = new Map();
  for (const one of frame.strategies.flatMap((line) => line.position ?? [])) {
    if (one.rehearsal) continue;
    held.set(one.symbol, [...(held.get(one.symbol) ?? []), one]);
  }
  const instruments = [...held].sort(([a], [b]) => (a < b ? -1 : 1));
  if (!instruments.length) sayNone(tbody("instruments"), frame.strategies.every((line) => line.position));
  rows(tbody("instruments"), instruments, ([symbol]) => symbol, () => blank(4), (row, [symbol, of]) => {
    const unrealised = format.sum(of.map((one) => one.unrealised));
    put(row.cells[0], symbol);
    figure(row.cells[1], format.exact(format.sum(of.map((one) => one.quantity)), true));
    figure(row.cells[2], format.price(of[0].mark));
    signed(row.cells[3], format.number(unrealised, 2, true), format.tone(unrealised));
  });
  rows(tbody("groups"), groups(frame), (one) => one.key, () => blank(4), (row, one) => {
    const pnl = format.sum(one.of.map((line) => line.pnl));
    const count = one.of.length === 1 ? "1 strategy" : `${one.of.length} strategies`;
    if (!row.cells[0].firstChild) row.cells[0].append(`${one.name} `, document.createElement("small"));
    markPaper(row.cells[0], one.paper);
    put(row.cells[0].querySelector("small"), one.sub ? `${one.sub} · ${count}` : count);
    signed(row.cells[1], format.number(pnl, 2, true), format.tone(pnl));
    figure(row.cells[2], format.thousands(format.sum(one.of.map((line) => line.gross))));
    figure(row.cells[3], format.thousands(format.sum(one.of.map((line) => line.net)), true));
  });
}

function groups(frame) {
  const by = (kind, parts) => {
    const found = new Map();
    for (const { name, sub, paper, part } of parts) {
      const group = found.get(name) ?? { key: `${kind} ${name}`, name, sub, paper, of: [] };
      group.of.push(part);
      found.set(name, group);
    }
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  const real = (line) => ({ name: nameOf(line.owner), sub: "", paper: false, part: line.real ?? line });
  return [...by("account", frame.strategies.flatMap(placesOf)), ...by("trader", frame.strategies.map(real))];
}

// Its figures by the account they lie on, whatever its first account is.
function placesOf(line) {
  const known = line.accounts?.length ? line.accounts : [{ account: line.account, venue: line.venue }];
  return known.map((one) => ({ name: one.account, sub: one.venue ?? "", paper: Boolean(one.rehearsal), part: one }));
}

function markPaper(cell, paper) {
  const mark = cell.querySelector(".paper");
  if (!paper) mark?.remove();
  else if (!mark) cell.querySelector("small").before(Object.assign(document.createElement("span"), { className: "paper", textContent: "paper" }), " ");
}

function sayNone(body, known) {
  const row = body.querySelector(".none") ?? body.appendChild(Object.assign(document.createElement("tr"), { className: "none" }));
  const cell = row.cells[0] ?? row.appendChild(Object.assign(document.createElement("td"), { colSpan: 4 }));
  put(cell, known ? "none: nothing is held now" : format.UNKNOWN);
}

const tbody = (id) => document.getElementById(id).tBodies[0];

function blank(width) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  row.append(head);
  for (let n = 1; n < width; n += 1) {
    const cell = document.createElement("td");
    cell.className = "num live";
    row.append(cell);
  }
  return row;
}

// The tape is read again when the frame says that orders or fills were added.
const tape = document.getElementById("tape");
let tapeOf = null;
let tapeAt = 0;

export async function fillTape(frame) {
  const now = `${frame.totals.fills} ${frame.totals.orders_open}`;
  if (tapeOf === now || performance.now() - tapeAt < TAPE_EVERY_MS) return;
  tapeAt = performance.now();
  try {
    const answer = await fetch(tape.dataset.from, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) return; // the socket tells a session that has ended
    const told = await answer.json();
    tapeOf = now;
    if (told.tape.length) tape.tBodies[0].replaceChildren(...told.tape.map(tapeRow));
  } catch {
    // asked again with the next frame that differs; the band tells a lost connection
  }
}

function tapeRow(one) {
  const row = document.createElement("tr");
  const cell = (tag, text, name) => {
    const node = document.createElement(tag);
    node.textContent = text;
    node.className = name;
    row.append(node);
    return node;
  };
  cell("td", one.at, "dim");
  cell("th", one.what, "").scope = "row";
  cell("td", one.strategy, "");
  cell("td", one.text, "cut").title = one.text;
  return row;
}
