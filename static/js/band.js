// The frame of every page: state word, clocks, halt line, connection, and the banner that says
// what is not live and why.

import { age, clock, day, moment, UNKNOWN } from "./format.js";
import { aged, attribute, glyph, put, settle } from "./cells.js";
import { equip } from "./equip.js";
import { deskTime, drawSessions } from "./market.js";
import { oncePerPicture } from "./picture.js";
import { nameOf } from "./viewer.js";
import { countdown, countsWords, holdsWords, WITHOUT_ORDERS } from "./words.js";

const band = document.getElementById("band");
const main = document.getElementById("main");
const line = document.getElementById("haltline");
const banner = document.getElementById("banner");
const announce = document.getElementById("announce");
const part = (name) => document.querySelector(`[data-band="${name}"]`);
const parts = Object.fromEntries(
  [
    "glyph", "word", "sub", "clock", "date", "feed-clock", "feed-sub", "data-age", "data-sub", "conn",
    "conn-glyph", "conn-word", "conn-sub", "feed-spec", "frame-seq", "frame-rate", "skew", "waiting",
  ].map((name) => [name, part(name)]),
);
const bannerParts = Object.fromEntries(
  [...banner.querySelectorAll("[data-banner]")].map((node) => [node.dataset.banner, node]),
);
const [environment, , ...titleRest] = document.title.split(" · ");
const TICK_MS = 250;
const RELOADED = "haltline.reloaded";

let frame = null;
let told = "";

export function feedWords(feed, nowMs) {
  const words = [];
  const at = moment(feed.clock);
  if (at !== null) {
    words.push(day(at, new Date(at).getUTCFullYear() !== new Date(nowMs).getUTCFullYear()));
  }
  const pace = { "": "", 1: "", max: " at full speed" }[feed.speed] ?? ` × ${feed.speed}`;
  words.push(feed.state + (feed.state === "running" ? pace : ""));
  return words.join(" · ");
}

function subWords(all, firm) {
  const states = all.map((one) => one.state);
  if (firm?.hold && ["HALTED", "FROZEN", "REDUCE-ONLY"].includes(firm.state)) {
    const at = moment(firm.hold.effective_at);
    const proof = at === null ? "Latched, not proven" : `Effective ${clock(at)}`;
    return `${proof} · ${firm.hold.kind} · ${holdsWords(firm.holds)}`;
  }
  if (firm?.why) return firm.why;
  if (!states.length) return "no strategy that you may see";
  if (firm?.holds) {
    const on = all.filter((one) => one.holds?.length).length;
    return `${holdsWords(firm.holds)} open on ${on} of ${all.length} strategies`;
  }
  const active = states.filter((state) => state === "ACTIVE").length;
  const words = `${active} of ${states.length} strategies active`;
  return active === states.length ? words : `${words}, ${states.length - active} unknown`;
}

function wasWords(firm, at) {
  return `was ${firm?.state ?? "UNKNOWN"}${firm?.holds ? `, ${holdsWords(firm.holds)},` : ""} at ${clock(at)}`;
}

function drawState(live) {
  const dead = live.standing() === "dead";
  const states = frame ? frame.strategies.map((one) => one.state) : [];
  const known = frame?.firm?.state ?? "UNKNOWN";
  const state = dead ? "UNKNOWN" : known;
  if (!frame && !dead) return; // the server's picture stands until the first frame
  attribute(band, "data-state", state);
  glyph(parts.glyph, state);
  put(parts.word, state);
  if (frame) put(parts.sub, dead ? wasWords(frame.firm, frame.at) : subWords(frame.strategies, frame.firm));
  document.title = [environment, state, ...titleRest].join(" · ");
  const drawn = dead ? [...line.children].map(() => "UNKNOWN") : states;
  if (!dead && line.children.length !== states.length) {
    line.replaceChildren(...states.map(() => document.createElement("i")));
  }
  [...line.children].forEach((segment, n) => {
    const one = frame?.strategies[n];
    attribute(segment, "data-state", drawn[n]);
    segment.toggleAttribute("data-own", Boolean(one?.own));
    segment.toggleAttribute("data-quiet", WITHOUT_ORDERS.has(one?.stage?.rung));
  });
  attribute(line, "data-firm", state);
  attribute(line, "aria-label", countsWords(drawn));
}

const deadMan = Object.fromEntries(
  [...document.querySelectorAll("[data-dead-man]")].map((node) => [node.dataset.deadMan, node]),
);
const deadManBanner = document.getElementById("dead-man");

// The switch in words, by the server's clock: figure, unit, sub, and the banner's head and text.
export function deadManWords(one, nowMs) {
  if (!one) return ["–", "", "not read", "", ""];
  const at = moment(one.confirmed_at);
  const last = at === null ? "nobody yet" : `${nameOf(one.confirmed_by)}, ${clock(at)}`;
  if (one.state === "off") return ["off", "", `last ${last}`, "", ""];
  const until = moment(one.expires_at);
  if (until === null) {
    const text = "Nobody has confirmed yet that somebody watches this desk.";
    return ["–", "", "nobody has confirmed", "Dead man’s switch is not armed.", text];
  }
  const left = Math.max(0, Math.floor((until - nowMs) / 1000));
  const figure = countdown(left);
  if (!left) {
    const text = `The firm is held. Last confirmed by ${last}. Confirming lifts nothing.`;
    return [figure, "left", `last ${last}`, "Dead man’s switch has run out.", text];
  }
  const warns = moment(one.warns_at);
  if (warns === null || nowMs < warns) return [figure, "left", `last ${last}`, "", ""];
  const text = `Then the firm is held. Last confirmed by ${last}.`;
  return [figure, "left", `last ${last}`, `Dead man’s switch: ${figure} left.`, text];
}

const glassBanner = document.getElementById("glass");
const glassText = glassBanner?.querySelector("[data-glass]");

// What one person did alone and another must review.
export function glassWords(broken) {
  return broken
    .map((one) => {
      const key = one.scope.slice(one.scope.indexOf(":") + 1);
      const [at, until] = [clock(moment(one.used_at)), clock(moment(one.until))];
      return `${nameOf(one.by)} lifted the kill on ${key} alone at ${at}: it returns at ${until} unless another person keeps it lifted.`;
    })
    .join(" ");
}

function drawGlass() {
  if (!frame || !glassBanner) return;
  const text = glassWords(frame.glass ?? []);
  put(glassText, text);
  glassBanner.hidden = !text;
}

const WAITING_MS = 30_000;
const navCount = document.querySelector("[data-waiting]");
let waitingMark = null;
let waitingAt = 0;

// How many requests this person may decide: the server knows, the frame says when to ask it.
async function askWaiting() {
  const mark = frame?.waiting_mark ?? null;
  if (mark === waitingMark && Date.now() - waitingAt < WAITING_MS) return;
  waitingMark = mark;
  waitingAt = Date.now();
  try {
    const answer = await fetch(parts.waiting.dataset.from, { redirect: "manual", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) return;
    const { waiting } = await answer.json();
    put(parts.waiting, String(waiting));
    put(navCount, String(waiting));
    navCount.hidden = !waiting;
  } catch {
    // asked again; the band tells a lost connection
  }
}

function drawDeadMan(live) {
  if (!frame) return;
  const [figure, unit, sub, head, text] = deadManWords(frame.dead_man, live.clock.now());
  for (const [name, said] of Object.entries({ figure, unit, sub, head, text })) {
    if (deadMan[name]) put(deadMan[name], said);
  }
  deadManBanner.hidden = !head;
}

function drawData(live) {
  if (!frame) return;
  const past = live.age();
  const ages = frame.strategies.map((one) => one.data_age_ms);
  const known = ages.filter((ms) => ms !== null);
  const worse = frame.strategies.filter((one) => one.data !== "fresh").length;
  const oldest = known.length < ages.length || !ages.length ? null : Math.max(...known) + past;
  const status = live.standing() === "dead" ? "stale" : worse ? "late" : "fresh";
  aged(parts["data-age"], age(oldest), status);
  put(parts["data-sub"], worse ? `${worse} not fresh` : "oldest price");
}

function connWords(live) {
  const past = live.age();
  const last = live.asOf === null ? "no frame yet" : `last ${clock(live.asOf)}`;
  switch (live.standing()) {
    case "live":
      return ["live", "Live", `frame ${Math.round(past / 10) * 10} ms old`];
    case "late":
      return ["late", `Late ${age(past)}`, last];
    case "try":
      return ["try", live.seq === null ? "Connecting" : "Reconnecting", `try ${live.attempt}`];
    default:
      return ["dead", past === Infinity ? "Dead" : `Dead ${age(past, true)}`, last];
  }
}

function drawConnection(live) {
  const standing = live.standing();
  const [icon, word, sub] = connWords(live);
  for (const node of [band, main, parts.conn]) attribute(node, "data-conn", standing);
  glyph(parts["conn-glyph"], icon);
  put(parts["conn-word"], word);
  put(parts["conn-sub"], sub);
  put(parts["frame-seq"], `frame ${live.seq === null ? UNKNOWN : live.seq.toLocaleString("en")}`);
  put(parts["frame-rate"], `${live.rate().toFixed(0)} Hz`);
  const skew = live.clock.skew();
  if (skew !== null) {
    const sign = skew < 0 ? "−" : "+";
    put(parts.skew, `clock skew ${sign}${Math.abs(Math.round(skew))} ms`);
  }
}

// Head and text of the banner; null when the page is to be believed.
export function bannerWords(live) {
  if (live.phase === "ended") {
    return ["Signed out.", "This session has ended. Nothing on this page is live.", "Sign in"];
  }
  if (live.standing() !== "dead") return null;
  const past = live.age();
  const since = past === Infinity ? "" : ` ${age(past, true)} ago`;
  if (live.phase !== "open") {
    const left = Math.max(0, Math.ceil((live.nextAt - performance.now()) / 1000));
    const next = live.phase === "waiting" ? `Next try in ${left} s, attempt ${live.attempt + 1}.` : `Trying, attempt ${live.attempt}.`;
    const text = `Nothing on this page is live. ${next} Strategies and their brakes run on without this page; Stop still sends.`;
    return [`Connection lost${since}.`, text, "Try now"];
  }
  const why =
    live.source === "up"
      ? "This page is connected, but nothing is published: the portfolio process or Redis stands still."
      : "This page is connected, but Redis, through which live values come, does not answer.";
  const head = past === Infinity ? "No frame yet." : `No frame for ${age(past, true)}.`;
  return [head, `${why} Nothing on this page is live. It goes on by itself.`, ""];
}

function drawBanner(live) {
  const words = bannerWords(live);
  banner.hidden = words === null;
  const [head, text, action] = words ?? ["", "", ""];
  put(bannerParts.head, head);
  put(bannerParts.text, text);
  put(bannerParts.again, action);
  bannerParts.again.hidden = !action;
  bannerParts.ways.hidden = !words;
  const news = words ? head.replace(/ \d.*/, ".") : told ? "Live again." : "";
  if (news !== told) {
    put(announce, news);
    told = words ? news : "";
  }
}

// The feed's clock, carried on while it runs at the pace of time.
function feedNow(live) {
  const at = moment(frame.feed.clock);
  return at !== null && frame.feed.speed === "1" && frame.feed.state === "running" ? at + live.age() : at;
}

function tick(live) {
  const now = live.clock.now();
  settle();
  put(parts.clock, clock(now));
  put(parts.date, [day(now), deskTime(now)].filter(Boolean).join(" · "));
  drawSessions(frame ? feedNow(live) : null);
  drawConnection(live);
  drawState(live);
  drawData(live);
  drawDeadMan(live);
  drawGlass();
  drawBanner(live);
}

// A session that ended: the server sends a signed-out person to sign-in by itself. Once, so that
// a page that cannot agree with its server does not turn in circles.
function leave() {
  const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
  if (Date.now() - last < 15_000) return;
  sessionStorage.setItem(RELOADED, String(Date.now()));
  location.reload();
}

// Start drawing from `live`, with every frame and, between frames, four times a second; `each` is
// called four times a second as well.
export function drawBand(live, each) {
  let drawnAt = 0;
  let eachAt = 0;
  const draw = () => {
    drawnAt = performance.now();
    tick(live);
    if (drawnAt - eachAt < TICK_MS) return;
    eachAt = drawnAt;
    each();
  };
  const soon = oncePerPicture(draw);
  equip(live);
  live.addEventListener("desk", ({ detail }) => {
    frame = detail;
    put(parts["feed-clock"], clock(moment(frame.feed.clock)));
    put(parts["feed-sub"], feedWords(frame.feed, live.clock.now()));
    put(parts["feed-spec"], frame.feed.spec || UNKNOWN);
    soon();
    askWaiting();
  });
  live.addEventListener("change", soon);
  live.addEventListener("ended", () => {
    tick(live);
    leave();
  });
  bannerParts.again.addEventListener("click", () => {
    if (live.phase === "ended") location.reload();
    else live.tryNow();
  });
  setInterval(() => performance.now() - drawnAt >= TICK_MS && soon(), TICK_MS);
  draw();
}

export function firstAsOf() {
  return moment(band.dataset.asOf || null);
}
