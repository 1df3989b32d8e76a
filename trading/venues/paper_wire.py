"""The paper venue's messages, read into our words. Its protocol: trading/papervenue/README.md.

``KeyError``, ``ValueError`` or ``TypeError`` from here means that the venue spoke nonsense.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from trading.clock import utc_from_ns
from trading.messages import OrderType, Side
from trading.venues.base import (
    Accepted,
    CancelRefused,
    Ended,
    Filled,
    Modified,
    ModifyRefused,
    NewOrder,
    OrderStatus,
    Rejected,
    VenueEvent,
    VenuePosition,
)

Message = Mapping[str, Any]


def decimal(value: object) -> Decimal:
    """A decimal that travelled as text; a JSON number would not be exact."""
    if not isinstance(value, str):
        raise TypeError(f"a decimal must be text, not {value!r}")
    return Decimal(value)


def fill_of(said: Message) -> Filled:
    return Filled(
        sequence=int(said["sequence"]),
        venue_fill_id=str(said["venue_fill_id"]),
        client_order_id=str(said["client_order_id"]),
        symbol=str(said["symbol"]),
        side=Side(said["side"]),
        quantity=decimal(said["quantity"]),
        price=decimal(said["price"]),
        fee=decimal(said["fee"]),
        fee_currency=str(said["fee_currency"]),
        venue_time=utc_from_ns(int(said["fill_time_ns"])),
        feed_time_ns=int(said["feed_time_ns"]),
    )


def status_of(said: Message) -> OrderStatus:
    limit, stop = said["limit_price"], said["stop_price"]
    return OrderStatus(
        client_order_id=str(said["client_order_id"]),
        venue_order_id=str(said["venue_order_id"]),
        symbol=str(said["symbol"]),
        side=Side(said["side"]),
        quantity=decimal(said["quantity"]),
        filled=decimal(said["filled"]),
        limit_price=None if limit is None else decimal(limit),
        state=str(said["state"]),
        reason=f"{said['code']}: {said['reason']}" if said["code"] else str(said["reason"]),
        order_type=OrderType(said["order_type"]),
        reduce_only=bool(said["reduce_only"]),
        stop_price=None if stop is None else decimal(stop),
    )


def position_of(said: Message) -> VenuePosition:
    return VenuePosition(
        symbol=str(said["symbol"]),
        quantity=decimal(said["quantity"]),
        cash_flow=decimal(said["cash_flow"]),
        fees=decimal(said["fees"]),
    )


def event_of(said: Message) -> VenueEvent:
    """An event by its ``event`` field. Raises ValueError for a kind we do not know."""
    match said["event"]:
        case "accepted":
            return Accepted(str(said["client_order_id"]), str(said["venue_order_id"]))
        case "rejected":
            return Rejected(*_refusal(said))
        case "fill":
            return fill_of(said)
        case "ended":
            ident, how, reason = said["client_order_id"], said["how"], said["reason"]
            return Ended(str(ident), str(how), decimal(said["filled"]), str(reason))
        case "cancel_refused":
            return CancelRefused(*_refusal(said))
        case "modified":
            limit = said["limit_price"]
            price = None if limit is None else decimal(limit)
            return Modified(str(said["client_order_id"]), decimal(said["quantity"]), price)
        case "modify_refused":
            return ModifyRefused(*_refusal(said))
        case kind:
            raise ValueError(f"unknown event {kind!r}")


def refused_request(said: Message) -> VenueEvent | None:
    """The event that an error answer to a create or cancel stands for, if it is one."""
    ident = said.get("client_order_id")
    if said.get("ok") or ident is None:
        return None
    error = said["error"]
    if said["op"] == "submit":
        return Rejected(str(ident), str(error["code"]), str(error["message"]))
    if said["op"] == "modify":
        return ModifyRefused(str(ident), str(error["code"]), str(error["message"]))
    if said["op"] == "cancel":
        return CancelRefused(str(ident), str(error["code"]), str(error["message"]))
    return None


def create_message(order: NewOrder, number: int) -> dict[str, object]:
    return {
        "op": "submit",
        "id": number,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "order_type": order.order_type.value,
        "time_in_force": order.time_in_force.value,
        "quantity": f"{order.quantity:f}",
        "limit_price": None if order.limit_price is None else f"{order.limit_price:f}",
        "stop_price": None if order.stop_price is None else f"{order.stop_price:f}",
        "reduce_only": order.reduce_only,
        "post_only": order.post_only,
        "expires_ns": order.expires_ns,
        "not_after_ns": order.not_after_ns,
    }


def modify_message(
    client_order_id: str, quantity: Decimal, limit_price: Decimal | None, number: int
) -> dict[str, object]:
    return {
        "op": "modify",
        "id": number,
        "client_order_id": client_order_id,
        "quantity": f"{quantity:f}",
        "limit_price": None if limit_price is None else f"{limit_price:f}",
    }


def _refusal(said: Message) -> tuple[str, str, str]:
    return str(said["client_order_id"]), str(said["code"]), str(said["reason"])
