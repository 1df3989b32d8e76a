"""Reads the day's fills and orders for their results, limits in force and alerts: again and again.

Fills are read from where they grew; orders are summed anew, and the longer that takes, the less
often.
"""

import datetime as dt
import time
from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.db import connection

from riskctl.models import Limit
from riskctl.rules import SCALED
from trading.models import EngineAlert
from trading.portfolio.alerts import gravity
from trading.portfolio.books import AlertRow, Counting
from trading.portfolio.orders_sql import FILL_RATE, SLIPPAGE_BP, WORKED
from trading.portfolio.results import Book, Change, OrdersRow, Trips, TripsRow
from trading.rehearsals import OF_STRATEGY
from trading.universe import UNIVERSE

_OVERLAP = dt.timedelta(seconds=10)
_ORDERS_EVERY_S = 5.0
_REST = 50
"""So many times as long as summing took is waited before it is done again."""

_ORDERS = f"""
SELECT o.strategy_id, {SLIPPAGE_BP}, {FILL_RATE} FROM trading_order o
WHERE o.created_at >= %s AND o.sent_at IS NOT NULL AND {WORKED} AND o.strategy_id IS NOT NULL
    AND {OF_STRATEGY}
GROUP BY o.strategy_id
"""  # noqa: S608 - constants
_MADE = """
SELECT account_id, strategy_id, symbol, CASE side WHEN 'buy' THEN quantity ELSE -quantity END,
    price, fee, sequence, recorded_at
FROM trading_fill WHERE recorded_at >= %s AND strategy_id IS NOT NULL
"""
_HELD_AND_MADE = f"""
SELECT account_id, strategy_id, symbol, quantity, NULL, NULL, NULL AS sequence, NULL
FROM trading_position UNION ALL {_MADE}
"""  # noqa: S608 - constants
"""Of one moment: a fill that came between two readings would be held and not made, all day."""


class ResultsReader:
    """For one day; used by one thread, inside a transaction. Methods raise django.db.Error."""

    def __init__(self, day: dt.datetime) -> None:
        self._day = day
        self._since = day
        self._trips: Trips | None = None
        self._paper = Trips()
        self._seen: dict[str, int] = {}
        self._orders: dict[str, OrdersRow] = {}
        self._orders_due = 0.0

    def trips(self, counting: Counting) -> dict[str, TripsRow]:
        """By strategy, of what counts for it."""
        self._follow(counting)
        found = self._trips.rows() if self._trips else {}
        for key, paper in self._paper.rows().items():
            if counting.rehearses(key):
                real = found.get(key, TripsRow())
                found[key] = TripsRow(real.won + paper.won, real.ended + paper.ended)
        return found

    def _follow(self, counting: Counting) -> None:
        first = self._trips is None
        fresh: list[tuple[str, Change]] = []
        held: dict[Book, Decimal] = {}
        newest = self._since
        with connection.cursor() as cursor:
            read = _HELD_AND_MADE if first else _MADE
            cursor.execute(f"{read} ORDER BY account_id, sequence", [self._since])
            rows = cursor.fetchall()
        for account, strategy, symbol, quantity, price, fee, sequence, at in rows:
            book = (strategy, f"{account}/{symbol}")
            if at is None:
                held[book] = quantity
                continue
            if sequence <= self._seen.get(account, -1) or symbol not in UNIVERSE:
                continue
            self._seen[account] = sequence
            newest = max(newest, at)
            value = quantity * price * UNIVERSE.by_symbol(symbol).multiplier
            fresh.append((account, Change(book, quantity, value, fee)))
        if self._trips is None:
            opening = _opening(held, (one for _, one in fresh))
            self._trips, self._paper = Trips(opening), Trips(opening)
        for account, one in fresh:
            (self._trips if counting.real(account) else self._paper).take(one)
        self._since = max(self._day, newest - _OVERLAP)

    def orders(self) -> dict[str, OrdersRow]:
        begun = time.monotonic()
        if begun >= self._orders_due:
            with connection.cursor() as cursor:
                cursor.execute(_ORDERS, [self._day])
                self._orders = {key: OrdersRow(*rest) for key, *rest in cursor.fetchall()}
            took = time.monotonic() - begun
            self._orders_due = begun + max(_ORDERS_EVERY_S, _REST * took)
        return self._orders


def _opening(held: Mapping[Book, Decimal], today: Iterable[Change]) -> dict[Book, Decimal]:
    """What was held when the day began: what is ``held`` now, less what was filled since."""
    found = dict(held)
    for one in today:
        found[one.book] = found.get(one.book, Decimal(0)) - one.quantity
    return found


def limits_in_force(factors: dict[str, Decimal]) -> dict[str, dict[str, Decimal]]:
    """By kind: of each strategy by its key, scaled by its rung as gateways scale them; of what is
    above it by its scope."""
    found: dict[str, dict[str, Decimal]] = {}
    for scope, kind, value in Limit.objects.values_list("scope", "kind", "value"):
        of, _, key = scope.partition(":")
        if of != "strategy":
            found.setdefault(scope, {})[kind] = value
            continue
        factor = factors.get(key, Decimal(1)) if kind in SCALED else Decimal(1)
        found.setdefault(key, {})[kind] = value * factor
    return found


def alerts_read() -> dict[str, tuple[AlertRow, ...]]:
    """Open ones of each engine, the gravest first, then the newest. Raises db.Error."""
    rows = EngineAlert.objects.filter(ended_at=None).order_by("-began_at", "id")
    found: dict[str, list[AlertRow]] = {}
    for one in rows:
        found.setdefault(one.engine, []).append(AlertRow(one.alert, one.severity, one.began_at))
    return {
        key: tuple(sorted(each, key=lambda one: gravity(one.severity)))
        for key, each in found.items()
    }
