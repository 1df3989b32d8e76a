"""How strategies did, what the desk is exposed to, and how full its limits are."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import ApiView, described
from console.api.holds import READ_ONE
from console.api.limits import KIND, SCOPE, LimitShape
from console.api.naming import scope_exists
from console.api.queries import LIMIT_WHOLE, Field, choice
from console.api.serializers import Shape, exact_field, moment_field, text_field
from console.pages.frames import frames_read
from console.pages.limitbars import near_of
from console.pages.limitread import LimitLine, limit_lines
from console.pages.riskread import exposures_of
from riskctl.limiting import limits_read
from trading.clock import utc_now
from trading.portfolio.exposure import ExposureLine
from trading.selectors.performance import MOST_POINTS, Period, performance


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= MOST_POINTS:
        raise ValueError(text)
    return int(text)


PERIOD = choice("period", Period, "Since 00:00 UTC today, or of five or twenty days; today.")
POINTS = Field(
    "points", _count, f"a whole number from 1 to {MOST_POINTS}",
    "How many at most, at even steps of time; 500 when not given.",
    {"type": "integer", "minimum": 1, "maximum": MOST_POINTS, "default": 500},
)  # fmt: skip
PERFORMANCE_QUERY = (PERIOD, POINTS)
UTILIZATION_QUERY = (SCOPE, KIND, LIMIT_WHOLE)


class PointShape(Shape):
    at = moment_field()
    pnl = exact_field("USD since the period began, marked at the mid, fees off.")
    drawdown = exact_field("From the peak, % of equity there, not above 0; null: no capital.",
                           null=True)  # fmt: skip
    net = exact_field("Net exposure, USD.")


class PerformanceShape(Shape):
    strategy = text_field()
    period = text_field()
    since = moment_field()
    until = moment_field()
    step_s = serializers.IntegerField(help_text="Between two points, where none is missing.")
    capital = exact_field("Its gross-notional limit: equity is capital plus PnL. USD.", null=True)
    points = PointShape(many=True, help_text="Oldest first. Where nothing was known is none.")


class Performance(ApiView):
    query = PERFORMANCE_QUERY

    @described(
        PerformanceShape,
        "A strategy's PnL over time with its drawdown: a point every 5 seconds, thinned to even "
        "steps.",
        PERFORMANCE_QUERY,
        name="strategy_performance",
        problems=READ_ONE,
    )
    def get(self, request: Request, strategy: str) -> Response:
        self.sight.check(strategy)
        scope_exists(f"strategy:{strategy}", lambda: self.sight)
        found = performance(
            key=strategy,
            period=Period(self.given.get("period", Period.TODAY)),
            now=utc_now(),
            points=self.given.get("points", 500),
        )
        return Response(PerformanceShape(found).data)


class ExposureShape(Shape):
    name = text_field()
    long = exact_field("USD", null=True)
    short = exact_field("USD, not below 0.", null=True)
    gross = exact_field("Long plus short; null: a position has no price.", null=True)
    net = exact_field("Long less short.", null=True)
    share = exact_field("Of all gross exposure, of 1; currencies have none.", null=True)


class ConcentrationShape(Shape):
    largest = text_field("The instrument; empty when nothing is held.")
    share = exact_field("Of gross exposure, of 1.", null=True)
    three = exact_field("Of the largest three together.", null=True)
    effective = exact_field("How many equal instruments would be as concentrated.", null=True)


class RiskMetricsShape(Shape):
    as_of = moment_field("Of the live frame; null: nothing is known now.", null=True)
    total = ExposureShape(allow_null=True)
    strategies = ExposureShape(many=True)
    venues = ExposureShape(many=True, help_text="By venue account.")
    instruments = ExposureShape(many=True)
    currencies = ExposureShape(many=True, help_text="A pair is long the one, short the other.")
    concentration = ConcentrationShape(allow_null=True)


class RiskMetrics(ApiView):
    @described(
        RiskMetricsShape,
        "Exposure by strategy, venue account, instrument and currency, and how concentrated it "
        "is: over the strategies that the caller may see.",
        name="risk_metrics_current",
    )
    def get(self, request: Request) -> Response:
        frame = frames_read(self.sight).desk
        return Response(_metrics(None if frame is None else frame))


def _metrics(frame: Any) -> dict[str, Any]:
    if frame is None:
        nothing: dict[str, Any] = {"as_of": None, "total": None, "concentration": None}
        return {**nothing, "strategies": [], "venues": [], "instruments": [], "currencies": []}
    found = exposures_of(frame.strategies)

    def lines(rows: list[ExposureLine]) -> Any:
        return ExposureShape(rows, many=True).data

    return {
        "as_of": moment_field().to_representation(frame.as_of),
        "total": ExposureShape(found.total).data,
        "strategies": lines(found.strategies),
        "venues": lines(found.accounts),
        "instruments": lines(found.instruments),
        "currencies": lines(found.currencies),
        "concentration": ConcentrationShape(found.concentration).data,
    }


class UtilizationShape(LimitShape):
    share = exact_field("Used of what is in force, of 1; null: not known, or order by order.",
                        null=True)  # fmt: skip
    near = serializers.SerializerMethodField(help_text="ok, warning from 0.8, breach from 0.95")

    def get_near(self, one: LimitLine) -> str:
        return near_of(one.share)


class Utilization(ApiView):
    query = UTILIZATION_QUERY

    @described(
        UtilizationShape(many=True),
        "How full each limit is, the fullest first.",
        UTILIZATION_QUERY,
        name="risk_metrics_utilization",
    )
    def get(self, request: Request) -> Response:
        lines = [
            one
            for one in limit_lines(limits_read(), frames_read(self.sight).desk, self.sight)
            if self.given.get("scope", one.scope) == one.scope
            and self.given.get("kind", one.kind) == one.kind
        ]
        lines.sort(key=lambda one: (one.share is None, -(one.share or 0), one.scope, one.kind))
        return Response(UtilizationShape(lines[: self.given.get("limit")], many=True).data)
