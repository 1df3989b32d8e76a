// How stops are said. Pure; console/pages/words.py is its twin.

export const GLYPHS = {
  pause: "pause", kill: "kill", breaker: "breaker", "dead-man": "clock", maintenance: "plus",
  regulatory: "kill", "reduce-only": "REDUCE-ONLY", recovery: "plus",
};
const ROLES = {
  trader: "a trader", risk: "risk", sre: "SRE", compliance: "compliance", own: "its trader",
  "stop-token": "a stop token", system: "a trigger",
};
const RUNGS = { stopped: "Stopped", monitor: "Monitor", paper: "Paper", ramp: "Ramp", live: "Live" };
const STATES = ["ACTIVE", "REDUCE-ONLY", "HALTED", "FROZEN", "UNKNOWN"];
export const WITHOUT_ORDERS = new Set(["stopped", "monitor", "paper"]);

const capital = (word) => word[0].toUpperCase() + word.slice(1);

export function scopeWords(scope) {
  const [kind, key] = scope.split(/:(.*)/);
  return scope === "firm" ? "Firm" : `${capital(kind)} ${key}`;
}

export const inheritedWords = (scope, kind) => `by ${scope.split(":")[0]} ${kind}`;

export function rolesWords(roles) {
  const fold = (word) => word.toLowerCase();
  const said = roles.map((one) => ROLES[one] ?? one).sort((a, b) => (fold(a) < fold(b) ? -1 : 1));
  return said.length === 1 ? said[0] : `${said.slice(0, -1).join(", ")} or ${said[said.length - 1]}`;
}

export function rungWords(stage) {
  if (!stage) return "–";
  const word = RUNGS[stage.rung] ?? "–";
  return stage.rung === "ramp" ? `${word} ${Number((stage.factor * 100).toPrecision(3))} %` : word;
}

export function countsWords(states) {
  const parts = STATES.map((state) => [state, states.filter((one) => one === state).length])
    .filter(([, count]) => count)
    .map(([state, count]) => `${count} ${state.toLowerCase()}`);
  return `${states.length} strategies: ${parts.join(", ") || "none"}`;
}

export const holdsWords = (count) => (count === 1 ? "1 hold" : `${count} holds`);

// 1:24:10
export function countdown(seconds) {
  const two = (part) => String(part).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
