// What is shown of the desk's table: filter, order and address. Rows keep their places: an order by
// a figure that moves is taken anew every five seconds, and not under a pointer or a focus.

import { put } from "./cells.js";
import { address, counts, heldFirst, shown, viewOf } from "./deskview.js";
import { viewer } from "./viewer.js";

const ORDER_MS = 5000;
const STILL = new Set(["key", "state", "stage", "hold"]);
const phone = matchMedia("(max-width: 600px)");

export class Chosen {
  #table;
  #redraw;
  #order = new Map();
  #orderedAt = 0;
  #field = document.querySelector("#filter input[type=search]");
  #shows = document.querySelectorAll("#shows a");

  constructor(table, redraw) {
    this.#table = table;
    this.#redraw = redraw;
    this.view = viewOf(location.search);
    document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
    this.#field.addEventListener("input", () => this.set({ q: this.#field.value.trim() }));
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      if (this.#field.value) this.clear();
      else this.#field.blur();
    });
    for (const link of this.#shows) this.#follow(link, () => ({ show: link.dataset.show }));
    for (const link of table.tHead.querySelectorAll("[data-sort]")) {
      this.#follow(link, () => {
        const sort = link.dataset.sort;
        return { sort, down: sort === this.view.sort && !this.view.down };
      });
    }
    phone.addEventListener("change", () => this.set({}));
  }

  #follow(link, changes) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a tab of its own
      event.preventDefault();
      this.set(changes());
    });
  }

  set(changes) {
    this.view = { ...this.view, ...changes };
    history.replaceState(null, "", address(this.view) === "?" ? location.pathname : address(this.view));
    this.#order.clear();
    this.#tell();
    this.#redraw();
  }

  clear() {
    this.#field.value = "";
    this.set({ q: "", show: "all" });
  }

  focus() {
    this.#field.focus();
    this.#field.select();
  }

  // The strategies to show, in the order to show them.
  lines(all) {
    const found = shown(this.view, all, viewer.name);
    const wanted = phone.matches && this.view.sort === "key" ? heldFirst(found) : found;
    const counted = counts(all, viewer.name);
    for (const link of this.#shows) put(link.querySelector("b"), String(counted[link.dataset.show]));
    if (this.#mayMove(wanted)) {
      this.#order = new Map(wanted.map((one, n) => [one.key, n]));
      this.#orderedAt = performance.now();
      return wanted;
    }
    const place = (one) => this.#order.get(one.key) ?? Infinity;
    return [...wanted].sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
  }

  #mayMove(wanted) {
    if (!this.#order.size || (STILL.has(this.view.sort) && !phone.matches)) return true;
    const old = performance.now() - this.#orderedAt > ORDER_MS;
    const body = this.#table.tBodies[0];
    return old && wanted.length > 0 && !body.matches(":hover, :focus-within");
  }

  #tell() {
    for (const link of this.#shows) {
      link.toggleAttribute("aria-current", false);
      if (link.dataset.show === this.view.show) link.setAttribute("aria-current", "true");
      link.href = address({ ...this.view, show: link.dataset.show });
    }
    for (const link of this.#table.tHead.querySelectorAll("[data-sort]")) {
      const mine = link.dataset.sort === this.view.sort;
      const head = link.closest("th");
      if (mine) head.setAttribute("aria-sort", this.view.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      link.href = address({ ...this.view, sort: link.dataset.sort, down: mine && !this.view.down });
    }
  }
}
