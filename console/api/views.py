"""The REST addresses of the desk. Each reads by a selector and writes rows as serializers say."""

from dataclasses import replace
from typing import Any

from django.db.models import OuterRef, Subquery
from rest_framework.request import Request
from rest_framework.response import Response

from console.access.visible import Sight, seen_only
from console.api import serializers as shapes
from console.api.base import ApiView, described
from console.api.paging import Order, paged, whole
from console.api.queries import CURSOR, LIMIT, LIMIT_WHOLE, choice, name_field
from console.stores import redis_client
from trading import selectors
from trading.messages import Side
from trading.models import Strategy
from trading.orders.states import OrderState

STRATEGY = name_field("strategy", "Only of this strategy.")
ACCOUNT = name_field("account", "Only on this venue account.")
SYMBOL = name_field("symbol", "Only in this instrument.")
ORDER = name_field("order_id", "Only of this order.")
SIDE = choice("side", Side, "Only this side.")
ORDER_STATUS = choice(
    "status", ("open", *OrderState), "Only in this state; open stands for all that are not final."
)
POSITION_STATUS = choice("status", ("open",), "Only positions that are not flat.")

ORDERS_NEWEST = Order("created_at", "client_order_id")
FILLS_NEWEST = Order("recorded_at", "id")
SIGNALS_NEWEST = Order("created_at", "id")

OPEN_ORDERS_QUERY = (STRATEGY, ACCOUNT, SYMBOL, SIDE, LIMIT, CURSOR)
ORDERS_QUERY = (ORDER_STATUS, *OPEN_ORDERS_QUERY)
EXECUTIONS_QUERY = (STRATEGY, ACCOUNT, SYMBOL, ORDER, LIMIT, CURSOR)
SIGNALS_QUERY = (STRATEGY, SYMBOL, LIMIT, CURSOR)
POSITIONS_QUERY = (POSITION_STATUS, STRATEGY, ACCOUNT, SYMBOL, LIMIT_WHOLE)
STOP_LOSSES_QUERY = (STRATEGY, ACCOUNT, SYMBOL, LIMIT_WHOLE)
BROKER_QUERY = (ACCOUNT, SYMBOL, LIMIT_WHOLE)
PRICES_QUERY = (SYMBOL, LIMIT_WHOLE)


def _filters(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}


def _matching(rows: list[Any], wanted: dict[str, Any]) -> list[Any]:
    return [row for row in rows if all(getattr(row, name) == it for name, it in wanted.items())]


def _shown(status: selectors.TradingStatus, sight: Sight) -> selectors.TradingStatus:
    """As much of it as somebody may see."""
    if sight.all:
        return status
    holds = tuple(one for one in status.holds if sight.sees_scope(one.fact.scope))
    return replace(
        status,
        scopes=tuple(one for one in status.scopes if sight.sees_scope(one.scope)),
        holds=holds,
        licences=tuple(one for one in status.licences if sight.sees_account(one.account)),
    )


class TradingStatus(ApiView):
    @described(
        shapes.TradingStatusShape,
        "Effective mode of each scope by the open holds, epoch and licences. What no hold closes "
        "and is not known to be licensed is UNKNOWN, and nothing trades there.",
        name="trading_status",
    )
    def get(self, request: Request) -> Response:
        status = _shown(selectors.trading_status(redis_client()), self.sight)
        return Response(shapes.TradingStatusShape(status).data)


class Positions(ApiView):
    query = POSITIONS_QUERY

    @described(
        shapes.PositionShape(many=True),
        "The system's view of every position, last changed first. Marked at the latest quotes; "
        "unmarked while Redis is out.",
        query,
        name="positions",
    )
    def get(self, request: Request) -> Response:
        rows = selectors.positions(redis_client(), open_only="status" in self.given)
        rows = seen_only(rows, self.sight)
        rows = _matching(rows, _filters(self.given, "strategy", "account", "symbol"))
        return whole(rows, "updated_at", self.given, shapes.PositionShape)


class PositionsSummary(ApiView):
    @described(
        shapes.PositionsSummaryShape,
        "All positions together that the caller may see, in USD. A total is null when a part of it "
        "is not known.",
        name="positions_summary",
    )
    def get(self, request: Request) -> Response:
        summary = selectors.positions_summary(redis_client(), strategies=self.sight.strategies)
        return Response(shapes.PositionsSummaryShape(summary).data)


class BrokerPositions(ApiView):
    query = BROKER_QUERY

    @described(
        shapes.BrokerPositionShape(many=True),
        "The venue's view: what each venue said last that each account holds. Of an account that "
        "others trade on as well, only who sees everything is told.",
        query,
        name="broker_positions",
    )
    def get(self, request: Request) -> Response:
        sight = self.sight
        found = selectors.broker_positions(**_filters(self.given, "account"))
        rows = [one for one in found if sight.sees_whole(one.account)]
        rows = _matching(rows, _filters(self.given, "symbol"))
        return whole(rows, "taken_at", self.given, shapes.BrokerPositionShape)


class Orders(ApiView):
    query = ORDERS_QUERY

    @described(shapes.OrderShape(many=True), "Orders, newest first.", query, name="orders")
    def get(self, request: Request) -> Response:
        wanted = _filters(self.given, "status", "strategy", "account", "symbol", "side")
        rows = self.sight.narrowed(selectors.orders(**wanted))
        return paged(request, rows, ORDERS_NEWEST, self.given, shapes.OrderShape)


class OpenOrders(ApiView):
    query = OPEN_ORDERS_QUERY

    @described(
        shapes.OrderShape(many=True),
        "Orders that are not final, newest first: the same as /api/orders?status=open.",
        query,
        name="orders_open",
    )
    def get(self, request: Request) -> Response:
        wanted = _filters(self.given, "strategy", "account", "symbol", "side")
        rows = self.sight.narrowed(selectors.orders(status="open", **wanted))
        return paged(request, rows, ORDERS_NEWEST, self.given, shapes.OrderShape)


class StopLosses(ApiView):
    query = STOP_LOSSES_QUERY

    @described(
        shapes.StandingStopShape(many=True),
        "Stop-losses that stand, last set first, also those that are no order: watched here and "
        "closed by the gateway. A position that none covers is in /api/positions and not here.",
        query,
        name="stop_losses",
    )
    def get(self, request: Request) -> Response:
        found = selectors.stop_losses(**_filters(self.given, "strategy", "account", "symbol"))
        rows = list(self.sight.narrowed(found))
        return whole(rows, "set_at", self.given, shapes.StandingStopShape)


class Executions(ApiView):
    query = EXECUTIONS_QUERY

    @described(shapes.ExecutionShape(many=True), "Fills, newest first.", query, name="executions")
    def get(self, request: Request) -> Response:
        wanted = _filters(self.given, "strategy", "account", "symbol")
        found = selectors.executions(order=self.given.get("order_id", ""), **wanted)
        rows = self.sight.narrowed(found)
        return paged(request, rows, FILLS_NEWEST, self.given, shapes.ExecutionShape)


class Signals(ApiView):
    query = SIGNALS_QUERY

    @described(
        shapes.SignalShape(many=True),
        "Signals, newest first: each time a strategy changed its mind about a symbol.",
        query,
        name="signals",
    )
    def get(self, request: Request) -> Response:
        rows = self.sight.narrowed(selectors.signals(**_filters(self.given, "strategy", "symbol")))
        return paged(request, rows, SIGNALS_NEWEST, self.given, shapes.SignalShape)


class LatestSignals(ApiView):
    query = SIGNALS_QUERY

    @described(
        shapes.SignalShape(many=True),
        "The latest signal of each strategy, newest first.",
        query,
        name="signals_latest",
    )
    def get(self, request: Request) -> Response:
        of_one = selectors.signals(**_filters(self.given, "symbol"))
        newest = Subquery(of_one.filter(strategy=OuterRef("pk")).values("pk")[:1])
        latest = Strategy.objects.order_by().annotate(latest=newest).values("latest")
        found = selectors.signals(**_filters(self.given, "strategy")).filter(pk__in=latest)
        rows = self.sight.narrowed(found)
        return paged(request, rows, SIGNALS_NEWEST, self.given, shapes.SignalShape)


class LatestPrices(ApiView):
    query = PRICES_QUERY

    @described(
        shapes.LatestPriceShape(many=True),
        "The latest good quote of each symbol, newest first.",
        query,
        name="latest_prices",
    )
    def get(self, request: Request) -> Response:
        rows = _matching(selectors.latest_prices(redis_client()), _filters(self.given, "symbol"))
        return whole(rows, "timestamp", self.given, shapes.LatestPriceShape)


class DataFreshness(ApiView):
    @described(
        shapes.DataFreshnessShape,
        "How old the data is that strategies trade on, by the feed's own clock.",
        name="data_freshness",
    )
    def get(self, request: Request) -> Response:
        freshness = selectors.data_freshness(redis_client())
        return Response(shapes.DataFreshnessShape(freshness).data)
