// The desk page: every strategy, the register of figures, the lists under the table.

import { wire } from "./actions.js";
import { deadManWords, drawBand, firstAsOf } from "./band.js";
import { aged, attribute, figure, glyph, put, rows, signed } from "./cells.js";
import * as format from "./format.js";
import { DEAD_MS, Live } from "./live.js";
import { drawSpark } from "./spark.js";
import { rowsWith } from "./stop.js";
import { liftWay, mayPlace, nameOf, names as owners } from "./viewer.js";
import { GLYPHS, inheritedWords, rungWords, scopeWords, WITHOUT_ORDERS } from "./words.js";

const table = document.getElementById("strategies");
const template = document.getElementById("strategy-row");
const live = new Live("desk", firstAsOf());
const SIDES = { 1: "long", 0: "out of", "-1": "short" };
const TAPE_EVERY_MS = 2000;

let frame = null;
const cellsOf = new WeakMap();

// The cells of a row by name, looked up once.
function cells(row) {
  let known = cellsOf.get(row);
  if (!known) {
    const named = [...row.querySelectorAll("[data-f]")].map((node) => [node.dataset.f, node]);
    known = {
      ...Object.fromEntries(named),
      state: row.querySelector(".state"),
      stateCell: row.querySelector(".c-state"),
      spark: row.querySelector(".spark"),
      acts: Object.fromEntries([...row.querySelectorAll("[data-act]")].map((node) => [node.dataset.act, node])),
    };
    cellsOf.set(row, known);
  }
  return known;
}

const sentence = (kind) => (kind[0] ?? "").toUpperCase() + kind.slice(1).replaceAll("-", " ");

export function positionWords(held) {
  if (held === null || held === undefined) return [format.UNKNOWN, ""];
  if (!held.length) return ["none", ""];
  const words = held.map((one) => `${format.exact(one.quantity, true)} ${one.symbol}`);
  return words.length > 2 ? [words[0], `and ${words.length - 1} more`] : [words[0], words[1] ?? ""];
}

function fillRow(row, one) {
  const at = cells(row);
  const pnlTone = format.tone(one.pnl);
  row.classList.toggle("stale-row", one.data === "stale" || one.data === "dead");
  attribute(at.state, "data-state", one.state);
  at.state.toggleAttribute("data-own", Boolean(one.own));
  row.toggleAttribute("data-quiet", WITHOUT_ORDERS.has(one.stage?.rung));
  glyph(at.state.querySelector("use"), one.state);
  put(at.state.querySelector(".state-word"), one.state);
  if (one.why) attribute(at.stateCell, "title", one.why);
  else at.stateCell.removeAttribute("title");
  put(at.key, one.key);
  attribute(at.key, "href", `/strategies/${encodeURIComponent(one.key)}`);
  put(at.kind, `${sentence(one.kind)} · ${one.account} · ${nameOf(one.owner)}`);
  put(at.stage, rungWords(one.stage));
  fillHold(at, one);
  fillActs(at, one);
  const [position, more] = positionWords(one.position);
  figure(at.position, position);
  figure(at["position-more"], more);
  drawSpark(at.spark, one.pnl === null ? (one.line ?? []) : [...(one.line ?? []), one.pnl], pnlTone);
  signed(at.pnl, format.number(one.pnl, 2, true), pnlTone);
  signed(at.unrealised, format.number(one.unrealised, 2, true), format.tone(one.unrealised));
  figure(at.gross, format.thousands(one.gross));
  figure(at.net, format.thousands(one.net, true));
  figure(at.orders, format.count(one.orders_open));
  fillAges(row, one);
}

// Why it is held: the strictest hold of its own, else what holds it from above.
function fillHold(at, one) {
  const holds = one.holds ?? [];
  const first = holds.find((hold) => hold.own) ?? holds[0];
  const link = at["hold-text"];
  glyph(at.hold.querySelector("use"), first ? GLYPHS[first.kind] : "none");
  if (!first) {
    put(link, "none");
    link.removeAttribute("href");
    put(at["hold-sub"], "");
    attribute(at.hold, "title", "");
    return;
  }
  const more = holds.length > 1 ? `+ ${holds.length - 1}` : "";
  put(link, first.own ? first.reason : [inheritedWords(first.scope, first.kind), more].filter(Boolean).join(" "));
  attribute(link, "href", `/holds/${first.id}`);
  const since = format.clock(format.moment(first.since)).slice(0, 5);
  const parts = [nameOf(first.by), since];
  put(at["hold-sub"], (first.own ? [first.kind, ...parts, more] : parts).filter(Boolean).join(" · "));
  attribute(at.hold, "title", `${scopeWords(first.scope)}: ${first.reason}`);
}

// Pause and kill stay whatever lies on it; resuming only where the viewer may.
function fillActs(at, one) {
  const { lift, who, pause, kill } = at.acts;
  const scope = `strategy:${one.key}`;
  const own = (one.holds ?? []).find((hold) => hold.own);
  const way = own ? liftWay(own) : { word: "", short: "", who: "" };
  lift.hidden = !way.word;
  put(lift, way.short || "Resume…");
  attribute(lift, "aria-label", `${way.word} ${one.key}`);
  if (own) attribute(lift, "href", `/holds/${own.id}#lift`);
  who.hidden = !own || Boolean(way.word);
  attribute(who, "title", `Lifted by ${way.who}`);
  pause.hidden = Boolean(own) || !mayPlace("pause", scope);
  kill.hidden = !mayPlace("kill", scope);
  for (const form of [pause, kill]) {
    attribute(form.elements.scope, "value", scope);
    const word = form === pause ? `Pause ${one.key}` : `Kill ${one.key}…`;
    attribute(form.querySelector("button"), "aria-label", word);
  }
}

// What grows between frames: ages of signals and of prices.
function fillAges(row, one) {
  const at = cells(row);
  const past = live.age();
  const signal = one.last_signal;
  put(at.signal, signal ? `${SIDES[signal.direction] ?? ""} ${signal.symbol}` : "none");
  const old = signal ? format.age(signal.age_ms === null ? null : signal.age_ms + past, true) : "";
  put(at["signal-sub"], signal ? `${signal.confidence.toFixed(2)} · ${old}` : "");
  const status = past >= DEAD_MS ? "stale" : one.data;
  const grown = one.data_age_ms === null ? null : one.data_age_ms + past;
  aged(at["data-age"], format.age(grown), status);
}

function fillFigure(name, text, unit, sub, tone = "") {
  const box = document.querySelector(`[data-figure="${name}"]`);
  signed(box.querySelector(".figure-value"), text, tone);
  put(box.querySelector("[data-unit]"), unit);
  put(box.querySelector("[data-sub]"), sub);
}

function fillRegister() {
  const sums = frame.totals;
  const money = (name, value, sub) =>
    fillFigure(name, format.number(value, 0, true), "USD", sub, format.tone(value));
  const unmarked = sums.unmarked?.length ? `no price: ${sums.unmarked.join(", ")}` : "";
  money("pnl_today", sums.pnl_today, unmarked || "since 00:00 UTC, after fees");
  money("realised", sums.realised, "all days, before fees");
  fillFigure("fees", format.number(sums.fees, 0), "USD", `all days, ${format.count(sums.fills)} fills`);
  fillFigure("gross", ...format.compact(sums.gross), ordersWords(sums.orders_open));
  fillFigure("net", ...format.compact(sums.net, true), "long less short");
  fillMarks();
  fillDeadMan();
}

function fillDeadMan() {
  const [figure, unit, sub] = deadManWords(frame.dead_man, live.clock.now());
  const box = document.querySelector('[data-figure="dead_man"]');
  put(box.querySelector(".v"), figure);
  put(box.querySelector("[data-unit]"), unit);
  put(box.querySelector("[data-sub]"), sub);
}

const ordersWords = (open) => (open === 1 ? "1 order open" : `${format.count(open)} orders open`);

function fillMarks() {
  const value = frame.totals.unrealised;
  const old = `marks ${format.age(live.age())} old`;
  fillFigure("unrealised", format.number(value, 0, true), "USD", old, format.tone(value));
  const feed = frame.feed;
  const tick = feed.age_ms === null ? null : feed.age_ms + live.age();
  const [amount, unit] = format.age(tick).split(/ (.*)/);
  const box = document.querySelector('[data-figure="feed"]');
  put(box.querySelector(".v"), amount);
  put(box.querySelector("[data-unit]"), unit ? `${unit} old` : "");
  const pace = { "": "", 1: "", max: " at full speed" }[feed.speed] ?? ` × ${feed.speed}`;
  put(box.querySelector("[data-sub]"), `${feed.state}${feed.state === "running" ? pace : ""}`);
}

// What is summed over strategies, below the table.
function fillLists() {
  const held = new Map();
  for (const one of frame.strategies.flatMap((line) => line.position ?? [])) {
    held.set(one.symbol, [...(held.get(one.symbol) ?? []), one]);
  }
  const instruments = [...held].sort(([a], [b]) => (a < b ? -1 : 1));
  rows(tbody("instruments"), instruments, ([symbol]) => symbol, () => blank(4), (row, [symbol, of]) => {
    const unrealised = format.sum(of.map((one) => one.unrealised));
    put(row.cells[0], symbol);
    figure(row.cells[1], format.exact(format.sum(of.map((one) => one.quantity)), true));
    figure(row.cells[2], format.price(of[0].mark));
    signed(row.cells[3], format.number(unrealised, 2, true), format.tone(unrealised));
  });
  rows(tbody("groups"), groups(), (one) => one.key, () => blank(4), (row, one) => {
    const pnl = format.sum(one.of.map((line) => line.pnl));
    const count = one.of.length === 1 ? "1 strategy" : `${one.of.length} strategies`;
    if (!row.cells[0].firstChild) row.cells[0].append(`${one.name} `, document.createElement("small"));
    put(row.cells[0].querySelector("small"), one.sub ? `${one.sub} · ${count}` : count);
    signed(row.cells[1], format.number(pnl, 2, true), format.tone(pnl));
    figure(row.cells[2], format.thousands(format.sum(one.of.map((line) => line.gross))));
    figure(row.cells[3], format.thousands(format.sum(one.of.map((line) => line.net)), true));
  });
}

function groups() {
  const by = (kind, nameOf, subOf) => {
    const found = new Map();
    for (const line of frame.strategies) {
      const name = nameOf(line);
      const group = found.get(name) ?? { key: `${kind} ${name}`, name, sub: subOf(line), of: [] };
      group.of.push(line);
      found.set(name, group);
    }
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  return [
    ...by("account", (line) => line.account, (line) => line.venue ?? ""),
    ...by("trader", (line) => owners[line.owner] ?? line.owner, () => ""),
  ];
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

async function fillTape() {
  const now = `${frame.totals.fills} ${frame.totals.orders_open}`;
  if (tapeOf === now || performance.now() - tapeAt < TAPE_EVERY_MS) return;
  tapeAt = performance.now();
  try {
    const answer = await fetch(tape.dataset.from, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) return; // the socket tells a session that has ended
    const told = await answer.json();
    tapeOf = now;
    tape.tBodies[0].replaceChildren(...told.tape.map(tapeRow));
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

function fillBooks() {
  const note = document.getElementById("books-note");
  const { status, as_of: asOf, age_ms: ms } = frame.books ?? { status: "fresh" };
  note.hidden = status === "fresh";
  if (note.hidden) return;
  const words = `The database was last read at ${format.clock(format.moment(asOf))}, ${format.age(ms)} ago: positions, orders and fills are as of then; prices go on.`;
  put(note.querySelector("span"), words);
}

live.addEventListener("desk", ({ detail }) => {
  frame = detail;
  if (table) rows(table.tBodies[0], frame.strategies, (one) => one.key, newRow, fillRow);
  else if (frame.strategies.length) location.reload(); // the first strategy has come
  document.getElementById("no-frame")?.remove();
  put(document.getElementById("as-of"), format.clock(frame.at));
  put(document.getElementById("strategies-sum"), summary());
  fillRegister();
  fillLists();
  fillBooks();
  fillTape();
});

function summary() {
  const count = (state) => frame.strategies.filter((one) => one.state === state).length;
  const parts = ["ACTIVE", "REDUCE-ONLY", "HALTED", "FROZEN", "UNKNOWN"]
    .filter(count)
    .map((state) => `${count(state)} ${state.toLowerCase()}`);
  return [`${frame.strategies.length} of ${frame.strategies.length}`, ...parts].join(" · ");
}

const holdings = new WeakMap();

function newRow() {
  return wired(template.content.firstElementChild.cloneNode(true));
}

function wired(row) {
  holdings.set(row, wire(row, () => row.dataset.key));
  return row;
}

// Rows by keyboard: j and k move, Enter opens, p held 0.8 s pauses.
const body = table?.tBodies[0];
for (const row of body?.rows ?? []) wired(row);
const selected = () => body?.querySelector('[aria-selected="true"]') ?? null;
rowsWith(() => (selected() ?? document.activeElement?.closest?.("tr[data-key]"))?.dataset.key ?? "");

function move(by) {
  const all = [...(body?.rows ?? [])];
  const to = all[Math.max(0, Math.min(all.length - 1, all.indexOf(selected()) + by))];
  selected()?.removeAttribute("aria-selected");
  to?.setAttribute("aria-selected", "true");
  to?.scrollIntoView({ block: "nearest" });
}

addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea, button, a") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "j") move(1);
  else if (event.key === "k") move(selected() ? -1 : 1);
  else if (event.key === "Enter" && selected()) location.assign(`/strategies/${selected().dataset.key}`);
  else if (event.key === "p" && !event.repeat && selected()) holdings.get(selected())?.begin();
});
addEventListener("keyup", (event) => {
  if (event.key === "p" && selected()) holdings.get(selected())?.release();
});

drawBand(live, () => {
  if (!frame) return;
  for (const one of frame.strategies) {
    const row = table?.tBodies[0].querySelector(`[data-key="${CSS.escape(one.key)}"]`);
    if (row) fillAges(row, one);
  }
  fillMarks();
  fillDeadMan();
});
