"""Holds: what a stop is, which one is the strictest, who may place and lift each kind. Pure.

A hold lies on a scope and says a mode. Any number can lie on one scope; the effective mode of an
order is the strictest of all open holds on the scopes that apply to it. Nothing lifts itself.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """From open to closed; ``strictness`` orders them."""

    ACTIVE = "ACTIVE"
    REDUCE_ONLY = "REDUCE-ONLY"  # only what reduces a venue-confirmed position
    HALTED = "HALTED"  # no strategy's order; ordered flattening passes
    FROZEN = "FROZEN"  # cancels only: stops a flattening gone wrong too

    @property
    def strictness(self) -> int:
        return _ORDER[self]


_ORDER = {Mode.ACTIVE: 0, Mode.REDUCE_ONLY: 1, Mode.HALTED: 2, Mode.FROZEN: 3}


class Kind(StrEnum):
    PAUSE = "pause"
    KILL = "kill"
    BREAKER = "breaker"
    DEAD_MAN = "dead-man"
    MAINTENANCE = "maintenance"
    REGULATORY = "regulatory"
    REDUCE_ONLY = "reduce-only"
    RECOVERY = "recovery"


FIRM = "firm"
_SCOPE = re.compile(r"(venue|strategy|instrument):[A-Za-z0-9][A-Za-z0-9._\-]{0,60}")


class ScopeError(ValueError):
    """The text is no scope; the message says what is."""


def check_scope(text: str) -> str:
    """``text`` if it has the form of a scope. Raises ScopeError."""
    if text == FIRM or _SCOPE.fullmatch(text):
        return text
    raise ScopeError(f"scope: {text[:80]!r} is none of firm, venue:X, strategy:X, instrument:X")


def slug(name: str) -> str:
    """A venue's name as it stands in a scope: ``Paper One`` is ``paper-one``."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@dataclass(frozen=True, slots=True)
class HoldFact:
    """One hold, as it travels between database, journal, socket and memory.

    ``cancels``: open orders in the scope are cancelled; ``protective_too``: also reduce-only
    stops. ``placed_wall_ns``: the decision, by the wall clock of who placed it.
    """

    id: str
    scope: str
    kind: Kind
    mode: Mode
    cancels: bool
    protective_too: bool
    reason: str
    placed_by: str
    actor_kind: str
    placed_wall_ns: int
    on_behalf_of: str = ""
    source: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Scopes:
    """All scopes that apply to one order (or to everything of one account: no strategy)."""

    names: frozenset[str]

    def applies(self, hold: HoldFact) -> bool:
        return hold.scope in self.names


def scopes_of(account: str, venue: str, strategy: str = "", symbol: str = "") -> Scopes:
    """The scopes of an order on ``account`` (of the venue named ``venue``)."""
    names = {FIRM, f"venue:{account}", f"venue:{slug(venue)}"}
    if strategy:
        names.add(f"strategy:{strategy}")
    if symbol:
        names.add(f"instrument:{symbol}")
    return Scopes(frozenset(names))


def strictest(holds: Iterable[HoldFact]) -> HoldFact | None:
    """The hold whose mode is the effective one; the oldest of several, None when there is none."""
    return min(
        holds, key=lambda one: (-one.mode.strictness, one.placed_wall_ns, one.id), default=None
    )


def effective_mode(holds: Iterable[HoldFact]) -> Mode:
    """ACTIVE without holds."""
    found = strictest(holds)
    return found.mode if found else Mode.ACTIVE


# Who may do what --------------------------------------------------------------------------------

TRADER, RISK, SRE, COMPLIANCE, ADMIN = "trader", "risk", "sre", "compliance", "administrator"
OWN = "own"
"""A trader, for a strategy that is the trader's own."""
SYSTEM = "system"
"""A trigger, a timer or the system itself."""
STOP_TOKEN = "stop-token"  # noqa: S105 - a kind of caller


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind's rule. ``lifted_by`` names roles that may ask; ``people``: how many it takes.

    ``step_up``: a second factor not older than five minutes. ``placer_lifts``: who placed it may
    lift it alone. ``rung``: where a strategy re-enters (riskctl.ladder), empty for where it was.
    """

    placed_by: frozenset[str]
    lifted_by: frozenset[str]
    mode: Mode
    cancels: bool = False
    people: int = 1
    step_up: bool = False
    placer_lifts: bool = False
    rung: str = ""


RULES: dict[Kind, Rule] = {
    Kind.PAUSE: Rule(
        frozenset({OWN, RISK, SRE, STOP_TOKEN}), frozenset({RISK}), Mode.HALTED, placer_lifts=True
    ),
    Kind.KILL: Rule(
        frozenset({OWN, RISK, SRE, STOP_TOKEN, SYSTEM}),
        frozenset({TRADER, RISK, SRE}),
        Mode.HALTED,
        cancels=True,
        people=2,
        step_up=True,
        rung="conditions",
    ),
    Kind.BREAKER: Rule(
        frozenset({SYSTEM}),
        frozenset({RISK}),
        Mode.HALTED,
        cancels=True,
        step_up=True,
        rung="monitor",
    ),
    Kind.DEAD_MAN: Rule(
        frozenset({SYSTEM}), frozenset({RISK}), Mode.HALTED, cancels=True, step_up=True
    ),
    Kind.MAINTENANCE: Rule(frozenset({SRE}), frozenset({SRE}), Mode.HALTED),
    Kind.REGULATORY: Rule(
        frozenset({COMPLIANCE}),
        frozenset({COMPLIANCE, RISK}),
        Mode.HALTED,
        people=2,
        step_up=True,
    ),
    Kind.REDUCE_ONLY: Rule(
        frozenset({OWN, RISK, SYSTEM, STOP_TOKEN}), frozenset({RISK}), Mode.REDUCE_ONLY,
        step_up=True,
    ),
    Kind.RECOVERY: Rule(frozenset({SYSTEM}), frozenset({RISK}), Mode.HALTED, step_up=True),
}  # fmt: skip
