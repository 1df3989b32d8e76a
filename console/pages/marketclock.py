"""Sessions of the markets that are traded: which are open, and for how long still. Pure.

Phases are trading.sessions'. static/js/market.js is its twin, over the spans that it is told.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from console.pages import formats
from trading.sessions import MARKETS, Market, Phase, Standing, spans_about, standing_at
from trading.universe import UNIVERSE

BAND = {"FX": "FOREX", "NYSE": "NYSE", "CME": "CME", "Crypto": "CRYPTO"}
"""Markets in the band over every page, by the short names they go by there."""


@dataclass(frozen=True)
class Session:
    """One market now, in words; ``done`` is how much of an open session is over, of 100."""

    name: str
    open: bool
    word: str
    sub: str
    done: int


def sessions_of(moment: dt.datetime | None) -> list[Session]:
    """At ``moment`` of the feed's clock; without one nothing is known of any."""
    return [_session(name, MARKETS[key], moment) for name, key in BAND.items()]


def _session(
    name: str, market: Market, moment: dt.datetime | None, *, phases: bool = False
) -> Session:
    """``phases``: in words of its own each; the band has room for open and closed."""
    if moment is None:
        return Session(name, False, name, formats.UNKNOWN, 0)
    if market.always:
        return Session(name, True, f"{name} open", "open 24 h", 100)
    now = standing_at(market, moment)
    plain = Phase.CLOSED if now.phase not in {Phase.OPEN, Phase.UNKNOWN} else now.phase
    word = f"{name} {now.phase if phases else plain}"
    if now.phase is Phase.OPEN and now.since and now.until:
        done = int((moment - now.since) * 100 / (now.until - now.since))
        return Session(name, True, word, f"{_words(now.until - moment)} left", done)
    return Session(name, False, word, f"in {opens_in(now, moment)}", 0)


def opens_in(now: Standing, moment: dt.datetime) -> str:
    return formats.UNKNOWN if now.opens is None else _words(now.opens - moment)


def _words(span: dt.timedelta) -> str:
    return formats.age(int(span.total_seconds()) * 1000, whole=True)


@dataclass(frozen=True)
class DeskZone:
    """The desk's own time zone; ``name`` is how people call it."""

    key: str
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.key.rpartition("/")[2].replace("_", " "))

    def clock(self, moment: dt.datetime) -> str:
        """``10:47 New York``"""
        return f"{moment.astimezone(ZoneInfo(self.key)):%H:%M} {self.name}"


@dataclass(frozen=True)
class Tile:
    """A market on the pipeline page, and the desk's instruments that trade there."""

    now: Session
    instruments: str


def tiles_of(moment: dt.datetime) -> list[Tile]:
    return [
        Tile(
            _session(name, market, moment, phases=True),
            ", ".join(one.symbol for one in UNIVERSE.instruments if one.market == name),
        )
        for name, market in MARKETS.items()
    ]


def market_facts(moment: dt.datetime, *, every: bool = False) -> list[dict[str, Any]]:
    """For the page's script: phases from a week before to three weeks after, of the band's markets
    or of those and all others."""
    tiles = [(name, name, True) for name in MARKETS] if every else []
    return [
        {
            "key": f"market:{name}" if phases else name,
            "name": name,
            "phases": phases,
            "always": MARKETS[market].always,
            "spans": [] if MARKETS[market].always else _facts(MARKETS[market], moment),
        }
        for name, market, phases in [*((*one, False) for one in BAND.items()), *tiles]
    ]


def _facts(market: Market, moment: dt.datetime) -> list[tuple[int, int, str]]:
    return [
        (int(one.begins.timestamp() * 1000), int(one.ends.timestamp() * 1000), one.phase)
        for one in spans_about(market, moment.date())
    ]
