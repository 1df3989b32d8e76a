// The charts of one strategy: PnL, drawdown from its peak, and the price with signals and fills.
// Read once, then carried on by the live frames.

import { Charts, colours, lastChip, level, stopChip, timeWords, triangle } from "./chart.js";
import { put } from "./cells.js";
import { number } from "./format.js";
import { live } from "./page.js";

const AXIS = 76;
const MOST = 20_000; // points kept; beyond, every second one goes
const DRAW_MS = 250; // frames come faster than a line is read
const GAP_S = 60;
const AGAIN_MS = [1000, 2000, 5000, 10_000];

const root = document.getElementById("charts");
const readout = document.getElementById("charts-readout");
const said = document.getElementById("charts-said");
const reset = document.getElementById("charts-reset");
const chip = document.getElementById("charts-time");
const note = document.getElementById("charts-note");

const money = (value, places = 0) => number(value === null ? null : value.toFixed(places), places, true);
const percent = (value) => (value === null ? "–" : `${number(value.toFixed(2), 2)} %`);

// Columns over time that grow at their end: within a step the last point is replaced.
export class Column {
  constructor(at, values, stepS) {
    this.at = at;
    this.values = values;
    this.stepS = stepS;
  }

  push(at, value) {
    const last = this.at.length - 1;
    if (last > 0 && at - this.at[last - 1] < this.stepS) {
      this.at[last] = at;
      this.values[last] = value;
      return;
    }
    if (last >= 0 && at - this.at[last] > Math.max(GAP_S, this.stepS * 6)) {
      this.at.push(this.at[last] + this.stepS);
      this.values.push(null);
    }
    this.at.push(at);
    this.values.push(value);
    if (this.at.length > MOST) {
      const kept = (_, n) => n % 2 === 0;
      this.at = this.at.filter(kept);
      this.values = this.values.filter(kept);
      this.stepS *= 2;
    }
  }

  get last() {
    return this.values.length ? this.values[this.values.length - 1] : null;
  }

  // The value at or before a time; null where the line has ended.
  before(at) {
    let [low, high] = [0, this.at.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.at[middle] <= at) low = middle;
      else high = middle - 1;
    }
    return this.at.length && this.at[low] <= at ? this.values[low] : null;
  }
}

// From the highest so far, % of the equity there; never above zero.
export function drawdowns(pnl, capital) {
  let peak = 0;
  return pnl.map((value) => {
    if (value === null || capital === null || capital + peak <= 0) return null;
    peak = Math.max(peak, value);
    return ((value - peak) / (capital + peak)) * 100;
  });
}

let shown = null; // what is drawn
let charts = null;
let panels = {};
let drawnAt = 0;
let due = 0;
let inSight = true;

async function read(only = "") {
  const address = new URL(root.dataset.from, location.href);
  if (only) address.searchParams.set("only", only);
  const answer = await fetch(address, { redirect: "manual", signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`series: ${answer.status}`);
  return answer.json();
}

async function load(attempt = 0) {
  try {
    take(await read());
    put(note, "");
    note.hidden = true;
  } catch (error) {
    note.hidden = false;
    put(note, "The charts’ lines could not be read; asked again shortly. Figures above stay live.");
    setTimeout(() => load(attempt + 1), AGAIN_MS[Math.min(attempt, AGAIN_MS.length - 1)]);
  }
}

function take(body) {
  shown = {
    ...body,
    line: new Column(body.pnl.at, body.pnl.pnl, body.step_s),
    down: new Column([...body.pnl.at], drawdowns(body.pnl.pnl, body.capital), body.step_s),
    price: new Column(body.price.at, body.price.mid, body.step_s),
    symbol: body.price.symbol,
    places: body.price.places,
    peak: Math.max(0, ...body.pnl.pnl.filter((value) => value !== null)),
  };
  if (!charts) build();
  draw();
  readAt(null);
}

function padded(min, max, least) {
  if (min === null || max === null) return [-least, least];
  const room = Math.max((max - min) * 0.08, least * 0.05);
  return [min - room, max + room];
}

const priceWords = (value) => number(value.toFixed(shown.places), shown.places);

// A stop that is about as near as prices went is drawn in its place; one further off at the edge,
// where it does not flatten the line.
function withStops(min, max) {
  if (min === null || max === null) return [min, max];
  const span = Math.max(max - min, 10 ** -shown.places * 4);
  const near = shown.stops.filter((price) => price > min - span && price < max + span);
  return [Math.min(min, ...near), Math.max(max, ...near)];
}

function drawMarks(u) {
  const { min, max } = u.scales.x;
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const [at, direction, price] of shown.signals) {
    if (at < min || at > max) continue;
    const up = direction || (direction === 0 ? -1 : 1);
    triangle(ctx, u.valToPos(at, "x", true), u.valToPos(price, "y", true), 4.5, up, colours.ink, false);
  }
  for (const [at, side, price] of shown.fills) {
    if (at < min || at > max) continue;
    triangle(ctx, u.valToPos(at, "x", true), u.valToPos(price, "y", true), 5, side === "buy" ? 1 : -1, colours.ink, true);
  }
  ctx.restore();
}

function build() {
  charts = new Charts(root, {
    axis: AXIS,
    marks: () => shown,
    onCursor: readAt,
    onRange: (part) => (reset.hidden = !part),
  });
  panels.pnl = charts.panel(document.getElementById("chart-pnl"), {
    label: true,
    line: { stroke: () => colours.ink, width: 1.3 },
    rangeY: (min, max) => padded(Math.min(min ?? 0, 0), Math.max(max ?? 0, 0), 1),
    yWords: (value) => money(value),
    over: (u) => {
      level(u, 0, colours.edge);
      const last = shown.line.last;
      lastChip(u, last, money(last), last > 0 ? colours.rise : last < 0 ? colours.fall : colours.ink);
    },
  });
  panels.down = charts.panel(document.getElementById("chart-down"), {
    line: { stroke: () => colours.fall, width: 1, fill: () => veil(colours.fall), fillTo: 0 },
    ticks: 28,
    rangeY: (min) => {
      const low = Math.min(min ?? 0, -0.01);
      return [near(low) ? Math.min(low, -shown.threshold) * 1.08 : low * 1.15, 0];
    },
    yWords: (value) => percent(value),
    over: (u) => level(u, -shown.threshold, colours["halt-text"], [5, 3]),
  });
  panels.price = charts.panel(document.getElementById("chart-price"), {
    times: true,
    line: { stroke: () => colours["ink-2"], width: 1.2 },
    rangeY: (min, max) => padded(...withStops(min, max), 10 ** -shown.places * 4),
    yWords: priceWords,
    over: (u) => {
      drawMarks(u);
      const last = shown.price.last;
      for (const price of shown.stops) stopChip(u, price, priceWords(price), last);
      if (last !== null) lastChip(u, last, priceWords(last), colours.ink);
    },
  });
  reset.addEventListener("click", () => {
    charts.reset();
    root.focus();
  });
}

// The threshold is drawn once the drawdown has come some way to it: before, it would flatten the line.
const near = (low) => -low > shown.threshold / 3;
const veil = (colour) => colour.replace(/^rgb\((.*)\)$/, "rgba($1, 0.26)");

function draw() {
  drawnAt = performance.now();
  due = 0;
  if (document.hidden) return;
  const until = Math.max(shown.until, live.clock.now() / 1000);
  if (inSight) {
    charts.show(shown.since0 ?? first(), until, [
      [panels.pnl, [shown.line.at, shown.line.values]],
      [panels.down, [shown.down.at, shown.down.values]],
      [panels.price, [shown.price.at, shown.price.values]],
    ]);
  }
  root.dataset.points = shown.line.at.length;
  const words = [shown.line.values[0] ?? null, shown.line.last].map((value) => money(value));
  const lowest = Math.min(0, ...shown.down.values.filter((value) => value !== null));
  document.getElementById("chart-pnl").setAttribute("aria-label", `PnL, USD: first ${words[0]}, last ${words[1]}`);
  document.getElementById("chart-down").setAttribute("aria-label", `Drawdown from peak: worst ${percent(lowest)}`);
  const stops = shown.stops.map((price) => ` Protective stop at ${priceWords(price)}.`).join("");
  document.getElementById("chart-price").setAttribute("aria-label", `Price of ${shown.symbol}, signals and fills.${stops}`);
  if (charts.at === null) readAt(null); // nobody points anywhere: the last of each
}

// From where there is anything: a desk started at noon has no morning.
function first() {
  const starts = [shown.line.at[0], shown.price.at[0]].filter((at) => at !== undefined);
  shown.since0 = starts.length ? Math.max(shown.since, Math.min(...starts)) : shown.until - 60;
  return shown.since0;
}

function readAt(at, left = 0, keyed = false) {
  if (!shown) return;
  chip.hidden = at === null;
  const when = at ?? shown.line.at[shown.line.at.length - 1] ?? shown.until;
  const words = timeWords(when, Math.min(charts.range[1] - charts.range[0], 599));
  if (at !== null) {
    put(chip, words);
    chip.style.transform = `translateX(${Math.round(left)}px)`;
  }
  const price = shown.price.before(when);
  const parts = [
    ["", words], ["PnL ", money(shown.line.before(when), 0)], ["drawdown ", percent(shown.down.before(when))],
    ["price ", price === null ? "–" : number(price.toFixed(shown.places), shown.places)],
  ];
  for (const [n, [label, value]] of parts.entries()) {
    put(readout.children[n].firstElementChild, label);
    put(readout.children[n].lastElementChild, value);
  }
  if (keyed) put(said, parts.map((part) => part.join("")).join(", "));
}

let since = null;
let heard = 0;
let marked = "";

live.addEventListener("desk", ({ detail }) => {
  const one = detail.strategies.find((line) => line.key === root.dataset.key);
  if (!shown || !one) return;
  if (since !== null && (since !== detail.pnl_since || detail.at - heard > GAP_S * 1000)) {
    heard = detail.at;
    since = detail.pnl_since;
    load(); // another day, or frames were missed for long: what was is the server's to say
    return;
  }
  since = detail.pnl_since;
  heard = detail.at;
  const at = detail.at / 1000;
  if (one.pnl !== null) {
    const pnl = shown.opened + Number(one.pnl);
    shown.peak = Math.max(shown.peak, pnl);
    shown.line.push(at, pnl);
    const whole = shown.capital === null ? 0 : shown.capital + shown.peak;
    shown.down.push(at, whole > 0 ? ((pnl - shown.peak) / whole) * 100 : null);
  }
  const mark = detail.marks?.[shown.symbol];
  if (mark) shown.price.push(at, Number(mark));
  const now = `${one.orders_open} ${one.fills} ${one.last_signal?.at} ${one.holds.map((hold) => hold.id)}`;
  if (marked && marked !== now) remark();
  marked = now;
  if (due) return;
  due = setTimeout(draw, Math.max(0, drawnAt + DRAW_MS - performance.now()));
});

let reading = false;

// Signals, fills, stops, holds and incidents are read again when the frame says that there are new ones.
async function remark() {
  if (reading) return;
  reading = true;
  try {
    Object.assign(shown, await read("marks"));
  } catch {
    marked = "-"; // read with the next frame
  }
  setTimeout(() => (reading = false), 1000);
}

// Nothing is drawn that nobody sees; coming back into sight it is drawn anew.
addEventListener("visibilitychange", () => shown && draw());
if (root) {
  new IntersectionObserver(([entry]) => {
    inSight = entry.isIntersecting;
    if (shown) draw();
  }).observe(root);
}
if (root) load();
