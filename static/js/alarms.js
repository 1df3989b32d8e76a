// What is critical in a frame that follows another. Pure. One's own stops are no alarm.

const STOPPED = new Set(["HALTED", "FROZEN"]);
const WORSE = { armed: 0, off: 0, never: 0, warning: 1, expired: 2 };

const criticalOf = (line) =>
  (line.alerts ?? []).filter((one) => one.severity === "critical").map((one) => `${line.key}: alert ${one.name}.`);

// Words of each alarm, the gravest first; none when there is no frame before.
export function alarmsOf(before, after, me) {
  if (!before) return [];
  const found = [];
  if (STOPPED.has(after.firm.state) && !STOPPED.has(before.firm.state) && after.firm.hold?.by !== me) {
    found.push(`Firm is ${after.firm.state}.`);
  }
  const seen = new Set(before.strategies.flatMap((one) => one.holds ?? []).map((hold) => hold.id));
  for (const line of after.strategies) {
    for (const hold of line.holds ?? []) {
      if (hold.own && !seen.has(hold.id) && hold.by !== me) found.push(`${line.key}: ${hold.kind}, ${hold.reason}.`);
    }
  }
  const rang = new Set(before.strategies.flatMap(criticalOf));
  for (const one of after.strategies.flatMap(criticalOf)) {
    if (!rang.has(one)) found.push(one);
  }
  if ((after.triggers?.breach ?? 0) > (before.triggers?.breach ?? 0)) found.push("A trigger is in breach.");
  const worse = (frame) => WORSE[frame.dead_man?.state] ?? 0;
  if (worse(after) > worse(before)) {
    found.push(worse(after) === 2 ? "Dead man’s switch has run out." : "Dead man’s switch runs out soon.");
  }
  if ((after.glass?.length ?? 0) > (before.glass?.length ?? 0)) found.push("Break-glass is in use.");
  return found;
}
