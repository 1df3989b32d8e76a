// The pipeline page: the critical path as it is, feeds, gateways, leases, services.

import { drawBand, firstAsOf } from "./band.js";
import { aged, attribute, figure, glyph, put, rows } from "./cells.js";
import * as format from "./format.js";
import { bind } from "./keys.js";
import { DEAD_MS, Live } from "./live.js";
import { oncePerPicture } from "./picture.js";
import "./stop.js";

const INSTANCES = {
  feed: "feed", "data-ingestor": "ingestor", "indicator-engine": "shard", "signal-generator": "shard",
  "risk-manager": "gateway", "execution-engine": "account", broker: "account",
};
const GATEWAY_WORDS = {
  licensed: "licensed", unlicensed: "no licence", disconnected: "disconnected", dead: "not heard of",
};
const SCALE = { from: 10, decades: 5, width: 160, left: 4 };
const LICENCE_MS = 250;
const BEAT_MS = 1000;
const BEATS = 34;
const HISTORY_EVERY = 5; // beats
const HISTORY = 180; // 15 minutes

const live = new Live("pipeline", firstAsOf());
let frame = null;
const past = new Map(); // stage -> { beats: [status], p99: [µs], count }
const before = JSON.parse(document.getElementById("past")?.textContent ?? "null");

export function scaleX(us) {
  const decades = Math.log10(Math.max(us, SCALE.from) / SCALE.from);
  return SCALE.left + Math.min(decades / SCALE.decades, 1) * SCALE.width;
}

function drawScale(svg, one) {
  const bar = svg.querySelector(".scale-bar");
  const ends = svg.querySelector(".scale-ends");
  if (one.p50_us === null || one.p99_us === null) {
    attribute(bar, "d", "");
    attribute(ends, "d", "");
    return;
  }
  const [a, b, c] = [one.p50_us, one.p95_us ?? one.p50_us, one.p99_us].map((us) => scaleX(us).toFixed(1));
  attribute(bar, "d", `M${a} 7H${c}v6H${a}z`);
  attribute(ends, "d", `M${a} 4v12M${b} 4v12M${c} 4v12`);
  const words = ["p50", "p95", "p99"].map((name) => `${name} ${format.latency(one[`${name}_us`])}`);
  attribute(svg, "aria-label", words.join(", "));
}

function instanceWords(one) {
  if (!one.instances) return "nobody reports";
  return `${one.instances} ${INSTANCES[one.stage]}${one.instances === 1 ? "" : "s"}`;
}

function rateWords(rate) {
  const small = rate !== null && Number(rate) > 0 && Number(rate) < 10;
  return format.number(rate, small ? 1 : 0);
}

function fillStage(node, one) {
  const at = (name) => node.querySelector(`[data-f="${name}"]`);
  attribute(node, "data-status", one.status);
  put(at("status"), one.status);
  put(at("instances"), instanceWords(one));
  figure(at("rate"), rateWords(one.rate));
  for (const name of ["p50", "p95", "p99"]) figure(at(name), format.latency(one[`${name}_us`]));
  figure(at("queue"), format.count(one.queue));
  figure(at("errors"), format.count(one.errors));
  drawScale(node.querySelector(".scale"), one);
  fillHeartbeat(node, one);
}

function fillHeartbeat(node, one) {
  const old = one.heartbeat_ms === null ? null : one.heartbeat_ms + live.age();
  const status = live.age() >= DEAD_MS ? "stale" : one.status;
  aged(node.querySelector('[data-f="heartbeat"]'), format.age(old), status);
}

// One upright a second in which the stage was heard; a box below the line where it was not.
function drawPast(node, one) {
  const known = (before?.p99_us[one.stage] ?? []).filter((us) => us !== null);
  const kept = past.get(one.stage) ?? { beats: [], p99: known, count: 0 };
  past.set(one.stage, kept);
  const heard = live.age() < DEAD_MS && one.status === "fresh";
  kept.beats = [...kept.beats, heard].slice(-BEATS);
  if (kept.count % HISTORY_EVERY === 0 && one.p99_us !== null) {
    kept.p99 = [...kept.p99, one.p99_us].slice(-HISTORY);
  }
  kept.count += 1;
  const from = 172 - kept.beats.length * 5;
  let beats = "";
  let late = "";
  kept.beats.forEach((ok, n) => {
    const x = from + n * 5 + 2.5;
    if (ok) beats += `M${x} ${n === kept.beats.length - 1 ? 0 : 3}V13`;
    else late += `M${x - 1.5} 9.5h3v6h-3z`;
  });
  attribute(node.querySelector(".comb-beats"), "d", beats);
  attribute(node.querySelector(".comb-late"), "d", late);
  drawLine(node, kept.p99);
}

// The p99 over the range of time that was chosen.
function drawLine(node, p99) {
  const shown = p99.slice(-Math.round(span / HISTORY_EVERY));
  drawHistory(node.querySelector(".history polyline"), shown);
  const most = shown.length ? `, worst ${format.latency(Math.max(...shown))}` : "";
  put(node.querySelector('[data-f="since"]'), `${spanWords(shown.length)}${most}`);
}

const spans = [...document.querySelectorAll("#spans a")];
let span = Number(spans.find((link) => link.hasAttribute("aria-current")).dataset.seconds);

function choose(link) {
  for (const one of spans) one.toggleAttribute("aria-current", false);
  link.setAttribute("aria-current", "true");
  span = Number(link.dataset.seconds);
  history.replaceState(null, "", link.href);
  for (const [stage, kept] of past) drawLine(stageNode(stage), kept.p99);
}

for (const link of spans) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a tab of its own
    event.preventDefault();
    choose(link);
  });
}
bind("t", () => choose(spans[(spans.findIndex((one) => one.hasAttribute("aria-current")) + 1) % spans.length]));

const spanWords = (points) => {
  const seconds = points * HISTORY_EVERY;
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
};

function drawHistory(line, values) {
  if (!values.length) return;
  const step = values.length > 1 ? 168 / (values.length - 1) : 0;
  const [low, high] = [Math.min(...values), Math.max(...values)].map(scaleX);
  const room = Math.max(high - low, 8); // a tenth of a decade is flat, not a mountain
  const y = (us) => 21 - ((scaleX(us) - low) / room) * 18;
  const points = values.map((us, n) => `${(2 + n * step).toFixed(1)},${y(us).toFixed(1)}`);
  if (points.length === 1) points.push(`6,${y(values[0]).toFixed(1)}`);
  attribute(line, "points", points.join(" "));
}

const tbody = (id) => document.getElementById(id).tBodies[0];

function row(html) {
  const template = document.createElement("template");
  template.innerHTML = html; // our own constants below, never data
  return template.content.firstElementChild;
}

const QUOTE = '<tr><th scope="row"></th><td class="num live"></td><td class="num live"></td><td class="num"><span class="age"></span></td><td class="num live"></td><td class="num live"></td><td class="num live"></td><td class="c-reasons"></td></tr>';
const GATEWAY = '<tr><th scope="row"></th><td></td><td><span class="conn"><svg class="glyph" aria-hidden="true"><use/></svg><span></span></span></td><td class="num live"></td><td class="num live"></td><td class="num"><span class="age"></span></td><td class="num live"></td><td class="c-licence"><svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><path class="bar-well" d="M0 0h100v6H0z"/><path class="bar-fill" d=""/></svg></td><td class="num live"></td></tr>';
const LEASE = '<tr><th scope="row"></th><td class="id cut"></td><td class="num live"></td><td class="num"><span class="age"></span></td></tr>';

const reasons = (rejected) =>
  Object.entries(rejected ?? {}).filter(([, n]) => n).sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([why, n]) => `${why} ${format.count(n)}`).join(", ") || "none";
const refusals = (rejected) => Object.values(rejected ?? {}).reduce((a, b) => a + b, 0);

// Never 100.00 while one was refused.
function goodWords(passed, refused) {
  if (passed === null || !(passed + refused)) return format.UNKNOWN;
  const share = (passed / (passed + refused)) * 100;
  return (refused ? Math.min(share, 99.99) : share).toFixed(2);
}

function fillQuote(node, one) {
  const [symbol, bid, ask, old, quotes, refused, good, why] = node.cells;
  put(symbol, one.symbol);
  figure(bid, format.price(one.bid ?? null));
  figure(ask, format.price(one.ask ?? null));
  const grown = one.age_ms === null ? null : one.age_ms + live.age();
  aged(old.firstElementChild, format.age(grown), live.age() >= DEAD_MS ? "stale" : one.status);
  figure(quotes, format.count(one.quotes));
  figure(refused, format.count(refusals(one.rejected)));
  figure(good, goodWords(one.quotes, refusals(one.rejected)));
  put(why, [one.note, reasons(one.rejected)].filter(Boolean).join("; "));
  why.classList.toggle("noted", Boolean(one.note));
  node.classList.toggle("stale-row", one.status === "stale" || one.status === "dead");
}

function fillGateway(node, one) {
  const [account, venue, state, p50, p99, beat, fence, licence, left] = node.cells;
  put(account, one.account);
  if (!venue.firstChild) {
    venue.append(one.venue ?? "");
    if (!one.live) venue.append(" ", Object.assign(document.createElement("span"), { className: "paper", textContent: "sim" }));
  }
  attribute(state.firstElementChild, "data-state", one.state);
  glyph(state.querySelector("use"), { licensed: "live", dead: "dead" }[one.state] ?? "late");
  put(state.querySelector(".conn > span"), GATEWAY_WORDS[one.state] ?? one.state);
  figure(p50, format.latency(one.p50_us ?? null));
  figure(p99, format.latency(one.p99_us ?? null));
  const old = (one.heartbeat_ms ?? null) === null ? null : one.heartbeat_ms + live.age();
  aged(beat.firstElementChild, format.age(old), one.state === "dead" || live.age() >= DEAD_MS ? "stale" : "fresh");
  figure(fence, format.count(one.fencing_token ?? null));
  const ms = one.licence_ms === null ? null : Math.max(0, one.licence_ms);
  attribute(licence.querySelector(".bar-fill"), "d", `M0 0h${Math.round((100 * Math.min(ms ?? 0, LICENCE_MS)) / LICENCE_MS)}v6H0z`);
  figure(left, ms === null ? format.UNKNOWN : `${ms} ms`);
}

function fillLease(node, one) {
  const [name, holder, token, left] = node.cells;
  put(name, one.name);
  put(holder, one.holder || "none");
  figure(token, format.count(one.token));
  const ms = one.expires_ms;
  const gone = ms !== null && ms < 0;
  aged(left.firstElementChild, ms === null ? format.UNKNOWN : gone ? "expired" : format.age(ms), gone ? "stale" : "fresh");
}

const BESIDE = { workers: "Tasks", watchdog: "Watchdog", recorder: "Recorder", alerts: "Alerts" };
const WORKER = '<tr><th scope="row"></th><td class="id"></td><td class="num"><span class="age"></span></td><td class="num live"></td><td class="num live"></td><td class="num live"></td><td class="num live"></td><td class="c-reasons"></td></tr>';

function fillWorker(node, one) {
  const [stage, instance, beat, rate, p99, queue, errors, last] = node.cells;
  put(stage, BESIDE[one.stage] ?? stageName(one.stage));
  put(instance, one.instance);
  const old = one.heartbeat_ms === null ? null : one.heartbeat_ms + live.age();
  aged(beat.firstElementChild, format.age(old), live.age() >= DEAD_MS ? "stale" : one.status);
  figure(rate, rateWords(one.rate));
  figure(p99, format.latency(one.p99_us));
  figure(queue, format.count(one.queue));
  figure(errors, format.count(one.errors));
  put(last, one.last_error || "none");
}

function fillServices() {
  for (const one of frame.services) {
    const node = document.querySelector(`.service[data-key="${CSS.escape(one.name)}"]`);
    if (!node) continue;
    attribute(node, "data-status", one.status);
    const beat = one.name === "watchdog";
    const value = one.ms === null ? null : beat ? Math.round(one.ms) : Math.round(one.ms * 1000);
    put(node.querySelector('[data-f="value"]'), beat ? format.age(value) : format.latency(value));
    const words = beat
      ? { fresh: "old heartbeat", late: "old heartbeat" }[one.status] ?? "no heartbeat"
      : { fresh: "answers", late: "late" }[one.status] ?? "does not answer";
    put(node.querySelector('[data-f="sub"]'), words);
  }
}

function fillFeed() {
  const one = frame.feed;
  const set = (name, text) => put(document.querySelector(`[data-feed="${name}"]`), text);
  set("state", one.state);
  set("quotes", format.count(one.quotes));
  set("published", format.count(one.published));
  set("refused", format.count(refusals(one.rejected)));
  set("reasons", reasons(one.rejected));
  set("clocks", Object.entries(one.skew_ms ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, ms]) => `${name} ${ms < 0 ? "" : "+"}${ms} ms`).join(", "));
}

// What is not as it should be, named once at the head of the page.
function fillFlags() {
  const words = [
    ...frame.stages.filter((one) => one.status !== "fresh").map((one) => `${stageName(one.stage)} ${one.status}`),
    ...(frame.gateways ?? []).filter((one) => one.state !== "licensed").map((one) => `${one.account} ${GATEWAY_WORDS[one.state] ?? one.state}`),
    ...(frame.gateways ?? []).filter((one) => one.alarms).map((one) => `${one.account}: ${one.alarms}`),
    ...Object.entries(frame.feed.problems ?? {}).map(([name, problem]) => `${name}: ${problem}`),
    ...frame.feeds.filter((one) => one.note).map((one) => `${one.symbol} ${one.withheld ? "withheld" : "on backup"}`),
    ...(frame.workers ?? []).filter((one) => one.stage === "recorder" && one.problem).map((one) => `recorder: ${one.problem}`),
    ...frame.services.filter((one) => one.status !== "fresh").map((one) => `${one.name} ${one.status}`),
  ];
  const flags = document.getElementById("flags");
  if (flags.dataset.words === words.join()) return;
  flags.dataset.words = words.join();
  flags.replaceChildren(...words.map((text) => Object.assign(document.createElement("span"), { className: "flag-late", textContent: text })));
}

const stageName = (key) => document.querySelector(`.stage[data-key="${key}"] h2`)?.textContent ?? key;
const stageNode = (key) => document.querySelector(`.stage[data-key="${key}"]`);

const soon = oncePerPicture(() => {
  for (const one of frame.stages) fillStage(stageNode(one.stage), one);
  rows(tbody("quotes"), frame.feeds, (one) => one.symbol, () => row(QUOTE), fillQuote);
  rows(tbody("gateways"), frame.gateways ?? [], (one) => one.account, () => row(GATEWAY), fillGateway);
  rows(tbody("leases"), frame.leases ?? [], (one) => one.name, () => row(LEASE), fillLease);
  rows(tbody("workers"), frame.workers ?? [], (one) => `${one.stage}/${one.instance}`, () => row(WORKER), fillWorker);
  fillServices();
  fillFeed();
  fillFlags();
});

live.addEventListener("pipeline", ({ detail }) => {
  frame = detail;
  document.getElementById("no-frame")?.remove();
  soon();
});

setInterval(() => {
  if (frame) for (const one of frame.stages) drawPast(stageNode(one.stage), one);
}, BEAT_MS);

// The first scale is drawn from what the server wrote beside it.
for (const svg of document.querySelectorAll(".scale")) {
  const [a, b, c] = ["x50", "x95", "x99"].map((name) => Number(svg.dataset[name]) + SCALE.left);
  if (!svg.dataset.x50 || !svg.dataset.x99) continue;
  attribute(svg.querySelector(".scale-bar"), "d", `M${a} 7H${c}v6H${a}z`);
  attribute(svg.querySelector(".scale-ends"), "d", `M${a} 4v12M${b} 4v12M${c} 4v12`);
}

drawBand(live, () => {
  if (!frame) return;
  for (const one of frame.stages) fillHeartbeat(stageNode(one.stage), one);
  if (live.age() >= DEAD_MS) {
    rows(tbody("quotes"), frame.feeds, (one) => one.symbol, () => row(QUOTE), fillQuote);
  }
});
