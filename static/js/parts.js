// Parts of a page that the server says: asked for again while the page is seen, and put in place
// where they differ. Nothing is pulled from under a focus, and what scrolls stays where it was.

const ANSWER_MS = 3000;

export class Parts {
  // `from`: an address that answers with the parts; `read(document)`: what is done with them.
  constructor(from, everyMs, read) {
    this.from = from;
    this.everyMs = everyMs;
    this.read = read;
    this.#timer = setTimeout(() => this.#look(), everyMs);
  }

  #timer;
  #asking = false;

  // Now rather than at the next turn.
  soon() {
    if (this.#asking) return;
    clearTimeout(this.#timer);
    this.#look();
  }

  async #look() {
    this.#asking = true;
    if (!document.hidden) {
      try {
        const answer = await fetch(this.from, { redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) });
        if (answer.ok) this.read(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch {
        // asked again; the band tells a lost connection
      }
    }
    this.#asking = false;
    this.#timer = setTimeout(() => this.#look(), this.everyMs);
  }
}

// `fresh` instead of `old`, whatever of it is open or scrolled staying so. Whether it was put.
export function replaced(old, fresh) {
  if (!old || !fresh) return false;
  const open = [...old.querySelectorAll("details")].map((one) => one.open);
  fresh.querySelectorAll("details").forEach((one, n) => (one.open = Boolean(open[n])));
  if (fresh.innerHTML === old.innerHTML || old.contains(document.activeElement)) return false;
  const boxes = (node) => [node, ...node.querySelectorAll(".scroll")];
  const from = boxes(old).map((one) => one.scrollLeft);
  old.replaceWith(fresh);
  boxes(fresh).forEach((one, n) => (one.scrollLeft = from[n] ?? 0));
  return true;
}
