// Writing into the page: only what changed, in place, underlined for a moment.

const FLASH_MS = 600;
const AGAIN_MS = 2400; // a figure that always moves is not always underlined
const flashed = new WeakMap();
const lit = new Map(); // cells underlined now, and until when

function flash(node) {
  const now = performance.now();
  if (now - (flashed.get(node) ?? -AGAIN_MS) < AGAIN_MS) return;
  flashed.set(node, now);
  lit.set(node, now + FLASH_MS);
  node.dataset.changed = "";
}

// Ends the underlines whose moment is over: with each drawing of the band, not by a timer for each
// cell, since every one would be a picture of its own.
export function settle() {
  const now = performance.now();
  for (const [node, until] of lit) {
    if (now < until) continue;
    delete node.dataset.changed;
    lit.delete(node);
  }
}

// Text alone, without a flash: clocks, ages, words.
export function put(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

// A figure: underlined when it changed from something known.
export function figure(node, text) {
  if (!node || node.textContent === text) return;
  const before = node.textContent;
  node.textContent = text;
  if (before !== "–" && before !== "") flash(node);
}

export function toned(node, tone) {
  node.classList.toggle("rise", tone === "rise");
  node.classList.toggle("fall", tone === "fall");
}

// A figure with sign and, where the cell has one, an arrow.
export function signed(cell, text, tone) {
  toned(cell, tone);
  const arrow = cell.querySelector("use");
  if (arrow) glyph(arrow, { rise: "up", fall: "down" }[tone] ?? "none");
  figure(cell.querySelector(".v") ?? cell, text);
}

export function glyph(use, name) {
  const href = `#g-${name}`;
  if (use && use.getAttribute("href") !== href) use.setAttribute("href", href);
}

export function attribute(node, name, value) {
  if (node && node.getAttribute(name) !== value) node.setAttribute(name, value);
}

// An age: bare when fresh, a pill when late, hatched when stale.
export function aged(node, text, status) {
  put(node, text);
  attribute(node, "data-age", status);
}

// Rows of `tbody` for `items`, by key and in their order; `make` builds one, `fill` writes it.
export function rows(tbody, items, key, make, fill) {
  const known = new Map([...tbody.rows].filter((r) => r.dataset.key).map((r) => [r.dataset.key, r]));
  const none = tbody.querySelector(".none");
  if (none && items.length) none.remove();
  let after = null;
  for (const item of items) {
    const name = key(item);
    let row = known.get(name);
    if (!row) {
      row = make(item);
      row.dataset.key = name;
    }
    known.delete(name);
    if (row.previousElementSibling !== after || row.parentNode !== tbody) {
      tbody.insertBefore(row, after ? after.nextElementSibling : tbody.firstElementChild);
    }
    fill(row, item);
    after = row;
  }
  for (const row of known.values()) row.remove();
}
