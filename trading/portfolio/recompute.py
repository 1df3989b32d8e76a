"""Recomputes the books from the fills and compares: with positions, with orders, with the venue.

Reads plain rows of one database snapshot and changes nothing but the note of its result.
"""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection, transaction

from audit.record import record
from trading.clock import utc_now
from trading.models import BooksCheck
from trading.portfolio.compare import (
    AccountReport,
    Comparison,
    Difference,
    FillRow,
    OrderRow,
    PositionRow,
    Reading,
)
from trading.universe import UNIVERSE, Universe

#: So many differences are kept in the database and the record; all are counted.
KEPT_DIFFERENCES = 200

_CHUNK = 2_000
_FILLS = """
SELECT account_id, sequence, order_id, strategy_id, symbol, side, quantity, price, fee
FROM trading_fill ORDER BY account_id, sequence
"""
_POSITIONS = """
SELECT account_id, strategy_id, symbol, quantity, cost, realised, fees, turnover, fills,
    last_sequence
FROM trading_position
"""
_ORDERS = """
SELECT client_order_id, state, quantity, filled, filled_value, fees FROM trading_order o
WHERE filled <> 0 OR filled_value <> 0 OR fees <> 0 OR state = 'filled'
    OR EXISTS (SELECT 1 FROM trading_fill f WHERE f.order_id = o.client_order_id)
"""
_READINGS = """
SELECT DISTINCT ON (account_id) account_id, taken_at, fill_sequence, positions::text
FROM trading_venuereading ORDER BY account_id, taken_at DESC, id DESC
"""


@dataclass(frozen=True)
class BooksReport:
    at: dt.datetime
    fills: int
    positions: int
    orders: int
    accounts: tuple[AccountReport, ...]
    differences: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        return not self.differences


def _rows(query: str) -> Iterator[Any]:
    """Rows through a server-side cursor, so that years of fills do not fill the memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(_CHUNK):
            yield from rows


def books_compare(*, universe: Universe = UNIVERSE) -> BooksReport:
    """Recompute and compare within one snapshot. Raises django.db.Error when it cannot."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        now = utc_now()
        readings = [
            Reading(name, taken_at, sequence, json.loads(positions))
            for name, taken_at, sequence, positions in _rows(_READINGS)
        ]
        comparison = Comparison(universe, readings, now)
        for row in _rows(_FILLS):
            comparison.take(FillRow._make(row))
        positions = comparison.positions(map(PositionRow._make, _rows(_POSITIONS)))
        orders = comparison.orders(map(OrderRow._make, _rows(_ORDERS)))
        accounts = comparison.accounts()
        return BooksReport(
            now, comparison.fills, positions, orders, accounts, tuple(comparison.differences)
        )


def books_check(*, universe: Universe = UNIVERSE) -> tuple[BooksCheck, BooksReport]:
    """Compare, and keep the result; a difference, or the end of one, goes into the record.

    Raises django.db.Error when it cannot.
    """
    report = books_compare(universe=universe)
    differences = [asdict(one) for one in report.differences[:KEPT_DIFFERENCES]]
    with transaction.atomic():
        last = BooksCheck.objects.order_by("-at", "-id").first()
        row = BooksCheck.objects.create(
            at=report.at, agrees=report.agrees, fills=report.fills, differences=differences
        )
        if not report.agrees or (last is not None and not last.agrees):
            record(
                action="books.check",
                outcome="done" if report.agrees else "failed",
                actor_kind="process",
                actor="recompute_books",
                object_kind="books",
                object_id=str(row.pk),
                happened_at=report.at,
                before=None if last is None else {"check": last.pk, "agrees": last.agrees},
                after={
                    "agrees": report.agrees,
                    "fills": report.fills,
                    "differences": len(report.differences),
                    "first": differences[:20],
                },
            )
    return row, report
