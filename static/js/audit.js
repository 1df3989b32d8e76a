// The record's page: its newest entries go on appearing, and keys lead through the list.

import "./page.js";
import "./exporting.js";

const EVERY_MS = 2000;
const tail = document.getElementById("tail");
const list = document.getElementById("list");

if (tail && list) follow();

function follow() {
  const word = document.getElementById("tail-word");
  const pause = document.getElementById("tail-pause");
  let paused = false;
  let read = true; // whether the last look was answered
  let waits = false; // newer entries, for who reads to look up
  tail.hidden = false;

  function say() {
    const said = paused ? "Paused" : !read ? "Not answered, asking again" : waits ? "Newer wait while you read" : "Live";
    if (word.textContent !== said) word.textContent = said;
  }

  async function look() {
    if (!document.hidden && !paused) {
      try {
        const answer = await fetch(tail.dataset.from, { redirect: "manual", signal: AbortSignal.timeout(5000) });
        read = answer.ok;
        if (answer.ok && !paused) waits = take(await answer.text());
      } catch {
        read = false;
      }
      say();
    }
    setTimeout(look, EVERY_MS);
  }

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    say();
  });
  setTimeout(look, EVERY_MS);
}

// Whether there is more than is shown: nothing is pulled from under a focus or a pointer, nor from
// who has scrolled down to read.
function take(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").querySelector(".entries");
  const shown = list.firstElementChild;
  if (!fresh) return false;
  if (ids(fresh) === ids(shown)) {
    placed(fresh, shown);
    return stands(fresh);
  }
  if (reading()) return true;
  const open = shown.querySelector("a[aria-current]")?.closest("[data-entry]").dataset.entry;
  if (open) fresh.querySelector(`[data-entry="${open}"] a`)?.setAttribute("aria-current", "true");
  list.replaceChildren(fresh);
  return stands(fresh);
}

// Entries that were shown before they had their place in the record have it a moment later.
function placed(fresh, shown) {
  const before = shown.querySelectorAll(".entry-kind");
  fresh.querySelectorAll(".entry-kind").forEach((one, n) => {
    if (before[n].textContent !== one.textContent) before[n].replaceWith(one);
  });
}

// What is shown is all there was just now.
function stands(fresh) {
  document.getElementById("as-of").textContent = fresh.dataset.asOf;
  return false;
}

function ids(entries) {
  return [...entries.querySelectorAll("[data-entry]")].map((one) => one.dataset.entry).join();
}

function reading() {
  return list.contains(document.activeElement) || list.matches(":hover") || scrollY > 200;
}

// An entry opens beside the list: the list stays where it was.
const SCROLLED = "audit-scrolled";

document.querySelector(".audit-main").addEventListener("click", (event) => {
  if (event.target.closest(".entry a")) sessionStorage.setItem(SCROLLED, scrollY);
});
const scrolled = sessionStorage.getItem(SCROLLED);
sessionStorage.removeItem(SCROLLED);
if (scrolled && document.querySelector(".audit-open") && matchMedia("(min-width: 1101px)").matches) scrollTo(0, Number(scrolled));

addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("q").focus();
  }
  if (event.key === "x") document.querySelector("#export a")?.focus();
  if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
});

function step(by) {
  const links = [...document.querySelectorAll(".entry a")];
  const here = links.indexOf(document.activeElement);
  const from = here < 0 ? links.findIndex((one) => one.hasAttribute("aria-current")) : here;
  const next = links[Math.min(links.length - 1, Math.max(0, from < 0 ? 0 : from + by))];
  next?.focus();
}
