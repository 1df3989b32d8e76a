"""Stop-loss and drawdown limit of documents, the stricter of two. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trading.engines.reading import Bound
from trading.engines.units import UnitError, duration, percent, shown_percent


@dataclass(frozen=True, slots=True)
class Controls:
    """What one version says. ``unread``: fields that say something which nobody can read."""

    loss: Bound | None = None
    drawdown: Bound | None = None
    unread: frozenset[str] = frozenset()


LOSS_FIELD, DRAWDOWN_FIELD = "stopLoss", "drawdownLimit"
_FIELDS = {
    LOSS_FIELD: ("threshold", "timeWindow"),
    DRAWDOWN_FIELD: ("maxDrawdown", "lookbackPeriod"),
}


def controls_of(spec: object) -> Controls:
    """Of a kept document's ``spec``, JSON, whatever else in it today's code would refuse."""
    given = spec.get("riskControls", {}) if isinstance(spec, Mapping) else None
    if not isinstance(given, Mapping):
        return Controls(unread=frozenset(_FIELDS))
    found: dict[str, Bound | None] = {}
    for name, fields in _FIELDS.items():
        try:
            found[name] = _bound(given[name], *fields) if name in given else None
        except (KeyError, TypeError, UnitError):
            continue
    unread = frozenset(_FIELDS.keys() - found.keys())
    return Controls(found.get(LOSS_FIELD), found.get(DRAWDOWN_FIELD), unread)


def _bound(given: Any, share: str, seconds: str) -> Bound | None:
    """None for one that is switched off. Raises KeyError, TypeError and UnitError."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{given!r} is no object with fields")
    if given.get("enabled", True) is False:
        return None
    texts = (given[share], given[seconds])
    if given.get("enabled", True) is not True or not all(isinstance(one, str) for one in texts):
        raise TypeError(f"{given!r} has fields of another kind")
    return Bound(True, percent(texts[0]), duration(texts[1]))


@dataclass(frozen=True, slots=True)
class Stops:
    """Those that are enabled; ``seconds`` of each as the document has it. ``version``: that which
    tightened them last. ``unread``: the version that said something unreadable last, by field."""

    version: int
    loss: Bound | None = None
    drawdown: Bound | None = None
    unread: tuple[tuple[str, int], ...] = ()

    def tightened(self, version: int, said: Controls) -> "Stops":
        """By what ``said`` says; what it says more loosely changes nothing."""
        unread = dict(self.unread) | dict.fromkeys(said.unread, version)
        loss, drawdown = stricter(self.loss, said.loss), stricter(self.drawdown, said.drawdown)
        same = (loss, drawdown) == (self.loss, self.drawdown)
        by = self.version if same else version
        return Stops(by, loss, drawdown, tuple(sorted(unread.items())))


def enabled(bound: Bound | None) -> Bound | None:
    return bound if bound is not None and bound.enabled else None


def stricter(one: Bound | None, other: Bound | None) -> Bound | None:
    """The smaller share over the longer time: a longer time sees no smaller fall."""
    first, second = enabled(one), enabled(other)
    if first is None or second is None:
        return first or second
    return Bound(True, min(first.share, second.share), max(first.seconds, second.seconds))


def shown_bound(bound: Bound | None) -> str:
    """``1% in 60 s``"""
    if bound is None:
        return "none"
    return f"{shown_percent(bound.share)} in {bound.seconds.normalize():f} s"
