"""What a request will do, as a diff: one line for each thing, now and after, and which way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from console.access.roles import conflicts_of
from console.pages import formats, words
from riskctl.holds import HoldFact, effective_mode
from riskctl.ladder import ramp_factor
from riskctl.models import Approval, Hold
from riskctl.rungs import Rung
from riskctl.selectors import fact_of
from trading.resume.scope import covered, holds_over

SAME, UP, DOWN, PLAIN = "same", "up", "down", "plain"


@dataclass(frozen=True)
class Effect:
    """One thing that will change. ``way``: up raises risk, down lowers it, plain does neither."""

    what: str
    now: str
    after: str
    note: str = ""
    way: str = UP


Names = Mapping[str, str]


def effects_of(row: Approval, names: Names) -> list[Effect]:
    """What will be done. Raises django.db.Error."""
    return _DIFFS.get(row.kind, _fields)(row, names)


def mode_after(row: Approval) -> tuple[str, str]:
    """For a lift: the mode of its scope now, and once it is lifted; empty for all else."""
    hold = _hold(row) if row.kind == "hold-lift" else None
    if hold is None:
        return "", ""
    others = _others(hold)
    return str(effective_mode([hold, *others])), str(effective_mode(others))


def factor_word(factor: Any) -> str:
    """``25 %``"""
    return f"{(Decimal(str(factor)) * 100).normalize():f} %"


# By kind ------------------------------------------------------------------------------------------


def _lift(row: Approval, names: Names) -> list[Effect]:
    asked, hold = row.asked_in, _hold(row)
    by = f"by {words.who_words(hold.placed_by, names)}: {hold.reason}" if hold else ""
    scope, kind = asked.get("scope", ""), asked.get("kind", "hold")
    found = [Effect(f"Hold on {scope}", f"{kind}, open", "lifted", by)]
    if hold is not None:
        found.append(_mode(hold))
    stages = asked.get("stages", {})
    for key, rung in asked.get("reenters", {}).items():
        found += _rung(key, stages.get(key, {}), str(rung))
    return found


def _mode(hold: HoldFact) -> Effect:
    others = _others(hold)
    now, after = effective_mode([hold, *others]), effective_mode(others)
    stay = ", ".join(f"{one.kind} on {one.scope}" for one in others)
    note = f"stays: {stay}" if others else "no other hold applies to it"
    return Effect("Effective mode", str(now), str(after), note, SAME if now is after else UP)


def _others(hold: HoldFact) -> list[HoldFact]:
    """Other open holds on the same scope, and for a strategy on what is above it."""
    kind, _, _ = hold.scope.partition(":")
    strategies = covered(hold.scope).strategies if kind == "strategy" else []
    return [one for one in holds_over(strategies, hold.scope) if one.id != hold.id]


def _rung(key: str, stood: Mapping[str, Any], rung: str) -> list[Effect]:
    before = str(stood.get("rung", formats.UNKNOWN))
    known = before in set(Rung)
    lower = known and Rung(rung).height < Rung(before).height
    way = SAME if before == rung else DOWN if lower else UP
    note = "where its conditions put it; live only by gates"
    found = [Effect(f"Rung of {key}", before, rung, note, way)]
    if rung == Rung.RAMP and before != rung:
        was = factor_word(stood.get("factor", 1))
        found.append(Effect(f"Size and limits of {key}", was, factor_word(ramp_factor()),
                            "of its own, until it is promoted", DOWN))  # fmt: skip
    return found


def _promote(row: Approval, _names: Names) -> list[Effect]:
    found = [Effect("Rung", str(row.request.get("from")), str(row.request.get("to")))]
    if "size_factor" in row.request:
        factor = factor_word(row.request["size_factor"])
        found.append(Effect("Size and limits", "none", factor, "of its own", UP))
    return found


def _limit(row: Approval, _names: Names) -> list[Effect]:
    now, after = row.asked_in.get("value"), row.request.get("value")
    return [_number("Limit", now, after, "gateways read it within about 80 ms")]


def _size(row: Approval, _names: Names) -> list[Effect]:
    asked, wanted = row.asked_in, row.request
    limits, higher = asked.get("limits", {}), wanted.get("limits", {})
    return [
        _number("Size, USD per symbol", asked.get("size"), wanted.get("size"), ""),
        *(
            _number(f"Limit {kind.replace('-', ' ')}", limits.get(kind), value, "so that it fits")
            for kind, value in sorted(higher.items())
        ),
    ]


def _engine(row: Approval, _names: Names) -> list[Effect]:
    """Limits, size and what else the document raises; ``none`` now: the strategy is new."""
    now = row.asked_in.get("settings", {})
    note = f"version {row.request.get('version')} of the document"
    return [
        _number(str(name).replace("-", " ").capitalize(), now.get(name), value, note)
        for name, value in sorted(row.request.get("settings", {}).items())
    ]


def _number(what: str, now: Any, after: Any, note: str) -> Effect:
    before, then = _decimal(now), _decimal(after)
    way = UP
    if before is not None and then is not None:
        way = SAME if before == then else UP if then > before else DOWN
    return Effect(what, _figure(now), _figure(after), note, way)


def _trigger(row: Approval, _names: Names) -> list[Effect]:
    before = row.asked_in.get("setting") or {}
    return [
        Effect(str(name).replace("_", " ").capitalize(), _word(before.get(name, "default")),
               _word(value))
        for name, value in row.request.items()
    ]  # fmt: skip


def _shadow(row: Approval, _names: Names) -> list[Effect]:
    hours = row.request.get("hours", 24)
    return [Effect("All triggers", "place holds", "only say so", f"for {hours} h, then as before")]


def _break(row: Approval, _names: Names) -> list[Effect]:
    return [
        Effect(f"Break {str(ident)[:8]}", f"differs by {difference}", "accepted",
               "trading no longer waits for it")
        for ident, difference in row.asked_in.get("break", {}).items()
    ]  # fmt: skip


def _glass(row: Approval, names: Names) -> list[Effect]:
    people = ", ".join(words.who_words(one, names) for one in row.request.get("people", []))
    scopes = ", ".join(str(one).partition(":")[2] for one in row.request.get("scopes", []))
    hours = row.request.get("hours")
    return [
        Effect("Kills lifted by one person", "none", people, f"for {hours} h from when approved"),
        Effect("On strategies", "none", scopes, "on the rung ramp at most, reviewed within 4 h"),
    ]


def _reset(row: Approval, _names: Names) -> list[Effect]:
    factors = row.asked_in.get("factors", {})
    note = "they enrol anew at the next sign-in"
    found = [Effect("Factor", _word(one), "removed", note, PLAIN) for one in factors.values()]
    if row.asked_in.get("recovery_codes"):
        codes = f"{row.asked_in['recovery_codes']} left"
        found.append(Effect("Recovery codes", codes, "void", "", PLAIN))
    if row.request.get("password"):
        found.append(Effect("Password", "kept", "given anew", "", PLAIN))
    return found or [Effect("Factors", "none", "enrolled anew", "", PLAIN)]


def _grant(row: Approval, names: Names) -> list[Effect]:
    """A role or a desk more, or the way back with those that are held."""
    said, now = row.request, row.asked_in.get("person", {})
    who = words.who_words(row.subject.partition(":")[2], names)
    roles, desks = list(now.get("roles", [])), list(now.get("desks", []))
    if said.get("grant") == "role":
        after = sorted({*roles, str(said.get("role"))})
        notes = [f"should not be together: {' and '.join(sorted(one.roles))}, {one.why}"
                 for one in conflicts_of(after)]  # fmt: skip
        return [Effect(f"Roles of {who}", _listed(roles), _listed(after), "; ".join(notes))]
    if said.get("grant") == "desk":
        after = sorted({*desks, str(said.get("desk"))})
        return [Effect(f"Desks of {who}", _listed(desks), _listed(after), "sees its strategies")]
    note = f"roles: {_listed(roles)}; desks: {_listed(desks)}"
    return [Effect(f"Account of {who}", "disabled", "active", note)]


def _listed(names: Sequence[Any]) -> str:
    return ", ".join(str(one) for one in names) or "none"


def _fields(row: Approval, _names: Names) -> list[Effect]:
    """One line a field of the request, beside the part of the state that bears its name."""
    before = row.asked_in
    return [
        Effect(str(name).replace("_", " ").capitalize(), _word(before.get(name)), _word(value))
        for name, value in sorted(row.request.items())
    ]


_DIFFS: dict[str, Callable[[Approval, Names], list[Effect]]] = {
    "hold-lift": _lift,
    "stage-promote": _promote,
    "limit-raise": _limit,
    "size-raise": _size,
    "engine-apply": _engine,
    "trigger-relax": _trigger,
    "triggers-shadow": _shadow,
    "break-accept": _break,
    "break-glass-enable": _glass,
    "factor-reset": _reset,
    "role-grant": _grant,
}


def _hold(row: Approval) -> HoldFact | None:
    found = Hold.objects.filter(id=str(row.request.get("hold", ""))).first()
    return fact_of(found) if found else None


def _decimal(given: Any) -> Decimal | None:
    try:
        return Decimal(given) if isinstance(given, str) else None
    except InvalidOperation:
        return None


def _figure(given: Any) -> str:
    """``2,500.5``; as it stands what is no number."""
    value = _decimal(given)
    return "none" if given is None else f"{value:,f}" if value is not None else str(given)


def _word(value: Any) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_word(inner)}" for name, inner in value.items())
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 and text.isalnum() else text
