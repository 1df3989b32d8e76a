"""How orders were carried out: slippage, fill rate, execution times."""

import datetime as dt
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import ApiView, described
from console.api.periods import period_field
from console.api.queries import choice
from console.api.serializers import Shape, exact_field, text_field
from console.api.views import ACCOUNT, STRATEGY, SYMBOL
from trading.clock import utc_now
from trading.selectors.execution import Asked, By, execution_times, fill_rates, slippage

HOUR = dt.timedelta(hours=1)
BY = choice("by", By, "What rows are of, over the strategies you see; strategy when not given.")
EXECUTION_QUERY = (period_field("1h"), BY, STRATEGY, SYMBOL, ACCOUNT)


class _Of(Shape):
    name = text_field("The strategy, instrument, venue account; or firm.")


class SlippageShape(_Of):
    orders = serializers.IntegerField(help_text="Filled at least in part; stops are left out.")
    mean_bp = exact_field("Basis points of the value at the mid the strategy saw, by value; "
                          "negative: better than that mid.")  # fmt: skip
    p50_bp = exact_field("Half of the orders cost no more.")
    p95_bp = exact_field("Of 100 orders, 95 cost no more.")
    worst_bp = exact_field("What the dearest order cost.")


class FillRateShape(_Of):
    orders = serializers.IntegerField(help_text="Made; stops are left out.")
    denied = serializers.IntegerField(help_text="Refused by us.")
    rejected = serializers.IntegerField(help_text="Refused by the venue.")
    open = serializers.IntegerField(help_text="Not ended.")
    filled = serializers.IntegerField(help_text="Filled whole.")
    partly = serializers.IntegerField(help_text="Filled in part.")
    rate = exact_field("How much of each order that was sent and has ended was filled, on average, "
                       "of 1.", null=True)  # fmt: skip


class SpanShape(Shape):
    count = serializers.IntegerField(help_text="Orders of which it is known.")
    p50_ms = serializers.FloatField(allow_null=True)
    p95_ms = serializers.FloatField(allow_null=True)
    p99_ms = serializers.FloatField(allow_null=True)
    most_ms = serializers.FloatField(allow_null=True)


class ExecutionTimesShape(_Of):
    orders = serializers.IntegerField(help_text="Sent; stops are left out.")
    tick_to_send = SpanShape(help_text="Tick published to the venue's socket written.")
    made_to_sent = SpanShape(help_text="Order made to the same: checked and put on disk between.")
    send_to_answer = SpanShape(help_text="Sent to the venue's answer.")
    tick_to_answer = SpanShape(help_text="Tick published to the venue's answer: end to end.")
    send_to_fill = SpanShape(help_text="Sent to its first fill recorded here.")


class Metrics(ApiView):
    query = EXECUTION_QUERY

    @property
    def asked(self) -> Asked:
        """What the caller may see of it."""
        given: dict[str, Any] = self.given
        return Asked(
            since=utc_now() - given.get("period", HOUR),
            by=By(given.get("by", By.STRATEGY)),
            strategy=given.get("strategy", ""),
            symbol=given.get("symbol", ""),
            account=given.get("account", ""),
            strategies=self.sight.strategies,
        )


class SlippageMetrics(Metrics):
    @described(
        SlippageShape(many=True),
        "What fills cost beyond the mid that the strategy saw (arrival), in basis points.",
        EXECUTION_QUERY,
        name="metrics_slippage",
    )
    def get(self, request: Request) -> Response:
        return Response(SlippageShape(slippage(self.asked), many=True).data)


class FillRateMetrics(Metrics):
    @described(
        FillRateShape(many=True),
        "How much of what was ordered was filled, and what became of the rest.",
        EXECUTION_QUERY,
        name="metrics_fill_rate",
    )
    def get(self, request: Request) -> Response:
        return Response(FillRateShape(fill_rates(self.asked), many=True).data)


class ExecutionTimesMetrics(Metrics):
    @described(
        ExecutionTimesShape(many=True),
        "How long orders took, from the tick to the fill: p50, p95, p99 and the longest.",
        EXECUTION_QUERY,
        name="metrics_execution_times",
    )
    def get(self, request: Request) -> Response:
        return Response(ExecutionTimesShape(execution_times(self.asked), many=True).data)
