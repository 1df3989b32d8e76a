// The stop on every page: Ctrl . from anywhere, scope first, 0.8 s, then the live receipt.

import { holdable } from "./holding.js";
import { place, SignedOut } from "./placing.js";
import { follow } from "./receipt.js";

const dialog = document.getElementById("stop-dialog");
const form = document.getElementById("stop-form");
const at = (name) => document.getElementById(`stop-${name}`);
const [choose, preview, receipt, say, foot, done] = ["choose", "preview", "receipt", "say", "foot", "done"].map(at);
const [hold, cancel, confirmed, opener] = ["hold", "cancel", "confirm", "open"].map(at);
const VERBS = { pause: "pause", kill: "kill", "reduce-only": "set reduce-only on", freeze: "freeze" };
const SCOPE_KEYS = { 1: "strategy", 2: "venue", 3: "firm" };
const WHAT_KEYS = { p: "pause", k: "kill", r: "reduce-only", f: "freeze" };
const OTHER_WAYS = "Another way, on the desk’s host: haltline kill --scope firm.";
const PREVIEW_MS = 150;

let unfollow = () => {};
let timer = 0;
let asked = 0;
let rowKey = () => ""; // the row one is on, on pages that have rows

const field = (name) => form.elements[name];
const chosen = (name) => form.querySelector(`[name="${name}"]:checked`)?.value;

function tell(text, no = false) {
  say.textContent = text;
  say.dataset.say = no ? "no" : "yes";
}

function scopeText() {
  const kind = chosen("scope");
  if (kind === "strategy") return `strategy:${field("strategy").value}`;
  return kind === "venue" ? `venue:${field("account").value}` : "firm";
}

function draw() {
  const name = scopeText().replace(/^[a-z]+:/, "");
  const flatten = field("flatten")?.checked && chosen("what") === "kill";
  const verb = flatten ? "kill and flatten" : VERBS[chosen("what")];
  hold.querySelector(".hold-label").textContent = `Hold to ${verb} ${name}`;
  confirmed.hidden = true;
  clearTimeout(timer);
  timer = setTimeout(readPreview, PREVIEW_MS);
}

async function readPreview() {
  const query = new URLSearchParams({ scope: scopeText(), what: chosen("what") });
  const number = (asked += 1);
  try {
    const answer = await fetch(`${dialog.dataset.preview}?${query}`, { redirect: "manual", signal: AbortSignal.timeout(3000) });
    if (number !== asked) return;
    if (!answer.ok) throw new Error(String(answer.status));
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    preview.replaceChildren(...part.body.childNodes);
  } catch {
    if (number !== asked) return;
    const note = document.createElement("p");
    note.className = "aside";
    note.textContent = "What this would do cannot be read now. Stopping does not wait for it.";
    preview.replaceChildren(note);
  }
}

function select(name, value) {
  const box = form.querySelector(`[name="${name}"][value="${value}"]`);
  if (box) box.checked = true;
}

// Open it, on a strategy or as it stands; `what` is pause, kill, reduce-only or freeze.
export function openStop({ strategy = "", scope = "", what = "kill", flatten = false } = {}) {
  if (dialog.open) return;
  unfollow();
  const key = strategy || rowKey();
  if (key) field("strategy").value = key;
  const note = form.querySelector('[data-scope-note="strategy"]');
  note.textContent = key && !strategy ? "the row you were on" : "this one alone";
  if (strategy) select("scope", "strategy");
  else if (scope) select("scope", scope);
  select("what", what);
  if (field("flatten")) field("flatten").checked = flatten;
  back();
  dialog.showModal();
  cancel.focus(); // the least harmful
  draw();
}

function back() {
  unfollow();
  holding.rest();
  tell("");
  choose.hidden = foot.hidden = false;
  receipt.hidden = done.hidden = true;
  confirmed.hidden = true;
}

function show(part) {
  receipt.replaceChildren(part);
  choose.hidden = foot.hidden = true;
  receipt.hidden = done.hidden = false;
}

async function send() {
  hold.querySelector(".hold-note").textContent = "sent, waits for the receipt";
  tell("Sent. Waiting for the receipt.");
  const fields = { scope: scopeText(), what: chosen("what"), reason: field("reason").value };
  if (field("protective_too").checked) fields.protective_too = "1";
  if (field("flatten")?.checked) fields.flatten = "1";
  try {
    const answer = await place(fields, (n) => {
      const ways = n > 5 ? ` ${OTHER_WAYS}` : "";
      tell(`No answer yet, sent again (${n + 1}). The same stop: it is placed once.${ways}`);
    });
    answered(answer);
  } catch (error) {
    const text = error instanceof SignedOut
      ? "Not sent: this session has ended. Sign in, or use another way."
      : `No answer from the server in a minute. Hold again. ${OTHER_WAYS}`;
    holding.rest();
    tell(text, true);
  }
  hold.querySelector(".hold-note").textContent = "hold 0.8 s, or Space then Confirm";
}

// What a stop was answered with, shown in the dialog (also used by buttons in rows).
export function answered({ status, part, hold: id }) {
  if (!part) {
    holding.rest();
    tell(`The server failed to answer (${status}). ${OTHER_WAYS}`, true);
    return;
  }
  if (!dialog.open) dialog.showModal();
  show(part);
  holding.rest();
  if (!id) {
    tell(`Not sent. ${part.querySelector("p")?.textContent ?? ""}`, true);
    at("open-receipt").hidden = true;
    at("another").focus();
    return;
  }
  at("open-receipt").hidden = false;
  at("open-receipt").href = `/holds/${id}`;
  tell(part.dataset.headline);
  at("close").focus();
  const flatten = part.dataset.flatten === "yes" ? "?flatten=1" : "";
  unfollow = follow(receipt, `/holds/${id}/receipt${flatten}`, (fresh) => tell(fresh.dataset.headline));
}

const holding = holdable(hold, {
  send,
  say: (text) => tell(text, true),
  confirm: () => {
    confirmed.hidden = false;
    confirmed.focus();
    tell("Not sent yet. Confirm sends it.", true);
  },
});

export function rowsWith(key) {
  rowKey = key;
}

opener.addEventListener("click", (event) => {
  event.preventDefault();
  openStop(opener.dataset.strategy ? { strategy: opener.dataset.strategy } : {});
});
opener.setAttribute("role", "button");
opener.addEventListener("keydown", (event) => event.key === " " && opener.click());
cancel.addEventListener("click", () => dialog.close());
at("close").addEventListener("click", () => dialog.close());
at("another").addEventListener("click", () => {
  back();
  cancel.focus();
  draw();
});
confirmed.addEventListener("click", () => {
  confirmed.hidden = true;
  hold.focus();
  hold.dataset.hold = "sent";
  send();
});
dialog.addEventListener("close", () => {
  unfollow();
  holding.rest();
  form.reset();
});
form.addEventListener("submit", (event) => event.preventDefault()); // Enter in a field is no stop
form.addEventListener("change", draw);
for (const name of ["strategy", "account"]) {
  field(name).addEventListener("change", () => select("scope", name === "account" ? "venue" : name));
}

// Ctrl . also from fields and from within other dialogs.
addEventListener(
  "keydown",
  (event) => {
    if (event.ctrlKey && event.key === ".") {
      event.preventDefault();
      event.stopPropagation();
      openStop();
    }
  },
  true,
);
dialog.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input[type=text], select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || choose.hidden) return;
  const scope = SCOPE_KEYS[event.key];
  const what = WHAT_KEYS[event.key.toLowerCase()];
  if (!scope && !what) return;
  event.preventDefault();
  if (scope) select("scope", scope);
  else select("what", what);
  draw();
});
