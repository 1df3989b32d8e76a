"""What conditions of alerts may name, read from the books of today: those alone that are asked for.

Everything is summed up in the database, and of each reading only the sums leave it: a strategy may
have made a million fills today, and is looked at every few seconds.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal

from django.db import connection

from trading.engines.budgets import slippage_budget
from trading.engines.conditions import NAMES
from trading.models import PnlPoint
from trading.portfolio.books import day_start
from trading.rehearsals import OF_STRATEGY
from trading.selectors.execution import Asked, fill_rates, slippage
from trading.selectors.performance import Period, answers, capital_of, performance
from trading.selectors.results import budget_used
from trading.universe import UNIVERSE

PNL_AGE = dt.timedelta(seconds=60)
"""A line of PnL that is older says nothing of now."""

Values = dict[str, Decimal | None]
"""By name; None is not known."""


def _asked(key: str, now: dt.datetime) -> Asked:
    return Asked(since=day_start(now), strategy=key)


_SUCCESS = f"""
SELECT count(*) FILTER (WHERE o.filled > 0), count(*) FROM trading_order o
WHERE o.strategy_id = %s AND o.created_at >= %s AND o.ended_at IS NOT NULL
  AND o.order_type <> 'stop' AND o.state NOT IN ('denied', 'rejected') AND {OF_STRATEGY}
"""  # noqa: S608 - constants


def _success(key: str, now: dt.datetime) -> Values:
    with connection.cursor() as cursor:
        cursor.execute(_SUCCESS, [key, day_start(now)])
        met, ended = cursor.fetchone()
    return {"tradingStats.successRate": Decimal(met) / ended if ended else None}


def _filled(key: str, now: dt.datetime) -> Values:
    rates = fill_rates(_asked(key, now))
    return {"tradingStats.fillRate": rates[0].rate if rates else None}


def _slipped(key: str, now: dt.datetime) -> Values:
    found = slippage(_asked(key, now))
    mean_bp = found[0].mean_bp if found else None
    return {
        "tradingStats.avgSlippage": mean_bp,
        "tradingStats.slippageBudgetUsed": budget_used(mean_bp, slippage_budget(key)),
    }


def _answered(key: str, now: dt.datetime) -> Values:
    found = answers(key=key, since=day_start(now))
    return {
        "tradingStats.rejectionRate": (
            Decimal(found.refused) / found.orders if found.orders else None
        ),
        "tradingStats.totalOrders": Decimal(found.orders),
        "latency.orderToAnswer": None if found.p99_us is None else Decimal(found.p99_us) / 1_000,
    }


_KNOWN = [one.symbol for one in UNIVERSE.instruments]
_TRADES = f"""
SELECT count(*) FROM trading_fill o
WHERE o.strategy_id = %s AND o.recorded_at >= %s AND o.symbol = ANY(%s) AND {OF_STRATEGY}
"""  # noqa: S608 - constants


def _traded(key: str, now: dt.datetime) -> Values:
    with connection.cursor() as cursor:
        cursor.execute(_TRADES, [key, day_start(now), _KNOWN])
        (made,) = cursor.fetchone()
    return {"tradingStats.totalTrades": Decimal(made)}


_TIMES = " ".join(
    f"WHEN '{one.symbol}' THEN {one.multiplier:f}"
    for one in UNIVERSE.instruments
    if one.multiplier != 1
)
_TRIPS = f"""
WITH made AS (
    SELECT o.account_id, o.symbol, o.sequence, one.signed,
        -one.signed * o.price * CASE o.symbol {_TIMES} ELSE 1 END - o.fee AS cash
    FROM trading_fill o,
        LATERAL (SELECT CASE o.side WHEN 'buy' THEN o.quantity ELSE -o.quantity END AS signed) one
    WHERE o.strategy_id = %(key)s AND o.recorded_at >= %(since)s AND o.symbol = ANY(%(known)s)
        AND {OF_STRATEGY}
), walked AS (
    SELECT m.*, sum(m.cash) OVER so_far AS earned, sum(m.signed) OVER so_far AS moved,
        coalesce(p.quantity, 0) - sum(m.signed) OVER (PARTITION BY m.account_id, m.symbol) AS held
    FROM made m LEFT JOIN trading_position p ON p.strategy_id = %(key)s
        AND p.account_id = m.account_id AND p.symbol = m.symbol
    WINDOW so_far AS (PARTITION BY m.account_id, m.symbol ORDER BY m.sequence)
), ended AS (
    SELECT account_id, symbol, sequence, held,
        earned - cash * abs(held + moved) / abs(signed) AS earned
    FROM walked
    WHERE held + moved - signed <> 0 AND (held + moved - signed) * (held + moved) <= 0
), trips AS (
    SELECT earned - coalesce(lag(earned) OVER book, 0) AS earned,
        held = 0 OR lag(earned) OVER book IS NOT NULL AS judged
    FROM ended WINDOW book AS (PARTITION BY account_id, symbol ORDER BY sequence)
)
SELECT count(*), count(*) FILTER (WHERE earned > 0) FROM trips WHERE judged
"""  # noqa: S608 - constants
"""trading.portfolio.results.Trips in SQL, of one moment. ``held`` when the day began; what goes
through zero ends a trip with its part of the fill, and begins the next with the rest."""


def _trips(key: str, now: dt.datetime) -> Values:
    """Each account is a book of its own: what one holds ends no round trip of another."""
    with connection.cursor() as cursor:
        cursor.execute(_TRIPS, {"key": key, "since": day_start(now), "known": _KNOWN})
        ended, won = cursor.fetchone()
    return {"tradingStats.hitRatio": Decimal(won) / ended if ended else None}


_MONEY = tuple(name for name in NAMES if name.startswith("riskMetrics."))


def _money(key: str, now: dt.datetime) -> Values:
    point = PnlPoint.objects.filter(strategy=key).order_by("-at").first()
    if point is None or now - point.at > PNL_AGE:
        return dict.fromkeys(_MONEY)
    line = performance(key=key, period=Period.TODAY, now=now).points
    last, capital = (line[-1] if line else None), capital_of(key)
    fall = last.drawdown if last else None
    return {
        "riskMetrics.pnl": last.pnl if last else None,
        "riskMetrics.drawdown": None if fall is None else -fall / 100,
        "riskMetrics.grossExposure": point.gross,
        "riskMetrics.netExposure": point.net,
        "riskMetrics.utilization": point.gross / capital if capital else None,
    }


READINGS: Mapping[frozenset[str], Callable[[str, dt.datetime], Values]] = {
    frozenset({"tradingStats.successRate"}): _success,
    frozenset({"tradingStats.fillRate"}): _filled,
    frozenset({"tradingStats.avgSlippage", "tradingStats.slippageBudgetUsed"}): _slipped,
    frozenset(
        {"tradingStats.rejectionRate", "tradingStats.totalOrders", "latency.orderToAnswer"}
    ): _answered,
    frozenset({"tradingStats.totalTrades"}): _traded,
    frozenset({"tradingStats.hitRatio"}): _trips,
    frozenset(_MONEY): _money,
}
"""Which names each gives, of a strategy at a moment. Each raises db.Error."""


def values_read(key: str, now: dt.datetime) -> Values:
    """All of them, of strategy ``key`` today. Raises db.Error."""
    return {name: value for read in READINGS.values() for name, value in read(key, now).items()}
