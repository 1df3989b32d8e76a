// Charts over time: panels of uPlot that share one crosshair and one range. What lies on the lines
// (holds, incidents, signals, fills, last values) is drawn here; colours are the page's tokens.

import uPlot from "../vendor/uplot/uPlot.esm.js";

const TOKENS = [
  "page", "panel", "rule", "rule-2", "edge", "ink", "ink-2", "ink-3", "rise", "fall", "caution",
  "on-caution", "caution-text", "halt-text",
];
const AXIS_X = 24;
const FONT = "11px Inter, sans-serif";
const HATCH = 7;
const two = (part) => String(part).padStart(2, "0");
const px = (size) => size * uPlot.pxRatio;

export const colours = {};
let hatch = null;

// What the tokens are now, as colours a canvas knows.
function readColours() {
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  for (const name of TOKENS) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  const tile = document.createElement("canvas");
  tile.width = tile.height = Math.round(px(HATCH));
  const ctx = tile.getContext("2d");
  ctx.strokeStyle = colours["rule-2"];
  ctx.lineWidth = px(1);
  ctx.beginPath();
  for (const shift of [-1, 0, 1]) {
    ctx.moveTo(shift * tile.width, tile.height);
    ctx.lineTo((shift + 1) * tile.width, 0);
  }
  ctx.stroke();
  hatch = ctx.createPattern(tile, "repeat");
}

// 15:47 within a day, Thu 19 where days are told apart.
export function timeWords(seconds, spanS) {
  const at = new Date(seconds * 1000);
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  if (spanS < 600) return `${clock}:${two(at.getUTCSeconds())}`;
  if (spanS <= 100_000) return clock;
  return `${at.getUTCDate()} ${at.toLocaleString("en-GB", { month: "short", timeZone: "UTC" })} ${clock}`;
}

const HALF_TIME = 28; // px that a time takes on either side

// Times under the lines; none where it would be cut at the left edge.
function axisTimes(u, splits) {
  const span = u.scales.x.max - u.scales.x.min;
  return splits.map((at) => {
    if (u.valToPos(at, "x") < HALF_TIME) return "";
    if (span <= 100_000) return timeWords(at, span);
    const day = new Date(at * 1000);
    return `${day.getUTCDate()} ${day.toLocaleString("en-GB", { month: "short", timeZone: "UTC" })}`;
  });
}

// `marks`: {holds: [{from, to, kind}], incidents: [{at, words}]}, read anew at each drawing.
function drawHolds(u, marks, label) {
  const { ctx, bbox } = u;
  const { min, max } = u.scales.x;
  const right = bbox.left + bbox.width;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  let free = bbox.left; // labels never lie on one another
  for (const one of marks().holds) {
    const until = one.to ?? max;
    if (until < min || one.from > max) continue;
    const from = u.valToPos(one.from, "x", true);
    const to = u.valToPos(until, "x", true);
    ctx.fillStyle = hatch;
    ctx.fillRect(from, bbox.top, Math.max(px(1), to - from), bbox.height);
    upright(u, from, colours["halt-text"], []);
    if (one.to !== null) upright(u, to, colours.ink, [1.5, 2.5]);
    if (!label) continue;
    ctx.font = `600 ${px(11)}px Inter, sans-serif`;
    const words = `${one.kind}, ${lasted(until - one.from)}`;
    const width = ctx.measureText(words).width;
    const x = to + px(6) + width < right ? to + px(6) : from - px(6) - width;
    if (x < free) continue;
    ctx.fillStyle = colours.ink;
    ctx.fillText(words, x, bbox.top + px(12));
    free = x + width + px(8);
  }
  for (const one of marks().incidents) {
    if (one.at < min || one.at > max) continue;
    const x = u.valToPos(one.at, "x", true);
    upright(u, x, colours["caution-text"], [4, 3]);
    if (label) triangle(ctx, x, bbox.top + px(6), 5, -1, colours["caution-text"], true);
  }
  ctx.restore();
}

function upright(u, x, colour, dash) {
  const { ctx, bbox } = u;
  ctx.strokeStyle = colour;
  ctx.lineWidth = px(1.5);
  ctx.setLineDash(dash.map(px));
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
}

function lasted(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return `${Math.max(1, Math.round(seconds))} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function triangle(ctx, x, y, size, up, colour, solid) {
  const half = px(size);
  ctx.beginPath();
  ctx.moveTo(x - half, y + up * half * 0.8);
  ctx.lineTo(x + half, y + up * half * 0.8);
  ctx.lineTo(x, y - up * half * 0.9);
  ctx.closePath();
  ctx.lineWidth = px(1.3);
  ctx.fillStyle = solid ? colour : colours.page;
  ctx.strokeStyle = colour;
  ctx.fill();
  ctx.stroke();
}

// A level across the panel: zero, a threshold.
export function level(u, value, colour, dash = [], words = "") {
  const { ctx, bbox } = u;
  const y = u.valToPos(value, "y", true);
  if (y < bbox.top - 1 || y > bbox.top + bbox.height + 1) return;
  ctx.strokeStyle = colour;
  ctx.lineWidth = px(1);
  ctx.setLineDash(dash.map(px));
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.setLineDash([]);
  if (!words) return;
  ctx.font = `600 ${px(11)}px Inter, sans-serif`;
  ctx.fillStyle = colours.ink;
  ctx.fillText(words, bbox.left + px(5), y - px(5));
}

// Where a box stands on the axis: at its value, or at the edge it lies beyond.
function boxAt(u, value) {
  const { bbox } = u;
  return Math.min(Math.max(u.valToPos(value, "y", true), bbox.top + px(8)), bbox.top + bbox.height - px(8));
}

// A resting protective stop: its price in an outlined box, beside that of the last price where both
// are in one place, with a dotted way to it from the edge of the lines.
export function stopChip(u, value, words, last) {
  const { ctx, bbox } = u;
  const [at, taken] = [boxAt(u, value), last === null ? -px(99) : boxAt(u, last)];
  const aside = Math.abs(at - taken) >= px(20) ? at : taken + px(20) * (value > last ? -1 : 1);
  const y = Math.min(Math.max(aside, px(10)), bbox.top + bbox.height + px(8));
  const left = bbox.left + bbox.width + px(4);
  ctx.strokeStyle = colours.ink;
  ctx.lineWidth = px(1);
  ctx.setLineDash([px(2), px(3)]);
  ctx.beginPath();
  ctx.moveTo(left - px(36), at);
  ctx.lineTo(left, y);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.font = `600 ${px(11)}px Inter, sans-serif`;
  const width = ctx.measureText(words).width + px(12);
  ctx.fillStyle = colours.page;
  ctx.fillRect(left, y - px(9), width, px(18));
  ctx.strokeRect(left + px(0.5), y - px(8.5), width - px(1), px(17));
  ctx.fillStyle = colours.ink;
  ctx.textBaseline = "middle";
  ctx.fillText(words, left + px(6), y + px(0.5));
  ctx.textBaseline = "alphabetic";
}

// The last value, boxed on the axis.
export function lastChip(u, value, words, fill) {
  if (value === null || value === undefined) return;
  const { ctx, bbox } = u;
  const y = boxAt(u, value);
  ctx.font = `600 ${px(11)}px Inter, sans-serif`;
  ctx.fillStyle = fill;
  ctx.fillRect(bbox.left + bbox.width + px(4), y - px(9), ctx.measureText(words).width + px(12), px(18));
  ctx.fillStyle = colours.page;
  ctx.textBaseline = "middle";
  ctx.fillText(words, bbox.left + bbox.width + px(10), y + px(0.5));
  ctx.textBaseline = "alphabetic";
}

const panelHeight = (host) => host.clientHeight || 120;

// Panels that move together. `marks` gives holds and incidents; `onCursor` hears the time under the
// crosshair (null: none), `onRange` whether a part is shown.
export class Charts {
  constructor(root, { axis, marks, onCursor, onRange }) {
    readColours();
    this.root = root;
    this.axis = axis;
    this.marks = marks;
    this.onCursor = onCursor;
    this.onRange = onRange;
    this.panels = [];
    this.whole = true;
    this.range = [0, 1];
    this.at = null;
    this.#sync = uPlot.sync(root.id);
    new ResizeObserver(() => this.#resize()).observe(root);
    const theme = () => this.#recolour();
    new MutationObserver(theme).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", theme);
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  #sync;
  #linking = false;
  #full = [0, 1];

  // `line`: {stroke, width, fill}; `rangeY(min, max)`; `yWords(value)`; `over(u)` draws on top.
  panel(host, { line, rangeY, yWords, over, label = false, times = false, ticks = 24 }) {
    const u = new uPlot(
      {
        width: host.clientWidth,
        height: panelHeight(host),
        padding: [6, 0, times ? 0 : 4, 0],
        legend: { show: false },
        tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "UTC"),
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: true, y: false, dist: 6 },
          sync: { key: this.#sync.key, setSeries: false, scales: ["x", null] },
          bind: { dblclick: () => () => this.reset() },
        },
        select: { show: true },
        scales: { x: { time: true }, y: { range: (_, min, max) => rangeY(min, max) } },
        axes: [
          {
            show: times, size: AXIS_X, font: FONT, gap: 4, stroke: () => colours["ink-3"], space: 90,
            grid: { show: true, stroke: () => colours.rule, width: 1 }, ticks: { show: false },
            values: axisTimes,
          },
          {
            side: 1, size: this.axis, font: FONT, gap: 8, space: ticks,
            stroke: () => colours["ink-3"], ticks: { show: false },
            grid: { show: true, stroke: () => colours.rule, width: 1 },
            values: (_, splits) => splits.map(yWords),
          },
        ],
        series: [{}, { ...line, spanGaps: false, points: { show: false } }],
        hooks: {
          drawClear: [(drawn) => drawHolds(drawn, this.marks, label)],
          draw: [over],
          setCursor: [(moved) => this.#cursor(moved)],
          setScale: [(scaled, key) => key === "x" && this.#scaled(scaled)],
        },
      },
      [[], []],
      host,
    );
    this.panels.push(u);
    return u;
  }

  // The whole range there is, and new data where it changed: [[u, data], ...].
  show(since, until, datas) {
    this.#full = [since, until];
    this.#linking = true;
    for (const [u, data] of datas) u.setData(data, false);
    this.#linking = false;
    if (this.whole) this.range = [since, until];
    this.#apply();
  }

  reset() {
    this.whole = true;
    this.range = [...this.#full];
    this.#apply();
    this.onRange(false);
  }

  zoom(from, to) {
    const [since, until] = this.#full;
    const least = Math.min(10, until - since);
    let [min, max] = [Math.max(since, from), Math.min(until, to)];
    if (max - min < least) [min, max] = [Math.max(since, max - least), Math.min(until, min + least)];
    this.whole = min <= since && max >= until;
    this.range = [min, max];
    this.#apply();
    this.onRange(!this.whole);
  }

  #apply() {
    this.#linking = true;
    const [min, max] = this.range;
    for (const u of this.panels) u.batch(() => u.setScale("x", { min, max }));
    this.#linking = false;
  }

  // A range drawn with the mouse on one panel is that of all.
  #scaled(u) {
    if (this.#linking) return;
    const { min, max } = u.scales.x;
    if (min !== this.range[0] || max !== this.range[1]) this.zoom(min, max);
  }

  #cursor(u) {
    const left = u.cursor.left;
    const at = left === undefined || left < 0 ? null : u.posToVal(left, "x");
    if (at === this.at) return;
    this.at = at;
    this.onCursor(at, left);
  }

  // The crosshair by keyboard: to a time, seen on every panel.
  point(at) {
    const [min, max] = this.range;
    const to = Math.min(Math.max(at, min), max);
    for (const u of this.panels) u.setCursor({ left: u.valToPos(to, "x"), top: 10 }, false);
    this.at = to;
    this.onCursor(to, this.panels[0].valToPos(to, "x"), true);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.root) return;
    const [min, max] = this.range;
    const span = max - min;
    const at = this.at ?? max;
    const step = span / (event.shiftKey ? 10 : 100);
    const moves = {
      ArrowLeft: () => this.point(at - step),
      ArrowRight: () => this.point(at + step),
      Home: () => this.point(min),
      End: () => this.point(max),
      "+": () => this.zoom(at - span / 4, at + span / 4),
      "-": () => this.zoom(at - span, at + span),
      0: () => this.reset(),
    };
    const move = moves[event.key === "=" ? "+" : event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  }

  #resize() {
    for (const u of this.panels) {
      const host = u.root.parentElement;
      if (host.clientWidth) u.setSize({ width: host.clientWidth, height: panelHeight(host) });
    }
  }

  #recolour() {
    readColours();
    for (const u of this.panels) u.redraw(false, true);
  }
}
