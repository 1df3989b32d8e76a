// The page of bench_charts.py: three charts of the strategy page, drawn as live frames draw them.

import { Charts, colours, lastChip, level } from "/static/js/chart.js";

const DRAW_MS = 250;

function build() {
  const marks = { holds: [{ from: 2000, to: 3000, kind: "pause" }], incidents: [{ at: 6000, words: "x" }] };
  const charts = new Charts(document.getElementById("charts"), {
    axis: 76, marks: () => marks, onCursor() {}, onRange() {},
  });
  const rangeY = (min, max) => [(min ?? 0) - 1, (max ?? 0) + 1];
  const boxes = ["chart-pnl", "chart-down", "chart-price"];
  const panels = boxes.map((id, n) => charts.panel(document.getElementById(id), {
    label: n === 0, times: n === 2, rangeY, yWords: (value) => value.toFixed(0),
    line: { stroke: () => colours.ink, width: 1.2, ...(n === 1 ? { fill: () => colours["rule-2"] } : {}) },
    over: (u) => {
      level(u, 0, colours.edge);
      lastChip(u, u.data[1].at(-1), "+1,000", colours.rise);
    },
  }));
  return { charts, panels };
}

// Frame times over `seconds`, and how long each drawing of all three took; none are drawn at 0 points.
window.measure = (points, seconds) =>
  new Promise((done) => {
    const made = points ? build() : null;
    const at = Array.from({ length: points }, (_, n) => n);
    const values = at.map((n) => 100 * Math.sin(n / 700) + (n % 13));
    const draws = [];
    const frames = [];
    const begun = performance.now();
    let drawn = 0;
    let last = begun;
    const step = (now) => {
      frames.push(now - last);
      last = now;
      if (made && now - drawn >= DRAW_MS) {
        drawn = now;
        at.push(at.length);
        values.push(100 * Math.sin(at.length / 700));
        const before = performance.now();
        made.charts.show(0, at.length, made.panels.map((u) => [u, [at, values]]));
        // The library draws in a microtask: after it, all is on the canvas.
        queueMicrotask(() => queueMicrotask(() => draws.push(performance.now() - before)));
      }
      if (now - begun < seconds * 1000) requestAnimationFrame(step);
      else done({ draws: draws.slice(2), frames: frames.slice(2) });
    };
    requestAnimationFrame(step);
  });
