"""A strategy's PnL over time, the prices under it, how its orders were answered. Database only.

Series are thinned to even steps of time, the last point of each: what is drawn is what was, at
fewer moments. Raises django.db.Error.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import connection

from riskctl.models import Limit
from riskctl.rules import GROSS_NOTIONAL, strategy_scope
from trading.portfolio.books import day_start
from trading.portfolio.points_sql import COUNTED, REAL
from trading.rehearsals import OF_STRATEGY

MOST_POINTS = 10_000
STORED_S = 5
"""Between two points of a line as they are stored (trading.portfolio.loop)."""


class Period(StrEnum):
    """From 00:00 UTC of today, or of the day so many days before tomorrow."""

    TODAY = "today"
    FIVE_DAYS = "5d"
    TWENTY_DAYS = "20d"

    @property
    def days(self) -> int:
        return {"today": 1, "5d": 5, "20d": 20}[self.value]

    def since(self, now: dt.datetime) -> dt.datetime:
        return day_start(now) - dt.timedelta(days=self.days - 1)


@dataclass(frozen=True, slots=True)
class PnlAt:
    """USD since the period began, fees off; ``drawdown``: % of peak equity, never above zero."""

    at: dt.datetime
    pnl: Decimal
    drawdown: Decimal | None
    net: Decimal


@dataclass(frozen=True, slots=True)
class Performance:
    """``capital``: its gross-notional limit, by which equity is capital plus PnL; None without.

    ``opened``: PnL of the period when today began.
    """

    strategy: str
    period: str
    since: dt.datetime
    until: dt.datetime
    step_s: int
    capital: Decimal | None
    opened: Decimal
    points: list[PnlAt]


@dataclass(frozen=True, slots=True)
class PriceAt:
    at: dt.datetime
    mid: Decimal


_PNL = f"""
SELECT DISTINCT ON (date_bin(%(step)s, at, %(since)s)) at, {COUNTED}, net, rehearsing
FROM trading_pnlpoint WHERE strategy_id = %(key)s AND at >= %(since)s AND at <= %(until)s
ORDER BY date_bin(%(step)s, at, %(since)s), at DESC
"""  # noqa: S608 - constants
_BASE = f"""
SELECT (
    SELECT {REAL} FROM trading_pnlpoint
    WHERE strategy_id = %(key)s AND at < %(before)s ORDER BY at DESC LIMIT 1
), (
    SELECT paper FROM trading_pnlpoint
    WHERE strategy_id = %(key)s AND at < %(before)s AND paper IS NOT NULL ORDER BY at DESC LIMIT 1
)
"""  # noqa: S608 - constants
_PRICES = """
SELECT DISTINCT ON (date_bin(%(step)s, at, %(since)s)) at, mid
FROM trading_pricepoint WHERE symbol = %(symbol)s AND at >= %(since)s AND at <= %(until)s
ORDER BY date_bin(%(step)s, at, %(since)s), at DESC
"""


def step_of(since: dt.datetime, until: dt.datetime, points: int = MOST_POINTS) -> int:
    """Whole seconds between two points, no finer than they are stored."""
    span = max(0.0, (until - since).total_seconds())
    return max(STORED_S, -int(-span // max(1, points)))


def performance(
    *, key: str, period: Period, now: dt.datetime, points: int = MOST_POINTS
) -> Performance:
    """The strategy's line of ``period``; none for a strategy that does not exist."""
    since = period.since(now)
    step_s = step_of(since, now, points)
    capital = capital_of(key)
    with connection.cursor() as cursor:
        base, today = (_base(cursor, key, at) for at in (since, day_start(now)))
        asked: dict[str, Any] = {"key": key, **_range(since, now, step_s)}
        cursor.execute(_PNL, asked)
        found = cursor.fetchall()
    rows = [(at, pnl - base.of(rehearsing), net) for at, pnl, net, rehearsing in found]
    made = list(_with_drawdown(rows, capital))
    rehearses = bool(found and found[-1][-1])
    opened = today.of(rehearses) - base.of(rehearses)
    return Performance(key, str(period), since, now, step_s, capital, opened, made)


def _range(since: dt.datetime, until: dt.datetime, step_s: int) -> dict[str, Any]:
    return {"since": since, "until": until, "step": dt.timedelta(seconds=step_s)}


@dataclass(frozen=True, slots=True)
class _Base:
    """What a line begins at: PnL of its accounts, and of rehearsal accounts."""

    real: Decimal
    paper: Decimal

    def of(self, rehearsing: bool) -> Decimal:
        return self.real + self.paper if rehearsing else self.real


def _base(cursor: Any, key: str, before: dt.datetime) -> _Base:
    cursor.execute(_BASE, {"key": key, "before": before})
    real, paper = cursor.fetchone()
    return _Base(real or Decimal(0), paper or Decimal(0))


def prices(*, symbol: str, since: dt.datetime, until: dt.datetime, step_s: int) -> list[PriceAt]:
    """Mids of one symbol, as they were written while a strategy traded it."""
    asked: dict[str, Any] = {"symbol": symbol, **_range(since, until, step_s)}
    with connection.cursor() as cursor:
        cursor.execute(_PRICES, asked)
        return [PriceAt(at, mid) for at, mid in cursor.fetchall()]


def capital_of(key: str) -> Decimal | None:
    """What the drawdown triggers take for the strategy's capital."""
    rows = Limit.objects.filter(scope=strategy_scope(key), kind=GROSS_NOTIONAL)
    return rows.values_list("value", flat=True).first()


def drawdown(pnl: Decimal, peak: Decimal, capital: Decimal | None) -> Decimal | None:
    """From ``peak`` in % of the equity there; None without a capital."""
    if capital is None or capital + peak <= 0:
        return None
    return (pnl - peak) / (capital + peak) * 100


def _with_drawdown(
    rows: list[tuple[dt.datetime, Decimal, Decimal]], capital: Decimal | None
) -> Iterator[PnlAt]:
    peak = Decimal(0)
    for at, pnl, net in rows:
        peak = max(peak, pnl)
        yield PnlAt(at, pnl, drawdown(pnl, peak, capital), net)


_ANSWERS = f"""
SELECT count(*), count(*) FILTER (WHERE o.state IN ('rejected', 'denied')),
       percentile_cont(0.99) WITHIN GROUP (ORDER BY o.send_to_answer_us)
FROM trading_order o WHERE o.strategy_id = %s AND o.created_at >= %s AND {OF_STRATEGY}
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Answers:
    """A strategy's orders since a moment: how many, how many were refused by us or by the venue,
    and how long the venue's answer took. On a real rung paper is in none of it."""

    orders: int
    refused: int
    p99_us: int | None


def answers(*, key: str, since: dt.datetime) -> Answers:
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERS, [key, since])
        orders, refused, p99 = cursor.fetchone()
    return Answers(orders, refused, None if p99 is None else round(p99))
