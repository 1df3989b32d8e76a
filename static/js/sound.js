// Sound of critical alarms: off until somebody turns it on, with a test, and a mute that expires.

import { alarmsOf } from "./alarms.js";
import { put } from "./cells.js";
import { bind } from "./keys.js";
import { keep, kept } from "./prefs.js";
import { viewer } from "./viewer.js";

const MUTE_MS = 15 * 60_000;
const AGAIN_MS = 3000;
const TONES = [[880, 0], [660, 0.22], [880, 0.44]]; // Hz, after seconds
const TONE_S = 0.16;
const LOUD = 0.25;
const dialog = document.getElementById("sound-dialog");
const opener = document.querySelector("[data-sound-open]");
const part = (name) => dialog.querySelector(`[data-sound="${name}"]`);
const alert = document.getElementById("alarm");

let context = null;
let before = null;
let dead = false;
let playedAt = -AGAIN_MS;

const on = () => kept("sound", "off") === "on";
const mutedFor = () => Math.max(0, Number(kept("muted-until", "0")) - Date.now());
const waits = () => on() && context?.state !== "running";

// Browsers let a page sound only after somebody has touched it.
async function wake() {
  context ??= new AudioContext();
  if (context.state !== "running") await context.resume();
  draw();
}

function play() {
  if (!context || context.state !== "running") return false;
  for (const [hertz, after] of TONES) {
    const tone = context.createOscillator();
    const gain = context.createGain();
    const start = context.currentTime + after;
    tone.type = "triangle";
    tone.frequency.value = hertz;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(LOUD, start + 0.01);
    gain.gain.linearRampToValueAtTime(0, start + TONE_S);
    tone.connect(gain).connect(context.destination);
    tone.start(start);
    tone.stop(start + TONE_S);
  }
  return true;
}

function alarm(words) {
  put(alert, words.join(" "));
  if (!on() || mutedFor() || performance.now() - playedAt < AGAIN_MS) return;
  playedAt = performance.now();
  play();
}

function mute() {
  if (!on()) return;
  keep("muted-until", String(mutedFor() ? 0 : Date.now() + MUTE_MS));
  draw();
}

function words() {
  if (!on()) return "Sound off";
  if (waits()) return "Sound waits";
  return mutedFor() ? `Muted ${Math.ceil(mutedFor() / 60_000)} m` : "Sound on";
}

const SAID = {
  "Sound off": "No alarm sounds here. What is critical stands in the band all the same.",
  "Sound waits": "This browser lets a page sound only after a click or a key in it.",
  "Sound on": "Three tones for what is critical: a halt that is not yours, a breach, the dead man’s switch, break-glass, a lost connection.",
};

function draw() {
  const said = words();
  put(opener, said);
  part("on").checked = on();
  put(part("says"), SAID[said] ?? `Alarms are silent here for ${Math.ceil(mutedFor() / 60_000)} more minutes, then sound again.`);
  put(part("mute"), mutedFor() ? "End the mute" : "Mute 15 minutes");
  part("mute").disabled = !on();
}

opener.hidden = false;
opener.addEventListener("click", () => {
  draw();
  dialog.showModal();
});
part("on").addEventListener("change", () => {
  keep("sound", part("on").checked ? "on" : "off");
  draw();
  if (on()) wake();
});
part("test").addEventListener("click", async () => {
  await wake();
  put(part("says"), play() ? "Played. Heard nothing? Look at this computer’s volume." : "This browser does not let the page sound.");
});
part("mute").addEventListener("click", mute);
part("close").addEventListener("click", () => dialog.close());
bind("m", mute);
for (const name of ["pointerdown", "keydown"]) {
  addEventListener(name, () => waits() && wake(), { capture: true });
}

export function soundOf(live) {
  draw();
  live.addEventListener("desk", ({ detail }) => {
    const found = alarmsOf(before, detail, viewer?.name);
    before = detail;
    if (found.length) alarm(found);
  });
  setInterval(() => {
    if (mutedFor() || words() !== opener.textContent) draw();
    const now = live.standing() === "dead" && live.phase !== "ended";
    if (now && !dead && before) alarm(["Nothing on this page is live."]);
    dead = now;
  }, 1000);
}
