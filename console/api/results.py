"""How strategies, instruments, accounts or the firm did over a period."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import described
from console.api.execution import EXECUTION_QUERY, Metrics, SpanShape
from console.api.serializers import Shape, exact_field, text_field
from trading.clock import utc_now
from trading.selectors.results import Result, results


class LatencyShape(Shape):
    p50_us = serializers.IntegerField()
    p95_us = serializers.IntegerField()
    p99_us = serializers.IntegerField()


class ResultShape(Shape):
    name = text_field("The strategy, instrument, venue account; or firm.")
    in_part = serializers.BooleanField(
        help_text="Over a part of what the row is named after: another parameter narrows it, or "
        "strategies trade there that you do not see."
    )
    pnl = exact_field(
        "USD after fees, marked at mids; null: something held has no price.",
        source="money.pnl",
        null=True,
    )
    fees = exact_field("USD", source="money.fees")
    turnover = exact_field("USD traded, bought and sold.", source="money.turnover")
    fills = serializers.IntegerField(source="money.fills")
    drawdown = exact_field(
        "Deepest fall from a peak, USD, not above 0; null: something held had no price at times.",
        source="money.drawdown",
        null=True,
    )
    drawdown_pct = exact_field(
        "The same of equity at its peak; null also: no capital, or in part.",
        source="money.drawdown_pct",
        null=True,
    )
    sharpe = serializers.FloatField(
        source="money.sharpe",
        allow_null=True,
        help_text="Annualised, 252 days; null: fewer than twenty steps made or lost anything, or "
        "all made the same.",
    )
    sharpe_step_s = serializers.IntegerField(
        source="money.sharpe_step_s", allow_null=True, help_text="A return is of so many seconds."
    )
    trips = serializers.IntegerField(help_text="Round trips that began and ended in the period.")
    hit_ratio = exact_field("Of them, that made money after fees, of 1.", null=True)
    orders = serializers.IntegerField(help_text="Made; stops are left out.")
    fill_rate = exact_field("As in /api/metrics/fill-rate.", null=True)
    slippage_bp = exact_field("Against arrival, as in /api/metrics/slippage.", null=True)
    budget_bp = exact_field("The document's slippageBudget; of strategies alone.", null=True)
    budget_used = exact_field("Slippage by it, of 1.", null=True)
    order_to_fill = SpanShape(help_text="Sent to its first fill recorded here.")
    risk_check = LatencyShape(
        allow_null=True,
        help_text="An order's pre-trade check, at the slowest of its gateways; all of the period, "
        "at most 2 % too high. null: none was measured.",
    )
    market_data = LatencyShape(
        allow_null=True,
        help_text="On a live feed from the exchange's own time of a quote, by this host's clock, "
        "to its strategies having it; else from its publication here. At the slowest of their "
        "shards; as above.",
    )


class PerformanceMetrics(Metrics):
    @described(
        ResultShape(many=True),
        "PnL, drawdown, Sharpe, turnover, hit ratio, fill rate, slippage against arrival and "
        "against budget, and latencies, by strategy, instrument, venue account or the firm.",
        EXECUTION_QUERY,
        name="metrics_performance",
    )
    def get(self, request: Request) -> Response:
        found: list[Result] = results(self.asked, now=utc_now())
        shown: Any = ResultShape(found, many=True).data
        return Response(shown)
