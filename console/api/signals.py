"""How good signals are: accuracy, rate and distributions, and each recent one's outcome."""

import datetime as dt
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import ApiView, described
from console.api.paging import paged
from console.api.periods import period_field
from console.api.queries import CURSOR, LIMIT
from console.api.serializers import Shape, SignalShape, exact_field, moment_field, text_field
from console.api.views import SIGNALS_NEWEST, STRATEGY, SYMBOL
from trading import selectors
from trading.clock import utc_now
from trading.models import Signal
from trading.selectors.signalling import BINS, SignalMetrics, move_bp, problems_of, signal_metrics

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
OF_A_DAY = (period_field("24h"), STRATEGY, SYMBOL)
OF_AN_HOUR = (period_field("1h"), STRATEGY, SYMBOL)
RECENT_QUERY = (period_field("1h"), STRATEGY, SYMBOL, LIMIT, CURSOR)


class _Of(Shape):
    strategy = text_field()
    symbol = text_field()
    signals = serializers.IntegerField(help_text="Made in the period.")


class AccuracyShape(_Of):
    accuracy = serializers.FloatField(
        allow_null=True, help_text="Hits of hits and misses, of 1; null before either."
    )
    hits = serializers.IntegerField(help_text="Moved its way by more than the spread then.")
    misses = serializers.IntegerField(help_text="Moved against it by more.")
    flats = serializers.IntegerField(help_text="Moved by less.")
    judged = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Their horizon has not passed.")
    unknown = serializers.IntegerField(help_text="No price at their horizon is known.")
    move_bp = exact_field("Mean move its way to the horizon, basis points.", null=True)
    net_bp = exact_field("The same less the spread.", null=True)


class RateShape(_Of):
    per_hour = serializers.FloatField()
    last_at = moment_field("When the latest was made.")
    latency_p95_us = serializers.IntegerField(help_text="Tick published to signal made.")


class DistributionShape(_Of):
    long = serializers.IntegerField()
    flat = serializers.IntegerField(help_text="Out: no side.")
    short = serializers.IntegerField()


class ConfidenceShape(_Of):
    bins = serializers.ListField(
        child=serializers.IntegerField(),
        min_length=BINS, max_length=BINS,
        help_text="Signals by confidence in tenths: 0 to under 0.1, …, 0.9 to 1.",
    )  # fmt: skip
    zero = serializers.IntegerField(help_text="Of confidence 0.")
    mean = serializers.FloatField(source="confidence_mean")
    median = serializers.FloatField(source="confidence_median")


class JudgedShape(SignalShape):
    outcome = text_field("hit, miss, flat, unknown; empty: not judged yet, or no forecast.")
    outcome_price = exact_field("Mid at the horizon.", null=True)
    outcome_time = moment_field("Feed time of that quote.", null=True)
    spread = exact_field("Ask less bid when it was made.", null=True)
    move_bp = serializers.SerializerMethodField(help_text="Its way; null before it is judged.")
    problems = serializers.SerializerMethodField(
        help_text="ZERO_CONFIDENCE, SLOW (over 10 s), NO_OUTCOME (its horizon passed unjudged)."
    )

    def get_move_bp(self, one: Signal) -> str | None:
        found = move_bp(one)
        return None if found is None else f"{found:.4f}"

    def get_problems(self, one: Signal) -> list[str]:
        return problems_of(one)


class _Metrics(ApiView):
    """``default``: the period when none is given."""

    query = OF_A_DAY
    default: ClassVar[dt.timedelta] = DAY

    @property
    def period(self) -> dt.timedelta:
        given: dt.timedelta = self.given.get("period", self.default)
        return given

    def found(self) -> list[SignalMetrics]:
        """What the caller may see of it."""
        return signal_metrics(
            since=utc_now() - self.period,
            strategy=self.given.get("strategy", ""),
            symbol=self.given.get("symbol", ""),
            strategies=self.sight.strategies,
        )


class Accuracy(_Metrics):
    @described(
        AccuracyShape(many=True),
        "What became of signals at their horizon, by strategy and symbol: docs/strategies.md says "
        "how each is judged.",
        OF_A_DAY,
        name="signal_accuracy",
    )
    def get(self, request: Request) -> Response:
        return Response(AccuracyShape(self.found(), many=True).data)


class AccuracyShort(_Metrics):
    @described(AccuracyShape(many=True), "The same as signal-accuracy.", OF_A_DAY, name="accuracy")
    def get(self, request: Request) -> Response:
        return Response(AccuracyShape(self.found(), many=True).data)


class Distribution(_Metrics):
    @described(
        DistributionShape(many=True),
        "Signals by side, by strategy and symbol.",
        OF_A_DAY,
        name="signal_distribution",
    )
    def get(self, request: Request) -> Response:
        return Response(DistributionShape(self.found(), many=True).data)


class Rate(_Metrics):
    query = OF_AN_HOUR
    default = HOUR

    @described(
        RateShape(many=True),
        "How often signals are made and how quickly, by strategy and symbol.",
        OF_AN_HOUR,
        name="signal_rate",
    )
    def get(self, request: Request) -> Response:
        rows: list[dict[str, Any]] = [
            {**RateShape(_rate(one, self.period)).data} for one in self.found()
        ]
        return Response(rows)


def _rate(one: SignalMetrics, period: dt.timedelta) -> dict[str, Any]:
    return {
        "strategy": one.strategy,
        "symbol": one.symbol,
        "signals": one.signals,
        "per_hour": one.per_hour(period.total_seconds()),
        "last_at": one.last_at,
        "latency_p95_us": one.latency_p95_us,
    }


class Confidence(_Metrics):
    query = OF_AN_HOUR
    default = HOUR

    @described(
        ConfidenceShape(many=True),
        "How sure signals were, by strategy and symbol.",
        OF_AN_HOUR,
        name="confidence_distribution",
    )
    def get(self, request: Request) -> Response:
        return Response(ConfidenceShape(self.found(), many=True).data)


class ValidateRecent(ApiView):
    query = RECENT_QUERY

    @described(
        JudgedShape(many=True),
        "Recent signals, newest first, each with its outcome and with what is wrong with it.",
        RECENT_QUERY,
        name="signals_validate_recent",
    )
    def get(self, request: Request) -> Response:
        since = utc_now() - self.given.get("period", HOUR)
        wanted = {name: self.given[name] for name in ("strategy", "symbol") if name in self.given}
        found = selectors.signals(since=since, **wanted).select_related("strategy")
        rows = self.sight.narrowed(found)
        return paged(request, rows, SIGNALS_NEWEST, self.given, JudgedShape)
