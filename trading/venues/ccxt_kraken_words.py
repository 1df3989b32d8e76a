"""Kraken Futures' words and forms, read into ours. Pure.

``KeyError``, ``ValueError``, ``TypeError`` or ``ArithmeticError`` from here: it spoke nonsense.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

from trading.clock import utc_from_ns
from trading.messages import OrderType, Side, TimeInForce
from trading.venues.base import NewOrder
from trading.venues.ccxt_dialect import RawFill, Said
from trading.venues.ccxt_markets import Markets

MS = 1_000_000
STRANGER = "kraken:"
"""Before the venue's id of an order that has no client order id: made by hand elsewhere."""
HISTORY_PAGE = 500

REFUSALS = {
    "invalidSize": "LOT_SIZE",
    "invalidPrice": "TICK_SIZE",
    "invalidOrderType": "BAD_REQUEST",
    "invalidSide": "BAD_REQUEST",
    "clientOrderIdTooLong": "BAD_REQUEST",
    "clientOrderIdTooBig": "BAD_REQUEST",
    "clientOrderIdInvalid": "BAD_REQUEST",
    "insufficientAvailableFunds": "MARGIN",
    "wouldCauseLiquidation": "MARGIN",
    "fixedLeverageTooHigh": "MARGIN",
    "selfFill": "SELF_FILL",
    "tooManySmallOrders": "TOO_MANY_ORDERS",
    "tooManyOrders": "TOO_MANY_ORDERS",
    "maxPositionViolation": "POSITION_LIMIT",
    "marketSuspended": "NO_MARKET",
    "marketInactive": "NO_MARKET",
    "marketIsPostOnly": "NO_MARKET",
    "outsidePriceCollar": "PRICE_COLLAR",
    "wouldIncreasePriceDislocation": "PRICE_COLLAR",
    "postWouldExecute": "POST_ONLY",
    "wouldNotReducePosition": "REDUCE_ONLY",
    "reduceOnlyWouldIncreasePosition": "REDUCE_ONLY",
    "wouldProcessAfterSpecifiedTime": "LATE",
}
REFUSAL_WORDS = {
    "marketIsPostOnly": "the market takes post-only orders alone",
    "wouldNotReducePosition": "reduce_only: it would not reduce a position",
    "reduceOnlyWouldIncreasePosition": "reduce_only: it would not reduce a position",
    "wouldProcessAfterSpecifiedTime": "it came after its not-after",
}
PLACED = frozenset({"placed", "filled", "partiallyFilled", "untouched"})
DUPLICATE = "clientOrderIdAlreadyExist"
NO_EXECUTION = "iocWouldNotExecute"
TELLS_NOTHING = frozenset({
    "cancelled", "edited", "notFound", "orderForEditNotAStop", "orderForEditNotFound",
    "cannotEditTriggerPriceOfTrailingStop", "cannotEditLimitPriceOfTrailingStop",
})  # fmt: skip
"""Documented of a create as well, where they do not say what became of it: it is asked for."""
NOTHING_SHOWN = "immediate or cancel: the rest found no quantity at its price"
WORDS = {
    "WOULD_NOT_REDUCE_POSITION": "reduce_only: no position is left to reduce",
    "DEAD_MAN_SWITCH": "cancel_all_after ran out",
    "CANCELLED_BY_USER": "cancelled on request",
    "CANCELLED_BY_ADMIN": "cancelled by the venue",
    "IOC_WOULD_NOT_EXECUTE": NOTHING_SHOWN,
    "POST_WOULD_EXECUTE": "post_only: it would trade on arrival",
    "WOULD_EXECUTE_SELF": "it would trade with an order of its own account",
    "NOT_ENOUGH_MARGIN": "the margin is not enough",
    "MARKET_INACTIVE": "the market is not open",
    "CONTRACT_EXPIRED": "the contract expired",
    "EXPIRED": "its time was over",
}
EXPIRED = frozenset({
    "WOULD_NOT_REDUCE_POSITION", "IOC_WOULD_NOT_EXECUTE", "CONTRACT_EXPIRED", "EXPIRED",
})  # fmt: skip
TRIGGERED = frozenset({"STOP_ORDER_TRIGGERED"})
"""A stop that goes with this is not over: it became an order that may fill."""
STATES = {
    "ENTERED_BOOK": "working",
    "TRIGGER_PLACED": "working",
    "FULLY_EXECUTED": "filled",
    "CANCELLED": "cancelled",
    "REJECTED": "rejected",
    "TRIGGER_ACTIVATION_FAILURE": "rejected",
}
EVENT_STATES = {
    "OrderPlaced": "working",
    "OrderUpdated": "working",
    "OrderCancelled": "cancelled",
    "OrderRejected": "rejected",
    "OrderTriggerPlaced": "working",
    "OrderTriggerUpdated": "working",
    "OrderTriggerCancelled": "cancelled",
}
TRIGGER = "OrderTrigger"
"""So begin the events of a stop that waits: nothing of it is filled."""


def iso(time_ns: int) -> str:
    return utc_from_ns(time_ns - time_ns % 1000).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def ns_of(text: str) -> int:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    since = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000


def price_of(text: Any) -> Decimal | None:
    """None for the nothing, empty or zero that Kraken writes where there is no price."""
    found = Decimal(str(text)) if text not in (None, "") else Decimal(0)
    return found or None


def order_type(order: NewOrder) -> str:
    if order.order_type is OrderType.STOP:
        return "stp"
    if order.order_type is OrderType.MARKET:
        return "mkt"
    if order.post_only:
        return "post"
    return "ioc" if order.time_in_force is TimeInForce.IOC else "lmt"


def named(ident: str, *, edit: bool = False) -> dict[str, str]:
    """An order by our id, or by the venue's where it has none of ours."""
    if not ident.startswith(STRANGER):
        return {"cliOrdId": ident}
    return {"orderId" if edit else "order_id": ident.removeprefix(STRANGER)}


def ident_of(client_order_id: Any, venue_order_id: Any) -> str:
    return str(client_order_id) if client_order_id else f"{STRANGER}{venue_order_id}"


def past_ident(order: Said) -> str:
    return ident_of(order.get("clientId"), order.get("uid"))


def raw_fill(one: Said, markets: Markets) -> RawFill:
    market = markets.of(markets.symbol(str(one["symbol"])))
    return RawFill(
        venue_fill_id=str(one["fill_id"]),
        client_order_id=ident_of(one.get("cliOrdId"), one["order_id"]),
        venue_order_id=str(one["order_id"]),
        symbol=markets.symbol(str(one["symbol"])),
        side=Side(str(one["side"])),
        quantity=Decimal(one["size"]),
        price=Decimal(one["price"]),
        fee=None,
        fee_currency=market.currency if market else "USD",
        maker=str(one["fillType"]).startswith("maker"),
        time_ns=ns_of(str(one["fillTime"])),
    )


def reason_of(text: Any) -> str:
    """Kraken's word for why, in one spelling: its lists write POST_WOULD_EXECUTE_REASON too."""
    return str(text or "").strip().upper().replace(" ", "_").removesuffix("_REASON")


def ended_as(state: str, why: str) -> str:
    """``state``, or how an end that is told as a cancel or a refusal is called here.

    Raises ValueError when it is no end.
    """
    if state == "cancelled" and why in TRIGGERED:
        raise ValueError(f"{why}: it became an order, of which nothing is told here")
    if state == "cancelled" and why in EXPIRED:
        return "expired"
    if state == "rejected" and why == "IOC_WOULD_NOT_EXECUTE":
        return "expired"  # as the answer to its create tells it
    return state
