// Sessions of the markets, by the feed's clock, and the desk's own time. The words are those of
// console/pages/marketclock.py; beyond the spans that the page was told nothing is known.

import { attribute, put } from "./cells.js";
import { age, UNKNOWN } from "./format.js";

const told = document.getElementById("market");
const markets = told ? JSON.parse(told.textContent) : [];
const writers = new Map();

function writer(zone, options) {
  const key = `${zone} ${Object.keys(options)}`;
  if (!writers.has(key)) {
    writers.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options }));
  }
  return writers.get(key);
}

// [open, word, sub, done] of one market at a moment of the feed's clock.
export function sessionOf(market, ms) {
  if (ms === null) return [false, market.name, UNKNOWN, 0];
  if (market.always) return [true, `${market.name} open`, "open 24 h", 100];
  const now = market.spans.find(([begins, ends]) => begins <= ms && ms < ends);
  if (now?.[2] === "open") {
    const [begins, ends] = now;
    const done = Math.floor(((ms - begins) * 100) / (ends - begins));
    return [true, `${market.name} open`, `${age(ends - ms, true)} left`, done];
  }
  const opens = market.spans.find(([begins, , phase]) => begins > ms && phase === "open");
  const known = opens && market.spans[0][0] <= ms;
  const phase = now ? now[2] : known ? "closed" : "unknown";
  const word = market.phases || !now ? phase : "closed";
  return [false, `${market.name} ${word}`, `in ${opens ? age(opens[0] - ms, true) : UNKNOWN}`, 0];
}

const cells = [...document.querySelectorAll("[data-session]")];
let minute = 0;

export function drawSessions(ms) {
  const now = ms === null ? null : Math.floor(ms / 1000);
  if (now === minute) return;
  minute = now;
  for (const cell of cells) {
    const market = markets.find((one) => one.key === cell.dataset.session);
    if (!market) continue;
    const [open, word, sub, done] = sessionOf(market, ms === null ? null : now * 1000);
    cell.toggleAttribute("data-open", open);
    put(cell.querySelector("b"), word);
    put(cell.querySelector("small"), sub);
    attribute(cell.querySelector("rect"), "width", String(done));
  }
}

const zone = document.querySelector("[data-zone]");

// "10:47 New York"
export function deskTime(ms) {
  if (!zone) return "";
  const at = writer(zone.dataset.zone, { hour: "2-digit", minute: "2-digit" }).format(ms);
  return `${at} ${zone.dataset.zoneName}`;
}
