// Exports: taken by the page itself, which says how far they are and can break off. Without script
// the same links are downloads.

const SAY_MS = 200;
const TAIL = 64; // longer than what begins an entry
const BEGINS = { jsonl: /\n\{"index":(\d+),/g, csv: /\n(\d+),\d{4}-\d\d-\d\dT/g };

const box = document.getElementById("export");
if (box) for (const link of box.querySelectorAll("a")) link.addEventListener("click", taken);

let running = null;

async function taken(event) {
  event.preventDefault();
  if (running) return;
  const link = event.currentTarget;
  running = new AbortController();
  const cancel = document.getElementById("export-cancel");
  cancel.onclick = () => running.abort();
  cancel.hidden = false;
  const counted = new Counted(link.dataset.form);
  try {
    say(link.dataset.form === "pdf" ? "Setting pages" : "Asked");
    const answer = await fetch(link.href, { redirect: "manual", signal: running.signal });
    if (!answer.ok) return say(`Not exported. ${await why(answer)}`);
    save(await read(answer, counted), link.download);
    say(`Exported: ${counted.words(link.dataset.form)}`);
  } catch (error) {
    const how = error.name === "AbortError" ? "Cancelled" : "Broken off";
    say(`${how}${counted.entries ? ` after ${counted.entries.toLocaleString("en")} entries` : ""}: nothing is kept`);
  } finally {
    running = null;
    cancel.hidden = true;
  }
}

function say(text) {
  document.getElementById("export-said").textContent = text;
}

async function why(answer) {
  if (!answer.headers.get("Content-Type")?.includes("json")) return "Sign in again.";
  const said = await answer.json();
  return said.detail ?? said.title;
}

async function read(answer, counted) {
  const of = answer.headers.get("Haltline-Entries");
  const size = Number(answer.headers.get("Haltline-Tree-Size"));
  const reader = answer.body.getReader();
  let whole = new Blob([], { type: answer.headers.get("Content-Type") });
  let parts = [];
  let said = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (value) {
      parts.push(value);
      counted.take(value);
    }
    if (parts.length > 64 || done) {
      whole = new Blob([whole, ...parts], { type: whole.type });
      parts = [];
    }
    if (done) return whole;
    if (performance.now() - said < SAY_MS) continue;
    said = performance.now();
    say(counted.progress(of === null ? null : Number(of), size));
  }
}

class Counted {
  entries = 0;
  bytes = 0;
  last = 0; // index of the newest entry that came
  #tail = "";
  #begins;
  #decoder = new TextDecoder();

  constructor(form) {
    this.#begins = BEGINS[form];
  }

  take(bytes) {
    this.bytes += bytes.length;
    if (!this.#begins) return;
    const kept = this.#tail.length;
    const text = this.#tail + this.#decoder.decode(bytes, { stream: true });
    for (const found of text.matchAll(this.#begins)) {
      if (found.index + found[0].length <= kept) continue; // counted when it came
      this.entries += 1;
      this.last = Number(found[1]);
    }
    this.#tail = text.slice(-TAIL);
  }

  progress(of, size) {
    const so = this.entries.toLocaleString("en");
    if (of !== null) return `${so} of ${of.toLocaleString("en")} entries`;
    return `${so} entries, ${Math.floor((100 * this.last) / Math.max(size, 1))} % looked through`;
  }

  words(form) {
    const size = this.bytes < 1e6 ? `${Math.ceil(this.bytes / 1e3)} kB` : `${(this.bytes / 1e6).toFixed(1)} MB`;
    return form === "pdf" ? size : `${this.entries.toLocaleString("en")} ${this.entries === 1 ? "entry" : "entries"}, ${size}`;
  }
}

function save(whole, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(whole);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
