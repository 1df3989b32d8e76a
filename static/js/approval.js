// A request's page: the time left, by the server's clock.

import { attribute, put } from "./cells.js";
import { moment } from "./format.js";
import { live } from "./page.js";

const left = document.getElementById("left");
const bar = document.querySelector(".decide .bar-fill");

function tick() {
  const [from, until] = [moment(left.dataset.from), moment(left.dataset.until)];
  const seconds = Math.max(0, Math.floor((until - live.clock.now()) / 1000));
  put(left, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
  attribute(bar, "d", `M0 0h${Math.round((100 * seconds * 1000) / (until - from))}v6H0z`);
}

if (left) setInterval(tick, 500);
