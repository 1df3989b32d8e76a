"""Sessions of the markets that are traded: which are open, and for how long still. Pure.

Regular hours, and NYSE's holidays and short days by its rules. Times are reckoned on the market's
own wall clock, so that over a change to or from summer time what is left is an hour off for the
days before it. static/js/market.js is its twin.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from console.pages import formats
from trading.universe import AssetClass

DAY = 1440
SHORT_DAY = 13 * 60


@dataclass(frozen=True)
class Market:
    """``week``: (weekday from Monday 0, minute it opens, minutes it stays open); none: always.

    ``holidays``: whether NYSE's are kept.
    """

    name: str
    of: AssetClass
    zone: str
    week: tuple[tuple[int, int, int], ...] = ()
    holidays: bool = False


MARKETS = (
    Market("FX", AssetClass.FX, "America/New_York", ((6, 17 * 60, 5 * DAY),)),
    Market(
        "NYSE", AssetClass.EQUITY, "America/New_York",
        tuple((day, 9 * 60 + 30, 390) for day in range(5)), holidays=True,
    ),
    Market(
        "CME", AssetClass.FUTURE, "America/Chicago",
        tuple((day, 17 * 60, 23 * 60) for day in (6, 0, 1, 2, 3)),
    ),
    Market("Crypto", AssetClass.CRYPTO, "UTC"),
)  # fmt: skip


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
    spans = list(_spans(market, now.date()))
    for opens, closes in spans:
        if opens <= now < closes:
            done = int((now - opens) * 100 / (closes - opens))
            left = f"{_words(closes - now)} left"
            return Session(market.name, True, f"{market.name} open", left, done)
    soonest = min(opens for opens, _ in spans if opens > now)
    closed = f"in {_words(soonest - now)}"
    return Session(market.name, False, f"{market.name} closed", closed, 0)


def _spans(market: Market, around: dt.date) -> Iterable[tuple[dt.datetime, dt.datetime]]:
    days = {one: end for year in (-1, 0, 1) for one, end in nyse_days(around.year + year).items()}
    for ahead in range(-7, 12):
        day = around + dt.timedelta(ahead)
        end = days.get(day) if market.holidays else None
        if end == 0:
            continue
        for weekday, opens, length in market.week:
            if weekday == day.weekday():
                begun = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=opens)
                minutes = length if end is None else end - opens
                yield begun, begun + dt.timedelta(minutes=minutes)


def _words(span: dt.timedelta) -> str:
    return formats.age(int(span.total_seconds()) * 1000, whole=True)


def nyse_days(year: int) -> dict[dt.date, int]:
    """Days without the regular hours: minute at which NYSE closes, 0 when it stays shut."""
    thanks = _nth(year, 11, 3, 4)
    shut = {
        _nth(year, 1, 0, 3), _nth(year, 2, 0, 3), _easter(year) - dt.timedelta(2),
        _nth(year, 6, 0, 1) - dt.timedelta(7), _nth(year, 9, 0, 1), thanks,
    }  # fmt: skip
    new_year = dt.date(year, 1, 1)
    if new_year.weekday() != 5:  # on a Saturday it is not made up for
        shut.add(_observed(new_year))
    shut |= {_observed(dt.date(year, 7, 4)), _observed(dt.date(year, 12, 25))}
    if year >= 2022:
        shut.add(_observed(dt.date(year, 6, 19)))
    short = {thanks + dt.timedelta(1), dt.date(year, 7, 3), dt.date(year, 12, 24)}
    found = {one: SHORT_DAY for one in short if one.weekday() < 5}
    return found | dict.fromkeys(shut, 0)


def _nth(year: int, month: int, weekday: int, nth: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + dt.timedelta((weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _observed(day: dt.date) -> dt.date:
    return day + dt.timedelta({5: -1, 6: 1}.get(day.weekday(), 0))


def _easter(year: int) -> dt.date:
    """Sunday of Easter in the Gregorian calendar (Meeus, Jones, Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return dt.date(year, month, day + 1)


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
