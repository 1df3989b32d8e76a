// Which strategies the desk shows and in which order, as its address says. The rules are those of
// console/pages/deskview.py.

import { parse } from "./format.js";
import { nameOf } from "./viewer.js";

const NEAR = 0.8;
const STRICTNESS = { ACTIVE: 0, UNKNOWN: 1, "REDUCE-ONLY": 2, HALTED: 3, FROZEN: 4 };
export const HELD = new Set(["REDUCE-ONLY", "HALTED", "FROZEN"]);
const SHOWS = new Set(["all", "mine", "held", "near"]);
const PLAIN = { sort: "key", show: "all", q: "" };

const RUNGS = ["stopped", "monitor", "paper", "ramp", "live"];
const height = (stage) => (stage && RUNGS.includes(stage.rung) ? RUNGS.indexOf(stage.rung) + stage.factor / 10 : null);
const figure = (value) => (value === null || value === undefined ? null : parse(value));
const SORTS = {
  state: (one) => STRICTNESS[one.state] ?? 1,
  key: (one) => one.key,
  stage: (one) => height(one.stage),
  hold: (one) => one.holds?.[0]?.since ?? null,
  pnl: (one) => figure(one.pnl),
  unrealised: (one) => figure(one.unrealised),
  drawdown: (one) => figure(one.drawdown),
  gross: (one) => figure(one.gross),
  net: (one) => figure(one.net),
  limit: (one) => figure(one.limit?.share),
  hit: (one) => figure(one.hit),
  slip: (one) => figure(one.slippage_bp),
  filled: (one) => figure(one.filled),
  signal: (one) => one.last_signal?.age_ms ?? null,
  data: (one) => one.data_age_ms ?? null,
};

// { sort, down, show, q } of the page's address.
export function viewOf(search) {
  const said = new URLSearchParams(search);
  const sort = said.get("sort") ?? "key";
  const name = sort.replace(/^-/, "");
  const show = said.get("show") ?? "all";
  const known = Object.hasOwn(SORTS, name);
  return {
    sort: known ? name : "key",
    down: known && sort.startsWith("-"),
    show: SHOWS.has(show) ? show : "all",
    q: (said.get("q") ?? "").slice(0, 80).trim(),
  };
}

export function address({ sort, down, show, q }) {
  const said = { sort: `${down ? "-" : ""}${sort}`, show, q };
  const kept = Object.entries(said).filter(([name, value]) => value !== PLAIN[name]);
  return `?${new URLSearchParams(kept)}`;
}

function within(show, one, owner) {
  if (show === "mine") return one.owner === owner;
  if (show === "held") return Boolean(one.holds?.length);
  if (show === "near") return Number(one.limit?.share ?? 0) >= NEAR;
  return true;
}

function found(words, one) {
  const said = [
    one.key, one.kind, one.account, one.venue, one.state, one.stage?.rung ?? "", nameOf(one.owner), one.owner,
    ...(one.position ?? []).map((held) => held.symbol),
    ...(one.holds ?? []).map((hold) => `${hold.kind} ${hold.reason}`),
  ].join(" ").toLowerCase();
  return words.every((word) => said.includes(word));
}

const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

export function shown(view, lines, owner) {
  const words = view.q.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = lines.filter((one) => within(view.show, one, owner) && found(words, one));
  const value = SORTS[view.sort];
  kept.sort((a, b) => order(a.key, b.key));
  const known = kept.filter((one) => value(one) !== null && value(one) !== undefined);
  known.sort((a, b) => (view.down ? -1 : 1) * order(value(a), value(b)));
  return [...known, ...kept.filter((one) => !known.includes(one))];
}

export const counts = (lines, owner) =>
  Object.fromEntries([...SHOWS].map((show) => [show, lines.filter((one) => within(show, one, owner)).length]));

// On a phone what is held comes first, unless an order was asked for.
export const heldFirst = (lines) => [
  ...lines.filter((one) => HELD.has(one.state)),
  ...lines.filter((one) => !HELD.has(one.state)),
];
