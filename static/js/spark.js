// Sparklines: a line in a box of 84 by 24 with zero dotted and its end in colour.

import { attribute } from "./cells.js";
import { number } from "./format.js";

const WIDTH = 84;
const HEIGHT = 24;
const EDGE = 3;

export function shape(values) {
  const figures = values.map(Number);
  const low = Math.min(...figures, 0);
  const high = Math.max(...figures, 0);
  const span = high - low || 1;
  const y = (value) => EDGE + (HEIGHT - 2 * EDGE) * (1 - (value - low) / span);
  const step = (WIDTH - 6) / (figures.length - 1);
  const points = figures.map((value, n) => [2 + n * step, y(value)]);
  return { points, zero: y(0), low, high };
}

const fixed = (value) => value.toFixed(1);

function drawNone(svg) {
  svg.dataset.drawn = "none";
  attribute(svg.querySelector("polyline"), "points", "");
  const end = svg.querySelector("circle");
  attribute(end, "cx", "-9");
  attribute(end, "cy", "-9");
  attribute(svg, "aria-label", "no line yet");
}

export function drawSpark(svg, values, tone) {
  if (values.length < 2) {
    if (svg.dataset.drawn !== "none") drawNone(svg);
    return;
  }
  const key = `${values.length} ${values[0]} ${values[values.length - 1]} ${tone}`;
  if (svg.dataset.drawn === key) return;
  svg.dataset.drawn = key;
  const { points, zero, low, high } = shape(values);
  const [endX, endY] = points[points.length - 1];
  attribute(svg.querySelector("polyline"), "points", points.map((p) => p.map(fixed)).join(" "));
  const dotted = svg.querySelector("line");
  attribute(dotted, "y1", fixed(zero));
  attribute(dotted, "y2", fixed(zero));
  const end = svg.querySelector("circle");
  attribute(end, "cx", fixed(endX));
  attribute(end, "cy", fixed(endY));
  attribute(end, "class", `spark-end ${tone}`);
  const words = [values[0], values[values.length - 1], low, high].map((v) => number(v, 0, true));
  attribute(svg, "aria-label", `first ${words[0]}, last ${words[1]}, low ${words[2]}, high ${words[3]}`);
}
