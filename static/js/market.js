// Sessions of the markets, by the feed's clock, and the desk's own time. The rules are those of
// console/pages/marketclock.py.

import { attribute, put } from "./cells.js";
import { age, UNKNOWN } from "./format.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const told = document.getElementById("market");
const facts = told ? JSON.parse(told.textContent) : { markets: [], days: {} };
const writers = new Map();

function writer(zone, options) {
  const key = `${zone} ${Object.keys(options)}`;
  if (!writers.has(key)) {
    writers.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options }));
  }
  return writers.get(key);
}

const WHOLE = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };

// The wall clock of a zone as if it were UTC, ms.
function wall(ms, zone) {
  const parts = Object.fromEntries(writer(zone, WHOLE).formatToParts(ms).map((one) => [one.type, Number(one.value)]));
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
}

function spans(market, now) {
  const found = [];
  const midnight = Math.floor(now / DAY) * DAY;
  for (let ahead = -7; ahead < 12; ahead += 1) {
    const day = midnight + ahead * DAY;
    const iso = new Date(day).toISOString().slice(0, 10);
    const end = market.holidays ? facts.days[iso] : undefined;
    if (end === 0) continue;
    const weekday = (new Date(day).getUTCDay() + 6) % 7;
    for (const [on, opens, length] of market.week) {
      if (on !== weekday) continue;
      const begun = day + opens * MINUTE;
      found.push([begun, begun + (end === undefined ? length : end - opens) * MINUTE]);
    }
  }
  return found;
}

// [open, word, sub, done] of one market at a moment of the feed's clock.
export function sessionOf(market, ms) {
  if (ms === null) return [false, market.name, UNKNOWN, 0];
  if (!market.week.length) return [true, `${market.name} open`, "open 24 h", 100];
  const now = wall(ms, market.zone);
  const all = spans(market, now);
  const open = all.find(([opens, closes]) => opens <= now && now < closes);
  if (open) {
    const [opens, closes] = open;
    const done = Math.floor(((now - opens) * 100) / (closes - opens));
    return [true, `${market.name} open`, `${age(closes - now, true)} left`, done];
  }
  const soonest = Math.min(...all.map(([opens]) => opens).filter((opens) => opens > now));
  return [false, `${market.name} closed`, `in ${age(soonest - now, true)}`, 0];
}

const cells = [...document.querySelectorAll("[data-session]")];
let minute = 0;

export function drawSessions(ms) {
  const now = ms === null ? null : Math.floor(ms / 1000);
  if (now === minute) return;
  minute = now;
  for (const cell of cells) {
    const market = facts.markets.find((one) => one.name === cell.dataset.session);
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
