"""When the markets that are traded are open: their phases, half days, breaks and holidays. Pure.

Days and hours of exchanges are trading.calendars'. Beyond what is known there a market is UNKNOWN,
which is closed. Pre-market and after hours are those of incident-response-runbook.md; no order
leaves in them.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from trading.calendars import CALENDARS, Calendars
from trading.clock import NS, utc_from_ns

_MORNING = 6 * 60
_MIDNIGHT = 24 * 60
_AHEAD = 21
"""Days: longer than any exchange known here has ever stayed shut."""


class Phase(StrEnum):
    CLOSED = "closed"
    PRE_MARKET = "pre-market"
    OPEN = "open"
    BREAK = "break"
    AFTER_HOURS = "after hours"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Market:
    """``code`` of its calendar. Without one: the ``week`` (weekday from Monday 0, minute it opens,
    days it stays open), else always. ``shut``: month and day on which a day of such a week ends
    that is none. ``extended``: it has a pre-market and after hours."""

    name: str
    words: str
    code: str = ""
    zone: str = "UTC"
    week: tuple[int, int, int] | None = None
    shut: tuple[tuple[int, int], ...] = ()
    extended: bool = False

    @property
    def always(self) -> bool:
        return not (self.code or self.week)


_SHUT_EVERYWHERE = ((1, 1), (12, 25))
"""No centre trades: what is quoted then is nobody's price. One country's holiday shuts nothing."""

MARKETS: dict[str, Market] = {
    one.name: one
    for one in (
        Market("NYSE", "New York Stock Exchange", "XNYS", "America/New_York", extended=True),
        Market("NASDAQ", "NASDAQ Global Market", "XNYS", "America/New_York", extended=True),
        Market("LSE", "London Stock Exchange", "XLON", "Europe/London"),
        Market("TSE", "Tokyo Stock Exchange", "XTKS", "Asia/Tokyo"),
        Market("CME", "Chicago Mercantile Exchange", "CMES", "America/Chicago"),
        Market("ICE", "Intercontinental Exchange", "IEPA", "America/New_York"),
        Market("EUREX", "European Exchange", "XEUR", "Europe/Berlin"),
        Market(
            "FOREX", "Spot FX", zone="America/New_York", week=(6, 17 * 60, 5), shut=_SHUT_EVERYWHERE
        ),
        Market("FX Futures", "Currency futures at CME", "CMES", "America/Chicago"),
        Market("CRYPTO", "Cryptocurrency exchanges"),
    )
}


@dataclass(frozen=True, slots=True)
class Span:
    """A phase in UTC; what lies between two spans is CLOSED."""

    begins: dt.datetime
    ends: dt.datetime
    phase: Phase


@dataclass(frozen=True, slots=True)
class Standing:
    """A market at a moment. ``until``: when its phase changes next; ``opens``: when it opens next,
    if it is not open. None: never, or not known."""

    phase: Phase
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    opens: dt.datetime | None = None

    @property
    def open(self) -> bool:
        return self.phase is Phase.OPEN

    @property
    def closed_words(self) -> str:
        """``closed until 2026-11-27 14:30 UTC``"""
        until = f"{self.opens:%Y-%m-%d %H:%M} UTC" if self.opens else "nobody knows when"
        return f"{self.phase} until {until}"


def spans(
    market: Market, first: dt.date, last: dt.date, calendars: Calendars = CALENDARS
) -> Iterator[Span]:
    """Of the sessions of the days ``first`` to ``last``, in order."""
    zone = ZoneInfo(market.zone)
    for ahead in range((last - first).days + 1):
        day = first + dt.timedelta(ahead)
        midnight = dt.datetime.combine(day, dt.time(), zone)
        for phase, *minutes in _phases(market, day, calendars):
            # On the wall clock: an aware time moves by it, summer time or not.
            begins, ends = (
                (midnight + dt.timedelta(minutes=one)).astimezone(dt.UTC) for one in minutes
            )
            yield Span(begins, ends, phase)


def spans_about(market: Market, day: dt.date, calendars: Calendars = CALENDARS) -> list[Span]:
    """From a week before ``day`` to three weeks after."""
    before, after = dt.timedelta(7), dt.timedelta(_AHEAD)
    return list(spans(market, day - before, day + after, calendars))


def _phases(market: Market, day: dt.date, calendars: Calendars) -> Iterator[tuple[Phase, int, int]]:
    if market.week:
        yield from _week(market, market.week, day)
        return
    hours = calendars.by_code[market.code].hours(day)
    if not hours or not calendars.since <= day <= calendars.until:
        return
    if market.extended:
        yield Phase.PRE_MARKET, _MORNING, hours[0][0]
    for at, (opens, closes) in enumerate(hours):
        if at:
            yield Phase.BREAK, hours[at - 1][1], opens
        yield Phase.OPEN, opens, closes
    if market.extended:
        yield Phase.AFTER_HOURS, hours[-1][1], _MIDNIGHT + _MORNING


def _week(
    market: Market, week: tuple[int, int, int], day: dt.date
) -> Iterator[tuple[Phase, int, int]]:
    """The week that begins on ``day``, if one does, in the pieces that holidays leave of it."""
    weekday, opens, days = week
    if weekday != day.weekday():
        return
    begins = opens
    for ahead in range(1, days + 1):
        date, ends = day + dt.timedelta(ahead), opens + ahead * _MIDNIGHT
        if (date.month, date.day) in market.shut:
            if begins < ends - _MIDNIGHT:
                yield Phase.OPEN, begins, ends - _MIDNIGHT
            begins = ends
    if begins < opens + days * _MIDNIGHT:
        yield Phase.OPEN, begins, opens + days * _MIDNIGHT


def standing_at(market: Market, moment: dt.datetime, calendars: Calendars = CALENDARS) -> Standing:
    if market.always:
        return _OPEN
    day = moment.astimezone(ZoneInfo(market.zone)).date()
    if market.code and not calendars.since <= day <= calendars.until:
        return Standing(Phase.UNKNOWN)
    known = spans_about(market, day, calendars)
    now = next((one for one in known if one.begins <= moment < one.ends), None)
    if now is not None and now.phase is Phase.OPEN:
        return Standing(Phase.OPEN, now.begins, now.ends)
    opens = min(
        (one.begins for one in known if one.phase is Phase.OPEN and one.begins > moment),
        default=None,
    )
    if now is not None:
        return Standing(now.phase, now.begins, now.ends, opens)
    until = min((one.begins for one in known if one.begins > moment), default=None)
    return Standing(Phase.CLOSED, moment, until, opens)


class Sessions:
    """Markets as they stand by the feed's clock. Remembers each until it changes.

    ``simulated``: the feed is the simulator, and what it quotes trades on a market of its own,
    which is always open. ``live``: the feed is of now, and our own clock counts for orders.
    """

    def __init__(
        self, calendars: Calendars = CALENDARS, *, simulated: bool = False, live: bool = False
    ) -> None:
        self._calendars = calendars
        self._simulated = simulated
        self._live = live
        self._known: dict[str, tuple[int, int, Standing]] = {}

    def at(self, market: str, clock_ns: int) -> Standing:
        """Of a market that is none of ours nothing is known."""
        since, until, found = self._known.get(market, (0, 0, _NOBODY))
        if since <= clock_ns < until:
            return found
        known = MARKETS.get(market)
        if known is None:
            return _NOBODY
        moment = utc_from_ns(clock_ns)
        found = _OPEN if self._simulated else standing_at(known, moment, self._calendars)
        until = clock_ns + NS if found.until is None else int(found.until.timestamp()) * NS
        self._known[market] = (clock_ns, until, found)
        return found

    def open(self, market: str, clock_ns: int) -> bool:
        return self.at(market, clock_ns).open

    def for_orders(self, market: str, feed_ns: int, wall_ns: int) -> Standing:
        """Where an order would meet it now."""
        return self.at(market, wall_ns if self._live else feed_ns)


_NOBODY, _OPEN = Standing(Phase.UNKNOWN), Standing(Phase.OPEN)
