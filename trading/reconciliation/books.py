"""Our side of a comparison, read from the database as of one fill of one account."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal, localcontext
from typing import Any

from django.db import connection
from django.db.models import Q

from trading.models import Fill, Order
from trading.orders.states import OPEN
from trading.reconciliation.compare import OurOrder, Ours, StrayFill
from trading.universe import Universe

KEPT = 200
"""So many holes and stray fills are named one by one."""

ZERO = Decimal(0)
_DIGITS = 120

# One statement, so one snapshot: positions are rolled back by exactly the fills that are in them.
_FIGURES = """
WITH fill AS (
  SELECT symbol, fee_currency, sequence, strategy_id, fee,
    CASE side WHEN 'buy' THEN quantity ELSE -quantity END AS change, price
  FROM trading_fill WHERE account_id = %(account)s
)
SELECT 'fills', symbol, fee_currency, count(*),
  coalesce(sum(change) FILTER (WHERE strategy_id IS NOT NULL), 0), sum(-change * price), sum(fee)
FROM fill WHERE sequence <= %(sequence)s GROUP BY symbol, fee_currency
UNION ALL
SELECT 'later', symbol, '', count(*), sum(change), 0, 0
FROM fill WHERE sequence > %(sequence)s AND strategy_id IS NOT NULL GROUP BY symbol
UNION ALL
SELECT 'held', symbol, '', 0, sum(quantity), 0, 0
FROM trading_position WHERE account_id = %(account)s GROUP BY symbol
"""
_MOVED = """
SELECT currency, sum(amount) FROM trading_cashmovement
WHERE account_id = %(account)s AND at <= coalesce(%(until)s::timestamptz, 'infinity')
GROUP BY currency
"""
_HOLES = """
SELECT before + 1, sequence - 1 FROM (
  SELECT sequence, lag(sequence, 1, 0::bigint) OVER (ORDER BY sequence) AS before FROM (
    SELECT sequence FROM trading_fill WHERE account_id = %(account)s AND sequence <= %(sequence)s
    UNION ALL SELECT %(sequence)s::bigint + 1
  ) AS numbered
) AS spans WHERE sequence > before + 1 ORDER BY sequence LIMIT %(kept)s
"""
_FILLED = """
SELECT order_id, sum(quantity) FROM trading_fill
WHERE account_id = %(account)s AND sequence <= %(sequence)s AND order_id = ANY(%(orders)s)
GROUP BY order_id
"""


def ours_at(
    *, account: str, sequence: int, at_venue: Collection[str], universe: Universe,
    moved_until: dt.datetime | None = None,
) -> Ours:  # fmt: skip
    """Our books of ``account`` as of fill ``sequence``, with all open orders and ``at_venue``, and
    what else moved cash until ``moved_until``; None: all of it."""
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    cash: defaultdict[str, Decimal] = defaultdict(Decimal)
    unknown: set[str] = set()
    fills = 0
    with localcontext(prec=_DIGITS):
        for kind, symbol, paid_in, count, quantity, flow, fees in _rows(
            _FIGURES, account=account, sequence=sequence
        ):
            if kind != "fills":
                held[symbol] += quantity if kind == "held" else -quantity
                continue
            fills += count
            filled[symbol] += quantity
            cash[paid_in] -= fees
            if symbol in universe:
                instrument = universe.by_symbol(symbol)
                cash[instrument.currency] += flow * instrument.multiplier
            else:
                unknown.add(symbol)
        for currency, amount in _rows(_MOVED, account=account, until=moved_until):
            cash[currency] += amount
    stray, more = _stray(account)
    holes = fills != sequence
    return Ours(
        held=held,
        filled=filled,
        cash=cash,
        orders=_orders(account, sequence, at_venue),
        missing=_rows(_HOLES, account=account, sequence=sequence, kept=KEPT) if holes else (),
        stray=stray,
        more_stray=more,
        unknown=sorted(unknown),
        fills=fills,
    )


def last_price(symbol: str) -> Decimal | None:
    """Of our newest fill in it on any account; None when we never traded it."""
    newest = Fill.objects.filter(symbol=symbol).order_by("-recorded_at", "-id")
    return newest.values_list("price", flat=True).first()


def _rows(query: str, **values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _stray(account: str) -> tuple[list[StrayFill], int]:
    """Fills that nobody ordered, the oldest one by one, and how many there are beside them."""
    rows = Fill.objects.filter(account=account, order=None).order_by("sequence")
    named = [
        StrayFill(one.sequence, one.symbol, one.side, one.quantity) for one in rows[: KEPT + 1]
    ]
    return named[:KEPT], rows.count() - KEPT if len(named) > KEPT else 0


def _orders(account: str, sequence: int, at_venue: Collection[str]) -> dict[str, OurOrder]:
    wanted = Q(state__in=[str(one) for one in OPEN]) | Q(pk__in=list(at_venue))
    rows = list(Order.objects.filter(wanted, account=account))
    filled = dict(
        _rows(
            _FILLED, account=account, sequence=sequence,
            orders=[one.client_order_id for one in rows],
        )
    )  # fmt: skip
    return {
        one.client_order_id: OurOrder(
            ident=one.client_order_id,
            symbol=one.symbol,
            side=one.side,
            quantity=one.quantity,
            filled=filled.get(one.client_order_id, ZERO),
            state=one.state,
            is_open=one.state in OPEN,
            created_at=one.created_at,
            ended_at=one.ended_at,
        )
        for one in rows
    }
