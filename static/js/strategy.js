// One strategy's page: head, register and position live; its buttons.

import { wire } from "./actions.js";
import { aged, attribute, figure, glyph, put, rows, signed } from "./cells.js";
import * as format from "./format.js";
import { bind } from "./keys.js";
import { DEAD_MS } from "./live.js";
import { live } from "./page.js";
import { Parts, replaced } from "./parts.js";
import { rowsWith } from "./stop.js";
import { fillAlerts } from "./ringing.js";
import { rungWords } from "./words.js";

const head = document.getElementById("strategy");
const key = head.dataset.key;
const state = head.querySelector(".state");
const holding = wire(head, () => key);
document.getElementById("stop-open").dataset.strategy = key;
rowsWith(() => key);
let heldBy = null;
let last = "";
const PARTS_MS = 2000;
const MEASURED_MS = 30_000;

const from = document.getElementById("strategy-side").dataset;
const parts = new Parts(from.from, PARTS_MS, (answer) => {
  const known = new Set([...document.querySelectorAll(".orders tr[data-key]")].map((row) => row.dataset.key));
  for (const fresh of answer.querySelectorAll("[data-part]")) {
    const changed = replaced(document.querySelector(`[data-part="${fresh.dataset.part}"]`), fresh);
    if (!changed || fresh.dataset.part !== "orders") continue;
    for (const row of fresh.querySelectorAll("tr[data-key]")) {
      if (!known.has(row.dataset.key)) row.dataset.new = "";
    }
  }
  put(document.querySelector("[data-parts-as-of]"), `as of ${format.clock(live.clock.now())}`);
});

// What frames do not carry, since it is dear to measure: the server says when it did.
const measured = new Parts(from.measuredFrom, MEASURED_MS, (answer) => {
  replaced(document.querySelector('[data-part="performance"]'), answer.querySelector('[data-part="performance"]'));
  const said = (name, what) => answer.querySelector(`[data-figure="${name}"] ${what}`)?.textContent ?? format.UNKNOWN;
  for (const name of ["drawdown", "filled", "ack"]) put(document.querySelector(`[data-figure="${name}"] [data-sub]`), said(name, "[data-sub]"));
  fillFigure("ack", said("ack", ".v"));
  unit("ack", said("ack", "[data-unit]"));
  put(document.querySelector("[data-measured-as-of]"), answer.querySelector("[data-measured-as-of]").textContent);
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) measured.soon(); // nobody measured while nobody looked
});

function fillFigure(name, text, tone = "", sub = null) {
  const box = document.querySelector(`[data-figure="${name}"]`);
  signed(box.querySelector(".figure-value"), text, tone);
  if (sub !== null) put(box.querySelector("[data-sub]"), sub);
}

function unit(name, text) {
  put(document.querySelector(`[data-figure="${name}"] [data-unit]`), text);
}

live.addEventListener("desk", ({ detail }) => {
  const one = detail.strategies.find((line) => line.key === key);
  if (!one) return;
  attribute(state, "data-state", one.state);
  state.toggleAttribute("data-own", one.own);
  glyph(state.querySelector("use"), one.state);
  put(state.querySelector(".state-word"), one.state);
  put(head.querySelector('[data-f="stage"]'), rungWords(one.stage));
  fillAlerts(head.querySelector('[data-f="alerts"]'), one, detail);
  const status = live.age() >= DEAD_MS ? "stale" : one.data;
  const grown = one.data_age_ms === null ? null : one.data_age_ms + live.age();
  aged(head.querySelector('[data-f="data-age"]'), format.age(grown), status);
  head.querySelector('[data-f="paper"]').hidden = !one.real;
  put(head.querySelector('[data-f="real"]'), format.number((one.real ?? one).pnl, 2, true));
  const subs = { pnl: `realised ${format.number(one.realised, 2, true)}`, unrealised: `fees ${format.number(one.fees, 2)}` };
  for (const name of ["pnl", "unrealised"]) {
    fillFigure(name, format.number(one[name], 2, true), format.tone(one[name]), subs[name]);
  }
  fillFigure("net", format.compact(one.net, true)[0], "", `gross ${format.compact(one.gross).join(" ")}`);
  unit("net", format.compact(one.net, true)[1]);
  const down = one.drawdown == null ? null : format.number(one.drawdown, 2);
  fillFigure("drawdown", down === null ? format.UNKNOWN : /[1-9]/.test(down) ? `−${down}` : down);
  fillFigure("hit", format.number(one.hit, 1), "", `${format.count(one.trips ?? 0)} round ${one.trips === 1 ? "trip" : "trips"}`);
  fillFigure("slip", format.number(one.slippage_bp, 1));
  fillFigure("filled", format.number(one.filled, 1));
  fillFigure("orders", format.count(one.orders_open), "", `${format.count(one.fills)} fills, all days`);
  const table = document.getElementById("positions").tBodies[0];
  rows(table, one.position ?? [], (held) => `${held.account}/${held.symbol}`, newRow, fillRow);
  // Orders as they happen: the frame says that there are new ones.
  const seen = `${one.orders_open} ${one.fills} ${one.last_signal?.at}`;
  if (last && last !== seen) parts.soon();
  last = seen;
  // Holds, buttons and evidence are the server's words: read again when the holds differ.
  const now = one.holds.map((hold) => hold.id).sort().join();
  if (heldBy !== null && heldBy !== now && !document.querySelector("dialog[open]")) location.reload();
  heldBy ??= now;
});

function newRow() {
  const row = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  const figures = Array.from({ length: 4 }, () => Object.assign(document.createElement("td"), { className: "num live" }));
  row.append(name, document.createElement("td"), ...figures);
  return row;
}

function fillRow(row, held) {
  const [symbol, account, quantity, average, mark, unrealised] = row.cells;
  put(symbol, held.symbol);
  if (!account.firstChild) {
    account.append(held.account); // with the symbol it is the row's key, so neither changes
    if (held.rehearsal) account.append(" ", Object.assign(document.createElement("span"), { className: "paper", textContent: "paper" }));
  }
  figure(quantity, format.exact(held.quantity, true));
  figure(average, format.exact(held.average_price));
  figure(mark, format.price(held.mark));
  signed(unrealised, format.number(held.unrealised, 2, true), format.tone(held.unrealised));
}

bind("Escape", () => location.assign("/"));
bind("p", () => holding?.begin(), { release: () => holding?.release() });
