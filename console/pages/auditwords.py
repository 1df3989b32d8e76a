"""The record in words: what each action is called, and what it was done to. Pure.

Codes stay codes by REST; pages say these. An action without words of its own is said as it is.
"""

from collections.abc import Mapping
from typing import Any

from console.pages.words import KIND_WORDS, RUNG_WORDS, scope_words

GROUP_WORDS: dict[str, str] = {
    "holds": "Holds and lifts",
    "approvals": "Approvals",
    "denials": "Denials",
    "limits": "Limits and triggers",
    "stages": "Stages and sizes",
    "orders": "Orders",
    "fills": "Fills",
    "reconciliation": "Reconciliation",
    "sign-ins": "Sign-ins and sessions",
    "people": "People, factors, tokens",
    "processes": "Processes and feeds",
    "exports": "Exports, checks, views",
}
ACTOR_WORDS: dict[str, str] = {
    "person": "person",
    "token": "token",
    "trigger": "trigger",
    "process": "process",
    "anonymous": "nobody signed in",
}
OUTCOME_WORDS: dict[str, str] = {"done": "done", "denied": "denied", "failed": "failed"}

ACTION_WORDS: dict[str, str] = {
    "account.set": "Venue account set",
    "access.deny": "Access denied",
    "approval.approve": "Approval",
    "approval.execute": "Approved and carried out",
    "approval.expire": "Request expired",
    "approval.reject": "Request rejected",
    "approval.request": "Approval asked for",
    "approval.void": "Request void",
    "approval.withdraw": "Request withdrawn",
    "audit.alarm": "Record not whole",
    "audit.export": "Export begun",
    "audit.export-end": "Export ended",
    "audit.incarnation": "Record goes on as a new log",
    "audit.key-change": "Checkpoint key changed",
    "audit.verify": "Record checked: whole",
    "books.check": "Books recomputed",
    "break.accept": "Break accepted",
    "break.alarm": "Break alarmed",
    "break.begin": "Break found",
    "break.change": "Break changed",
    "break.end": "Break gone",
    "break-glass.enable": "Leave to break the glass given",
    "break-glass.end": "Leave to break the glass ended",
    "break-glass.keep": "Break-glass reviewed: kept",
    "break-glass.return": "Break-glass reviewed: stopped again",
    "break-glass.use": "Glass broken",
    "calendars.ending": "Hours of exchanges about to end",
    "clock.step": "Clock stepped",
    "deadman.confirm": "Dead man’s switch confirmed",
    "desk.grant": "Joined a desk",
    "desk.leave": "Taken off a desk",
    "desk.set": "Desk set",
    "engine.alert-begin": "Alert of an engine",
    "engine.alert-end": "Alert of an engine over",
    "engine.backtest": "Backtest kept",
    "engine.apply": "Document of an engine brought into force",
    "engine.drill": "Drill recorded",
    "engine.paper-day": "Paper day judged",
    "engine.sign-off": "Gate signed off",
    "engine.sign-off-withdraw": "Sign-off withdrawn",
    "engine.store": "Document of an engine kept",
    "escalation.acknowledge": "Gain of privilege acknowledged",
    "escalation.explained": "Gain of privilege, accounted for",
    "escalation.unexplained": "Gain of privilege, unexplained",
    "factor.add": "Second factor added",
    "factor.remove": "Second factor removed",
    "factor.rename": "Second factor renamed",
    "factor.reset": "Second factors reset",
    "feed.agree": "Sources of a price agree again",
    "feed.diverge": "Sources of a price disagree, quotes withheld",
    "feed.end": "Feed ended",
    "feed.start": "Feed started",
    "feed.switch": "Feed switched to another source",
    "fill.book": "Fill booked",
    "hold.dead": "Gateway proven dead",
    "hold.effective": "Hold effective",
    "hold.expired": "Gateway’s licence proven run out",
    "hold.flat": "Flat",
    "hold.flatten-ended": "Flattening ended",
    "hold.flatten-ordered": "Flattening ordered",
    "hold.lift": "Hold lifted",
    "hold.lift-request": "Lift asked for",
    "hold.none-open": "No order open",
    "hold.place": "Hold placed",
    "hold.still-open": "Orders still open",
    "hold.unclosable": "Position cannot be closed",
    "keys.make": "Sealing key made",
    "keys.reseal": "Secrets sealed anew",
    "keys.retire": "Sealing key retired",
    "limit.raise": "Limit raised",
    "limit.tighten": "Limit lowered",
    "maintenance.place": "Maintenance begun",
    "maintenance.schedule": "Maintenance planned",
    "maintenance.withdraw": "Maintenance withdrawn",
    "order.accept": "Order working",
    "order.cancel": "Order cancelled",
    "order.cancel-ask": "Cancel asked",
    "order.cancel-refuse": "Cancel refused by the venue",
    "order.deny": "Order denied",
    "order.expire": "Order expired",
    "order.intend": "Order written down",
    "order.last-fill": "Order filled",
    "order.lose": "Order unanswered",
    "order.modify": "Order modified",
    "order.partial-fill": "Order partly filled",
    "cash.move": "Cash moved at the venue",
    "order.reject": "Order rejected",
    "orders.cancel": "Cancel of open orders asked",
    "password.change": "Password changed",
    "person.create": "Person invited",
    "person.disable": "Person disabled",
    "person.enable": "Person enabled",
    "person.invite": "Person invited again",
    "process.end": "Process ended",
    "process.start": "Process started",
    "recording.close": "Recorded day closed",
    "recording.fail": "Recording stopped",
    "recording.gap": "Recording has a hole",
    "recording.remove": "Recorded day removed",
    "recording.resume": "Recording goes on",
    "reconciliation.open-cash": "Opening cash noted",
    "reconciliation.run": "Reconciled",
    "recovery.renew": "Recovery codes made anew",
    "review.prepare": "Access review prepared",
    "review.sign": "Access review signed off",
    "role.grant": "Role granted",
    "role.reconcile": "Roles brought in step",
    "role.revoke": "Role taken away",
    "session.end": "Session ended",
    "sign-in.factor": "Second factor given",
    "sign-in.password": "Password given",
    "sign-out": "Signed out",
    "stage.demote": "Stage lowered",
    "stage.enter": "Stage entered",
    "stage.reduce": "Size factor lowered",
    "stop-loss.closing": "Stop-loss reached",
    "stop-loss.ended": "Stop-loss ended",
    "stop-loss.pending": "Stop-loss asked of the venue",
    "stop-loss.resting": "Stop-loss rests at the venue",
    "stop-loss.watched": "Stop-loss watched by the gateway",
    "stop-losses.set": "Stop-losses set",
    "strategy.size": "Size set",
    "test.dry-run-order": "Order tried without sending it",
    "test.generate-signal": "Test signal asked for",
    "test.inject-price": "Test price put in",
    "test.load": "Load test beside the desk",
    "test.price-judged": "Test price judged",
    "test.validate-signal": "Test signal through the risk check",
    "token.collect": "Token collected",
    "token.issue": "Token agreed to",
    "token.make": "Token made",
    "token.revoke": "Token revoked",
    "token.rotate": "Token rotated",
    "trigger.breach": "Trigger breached",
    "trigger.relax": "Trigger relaxed",
    "trigger.tighten": "Trigger tightened",
    "trigger.warning": "Trigger near",
    "triggers.shadow": "Triggers in shadow mode",
    "view.delete": "View deleted",
    "view.save": "View kept",
}
ATTEMPTS: dict[str, str] = {
    "access.deny": "Access",
    "approval.reject": "Rejection",
    "approval.request": "Request",
    "approval.withdraw": "Withdrawal",
    "desk.leave": "Taking off a desk",
    "engine.drill": "Recording a drill",
    "engine.sign-off": "Sign-off of a gate",
    "engine.sign-off-withdraw": "Withdrawal of a sign-off",
    "engine.store": "Document of an engine",
    "escalation.acknowledge": "Acknowledgement",
    "factor.add": "Adding a factor",
    "factor.remove": "Removing a factor",
    "factor.rename": "Renaming a factor",
    "hold.lift": "Lift",
    "hold.lift-request": "Request to lift",
    "limit.tighten": "Lowering a limit",
    "order.deny": "Order",
    "order.reject": "Order",
    "orders.cancel": "Cancel of open orders",
    "password.change": "Change of password",
    "person.create": "Invitation",
    "person.disable": "Disabling",
    "person.invite": "Invitation",
    "recovery.renew": "New recovery codes",
    "review.prepare": "Access review",
    "role.revoke": "Taking a role away",
    "session.end": "Ending a session",
    "sign-in.factor": "Second factor",
    "sign-in.password": "Password",
    "stage.demote": "Lowering a stage",
    "strategy.size": "Setting a size",
    "token.collect": "Collecting a token",
    "token.make": "Making a token",
    "token.revoke": "Revoking a token",
    "token.rotate": "Rotating a token",
}
"""What is denied or failed, where the words of what was done would not do."""

_GLYPHS = {
    "hold.place": "HALTED", "hold.lift": "ACTIVE", "stage.enter": "ACTIVE",
    "trigger.breach": "breaker", "trigger.warning": "breaker",
    "escalation.unexplained": "unproven", "hold.still-open": "unproven",
    "hold.unclosable": "unproven", "approval.request": "UNKNOWN",
    "hold.lift-request": "UNKNOWN", "break-glass.use": "breaker",
}  # fmt: skip
_HUES = {"hold.place": "halt", "trigger.breach": "halt", "escalation.unexplained": "caution",
         "hold.still-open": "caution", "hold.unclosable": "caution",
         "recording.fail": "caution", "recording.gap": "caution"}  # fmt: skip
_GLYPHS_OF_FAMILIES = {"order": "late", "fill": "live", "process": "late", "feed": "late"}


def action_words(action: str, outcome: str = "done") -> str:
    """``Hold lifted``; ``Lift denied``."""
    said = ACTION_WORDS.get(action) or action.replace(".", " ").replace("-", " ").capitalize()
    if outcome == "done":
        return said
    return f"{ATTEMPTS.get(action, said)} {OUTCOME_WORDS.get(outcome, outcome)}"


def glyph_of(action: str, outcome: str) -> tuple[str, str]:
    """The glyph beside it, and ``caution`` or ``halt`` where it has a hue."""
    if outcome != "done":
        return ("kill", "caution") if outcome == "denied" else ("unproven", "caution")
    if action in _GLYPHS:
        return _GLYPHS[action], _HUES.get(action, "")
    return _GLYPHS_OF_FAMILIES.get(action.partition(".")[0], "done"), ""


def object_words(kind: str, ident: str, body: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What it was done to, as people call it: by what the entry itself says, where it does.

    ``names``: of people and of holds, by user name and id.
    """
    said = {**_part(body, "before"), **_part(body, "after")}
    if kind == "hold":
        return _hold_words(ident, said, names)
    if kind in ("order", "fill") and said.get("symbol"):
        return " ".join(str(said.get(one, "")) for one in ("side", "quantity", "symbol"))
    if kind == "user":
        return names.get(ident, ident)
    if kind == "scope":
        return scope_words(ident)
    if kind == "path":
        return ident
    if kind in ("strategy", "limit", "trigger", "lease", "account", "engine"):
        return ident
    if kind == "approval" and said.get("subject"):
        return f"{said.get('kind', '')} {_short(str(said['subject']))}".strip()
    return f"{kind} {_short(ident)}"


def said_words(action: str, body: Mapping[str, Any], reason: str) -> str:
    """The second line of an entry: why, or what it comes to."""
    after = _part(body, "after")
    if reason and action != "access.deny":
        return reason
    if action == "access.deny":
        return f"{after.get('method', '')} refused: {after.get('code', reason)}".strip()
    if action.startswith("order."):
        state, filled, whole = (after.get(one, "–") for one in ("state", "filled", "quantity"))
        return f"{state}, {filled} of {whole}"
    if action == "fill.book":
        return f"at {after.get('price', '–')}, fee {after.get('fee', '–')}"
    if action.startswith("hold.") and after.get("account"):
        return str(after["account"])
    return str(after.get("text", ""))


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    said = body.get(name)
    return said if isinstance(said, Mapping) else {}


def _hold_words(ident: str, said: Mapping[str, Any], names: Mapping[str, str]) -> str:
    if not said.get("scope"):
        return names.get(ident) or f"hold {_short(ident)}"
    kind = KIND_WORDS.get(str(said.get("kind", "")), "Hold")
    rungs = said.get("rungs")
    back = ""
    if isinstance(rungs, Mapping) and len(rungs) == 1:
        (rung,) = rungs.values()
        back = f", back on {RUNG_WORDS.get(str(rung), str(rung)).lower()}"
    return f"{kind.lower()}, {scope_words(str(said['scope']))}{back}"


def _short(ident: str) -> str:
    """The first part of an id, where it is one."""
    head, colon, rest = ident.partition(":")
    if colon:
        return f"{head} {_short(rest)}"
    parts = ident.split("-")
    return parts[0] if [len(one) for one in parts] == [8, 4, 4, 4, 12] else ident
