"""Which strategies the desk shows and in which order, as its address says. Pure.

``?sort=-pnl&show=held&q=eurusd``: a column, from the greatest with a minus; whose or which; words
that are all to be found. static/js/deskview.js is its twin. What is unknown comes last either way.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from console.pages.frames import StrategyLine
from console.pages.words import RUNG_WORDS, who_words

NEAR = Decimal("0.8")
"""From this share of a limit on, it is near."""
STRICTNESS = {"ACTIVE": 0, "UNKNOWN": 1, "REDUCE-ONLY": 2, "HALTED": 3, "FROZEN": 4}
QUERY_MOST = 80
RUNGS = tuple(RUNG_WORDS)


def _height(one: StrategyLine) -> Decimal | None:
    if one.stage is None or one.stage.rung not in RUNGS:
        return None
    return RUNGS.index(one.stage.rung) + one.stage.factor / 10


Sortable = Callable[[StrategyLine], Any]
SORTS: dict[str, Sortable] = {
    "state": lambda one: STRICTNESS.get(one.state, 1),
    "key": lambda one: one.key,
    "stage": _height,
    "hold": lambda one: one.holds[0].since if one.holds else None,
    "pnl": lambda one: one.pnl,
    "unrealised": lambda one: one.unrealised,
    "drawdown": lambda one: one.drawdown,
    "gross": lambda one: one.gross,
    "net": lambda one: one.net,
    "limit": lambda one: one.limit.share if one.limit else None,
    "hit": lambda one: one.hit,
    "slip": lambda one: one.slippage_bp,
    "filled": lambda one: one.filled,
    "signal": lambda one: one.last_signal.age_ms if one.last_signal else None,
    "data": lambda one: one.data_age_ms,
}
SHOWS = ("all", "mine", "held", "near")


@dataclass(frozen=True)
class DeskView:
    """``sort`` is one of SORTS, ``show`` one of SHOWS; ``words`` in small letters."""

    sort: str = "key"
    down: bool = False
    show: str = "all"
    query: str = ""

    @property
    def words(self) -> list[str]:
        return self.query.lower().split()

    def address(self, **changes: Any) -> str:
        """The query of the address that says this view with ``changes``; ``?`` for the plain."""
        values = {"sort": self.sort, "down": self.down, "show": self.show, "q": self.query}
        values |= changes
        said = {
            "sort": f"{'-' if values['down'] else ''}{values['sort']}",
            "show": values["show"],
            "q": values["q"],
        }
        plain = {"sort": "key", "show": "all", "q": ""}
        return "?" + urlencode({name: one for name, one in said.items() if one != plain[name]})


def view_of(query: Mapping[str, str]) -> DeskView:
    """What the address asks for; what it asks wrongly is as if it were not there."""
    sort = query.get("sort", "key")
    down, name = sort.startswith("-"), sort.removeprefix("-")
    show = query.get("show", "all")
    return DeskView(
        sort=name if name in SORTS else "key",
        down=down and name in SORTS,
        show=show if show in SHOWS else "all",
        query=query.get("q", "")[:QUERY_MOST].strip(),
    )


def shown(
    view: DeskView, lines: Iterable[StrategyLine], names: Mapping[str, str], owner: str
) -> list[StrategyLine]:
    """``owner``: whose are *mine*."""
    kept = [one for one in lines if _in(view.show, one, owner) and _found(view.words, one, names)]
    value = SORTS[view.sort]
    kept.sort(key=lambda one: one.key)
    known = [one for one in kept if value(one) is not None]
    known.sort(key=value, reverse=view.down)
    return known + [one for one in kept if value(one) is None]


def counts(lines: Iterable[StrategyLine], owner: str) -> dict[str, int]:
    """How many each of SHOWS has."""
    every = list(lines)
    return {show: sum(_in(show, one, owner) for one in every) for show in SHOWS}


def _in(show: str, one: StrategyLine, owner: str) -> bool:
    if show == "mine":
        return one.owner == owner
    if show == "held":
        return bool(one.holds)
    if show == "near":
        return one.limit is not None and one.limit.share >= NEAR
    return True


def _found(wanted: list[str], one: StrategyLine, names: Mapping[str, str]) -> bool:
    rung = one.stage.rung if one.stage else ""
    held = [one_of.symbol for one_of in one.position or []]
    why = [f"{hold.kind} {hold.reason}" for hold in one.holds]
    said = " ".join(
        [one.key, one.kind, one.account, one.venue, one.state, rung, who_words(one.owner, names),
         one.owner, *held, *why]
    ).lower()  # fmt: skip
    return all(word in said for word in wanted)
