"""What moved in each book over a period, and at what prices: read for trading.selectors.results.

Raises django.db.Error.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection

from trading.portfolio.periodline import Moved, carried
from trading.selectors.execution import Asked
from trading.selectors.performance import STORED_S
from trading.universe import REPORTING_RATE, UNIVERSE

POINTS = 1_440
"""A minute each of a day. What is deepest is the deepest of these moments."""
SHARPE_STEPS_S = (86_400, 3_600, 60)
"""Returns are of the longest of these of which the period has at least ten."""
LEAST_RETURNS = 10
YEAR_S = 252 * 86_400
ZERO = Decimal(0)

Key = tuple[str, str, str]
"""Account, strategy, symbol."""

_MOVED = """
SELECT account_id, strategy_id, symbol,
    1 + least(greatest(ceil(extract(epoch FROM recorded_at - %(since)s) / %(step)s) - 1, 0),
        %(steps)s - 1)::int,
    sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END),
    sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END * price), sum(fee),
    sum(quantity * price), count(*)
FROM trading_fill o
WHERE recorded_at > %(since)s AND {mine} GROUP BY 1, 2, 3, 4
UNION ALL
SELECT account_id, strategy_id, symbol, 0, quantity, 0, 0, 0, 0
FROM trading_position o WHERE {mine}
"""
_MINE = """
strategy_id IS NOT NULL AND (%(strategy)s = '' OR strategy_id = %(strategy)s)
    AND (%(symbol)s = '' OR symbol = %(symbol)s) AND (%(account)s = '' OR account_id = %(account)s)
    AND (%(all)s OR strategy_id = ANY(%(strategies)s))
"""
_MIDS = """
SELECT DISTINCT ON (symbol, step) symbol, step, mid FROM (
    SELECT symbol, at, mid,
        ceil(extract(epoch FROM at - %(since)s) / %(step)s)::int AS step
    FROM trading_pricepoint
    WHERE at > %(since)s AND at <= %(until)s AND symbol = ANY(%(symbols)s)
) AS found ORDER BY symbol, step, at DESC
"""
_OPENING = """
SELECT symbol, (
    SELECT mid FROM trading_pricepoint p WHERE p.symbol = wanted.symbol AND at <= %(since)s
    ORDER BY at DESC LIMIT 1
) FROM unnest(%(symbols)s::text[]) AS wanted (symbol)
"""


@dataclass(slots=True)
class Book:
    """``fills``: quantity now less what moved is what was held at the beginning."""

    quantity: Decimal = ZERO
    moved: list[Moved] = field(default_factory=list)
    fees: Decimal = ZERO
    turnover: Decimal = ZERO
    fills: int = 0

    @property
    def held(self) -> Decimal:
        return self.quantity - sum((one.quantity for one in self.moved), ZERO)


@dataclass(frozen=True, slots=True)
class Grid:
    """``steps`` of ``step_s`` seconds; ``every`` of them make one return, 0: too short for any."""

    step_s: float
    steps: int
    every: int

    @property
    def return_s(self) -> int | None:
        return round(self.step_s * self.every) if self.every else None


def grid_of(span_s: float) -> Grid:
    """About ``POINTS`` steps, no finer than prices are stored; whole ones to each return."""
    steps = max(1, min(POINTS, int(span_s // STORED_S)))
    for one in SHARPE_STEPS_S:
        returns = int(span_s // one)
        if returns >= LEAST_RETURNS:
            every = -(-steps // returns)
            return Grid(span_s / (returns * every), returns * every, every)
    return Grid(span_s / steps, steps, 0)


def given_of(asked: Asked) -> dict[str, Any]:
    return {
        "since": asked.since, "strategy": asked.strategy, "symbol": asked.symbol,
        "account": asked.account, "all": asked.strategies is None,
        "strategies": sorted(asked.strategies or ()),
    }  # fmt: skip


def books_read(asked: Asked, grid: Grid) -> dict[Key, Book]:
    """Fills by step and what is held now, of one moment."""
    books: dict[Key, Book] = defaultdict(Book)
    given = {**given_of(asked), "step": grid.step_s, "steps": grid.steps}
    with connection.cursor() as cursor:
        cursor.execute(_MOVED.format(mine=f"{_MINE} AND {asked.counted}"), given)
        for account, strategy, symbol, step, quantity, value, fee, turned, count in cursor:
            if symbol not in UNIVERSE:
                continue
            book, one = books[account, strategy, symbol], UNIVERSE.by_symbol(symbol)
            if step == 0:
                book.quantity = quantity
                continue
            rate = REPORTING_RATE[one.currency]
            book.moved.append(Moved(step, quantity, -value * one.multiplier - fee))
            book.fees += fee * rate
            book.turnover += turned * one.multiplier * rate
            book.fills += count
    return books


def mids_read(
    symbols: Iterable[str], since: dt.datetime, until: dt.datetime, grid: Grid
) -> dict[str, list[Decimal | None]]:
    given: dict[str, Any] = {
        "since": since, "until": until, "step": grid.step_s, "symbols": sorted(symbols),
    }  # fmt: skip
    points: dict[str, dict[int, Decimal]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_OPENING, given)
        opening = dict(cursor.fetchall())
        cursor.execute(_MIDS, given)
        for symbol, step, mid in cursor:
            points[symbol][step] = mid
    return {one: carried(points[one], opening[one], grid.steps) for one in symbols}
