"""How a strategy did, by period, as its page says it."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from console.pages import formats
from trading.histograms import Percentiles
from trading.selectors.execution import Asked, Span
from trading.selectors.results import Result, results

PERIODS = {
    "1 h": dt.timedelta(hours=1), "24 h": dt.timedelta(days=1), "30 d": dt.timedelta(days=30),
}  # fmt: skip
_HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Measure:
    """One line: a value for each period."""

    label: str
    unit: str
    values: list[str]


def performance_of(key: str, now: dt.datetime) -> list[Measure]:
    """Raises django.db.Error."""
    found = [
        next(iter(results(Asked(now - one, strategy=key), now=now)), None)
        for one in PERIODS.values()
    ]

    def line(label: str, unit: str, said: Callable[[Result], str]) -> Measure:
        return Measure(label, unit, [said(one) if one else formats.UNKNOWN for one in found])

    return [
        line("PnL after fees", "USD", lambda one: formats.number(one.money.pnl, 2, plus=True)),
        line("Deepest drawdown", "% of equity", lambda one: formats.number(fall_of(one), 2)),
        line("Sharpe", "annualised", lambda one: ratio_text(one.money.sharpe)),
        line("Turnover", "USD", lambda one: formats.number(one.money.turnover, 0)),
        line("Hit ratio", "% of round trips", hit_text),
        line("Fill rate", "%", lambda one: formats.number(percent(one.fill_rate), 1)),
        line("Slippage", "bp of arrival", lambda one: formats.number(one.slippage_bp, 2)),
        line("Slippage of budget", "%", budget_text),
        line("Order to fill", "ms, p50 · p95 · p99", lambda one: span_text(one.order_to_fill)),
        line("Risk check", "µs, p50 · p95 · p99", lambda one: latency_text(one.risk_check)),
        line(
            "Market data to strategy",
            "µs, p50 · p95 · p99",
            lambda one: latency_text(one.market_data),
        ),
    ]


def percent(value: Decimal | None) -> Decimal | None:
    """Of a share of 1."""
    return None if value is None else value * _HUNDRED


def fall_of(one: Result) -> Decimal | None:
    """How deep its deepest drawdown was, % of equity, not below zero."""
    return None if one.money.drawdown_pct is None else -one.money.drawdown_pct


def hit_text(one: Result) -> str:
    """``54.2 of 120``: % of so many round trips."""
    share = formats.number(percent(one.hit_ratio), 1)
    return f"{share} of {one.trips:,}" if one.trips else share


def budget_text(one: Result) -> str:
    """``37 of 4 bp``: how much of its budget slippage is, %."""
    if one.budget_bp is None:
        return "no budget"
    return f"{formats.number(percent(one.budget_used), 0)} of {formats.exact(one.budget_bp)} bp"


def ratio_text(value: float | None) -> str:
    """With two decimals."""
    return formats.UNKNOWN if value is None else formats.number(Decimal(str(value)), 2)


def span_text(span: Span) -> str:
    """``12.0 · 19.5 · 40.1``: p50, p95, p99, milliseconds."""
    shown = (span.p50_ms, span.p95_ms, span.p99_ms)
    return " · ".join(_number(one) for one in shown) if span.count else formats.UNKNOWN


def latency_text(one: Percentiles | None) -> str:
    """``90 · 210 · 1,400``: p50, p95, p99, microseconds."""
    if one is None:
        return formats.UNKNOWN
    return " · ".join(f"{value:,}" for value in (one.p50_us, one.p95_us, one.p99_us))


def _number(value: float | None) -> str:
    return formats.UNKNOWN if value is None else f"{value:,.1f}"
