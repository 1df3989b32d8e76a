"""How rows look on the wire: names as the runbooks read them, decimals as plain strings."""

import datetime as dt
from decimal import Decimal
from typing import Any, get_args

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from trading.gateway.stoploss import StopState
from trading.messages import OrderType, Side, TimeInForce
from trading.orders.states import OrderState
from trading.portfolio.market import DataStatus, FeedPhase
from trading.portfolio.standing import State
from trading.portfolio.text import exact, moment

Shape = serializers.Serializer[Any]

STANDING = [str(one) for one in StopState if one is not StopState.ENDED]


@extend_schema_field({"type": "string", "format": "decimal", "examples": ["1.1524"]})
class Exact(serializers.Field[Decimal, str, str | None, Any]):
    """A decimal in plain notation: every digit, no exponent, no trailing zeros."""

    def to_representation(self, value: Decimal) -> str | None:
        return exact(value)


@extend_schema_field({"type": "string", "format": "date-time"})
class Moment(serializers.Field[dt.datetime, str, str | None, Any]):
    """RFC 3339, UTC, with microseconds."""

    def to_representation(self, value: dt.datetime) -> str | None:
        return moment(value)


def exact_field(about: str = "", *, null: bool = False, source: str | None = None) -> Exact:
    return Exact(help_text=about, allow_null=null, source=source)


def moment_field(about: str = "", *, null: bool = False, source: str | None = None) -> Moment:
    return Moment(help_text=about, allow_null=null, source=source)


def text_field(about: str = "", *, null: bool = False, source: str | None = None) -> Any:
    return serializers.CharField(help_text=about, allow_null=null, source=source)


class ScopeShape(Shape):
    scope = text_field(
        "firm, venue:ACCOUNT, strategy:KEY, and instrument:SYMBOL where a hold lies on it"
    )
    mode = serializers.ChoiceField(get_args(State))
    why = text_field("The holds, and what is not known; empty when ACTIVE.")
    holds = serializers.ListField(
        child=serializers.CharField(), help_text="Ids of those that apply, strictest first."
    )


class OpenHoldShape(Shape):
    id = text_field(source="fact.id")
    scope = text_field(source="fact.scope")
    kind = text_field(source="fact.kind")
    mode = text_field("REDUCE-ONLY, HALTED or FROZEN", source="fact.mode")
    cancels = serializers.BooleanField(source="fact.cancels")
    reason = text_field(source="fact.reason")
    placed_by = text_field(source="fact.placed_by")
    placed_at = moment_field()
    effective_at = moment_field("When every gateway was proven; null: not yet.", null=True)


class LicenceShape(Shape):
    account = text_field()
    valid = serializers.BooleanField()
    remaining_ms = serializers.IntegerField(
        allow_null=True, help_text="null: the gateway has not been heard."
    )
    fencing_token = serializers.IntegerField(allow_null=True)


class TradingStatusShape(Shape):
    mode = serializers.ChoiceField(get_args(State), help_text="Of the firm.")
    scopes = ScopeShape(many=True)
    holds = OpenHoldShape(many=True, help_text="Open holds, newest first.")
    epoch = serializers.IntegerField(
        help_text="Grows with every hold, every lift and every change of a lease."
    )
    licences = LicenceShape(many=True)
    as_of = moment_field()


class PositionShape(Shape):
    strategy = text_field()
    account = text_field()
    symbol = text_field()
    currency = text_field("Of the prices.")
    quantity = exact_field("Signed; negative is short.")
    entry_price = exact_field("Average; null when flat.", null=True)
    mark_price = exact_field("Mid of the latest good quote; null without one.", null=True)
    unrealized_pnl = exact_field("USD; null without a price.", null=True)
    realized_pnl = exact_field("USD, before fees.", null=True)
    fees = exact_field("USD.", null=True)
    notional = exact_field("USD, signed; null without a price.", null=True)
    fills = serializers.IntegerField()
    updated_at = moment_field()


class PositionsSummaryShape(Shape):
    total_unrealized_pnl = exact_field("USD; null when a price is missing.", null=True)
    total_realized_pnl = exact_field("USD, before fees.", null=True)
    total_fees = exact_field("USD.", null=True)
    total_pnl = exact_field("USD, after fees; null when a price is missing.", null=True)
    gross_exposure = exact_field("USD; null when a price is missing.", null=True)
    net_exposure = exact_field("USD; null when a price is missing.", null=True)
    marked_unrealized_pnl = exact_field("USD, of positions that have a price.", null=True)
    unmarked = serializers.ListField(
        child=serializers.CharField(), help_text="Symbols of open positions without a price."
    )
    open_positions = serializers.IntegerField()
    as_of = moment_field()


class BrokerPositionShape(Shape):
    account = text_field()
    venue = text_field()
    symbol = text_field()
    quantity = exact_field("Signed, as the venue said.")
    cash_flow = exact_field("Instrument currency; null where the venue does not say.", null=True)
    fees = exact_field("Instrument currency; null where the venue does not say.", null=True)
    fill_sequence = serializers.IntegerField(help_text="Last fill that the reading includes.")
    taken_at = moment_field("When the venue was asked.")


class OrderShape(Shape):
    order_id = text_field("Client order id.", source="client_order_id")
    venue_order_id = text_field("Empty until the venue has given one.")
    account = text_field(source="account_id")
    strategy = text_field(source="strategy_id")
    symbol = text_field()
    side = serializers.ChoiceField([str(one) for one in Side])
    order_type = serializers.ChoiceField([str(one) for one in OrderType])
    time_in_force = serializers.ChoiceField([str(one) for one in TimeInForce])
    quantity = exact_field()
    limit_price = exact_field("null: at the market, or a stop.", null=True)
    stop_price = exact_field("Of a stop: what sets it off; null: it is none.", null=True)
    reduce_only = serializers.BooleanField(
        help_text="The venue refuses what would not reduce a position."
    )
    post_only = serializers.BooleanField(help_text="Denied where it would trade at once.")
    life_ms = serializers.IntegerField(
        help_text="A quote: taken back after this long. 0: it rests on."
    )
    expires_at = moment_field("Good till then; null: no such date.", null=True)
    warrant = serializers.UUIDField(
        allow_null=True,
        help_text="Of the flattening or stop-loss it belongs to: a person ordered it. null: its "
        "strategy did.",
    )
    reference_price = exact_field("The mid that its maker saw.")
    status = serializers.ChoiceField([str(one) for one in OrderState], source="state")
    filled = exact_field("Quantity filled so far.")
    filled_value = exact_field("Sum of quantity times price of its fills.")
    fees = exact_field()
    reason_code = text_field("Why it was denied, rejected or ended; else empty.")
    reason = text_field()
    correlation_id = text_field()
    created_at = moment_field()
    sent_at = moment_field(null=True)
    answered_at = moment_field(null=True)
    ended_at = moment_field(null=True)


class StandingStopShape(Shape):
    account = text_field(source="account_id")
    strategy = text_field(source="strategy_id")
    symbol = text_field()
    side = serializers.ChoiceField(
        [str(one) for one in Side],
        help_text="Of the order: sell protects a long position, buy a short one.",
    )
    percentage = exact_field("Of the mid it was reckoned from.")
    mark = exact_field("That mid.")
    stop_price = exact_field()
    quantity = exact_field("How much of the position it covers.")
    state = serializers.ChoiceField(
        STANDING,
        help_text="resting: the order works at the venue; watched: no order stands, the gateway "
        "closes at the price; pending: asked of the venue; closing: reached.",
    )
    order_id = text_field("Its newest order, as in /api/orders; empty: there was none.")
    orders = serializers.IntegerField(help_text="How many orders there were.")
    why = text_field("Why it does not rest, or is blind; empty when all is well.")
    placed_by = text_field()
    reason = text_field()
    request = serializers.UUIDField(help_text="The call that set it: its answer's id.")
    set_at = moment_field()
    updated_at = moment_field("When its gateway wrote it last.")


class ExecutionShape(Shape):
    execution_id = text_field("The venue's id of the fill.", source="venue_fill_id")
    order_id = text_field("null: nobody of ours ordered it.", null=True)
    status = serializers.SerializerMethodField(
        help_text="The order's state now; 'unordered' when there is none."
    )
    execution_time = moment_field("By the venue.", source="venue_time")
    account = text_field(source="account_id")
    strategy = text_field(null=True, source="strategy_id")
    symbol = text_field()
    side = serializers.ChoiceField([str(one) for one in Side])
    quantity = exact_field()
    price = exact_field()
    fee = exact_field()
    fee_currency = text_field()
    sequence = serializers.IntegerField(help_text="The venue's number, without a gap per account.")
    recorded_at = moment_field()

    def get_status(self, fill: Any) -> str:
        return "unordered" if fill.order is None else str(fill.order.state)


class SignalShape(Shape):
    id = text_field()
    strategy = text_field(source="strategy_id")
    symbol = text_field()
    direction = serializers.ChoiceField([-1, 0, 1], help_text="-1 short, 0 flat, 1 long")
    score = serializers.FloatField(help_text="In units of the strategy's own threshold.")
    confidence = serializers.FloatField(help_text="0 to 1")
    horizon_s = serializers.FloatField()
    price = exact_field("Mid when it was made.")
    timestamp = moment_field("When it was made.", source="created_at")
    feed_time = moment_field("Of the tick it rests on.")
    latency_us = serializers.IntegerField(help_text="Tick published to signal made.")


class LatestPriceShape(Shape):
    symbol = text_field()
    bid = exact_field()
    ask = exact_field()
    mid = exact_field()
    timestamp = moment_field("Feed time of the quote.")
    age_ms = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(get_args(DataStatus))


class SymbolFreshnessShape(Shape):
    symbol = text_field()
    status = serializers.ChoiceField(get_args(DataStatus))
    age_ms = serializers.IntegerField(allow_null=True, help_text="null: no quote yet.")
    timestamp = moment_field("Feed time of the latest quote.", null=True)
    source = text_field("Where its quotes come from; empty where the feed has one source.")
    backup = serializers.BooleanField(help_text="That is not the first choice.")
    withheld = serializers.BooleanField(help_text="Its sources disagree: no quote is passed on.")
    note = text_field("What is not as it should be; empty when all is.")


class DataFreshnessShape(Shape):
    feed = text_field("As given in FEED.")
    state = serializers.ChoiceField(get_args(FeedPhase))
    status = serializers.ChoiceField(get_args(DataStatus), help_text="Of the worst symbol.")
    clock = moment_field("Where the feed's clock stands.", null=True)
    silent_ms = serializers.IntegerField(
        allow_null=True, help_text="Real time since the last entry; null: none yet."
    )
    symbols = SymbolFreshnessShape(many=True)
    skew_ms = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Clock of each live source against ours; below zero it is ahead.",
    )
    as_of = moment_field()
