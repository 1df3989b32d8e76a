"""How orders were carried out: slippage, how much was filled, how long it took. Database only.

By strategy, instrument or venue account, over orders made since a moment. *Slippage* is what fills
cost beyond the mid the strategy saw, in basis points of the value there; negative is better than
the mid. Stops are left out of it and of fill rates: they rest on purpose. Orders of a rehearsal
account count as trading.rehearsals has it. Raises django.db.Error.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import connection

from trading.portfolio.orders_sql import (
    AT_ONCE,
    COST,
    FILL_RATE,
    FILL_RATE_AT_ONCE,
    SLIPPAGE_BP,
    VALUE,
    WORKED,
)
from trading.rehearsals import OF_FIRM, OF_STRATEGY


class By(StrEnum):
    """What rows are of; the value is what the API says."""

    STRATEGY = "strategy"
    INSTRUMENT = "instrument"
    VENUE = "venue"
    FIRM = "firm"

    @property
    def sql(self) -> str:
        """One row for the firm: of whatever the caller sees of it."""
        return {
            "strategy": "o.strategy_id", "instrument": "o.symbol", "venue": "o.account_id",
            "firm": "'firm'::text",
        }[self]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """Orders made since ``since``: of one strategy, symbol or account where named, and of
    ``strategies`` alone where given."""

    since: dt.datetime
    by: By = By.STRATEGY
    strategy: str = ""
    symbol: str = ""
    account: str = ""
    strategies: Collection[str] | None = None

    @property
    def counted(self) -> str:
        """In SQL, which rows ``o`` count; all of an account do there."""
        if self.by is By.VENUE or self.account:
            return "true"
        return OF_STRATEGY if self.by is By.STRATEGY or self.strategy else OF_FIRM

    def rows(self, sql: str, **more: Any) -> list[tuple[Any, ...]]:
        given: dict[str, Any] = {
            "since": self.since, "strategy": self.strategy, "symbol": self.symbol,
            "account": self.account, "all": self.strategies is None,
            "strategies": sorted(self.strategies or ()), "shares": _SHARES, **more,
        }  # fmt: skip
        with connection.cursor() as cursor:
            orders = f"{_ORDERS} AND {self.counted}"
            cursor.execute(sql.format(by=self.by.sql, orders=orders), given)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


_ORDERS = """
FROM trading_order o
WHERE o.created_at >= %(since)s AND o.strategy_id IS NOT NULL
    AND (%(strategy)s = '' OR o.strategy_id = %(strategy)s)
    AND (%(symbol)s = '' OR o.symbol = %(symbol)s)
    AND (%(account)s = '' OR o.account_id = %(account)s)
    AND (%(all)s OR o.strategy_id = ANY(%(strategies)s))
"""
_SLIPPAGE = f"""
SELECT {{by}}, count(*), {SLIPPAGE_BP},
    percentile_cont(array[0.5, 0.95]) WITHIN GROUP (ORDER BY 10000 * {COST} / ({VALUE})),
    max(10000 * {COST} / ({VALUE}))
{{orders}} AND o.filled > 0 AND {WORKED} GROUP BY 1 ORDER BY 1
"""
_FILLS = f"""
SELECT {{by}}, count(*),
    count(*) FILTER (WHERE o.state = 'denied'), count(*) FILTER (WHERE o.state = 'rejected'),
    count(*) FILTER (WHERE o.ended_at IS NULL),
    count(*) FILTER (WHERE o.filled = o.quantity),
    count(*) FILTER (WHERE o.filled > 0 AND o.filled < o.quantity),
    {FILL_RATE}
{{orders}} AND {WORKED} GROUP BY 1 ORDER BY 1
"""
_TAKEN = "o.ended_at IS NOT NULL AND o.state NOT IN ('denied', 'rejected')"
_INTENDED = f"""
SELECT {{by}}, {FILL_RATE_AT_ONCE},
    count(*) FILTER (WHERE o.filled > 0 AND o.side = 'buy' AND NOT {AT_ONCE}),
    count(*) FILTER (WHERE o.filled > 0 AND o.side = 'sell' AND NOT {AT_ONCE}),
    count(*), {FILL_RATE}, count(*) FILTER (WHERE {_TAKEN}),
    count(*) FILTER (WHERE {_TAKEN} AND o.filled > 0)
{{orders}} AND {WORKED} GROUP BY 1 ORDER BY 1
"""
_SHARES = [0.5, 0.95, 0.99, 1.0]
_TIMES = """
WITH took AS (
    SELECT {by} AS name, o.tick_to_send_us / 1000.0 AS tick_to_send,
        1000 * extract(epoch FROM o.sent_at - o.created_at) AS made_to_sent,
        o.send_to_answer_us / 1000.0 AS send_to_answer,
        (o.tick_to_send_us + o.send_to_answer_us) / 1000.0 AS tick_to_answer,
        1000 * extract(epoch FROM (
            SELECT min(f.recorded_at) FROM trading_fill f WHERE f.order_id = o.client_order_id
        ) - o.sent_at) AS send_to_fill
    {orders} AND o.sent_at IS NOT NULL AND o.order_type <> 'stop'
)
SELECT name, count(*),
    count(tick_to_send), percentile_cont(%(shares)s) WITHIN GROUP (ORDER BY tick_to_send),
    count(made_to_sent), percentile_cont(%(shares)s) WITHIN GROUP (ORDER BY made_to_sent),
    count(send_to_answer), percentile_cont(%(shares)s) WITHIN GROUP (ORDER BY send_to_answer),
    count(tick_to_answer), percentile_cont(%(shares)s) WITHIN GROUP (ORDER BY tick_to_answer),
    count(send_to_fill), percentile_cont(%(shares)s) WITHIN GROUP (ORDER BY send_to_fill)
FROM took GROUP BY name ORDER BY name
"""


_UNANSWERED = """
SELECT {by}, count(*)
{orders} AND o.order_type <> 'stop' AND o.answered_at IS NULL
    AND o.sent_at < clock_timestamp() - make_interval(secs => %(late_s)s)
GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Slippage:
    """Basis points: ``mean_bp`` weighs by value, the others count orders."""

    name: str
    orders: int
    mean_bp: Decimal
    p50_bp: Decimal
    p95_bp: Decimal
    worst_bp: Decimal


@dataclass(frozen=True, slots=True)
class FillRate:
    """Orders by what became of them. ``denied`` by us, ``rejected`` by the venue.

    ``rate``: how much of each order that was sent and has ended was filled, on average, of 1; None
    before one has.
    """

    name: str
    orders: int
    denied: int
    rejected: int
    open: int
    filled: int
    partly: int
    rate: Decimal | None


@dataclass(frozen=True, slots=True)
class Intended:
    """Orders by how they were meant to fill.

    ``at_once``: how much of each order that was to fill as it arrived did, on average, of 1; None
    before one has ended. ``bought`` and ``sold``: orders that rested and were filled at all.
    ``rate`` as of FillRate. ``ended``: those that nobody refused; ``filled`` of these, at all.
    """

    name: str
    at_once: Decimal | None = None
    bought: int = 0
    sold: int = 0
    orders: int = 0
    rate: Decimal | None = None
    ended: int = 0
    filled: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """Milliseconds over ``count`` orders of which it is known; None: of none."""

    count: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    most_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ExecutionTimes:
    """``orders`` were sent.

    Tick published to bytes at the venue's socket; the order made to the same, its record on disk
    between; those bytes to the venue's answer; the tick to that answer; and those bytes to the
    order's first fill recorded here.
    """

    name: str
    orders: int
    tick_to_send: Span
    made_to_sent: Span
    send_to_answer: Span
    tick_to_answer: Span
    send_to_fill: Span


def slippage(asked: Asked) -> list[Slippage]:
    """By name, of orders that were filled at all."""
    return [
        Slippage(name, count, *(_bp(one) for one in (mean, *shares, worst)))
        for name, count, mean, shares, worst in asked.rows(_SLIPPAGE)
    ]


def _bp(value: Decimal | float) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.0001"))


def fill_rates(asked: Asked) -> list[FillRate]:
    """By name, of all orders."""
    return [FillRate(*row) for row in asked.rows(_FILLS)]


def filled_as_intended(asked: Asked) -> list[Intended]:
    """By name, of all orders."""
    return [Intended(*row) for row in asked.rows(_INTENDED)]


def execution_times(asked: Asked) -> list[ExecutionTimes]:
    """By name, of orders that were sent."""
    return [
        ExecutionTimes(name, orders, *(_span(*rest[at : at + 2]) for at in range(0, len(rest), 2)))
        for name, orders, *rest in asked.rows(_TIMES)
    ]


def unanswered(asked: Asked, late_ms: float) -> dict[str, int]:
    """By name, orders that were sent over ``late_ms`` ago and have no answer of the venue's.

    Percentiles of answers know nothing of them.
    """
    return dict(asked.rows(_UNANSWERED, late_s=late_ms / 1000))


def _span(count: int, shares: list[Any] | None) -> Span:
    return Span(count, *(float(one) for one in shares)) if shares else Span(count)
