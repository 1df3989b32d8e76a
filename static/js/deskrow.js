// A strategy's row of the desk: written in place, cell by cell.

import { aged, attribute, figure, glyph, put, signed } from "./cells.js";
import * as format from "./format.js";
import { DEAD_MS } from "./live.js";
import { drawSpark } from "./spark.js";
import { liftWay, mayPlace, nameOf } from "./viewer.js";
import { GLYPHS, inheritedWords, rungWords, scopeWords, WITHOUT_ORDERS } from "./words.js";

const SIDES = { 1: "long", 0: "out of", "-1": "short" };
const NEAR = 0.8;
const OVER = 0.95;

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
  const words = held.map((one) => `${format.exact(one.quantity, true)} ${one.symbol}${one.rehearsal ? " paper" : ""}`);
  return words.length > 2 ? [words[0], `and ${words.length - 1} more`] : [words[0], words[1] ?? ""];
}

export function fillRow(row, one, past) {
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
  fillResults(at, one);
  fillAges(row, one, past);
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
  const said = ({ id, kind, scope, own, by, by_person: person }) => `${id} ${kind} ${scope} ${own} ${by} ${person}`;
  const mark = [one.key, ...(one.holds ?? []).map(said)].join();
  if (at.acts.mark === mark) return; // the same holds, the same ways out of them
  at.acts.mark = mark;
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

// How today's trades came out, and of which limit most is used.
function fillResults(at, one) {
  const drop = one.drawdown === null || one.drawdown === undefined ? null : negative(one.drawdown);
  figure(at.drawdown, format.number(drop, 1));
  figure(at.hit, format.number(one.hit, 1));
  figure(at.slip, format.number(one.slippage_bp, 1));
  figure(at.filled, format.number(one.filled, 1));
  attribute(at.limit, "title", (one.limit?.kind ?? "").replaceAll("-", " "));
  drawBar(at.limit.querySelector(".bar"), one.limit?.share ?? null);
  figure(at.limit.querySelector(".v"), format.percent(one.limit?.share));
}

const negative = (value) => (value.startsWith("-") ? value.slice(1) : `-${value}`);

// Use of a limit as a bar of 46; nothing where it is not known.
export function drawBar(bar, share) {
  if (!bar) return;
  const part = share === null ? 0 : Math.min(1, Number(share));
  attribute(bar.querySelector(".bar-use"), "width", String(Math.round(part * 460) / 10));
  const near = Number(share) >= OVER ? "over" : Number(share) >= NEAR ? "near" : "";
  if (near) attribute(bar, "data-near", near);
  else bar.removeAttribute("data-near");
}

// What grows between frames: ages of signals and of prices.
export function fillAges(row, one, past) {
  const at = cells(row);
  const signal = one.last_signal;
  const old = signal && signal.age_ms !== null ? signal.age_ms + past : null;
  const known = one.position !== null && one.position !== undefined;
  put(at.signal, signal ? format.age(old, true) : known ? "none" : format.UNKNOWN);
  const said = signal ? `${SIDES[signal.direction] ?? ""} ${signal.symbol}, confidence ${signal.confidence.toFixed(2)}` : "";
  attribute(at.signal, "title", said);
  const status = past >= DEAD_MS ? "stale" : one.data;
  const grown = one.data_age_ms === null ? null : one.data_age_ms + past;
  aged(at["data-age"], format.age(grown), status);
}
