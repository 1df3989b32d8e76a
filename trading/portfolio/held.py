"""What open holds mean for each strategy and for the firm, as the desk's frame says it. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from riskctl.holds import FIRM, Mode, scopes_of, strictest
from trading.portfolio.books import HoldRow, RungRow, StrategyRow
from trading.portfolio.text import exact, moment

TRIGGER_STATES = ("ok", "warning", "breach", "unknown")
NEAR_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Held:
    """``mode``: the effective one; ``holds``: every open one that applies, strictest first."""

    mode: Mode = Mode.ACTIVE
    holds: tuple[HoldRow, ...] = ()


def held_strategy(row: StrategyRow, holds: Iterable[HoldRow]) -> Held:
    """Of one strategy. A hold on one of its symbols, or on the account of one of its legs, shows,
    and leaves the mode to the others."""
    known = list(holds)
    by_leg = [
        scopes_of(account, venue, row.key, symbol).names
        for symbol, (account, venue) in row.places.items()
    ] or [scopes_of(row.account, row.venue, row.key).names]
    names = frozenset().union(*by_leg)
    applying = [one for one in known if one.fact.scope in names]
    by_symbol = [_mode([one for one in applying if one.fact.scope in leg]) for leg in by_leg]
    mode = min(by_symbol, key=lambda one: one.strictness)
    return Held(mode, tuple(sorted(applying, key=_first)))


def held_firm(holds: Iterable[HoldRow]) -> Held:
    """Of the firm: only holds on the firm itself."""
    own = [one for one in holds if one.fact.scope == FIRM]
    return Held(_mode(own), tuple(sorted(own, key=_first)))


def hold_body(row: HoldRow, *, own: bool) -> dict[str, Any]:
    """A hold as frames carry it. ``own``: it lies on the thing itself, not on what is above it."""
    fact = row.fact
    return {
        "id": fact.id,
        "scope": fact.scope,
        "kind": str(fact.kind),
        "mode": str(fact.mode),
        "own": own,
        "reason": fact.reason,
        "by": fact.placed_by,
        "by_person": fact.actor_kind == "person",
        "since": moment(row.placed_at),
        "effective_at": moment(row.effective_at),
    }


def rung_body(row: RungRow | None) -> dict[str, Any] | None:
    """A strategy's rung; None: it stands on none, and may not trade."""
    if row is None:
        return None
    return {"rung": row.rung, "factor": exact(row.factor), "since": moment(row.since)}


def stopped_body(row: StrategyRow, held: Held) -> dict[str, Any]:
    """``own``: a hold on the strategy itself is as strict as any, so that lifting what lies on the
    firm or the venue would not be enough."""
    bodies = [hold_body(one, own=one.fact.scope == f"strategy:{row.key}") for one in held.holds]
    own = any(one["own"] and one["mode"] == held.mode for one in bodies)
    return {"mode": str(held.mode), "own": own, "holds": bodies}


def firm_body(
    firm: Held, holds: Sequence[HoldRow], of_strategies: Iterable[Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    """``holds``: how many are open; ``on``: how many strategies have one of their own."""
    return {
        "mode": str(firm.mode),
        "holds": len(holds),
        "on": sum(any(one["own"] for one in bodies) for bodies in of_strategies),
        "hold": hold_body(firm.holds[0], own=True) if firm.holds else None,
    }


def dead_man_body(said: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """riskctl.deadman.DeadManState.body() with its times as text."""
    if said is None:
        return None
    return {
        name: moment(value) if isinstance(value, dt.datetime) else value
        for name, value in said.items()
    }


def triggers_body(said: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """How many triggers are in which state, and those that warn or are in breach."""
    if said is None:
        return None
    rows = [one for one in said.get("triggers", ()) if isinstance(one, Mapping)]
    near = [one for one in rows if one.get("state") in ("warning", "breach")]
    return {
        "as_of": said.get("as_of"),
        "shadow": bool(said.get("shadow")),
        **{state: sum(one.get("state") == state for one in rows) for state in TRIGGER_STATES},
        "near": [
            {name: one.get(name) for name in ("name", "what", "scope", "state", "share")}
            for one in near[:NEAR_SHOWN]
        ],
    }


def _mode(holds: Sequence[HoldRow]) -> Mode:
    found = strictest(one.fact for one in holds)
    return found.mode if found else Mode.ACTIVE


def _first(one: HoldRow) -> tuple[int, int, str]:
    return -one.fact.mode.strictness, one.fact.placed_wall_ns, one.fact.id
