"""Sessions of the markets that are traded: which are open, and for how long still. Pure.

Hours and days are trading.sessions'. Times are reckoned on the market's own wall clock, so that
over a change to or from summer time what is left is an hour off for the days before it.
static/js/market.js is its twin.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from console.pages import formats
from trading.sessions import MARKETS, Market, nyse_days, spans


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
    if moment is None:
        return [Session(one.name, False, one.name, formats.UNKNOWN, 0) for one in MARKETS]
    return [_session(one, moment) for one in MARKETS]


def _session(market: Market, moment: dt.datetime) -> Session:
    if not market.week:
        return Session(market.name, True, f"{market.name} open", "open 24 h", 100)
    now = moment.astimezone(ZoneInfo(market.zone)).replace(tzinfo=None)
    known = list(spans(market, now.date()))
    for opens, closes in known:
        if opens <= now < closes:
            done = int((now - opens) * 100 / (closes - opens))
            left = f"{_words(closes - now)} left"
            return Session(market.name, True, f"{market.name} open", left, done)
    soonest = min(opens for opens, _ in known if opens > now)
    closed = f"in {_words(soonest - now)}"
    return Session(market.name, False, f"{market.name} closed", closed, 0)


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


def market_facts(years: Iterable[int]) -> dict[str, Any]:
    """For the page's script: hours of each market, and NYSE's days of these years."""
    return {
        "markets": [
            {"name": one.name, "zone": one.zone, "week": one.week, "holidays": one.holidays}
            for one in MARKETS
        ],
        "days": {
            day.isoformat(): end for year in years for day, end in sorted(nyse_days(year).items())
        },
    }
