// Ctrl K: find or do. Strategies, pages, holds, people as permitted, and what can be stopped.

import { showKeys } from "./keys.js";
import { openStop } from "./stop.js";
import { mayPlace, nameOf, names, viewer } from "./viewer.js";
import { scopeWords } from "./words.js";

const SHOWN = 12;
const dialog = document.getElementById("palette");
const field = dialog.querySelector("input");
const list = dialog.querySelector("[role=listbox]");
const status = dialog.querySelector("[role=status]");
let lines = [];
let found = [];
let at = 0;

const to = (href) => () => location.assign(href);
const press = (selector) => () => document.querySelector(selector)?.click();
const item = (kind, text, run, more = "") => ({ kind, text, run, more, said: `${kind} ${text} ${more}`.toLowerCase() });

function pages(within) {
  return [...document.querySelectorAll(`${within} [data-go-page]`)].map((link) =>
    item("page", link.dataset.goPage, to(link.href), link.dataset.go ? `g ${link.dataset.go}` : ""),
  );
}

function strategies() {
  const keys = [...document.querySelectorAll("#stop-form [name=strategy] option")].map((one) => one.value);
  return keys.flatMap((key) => {
    const line = lines.find((one) => one.key === key);
    const scope = `strategy:${key}`;
    const found = [item("strategy", key, to(`/strategies/${encodeURIComponent(key)}`), line?.state ?? "")];
    if (mayPlace("pause", scope)) found.push(item("stop", `Pause ${key}…`, () => openStop({ strategy: key, what: "pause" })));
    if (mayPlace("kill", scope)) found.push(item("stop", `Kill ${key}…`, () => openStop({ strategy: key, what: "kill" })));
    return found;
  });
}

function stops() {
  const all = [item("stop", "Stop…", () => openStop(), "Ctrl .")];
  if (mayPlace("kill", "firm")) all.push(item("stop", "Kill firm…", () => openStop({ scope: "firm", what: "kill" })));
  if (mayPlace("pause", "firm")) all.push(item("stop", "Pause firm…", () => openStop({ scope: "firm", what: "pause" })));
  return all;
}

function holds() {
  const known = new Map(lines.flatMap((line) => line.holds ?? []).map((one) => [one.id, one]));
  return [...known.values()].map((one) =>
    item("hold", `${scopeWords(one.scope)}: ${one.kind}`, to(`/holds/${one.id}`), `${one.reason} · ${nameOf(one.by)}`),
  );
}

function people() {
  if (!viewer.people) return [];
  return Object.entries(names).map(([user, name]) => item("person", name, to(`/people/${user}`), user));
}

function doings() {
  return [
    item("do", "Change theme", press("[data-theme-toggle]"), "dark, light"),
    item("do", "Change density", press("[data-density-toggle]"), "dense, comfortable"),
    item("do", "Sound of alarms…", press("[data-sound-open]"), "on, off, test, mute"),
    item("do", "All keys…", showKeys, "?"),
    item("do", "Sign out", press("[data-sign-out]")),
  ];
}

// All words must be in it; what begins with the query comes first.
export function matching(items, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const fit = items.filter((one) => words.every((word) => one.said.includes(word)));
  const first = (one) => (one.text.toLowerCase().startsWith(words.join(" ")) ? 0 : 1);
  return words.length ? fit.sort((a, b) => first(a) - first(b)) : fit;
}

let items = [];

function draw() {
  found = matching(items, field.value).slice(0, SHOWN);
  at = Math.max(0, Math.min(at, found.length - 1));
  list.replaceChildren(...found.map(option));
  field.setAttribute("aria-activedescendant", found.length ? `palette-${at}` : "");
  list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  status.textContent = found.length ? "" : "Nothing here is called that.";
}

function option(one, n) {
  const row = document.createElement("li");
  row.id = `palette-${n}`;
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", String(n === at));
  for (const [tag, text] of [["small", one.kind], ["b", one.text], ["span", one.more]]) {
    const node = document.createElement(tag);
    node.textContent = text;
    row.append(node);
  }
  row.addEventListener("click", () => run(one));
  return row;
}

function run(one) {
  dialog.close();
  one.run();
}

export function openPalette() {
  if (dialog.open || document.querySelector("dialog[open]")) return;
  items = [
    ...pages(".nav"), ...strategies(), ...stops(), ...holds(), ...people(), ...doings(), ...pages("#palette-pages"),
  ];
  field.value = "";
  at = 0;
  draw();
  dialog.showModal();
  field.focus();
}

export function paletteOf(live) {
  live.addEventListener("desk", ({ detail }) => {
    lines = detail.strategies;
  });
}

field.addEventListener("input", () => {
  at = 0;
  draw();
});
field.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    at = (at + step + found.length) % Math.max(1, found.length);
    draw();
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (found[at]) run(found[at]);
  }
});
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
  }
});
for (const button of document.querySelectorAll("[data-palette-open]")) {
  button.hidden = false;
  button.addEventListener("click", openPalette);
}
