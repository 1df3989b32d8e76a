"""When the markets that are traded are open: regular hours, NYSE's holidays and short days. Pure.

Times are reckoned on the market's own wall clock.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from trading.clock import NS, utc_from_ns
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


def spans(market: Market, around: dt.date) -> Iterable[tuple[dt.datetime, dt.datetime]]:
    """Sessions from a week before the day ``around`` to eleven days after, by its own clock."""
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


def session_at(market: Market, moment: dt.datetime) -> tuple[bool, dt.datetime]:
    """Whether it is open at ``moment``, and when that changes next (UTC; for one that never
    closes a day later)."""
    if not market.week:
        return True, moment + dt.timedelta(days=1)
    zone = ZoneInfo(market.zone)
    now = moment.astimezone(zone).replace(tzinfo=None)
    known = list(spans(market, now.date()))
    ends = [closes for opens, closes in known if opens <= now < closes]
    change = ends[0] if ends else min(opens for opens, _ in known if opens > now)
    return bool(ends), change.replace(tzinfo=zone).astimezone(dt.UTC)


class Sessions:
    """Whether the market of an asset class is open, by the feed's clock. Remembers the answer."""

    def __init__(self) -> None:
        self._known: dict[AssetClass, tuple[int, int, bool]] = {}

    def open(self, of: AssetClass, clock_ns: int) -> bool:
        """An asset class without a market of its own never opens: unknown means closed."""
        since, until, found = self._known.get(of, (0, 0, False))
        if since <= clock_ns < until:
            return found
        market = next((one for one in MARKETS if one.of is of), None)
        if market is None:
            return False
        found, change = session_at(market, utc_from_ns(clock_ns))
        self._known[of] = (clock_ns, int(change.timestamp()) * NS, found)
        return found


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
