// The page's one socket. Frames come in, nothing goes out. It opens again by itself with back-off
// and jitter, and knows how old what it has is by the server's clock.

const BACK_OFF_MS = [250, 500, 1000, 2000, 4000, 8000];
const SILENT_MS = 4000; // the hub speaks every second; longer silence is a dead line
const OPENING_MS = 5000;
const RATE_MS = 5000;
export const LATE_MS = 1000;
export const DEAD_MS = 3000;
const ENDED = new Set([4401, 4403]);

// The server's time: its last word, carried on by this computer's monotonic clock.
class ServerClock {
  #at = null;
  #mark = 0;

  hear(ms) {
    this.#at = ms;
    this.#mark = performance.now();
  }

  now() {
    return this.#at === null ? Date.now() : this.#at + performance.now() - this.#mark;
  }

  // How far this computer's clock is ahead, ms; null before the server spoke.
  skew() {
    return this.#at === null ? null : Date.now() - this.now();
  }
}

export class Live extends EventTarget {
  constructor(page, firstAsOf) {
    super();
    this.clock = new ServerClock();
    this.asOf = firstAsOf; // ms by the server's clock; null when nothing came yet
    this.seq = null;
    this.source = "unknown";
    this.phase = "opening"; // opening, open, waiting, ended
    this.attempt = 0;
    this.nextAt = 0;
    this.closeCode = null;
    this.page = page;
    this.tries = []; // { n, at, what }: how each attempt of this outage ended
    this.#arrivals = [];
    this.#open();
    setInterval(() => this.#watch(), 500);
    addEventListener("online", () => this.tryNow());
    addEventListener("pagehide", () => this.#socket?.close());
    addEventListener("pageshow", (event) => event.persisted && this.tryNow());
  }

  #socket = null;
  #timer = 0;
  #heardAt = 0;
  #arrivals;
  #begun = performance.now();
  #latest = new Map();

  // Age of the newest frame of the page's topic, ms; Infinity when there is none.
  age() {
    return this.asOf === null ? Infinity : Math.max(0, this.clock.now() - this.asOf);
  }

  // live, late, try, dead: what the connection pill says.
  standing() {
    const age = this.age();
    if (age >= DEAD_MS) return "dead";
    if (this.phase !== "open") return "try";
    return age >= LATE_MS ? "late" : "live";
  }

  // Frames a second over the last five, or since the page began.
  rate() {
    const now = performance.now();
    const over = Math.min(RATE_MS, now - this.#begun);
    while (this.#arrivals.length && this.#arrivals[0] < now - over) this.#arrivals.shift();
    return (this.#arrivals.length * 1000) / Math.max(over, 1000);
  }

  tryNow() {
    if (this.phase === "ended" || this.phase === "open") return;
    clearTimeout(this.#timer);
    this.#drop();
    this.#open();
  }

  #open() {
    this.phase = "opening";
    this.attempt += 1;
    this.#heardAt = performance.now();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/live/${this.page}`);
    this.#socket = socket;
    socket.onmessage = (event) => this.#socket === socket && this.#hear(event.data);
    socket.onclose = (event) => this.#socket === socket && this.#closed(event.code);
    this.#tell();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null; // whatever it still says is not listened to
    socket?.close();
  }

  #closed(code) {
    this.#socket = null;
    this.closeCode = code;
    if (ENDED.has(code)) {
      this.phase = "ended";
      this.dispatchEvent(new Event("ended"));
      return;
    }
    this.#note(code);
    const longest = BACK_OFF_MS[Math.min(this.attempt, BACK_OFF_MS.length) - 1] ?? BACK_OFF_MS[0];
    const wait = longest * (0.5 + Math.random() / 2);
    this.phase = "waiting";
    this.nextAt = performance.now() + wait;
    this.#timer = setTimeout(() => this.#open(), wait);
    this.#tell();
  }

  #note(code) {
    const what = code === 1006 ? "no answer" : `closed by the server, ${code}`;
    this.tries = [...this.tries.slice(-9), { n: Math.max(1, this.attempt), at: this.clock.now(), what }];
  }

  #watch() {
    const silent = performance.now() - this.#heardAt;
    if (this.phase === "open" && silent > SILENT_MS) {
      this.#drop();
      this.attempt = 0;
      this.#closed(1006);
    } else if (this.phase === "opening" && silent > OPENING_MS) {
      this.#drop();
      this.#closed(1006);
    }
  }

  #hear(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // no frame of ours
    }
    this.#heardAt = performance.now();
    if (this.phase !== "open") {
      this.phase = "open";
      this.attempt = 0;
      this.closeCode = null;
      this.tries = [];
    }
    if (message.topic === "hub") {
      this.clock.hear(Date.parse(message.now.replace(/(\.\d{3})\d+/, "$1")));
      this.source = message.source;
      this.#tell();
      return;
    }
    const asOf = Date.parse(message.as_of.replace(/(\.\d{3})\d+/, "$1"));
    if (asOf < (this.#latest.get(message.topic) ?? 0)) return;
    this.#latest.set(message.topic, asOf);
    if (message.topic === this.page) {
      this.asOf = asOf;
      this.seq = message.seq;
      this.#arrivals.push(performance.now());
    }
    this.dispatchEvent(new CustomEvent(message.topic, { detail: { ...message, at: asOf } }));
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
