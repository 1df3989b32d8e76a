"""How Kraken Futures says what the exchange behind it did: forms as its public documents have them.

Numbers are JSON numbers, exact; times are ISO with milliseconds, except in the history's.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec

from trading.papervenue.money import text
from trading.papervenue.orders import Fill, Order
from trading.universe import Instrument, Universe

encode = msgspec.json.Encoder(decimal_format="number").encode

STATUS_OF_CODE = {
    "LOT_SIZE": "invalidSize",
    "TICK_SIZE": "invalidPrice",
    "NO_MARKET": "marketSuspended",
    "DUPLICATE_ID": "clientOrderIdAlreadyExist",
    "REDUCE_ONLY": "wouldNotReducePosition",
    "POST_ONLY": "postWouldExecute",
    "MARGIN": "insufficientAvailableFunds",
    "LATE": "wouldProcessAfterSpecifiedTime",
}
ERROR_OF_CODE = {
    "LOT_SIZE": "INVALID_QUANTITY",
    "TICK_SIZE": "INVALID_PRICE",
    "NO_MARKET": "MARKET_SUSPENDED",
    "DUPLICATE_ID": "CLIENT_ORDER_ID_IN_USE",
    "REDUCE_ONLY": "WOULD_NOT_REDUCE_POSITION",
    "POST_ONLY": "POST_WOULD_EXECUTE",
    "MARGIN": "INSUFFICIENT_MARGIN",
}
ACCOUNT = "f7d5571c-6d10-4cf1-944a-048d25682ed0"
_BASE = {"BTC": "XBT"}


def market_ident(symbol: str) -> str:
    """EURUSD is PF_EURUSD, SPY PF_SPYUSD, BTCUSDT-PERP PF_XBTUSD here."""
    base = symbol.removesuffix("-PERP").removesuffix("USDT").removesuffix("USD")
    return f"PF_{_BASE.get(base, base)}USD"


def symbols_text(universe: Universe) -> str:
    """What the desk is told: SYMBOL=MARKET of all that are listed here."""
    return ",".join(f"{one.symbol}={market_ident(one.symbol)}" for one in listed(universe))


def listed(universe: Universe) -> list[Instrument]:
    """Perpetual contracts on these; a spot whose perpetual the desk knows apart is none of them."""
    return [
        one
        for one in universe.instruments
        if one.symbol.endswith("-PERP")
        or (one.symbol.isalpha() and f"{one.symbol}-PERP" not in universe)
    ]


def instrument(one: Instrument, tick: Decimal | None = None) -> dict[str, Any]:
    exponent = -int(one.lot_size.log10())
    return {
        "symbol": market_ident(one.symbol),
        "type": "flexible_futures",
        "tradeable": True,
        "tickSize": tick or one.tick_size,
        "contractSize": one.multiplier,
        "contractValueTradePrecision": exponent,
        "impactMidSize": Decimal(1),
        "maxPositionSize": Decimal(1_000_000),
        "openingDate": "2022-01-01T00:00:00.000Z",
        "perpetual": True,
        "underlying": "",
        "feeScheduleUid": "7fc4d7c0-464f-4029-a9bb-55856d0c5247",
        "marginLevels": [],
    }


def cli_ord_id(ident: str) -> str | None:
    """None for an order made by hand, which has none of the client's."""
    return None if ident.startswith("hand-") else ident


def moment(ns: int) -> str:
    text_ = dt.datetime.fromtimestamp(ns // 10**9, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text_}.{ns % 10**9 // 10**6:03d}Z"


def order_type(order: Order) -> str:
    if order.stop is not None:
        return "stop"
    return "lmt"


def event_order(order: Order, filled: int) -> dict[str, Any]:
    """The order as an event of a sendorder names it."""
    return {
        "orderId": order.venue_order_id,
        "cliOrdId": cli_ord_id(order.client_order_id),
        "type": "ioc" if order.time_in_force == "ioc" else "lmt",
        "symbol": market_ident(order.symbol),
        "side": order.side,
        "quantity": Decimal(text(order.quantity)),
        "filled": Decimal(text(filled)),
        "limitPrice": None if order.limit is None else Decimal(text(order.limit)),
        "reduceOnly": order.reduce_only,
    }


def open_order(order: Order, received_ns: int) -> dict[str, Any]:
    said = {
        "order_id": order.venue_order_id,
        "cliOrdId": cli_ord_id(order.client_order_id),
        "symbol": market_ident(order.symbol),
        "side": order.side,
        "orderType": order_type(order),
        "unfilledSize": Decimal(text(order.left)),
        "filledSize": Decimal(text(order.filled)),
        "receivedTime": moment(received_ns),
        "lastUpdateTime": moment(received_ns),
        "status": "partiallyFilled" if order.filled else "untouched",
        "reduceOnly": order.reduce_only,
    }
    if order.limit is not None:
        said["limitPrice"] = Decimal(text(order.limit))
    if order.stop is not None:
        said |= {"stopPrice": Decimal(text(order.stop)), "triggerSignal": "mark"}
    return said


def why(order: Order) -> str:
    """Kraken's word for how an order ended."""
    words = {
        "reduce_only": "WOULD_NOT_REDUCE_POSITION",
        "cancel_all_after": "DEAD_MAN_SWITCH",
        "immediate or cancel": "IOC_WOULD_NOT_EXECUTE_REASON",
    }
    for known, word in words.items():
        if order.reason.startswith(known):
            return word
    return "CANCELLED_BY_USER"


def status(order: Order) -> dict[str, Any]:
    states = {"filled": "FULLY_EXECUTED", "rejected": "REJECTED", "working": "ENTERED_BOOK"}
    state = states.get(order.state, "CANCELLED")
    if order.state == "working" and order.waits:
        state = "TRIGGER_PLACED"
    body = {**event_order(order, order.filled), "type": "ORDER"}
    if order.waits:
        body |= {
            "type": "TRIGGER_ORDER", "quantity": None, "filled": None,
            "priceTriggerOptions": {
                "triggerPrice": Decimal(text(order.stop or 0)), "triggerSignal": "MARK_PRICE",
                "triggerSide": f"TRIGGER_{trigger_side(order).upper()}", "triggerTime": None,
            },
        }  # fmt: skip
    return {
        "order": body,
        "status": state,
        "updateReason": why(order) if state == "CANCELLED" else None,
        "error": ERROR_OF_CODE.get(order.code, order.code) or None,
    }


def trigger_side(order: Order) -> str:
    return "Above" if order.side == "buy" else "Below"


def past(order: Order, at_ns: int) -> list[dict[str, Any]]:
    """What the history of orders tells of one, newest first; of a stop, once it was triggered."""
    now = past_order(order, at_ns)
    if order.state == "rejected":
        error = ERROR_OF_CODE.get(order.code, order.code)
        rejected = {"order": now, "orderError": error, "reason": "new_user_order"}
        return [_event(order, at_ns, "OrderRejected", rejected)]
    placed = {"reason": "new_user_order", "reducedQuantity": ""}
    if order.state in ("working", "filled"):
        return [_event(order, at_ns, "OrderPlaced", {"order": now, **placed})]
    first = {**now, "quantity": text(order.quantity), "filled": "0"}
    return [
        _event(order, at_ns, "OrderCancelled", {"order": now, "reason": why(order).lower()}),
        _event(order, at_ns, "OrderPlaced", {"order": first, **placed}),
    ]


def past_trigger(order: Order, at_ns: int) -> list[dict[str, Any]]:
    """What the history of triggers tells of a stop, newest first. It does not say ``filled``."""
    if order.waits and order.state == "rejected":
        return []
    said = {"order": trigger_order(order, at_ns)}
    events = [_event(order, at_ns, "OrderTriggerPlaced", {**said, "reason": "new_user_order"})]
    if not order.waits:
        return [_event(order, at_ns, "OrderTriggerActivated", said), *events]
    if order.state != "working":
        gone = {**said, "reason": why(order).lower()}
        return [_event(order, at_ns, "OrderTriggerCancelled", gone), *events]
    return events


def past_order(order: Order, at_ns: int) -> dict[str, Any]:
    return {
        **_past_terms(order, at_ns),
        "quantity": text(order.left),
        "filled": text(order.filled),
        "orderType": "IoC" if order.time_in_force == "ioc" else "Limit",
        "spotData": None,
    }


def trigger_order(order: Order, at_ns: int) -> dict[str, Any]:
    return {
        **_past_terms(order, at_ns),
        "accountId": 0,
        "quantity": text(order.quantity),
        "orderType": "Market",
        "triggerOptions": {
            "triggerPrice": text(order.stop or 0), "triggerSignal": "MarkPrice",
            "triggerSide": trigger_side(order),
        },
    }  # fmt: skip


def _past_terms(order: Order, at_ns: int) -> dict[str, Any]:
    return {
        "uid": order.venue_order_id,
        "accountUid": ACCOUNT,
        "clientId": cli_ord_id(order.client_order_id) or "",
        "tradeable": market_ident(order.symbol),
        "direction": order.side.title(),
        "limitPrice": "" if order.limit is None else text(order.limit),
        "reduceOnly": order.reduce_only,
        "timestamp": at_ns // 10**6,
        "lastUpdateTimestamp": at_ns // 10**6,
    }


def _event(order: Order, at_ns: int, kind: str, said: dict[str, Any]) -> dict[str, Any]:
    uid = f"e-{kind}-{order.number}"
    return {"uid": uid, "timestamp": at_ns // 10**6, "event": {kind: said}}


def bygone(number: int) -> dict[str, Any]:
    """An element of the history about an order of long ago."""
    order = {"uid": f"bygone-{number}", "clientId": f"bygone-{number}"}
    return {"uid": f"b-{number}", "event": {"OrderCancelled": {"order": order}}}


def fill(one: Fill, order_id: str) -> dict[str, Any]:
    return {
        "fillTime": moment(one.venue_time_ns),
        "order_id": order_id,
        "fill_id": one.fill_id,
        "cliOrdId": cli_ord_id(one.client_order_id),
        "symbol": market_ident(one.symbol),
        "side": one.side,
        "size": Decimal(text(one.quantity)),
        "price": Decimal(text(one.price)),
        "fillType": "maker" if one.maker else "taker",
    }
