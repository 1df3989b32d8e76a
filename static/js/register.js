// The desk's register: the firm's figures above the table.

import { deadManWords } from "./band.js";
import { put, signed } from "./cells.js";
import { drawBar } from "./deskrow.js";
import * as format from "./format.js";

function fillFigure(name, text, unit, sub, tone = "") {
  const box = document.querySelector(`[data-figure="${name}"]`);
  signed(box.querySelector(".figure-value"), text, tone);
  put(box.querySelector("[data-unit]"), unit);
  put(box.querySelector("[data-sub]"), sub);
}

export function fillRegister(frame, live) {
  const sums = frame.totals;
  const money = (name, value, sub) =>
    fillFigure(name, format.number(value, 0, true), "USD", sub, format.tone(value));
  const unmarked = sums.unmarked?.length ? `no price: ${sums.unmarked.join(", ")}` : "";
  const realised = `realised ${format.number(sums.realised, 0, true)}, all days`;
  money("pnl_today", sums.pnl_today, unmarked || realised);
  fillFigure("fees", format.number(sums.fees, 0), "USD", `all days, ${format.count(sums.fills)} fills`);
  const most = frame.gauges?.gross.most ?? null;
  const of = most === null ? ordersWords(sums.orders_open) : `of ${format.compact(most).join(" ")}`;
  fillFigure("gross", ...format.compact(sums.gross), of);
  gauge("gross", share(sums.gross, most));
  fillFigure("net", ...format.compact(sums.net, true), ordersWords(sums.orders_open));
  fillGauge("drawdown", frame.gauges?.drawdown, 2);
  fillGauge("margin", frame.gauges?.margin, 0);
  fillMoving(frame, live);
}

// What moves between frames as well: ages, and the switch.
export function fillMoving(frame, live) {
  fillMarks(frame, live);
  fillDeadMan(frame, live);
}

const share = (value, most) => (value === null || !Number(most) ? null : String(Number(value) / Number(most)));

function gauge(name, part) {
  const bar = document.querySelector(`[data-figure="${name}"] .bar`);
  if (bar) drawBar(bar, part);
}

function fillGauge(name, said, places) {
  const { value, most } = said ?? { value: null, most: null };
  const text = format.number(value, places);
  const sign = name === "drawdown" && Number(value) > 0 ? "−" : "";
  fillFigure(name, `${sign}${text}`, "%", most === null ? "not told" : `of ${format.exact(most)} %`);
  gauge(name, share(value, most));
}

function fillDeadMan(frame, live) {
  const [figure, unit, sub] = deadManWords(frame.dead_man, live.clock.now());
  const box = document.querySelector('[data-figure="dead_man"]');
  put(box.querySelector(".v"), figure);
  put(box.querySelector("[data-unit]"), unit);
  put(box.querySelector("[data-sub]"), sub);
}

const ordersWords = (open) => (open === 1 ? "1 order open" : `${format.count(open)} orders open`);

function fillMarks(frame, live) {
  const value = frame.totals.unrealised;
  const old = `marks ${format.age(live.age())} old`;
  fillFigure("unrealised", format.number(value, 0, true), "USD", old, format.tone(value));
  const feed = frame.feed;
  const tick = feed.age_ms === null ? null : feed.age_ms + live.age();
  const [amount, unit] = format.age(tick).split(/ (.*)/);
  const box = document.querySelector('[data-figure="feed"]');
  put(box.querySelector(".v"), amount);
  put(box.querySelector("[data-unit]"), unit ? `${unit} old` : "");
  const pace = { "": "", 1: "", max: " at full speed" }[feed.speed] ?? ` × ${feed.speed}`;
  put(box.querySelector("[data-sub]"), `${feed.state}${feed.state === "running" ? pace : ""}`);
}
