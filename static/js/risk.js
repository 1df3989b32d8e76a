// The risk page: triggers, exposure and limits are read again every second.

import "./page.js";
import { Parts, replaced } from "./parts.js";

const EVERY_MS = 1000;

for (const [at, ...names] of [["triggers-at", "triggers"], ["exposure-at", "exposure", "heat"]]) {
  new Parts(document.getElementById(at).dataset.from, EVERY_MS, (answer) => {
    for (const name of names) replaced(document.getElementById(name), answer.getElementById(name));
  });
}
