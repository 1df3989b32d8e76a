"""How a strategy did, by period, as its page says it."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from redis import RedisError

from console.pages import formats
from console.stores import redis_client
from trading.health import read_stages
from trading.selectors.execution import Asked, Span
from trading.selectors.results import Latency, Result, results

PERIODS = {
    "1 h": dt.timedelta(hours=1), "24 h": dt.timedelta(days=1), "30 d": dt.timedelta(days=30),
}  # fmt: skip
_HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Measure:
    """One line: a value for each period. ``latest``: of the newest measurements, whatever the
    period; there is one value then."""

    label: str
    unit: str
    values: list[str]
    latest: bool = False


def performance_of(key: str, now: dt.datetime) -> list[Measure]:
    """Raises django.db.Error."""
    try:
        stages = read_stages(redis_client())
    except RedisError:
        stages = {}
    found = [
        next(iter(results(Asked(now - one, strategy=key), now=now, stages=stages)), None)
        for one in PERIODS.values()
    ]

    def line(label: str, unit: str, said: Callable[[Result], str]) -> Measure:
        return Measure(label, unit, [said(one) if one else formats.UNKNOWN for one in found])

    def newest(label: str, said: Callable[[Result], Latency]) -> Measure:
        known = next((said(one) for one in found if one), Latency())
        return Measure(label, "µs, p50 · p95 · p99", [_latency(known)], latest=True)

    return [
        line("PnL after fees", "USD", lambda one: formats.number(one.money.pnl, 2, plus=True)),
        line("Deepest drawdown", "% of equity", lambda one: formats.number(_down(one), 2)),
        line("Sharpe", "annualised", lambda one: _float(one.money.sharpe)),
        line("Turnover", "USD", lambda one: formats.number(one.money.turnover, 0)),
        line("Hit ratio", "% of round trips", _hit),
        line("Fill rate", "%", lambda one: formats.number(_percent(one.fill_rate), 1)),
        line("Slippage", "bp of arrival", lambda one: formats.number(one.slippage_bp, 2)),
        line("Slippage of budget", "%", _budget),
        line("Order to fill", "ms, p50 · p95 · p99", lambda one: _span(one.order_to_fill)),
        newest("Risk check", lambda one: one.risk_check),
        newest("Market data to strategy", lambda one: one.market_data),
    ]


def _percent(value: Decimal | None) -> Decimal | None:
    return None if value is None else value * _HUNDRED


def _down(one: Result) -> Decimal | None:
    return None if one.money.drawdown_pct is None else -one.money.drawdown_pct


def _hit(one: Result) -> str:
    share = formats.number(_percent(one.hit_ratio), 1)
    return f"{share} of {one.trips:,}" if one.trips else share


def _budget(one: Result) -> str:
    if one.budget_bp is None:
        return "no budget"
    return f"{formats.number(_percent(one.budget_used), 0)} of {formats.exact(one.budget_bp)} bp"


def _float(value: float | None) -> str:
    return formats.UNKNOWN if value is None else formats.number(Decimal(str(value)), 2)


def _span(span: Span) -> str:
    shown = (span.p50_ms, span.p95_ms, span.p99_ms)
    return " · ".join(_number(one) for one in shown) if span.count else formats.UNKNOWN


def _latency(one: Latency) -> str:
    if one.p99_us is None:
        return formats.UNKNOWN
    return " · ".join(_number(value) for value in (one.p50_us, one.p95_us, one.p99_us))


def _number(value: float | None) -> str:
    return formats.UNKNOWN if value is None else f"{value:,.1f}"
