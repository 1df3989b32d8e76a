// How figures are written (look/LOOK.md, Words). Pure; console/pages/formats.py is its twin.
// Figures come as decimal strings and stay exact; unknown (null) is a dash, never 0.

export const UNKNOWN = "–";
const MINUS = "−";
const SCALE = 12;
const ONE = 10n ** BigInt(SCALE);
const COMPACT = [
  [10n ** 9n, "B"],
  [10n ** 6n, "M"],
  [10n ** 3n, "k"],
];
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const missing = (value) => value === null || value === undefined || value === "";

// A decimal string as a whole number of 1e-12.
export function parse(value) {
  const [whole, part = ""] = String(value).replace(/^[+-]/, "").split(".");
  const units = BigInt(whole || "0") * ONE + BigInt(part.slice(0, SCALE).padEnd(SCALE, "0") || "0");
  return String(value).startsWith("-") ? -units : units;
}

// The sum of decimal strings as one; null as soon as one part is unknown.
export function sum(values) {
  let total = 0n;
  for (const value of values) {
    if (missing(value)) return null;
    total += parse(value);
  }
  return text(total);
}

function text(units) {
  const size = units < 0n ? -units : units;
  const part = (size % ONE).toString().padStart(SCALE, "0").replace(/0+$/, "");
  return `${units < 0n ? "-" : ""}${size / ONE}${part && `.${part}`}`;
}

function written(units, places, plus) {
  const size = units < 0n ? -units : units;
  const step = 10n ** BigInt(SCALE - places);
  const rounded = (size + step / 2n) / step; // half up
  const digits = rounded.toString().padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places).replace(/\B(?=(\d{3})+$)/g, ",");
  const figure = places ? `${whole}.${digits.slice(-places)}` : whole;
  if (rounded === 0n) return figure;
  return (units < 0n ? MINUS : plus ? "+" : "") + figure;
}

// Thousands by comma, fixed decimals; `plus` writes + before what is above zero.
export function number(value, places, plus = false) {
  return missing(value) ? UNKNOWN : written(parse(value), places, plus);
}

// All its decimals and none beside them: quantities and prices.
export function exact(value, plus = false) {
  if (missing(value)) return UNKNOWN;
  const part = text(parse(value)).split(".")[1] ?? "";
  return number(value, part.length, plus);
}

// With the decimals it came with: those of the instrument's tick.
export function price(value) {
  return missing(value) ? UNKNOWN : number(value, (String(value).split(".")[1] ?? "").length);
}

export function thousands(value, plus = false) {
  return missing(value) ? UNKNOWN : written(parse(value) / 1000n, 1, plus);
}

// Figure and unit: ["53.1", "M USD"].
export function compact(value, plus = false) {
  if (missing(value)) return [UNKNOWN, "USD"];
  const units = parse(value);
  const size = units < 0n ? -units : units;
  for (const [by, letter] of COMPACT) {
    if (size >= by * ONE) return [written(units / by, 1, plus), `${letter} USD`];
  }
  return [written(units, 0, plus), "USD"];
}

// "54 %" of a share of 1.
export function percent(share) {
  return missing(share) ? UNKNOWN : `${written(parse(share) * 100n, 0, false)} %`;
}

export function tone(value) {
  if (missing(value)) return "";
  const units = parse(value);
  return units > 0n ? "rise" : units < 0n ? "fall" : "";
}

export function count(value) {
  return missing(value) ? UNKNOWN : number(value, 0);
}

// 0.2 s, 16 s, 25 m, 5 h 12 m, 3 d 4 h.
export function age(ms, whole = false) {
  if (missing(ms)) return UNKNOWN;
  const past = Math.max(0, Math.floor(ms));
  if (past < 10_000 && !whole) return `${(Math.floor(past / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(past / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} m`;
  const days = Math.floor(hours / 24);
  if (days < 10) return `${days} d ${hours % 24} h`;
  return `${String(days).replace(/\B(?=(\d{3})+$)/g, ",")} d`;
}

// 40 µs, 6.8 ms, 610 ms, 1.2 s.
export function latency(us) {
  if (missing(us)) return UNKNOWN;
  if (us < 1000) return `${us} µs`;
  if (us < 1_000_000) return `${written((BigInt(us) * ONE) / 1000n, us < 100_000 ? 1 : 0)} ms`;
  return `${written((BigInt(us) * ONE) / 1_000_000n, 1)} s`;
}

const two = (part) => String(part).padStart(2, "0");

export function clock(ms) {
  if (missing(ms) || Number.isNaN(ms)) return UNKNOWN;
  const at = new Date(ms);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

// Thu 19 Nov; with its year where that is not this one.
export function day(ms, year = false) {
  if (missing(ms) || Number.isNaN(ms)) return UNKNOWN;
  const at = new Date(ms);
  const words = `${WEEKDAYS[at.getUTCDay()]} ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
  return year ? `${words} ${at.getUTCFullYear()}` : words;
}

// Microseconds that browsers' Date.parse need not know are cut off.
export function moment(iso) {
  return missing(iso) ? null : Date.parse(String(iso).replace(/(\.\d{3})\d+/, "$1"));
}
