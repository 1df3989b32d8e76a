"""How stops are said: scopes, kinds, states, rungs, who. Pure; static/js/words.js is its twin."""

from collections.abc import Iterable, Mapping

from riskctl.holds import FIRM

KIND_WORDS: dict[str, str] = {
    "pause": "Pause",
    "kill": "Kill",
    "breaker": "Breaker",
    "dead-man": "Dead man",
    "maintenance": "Maintenance",
    "regulatory": "Regulatory",
    "reduce-only": "Reduce-only",
    "recovery": "Recovery",
}
GLYPHS: dict[str, str] = {
    "pause": "pause",
    "kill": "kill",
    "breaker": "breaker",
    "dead-man": "clock",
    "maintenance": "plus",
    "regulatory": "kill",
    "reduce-only": "REDUCE-ONLY",
    "recovery": "plus",
}
ROLE_WORDS: dict[str, str] = {
    "trader": "a trader",
    "risk": "risk",
    "sre": "SRE",
    "compliance": "compliance",
    "own": "its trader",
    "stop-token": "a stop token",
    "system": "a trigger",
}
RUNG_WORDS: dict[str, str] = {
    "stopped": "Stopped",
    "monitor": "Monitor",
    "paper": "Paper",
    "ramp": "Ramp",
    "live": "Live",
}
STATES = ("ACTIVE", "REDUCE-ONLY", "HALTED", "FROZEN", "UNKNOWN")
"""In the order in which the halt line counts them."""


def scope_words(scope: str) -> str:
    """``Firm``, ``Strategy mom-eurusd``, ``Venue paper-1``, ``Instrument EURUSD``."""
    kind, _, key = scope.partition(":")
    return "Firm" if scope == FIRM else f"{kind.capitalize()} {key}"


def inherited_words(scope: str, kind: str) -> str:
    """``by firm kill``, ``by venue pause``: why something is held without a hold of its own."""
    return f"by {scope.partition(':')[0]} {kind}"


def roles_words(roles: Iterable[str]) -> str:
    """``SRE, its trader or risk``: who, in words."""
    said = sorted((ROLE_WORDS.get(one, one) for one in roles), key=str.casefold)
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"


def rung_words(rung: str, factor: str) -> str:
    """``Live``, ``Ramp 25 %``; a dash where it stands on none."""
    word = RUNG_WORDS.get(rung, "–")
    if rung != "ramp":
        return word
    return f"{word} {float(factor) * 100:.3g} %"


def counts_words(states: Iterable[str]) -> str:
    """``12 strategies: 9 active, 1 reduce-only, 2 halted``: the halt line in words."""
    known = list(states)
    parts = [f"{known.count(state)} {state.lower()}" for state in STATES if known.count(state)]
    return f"{len(known)} strategies: {', '.join(parts) or 'none'}"


def who_words(name: str, names: Mapping[str, str]) -> str:
    """``A. Nwosu`` for a person known here; tokens, triggers and shells as they are recorded."""
    return names.get(name, name)
