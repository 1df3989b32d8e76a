"""Kraken Futures' words and forms, read into ours. Pure.

``KeyError``, ``ValueError``, ``TypeError`` or ``ArithmeticError`` from here: it spoke nonsense.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

from trading.clock import utc_from_ns
from trading.messages import OrderType, Side, TimeInForce
from trading.venues.base import NewOrder, OrderStatus
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
    "selfFill": "SELF_FILL",
    "tooManySmallOrders": "TOO_MANY_ORDERS",
    "maxPositionViolation": "POSITION_LIMIT",
    "marketSuspended": "NO_MARKET",
    "marketInactive": "NO_MARKET",
    "outsidePriceCollar": "PRICE_COLLAR",
    "postWouldExecute": "POST_ONLY",
    "wouldNotReducePosition": "REDUCE_ONLY",
    "reduceOnlyWouldIncreasePosition": "REDUCE_ONLY",
}
PLACED = frozenset({"placed", "filled", "partiallyFilled", "untouched"})
DUPLICATE = "clientOrderIdAlreadyExist"
NO_EXECUTION = "iocWouldNotExecute"
NOTHING_SHOWN = "immediate or cancel: the rest found no quantity at its price"
WORDS = {
    "WOULD_NOT_REDUCE_POSITION": "reduce_only: no position is left to reduce",
    "DEAD_MAN_SWITCH": "cancel_all_after ran out",
    "CANCELLED_BY_USER": "cancelled on request",
    "IOC_WOULD_NOT_EXECUTE": NOTHING_SHOWN,
}
EXPIRED = frozenset({"WOULD_NOT_REDUCE_POSITION", "IOC_WOULD_NOT_EXECUTE"})
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
    return ident_of(order.get("clientId"), order["uid"])


def open_order(one: Said, markets: Markets) -> tuple[str, OrderStatus]:
    left, filled = Decimal(one["unfilledSize"]), Decimal(one["filledSize"])
    stop = price_of(one.get("stopPrice"))
    status = OrderStatus(
        client_order_id=ident_of(one.get("cliOrdId"), one["order_id"]),
        venue_order_id=str(one["order_id"]),
        symbol=markets.symbol(str(one["symbol"])),
        side=Side(str(one["side"])),
        quantity=left + filled,
        filled=filled,
        limit_price=price_of(one.get("limitPrice")),
        state="working",
        reason="",
        order_type=OrderType.LIMIT if stop is None else OrderType.STOP,
        reduce_only=one.get("reduceOnly") in (True, "true"),
        stop_price=stop,
    )
    return str(one["receivedTime"]), status


def past_order(kind: str, event: Said, order: Said, ident: str, markets: Markets) -> OrderStatus:
    """An order of the history, where ``quantity`` is what was left then. Its terms are of then
    too, so no limit is told: what may still fill is the open orders' to say."""
    left, filled = Decimal(order["quantity"]), Decimal(order["filled"])
    why = str(event.get("reason") or "").upper()
    state = EVENT_STATES[kind]
    if state == "working" and not left:
        state = "filled"
    if state == "cancelled" and why in EXPIRED:
        state = "expired"
    return OrderStatus(
        client_order_id=ident,
        venue_order_id=str(order["uid"]),
        symbol=markets.symbol(str(order["tradeable"])),
        side=Side(str(order["direction"]).lower()),
        quantity=left + filled,
        filled=filled,
        limit_price=None,
        state=state,
        reason=WORDS.get(why, why.lower()),
        order_type=OrderType.STOP if "Trigger" in kind else OrderType.LIMIT,
        reduce_only=order.get("reduceOnly") in (True, "true"),
        stop_price=price_of(order.get("triggerPrice")),
    )


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


def order_status(one: Said, ident: str, markets: Markets) -> OrderStatus:
    """An order of orders/status. Its documents leave open whether ``quantity`` is all or what is
    left, so no limit is told and no modification taken from here: open orders say both."""
    order = one["order"]
    trigger = order.get("priceTriggerOptions") or {}
    why = str(one.get("updateReason") or one.get("error") or "")
    state = STATES[str(one["status"])]
    stop = price_of(trigger.get("triggerPrice"))
    return OrderStatus(
        client_order_id=ident,
        venue_order_id=str(order["orderId"]),
        symbol=markets.symbol(str(order["symbol"])),
        side=Side(str(order["side"])),
        quantity=Decimal(order["quantity"]),
        filled=Decimal(order["filled"]),
        limit_price=None,
        state="expired" if state == "cancelled" and why in EXPIRED else state,
        reason=WORDS.get(why, why),
        order_type=OrderType.LIMIT if stop is None else OrderType.STOP,
        reduce_only=order.get("reduceOnly") in (True, "true"),
        stop_price=stop,
    )
