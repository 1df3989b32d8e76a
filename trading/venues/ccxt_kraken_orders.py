"""Orders in Kraken Futures' lists, histories and answers, read into ours. Pure.

``KeyError``, ``ValueError``, ``TypeError``, ``ArithmeticError`` or ``AttributeError`` from here: it
spoke nonsense. What is not said is None, and never made up.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from trading.messages import OrderType, Side
from trading.venues.base import OrderStatus
from trading.venues.ccxt_dialect import Cancelled, Refused, Said
from trading.venues.ccxt_kraken_words import (
    EVENT_STATES,
    STATES,
    STRANGER,
    TRIGGER,
    WORDS,
    ended_as,
    ident_of,
    past_ident,
    price_of,
    reason_of,
)
from trading.venues.ccxt_markets import Markets

_NONSENSE = (KeyError, ValueError, TypeError, ArithmeticError, AttributeError)
_STOPS = frozenset({"stop", "stp", "take_profit", "trailing_stop"})
_NOW = ("order", "newOrder", "newOrderTrigger", "orderTrigger")
"""Where an event of the history has the order as it was from then on."""

# Open ones ---------------------------------------------------------------------------------------


def open_orders(listed: Any, markets: Markets) -> list[OrderStatus]:
    """Oldest first. One whose form is not understood is named all the same, so that it can be
    cancelled and hides no other."""
    if not isinstance(listed, list):
        raise TypeError(f"no list of orders: {listed!r}"[:200])
    found = [
        (_received(one), _open_order(one, number, markets)) for number, one in enumerate(listed)
    ]
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def _received(one: Any) -> str:
    return str(one.get("receivedTime")) if isinstance(one, Mapping) else ""


def _open_order(one: Any, number: int, markets: Markets) -> OrderStatus:
    try:
        left, filled = Decimal(one["unfilledSize"]), Decimal(one["filledSize"])
        stop, limit = price_of(one.get("stopPrice")), price_of(one.get("limitPrice"))
        ident, symbol = str(one["order_id"]), markets.symbol(str(one["symbol"]))
        side = Side(str(one["side"]))
        if not (left + filled).is_finite():
            raise ValueError(f"{left + filled} is no quantity")
    except _NONSENSE as error:
        return _unread(one if isinstance(one, Mapping) else {}, number, markets, error)
    return OrderStatus(
        client_order_id=ident_of(one.get("cliOrdId"), ident),
        venue_order_id=ident,
        symbol=symbol,
        side=side,
        quantity=left + filled,
        filled=filled,
        limit_price=limit,
        state="working",
        reason="",
        order_type=OrderType.LIMIT if stop is None else OrderType.STOP,
        reduce_only=_true(one.get("reduceOnly")),
        stop_price=stop,
    )


def _unread(one: Said, number: int, markets: Markets, error: Exception) -> OrderStatus:
    """What is known of it: its ids, and whether it protects."""
    ident = str(one.get("order_id") or f"unnamed-{number}")
    stop = one.get("stopPrice") not in (None, "") or str(one.get("orderType")) in _STOPS
    return OrderStatus(
        client_order_id=ident_of(one.get("cliOrdId"), ident),
        venue_order_id=ident,
        symbol=markets.symbol(str(one.get("symbol"))),
        side=_side(one.get("side")),
        quantity=None,
        filled=Decimal(0),
        limit_price=None,
        state="working",
        reason=f"its form is not understood: {error!r}"[:200],
        order_type=OrderType.STOP if stop else OrderType.LIMIT,
        reduce_only=_true(one.get("reduceOnly")),
    )


# One that was asked for --------------------------------------------------------------------------


def order_status(one: Said, ident: str, markets: Markets) -> OrderStatus:
    """An order of orders/status. Its documents leave open whether ``quantity`` is all or what is
    left, so no limit is told and no modification taken from here: open orders say both."""
    order = one["order"]
    waits = order.get("type") == "TRIGGER_ORDER"
    trigger = order.get("priceTriggerOptions") or {}
    state = STATES[str(one["status"])]
    why = _why(state, one.get("updateReason"), one.get("error"))
    stop = price_of(trigger.get("triggerPrice"))
    return OrderStatus(
        client_order_id=ident,
        venue_order_id=str(order["orderId"]),
        symbol=markets.symbol(str(order["symbol"])),
        side=_side(order["side"]),
        quantity=_number(order["quantity"]),
        filled=_filled(order["filled"], waits=waits),
        limit_price=None,
        state=ended_as(state, why),
        reason=WORDS.get(why, why.lower()),
        order_type=OrderType.STOP if waits or stop is not None else OrderType.LIMIT,
        reduce_only=_true(order.get("reduceOnly")),
        stop_price=stop,
    )


def in_history(elements: Sequence[Said], ident: str, markets: Markets) -> OrderStatus | None:
    """What the newest of ``elements`` that is about the order says; None: none is.

    Raises ValueError for one that does not say what the order is: nothing older does.
    """
    for element in elements:
        for kind, event in element["event"].items():
            order = next((event[one] for one in _NOW if event.get(one)), None)
            if order is None or past_ident(order) != ident:
                continue
            if kind not in EVENT_STATES:
                raise ValueError(f"{kind}: what became of {ident} is not told there")
            return _past_order(kind, event, order, ident, markets)
    return None


def _past_order(kind: str, event: Said, order: Said, ident: str, markets: Markets) -> OrderStatus:
    """An order of the history, where ``quantity`` is what was left then. Its terms are of then
    too, so no limit is told: what may still fill is the open orders' to say."""
    waits = kind.startswith(TRIGGER)
    left, filled = Decimal(order["quantity"]), _filled(order.get("filled"), waits=waits)
    trigger = order.get("triggerOptions") or {}
    why = _why(EVENT_STATES[kind], event.get("reason"), event.get("orderError"))
    state = ended_as(EVENT_STATES[kind], why)
    if state == "working" and not left:
        state = "filled"
    return OrderStatus(
        client_order_id=ident,
        venue_order_id=str(order["uid"]),
        symbol=markets.symbol(str(order["tradeable"])),
        side=_side(order["direction"]),
        quantity=left + filled,
        filled=filled,
        limit_price=None,
        state=state,
        reason=WORDS.get(why, why.lower()),
        order_type=OrderType.STOP if waits else OrderType.LIMIT,
        reduce_only=_true(order.get("reduceOnly")),
        stop_price=price_of(trigger.get("triggerPrice")),
    )


# Answers to cancels ------------------------------------------------------------------------------


def cancel_said(said: Any) -> Cancelled | Refused | None:
    match said.get("status") if isinstance(said, Mapping) else None:
        case "cancelled":
            return Cancelled(None)
        case "filled":
            return Refused("NOT_OPEN", "the order is filled")
        case "notFound":
            return Refused("UNKNOWN_ORDER", "no such open order")
        case _:
            return None


def cancels_said(told: Sequence[Any], idents: Sequence[str]) -> list[Cancelled | Refused | None]:
    """What ``told`` says of each: by the names in it, since nobody promises its order. By its place
    only what names no order at all; what is told of one twice and differently is told not."""
    wanted = set(idents)
    found: dict[str, list[Cancelled | Refused | None]] = {}
    for place, one in enumerate(told):
        names = _names(one)
        of = names & wanted
        if not names and len(told) == len(idents):
            of = {idents[place]}
        for ident in of:
            found.setdefault(ident, []).append(cancel_said(one))
    return [_agreed(found.get(ident, [])) for ident in idents]


def _agreed(told: list[Cancelled | Refused | None]) -> Cancelled | Refused | None:
    return told[0] if told and all(one == told[0] for one in told) else None


def _names(one: Any) -> set[str]:
    if not isinstance(one, Mapping):
        return set()
    orders = [one]
    for event in filter(_is_mapping, one.get("orderEvents") or ()):
        orders += [event[key] for key in ("order", "orderTrigger") if event.get(key)]
    ours = {order.get(key) for order in orders for key in ("cliOrdId", "clientId")}
    theirs = {order.get(key) for order in orders for key in ("order_id", "orderId")}
    return {str(name) for name in ours if name} | {f"{STRANGER}{name}" for name in theirs if name}


# Figures and words -------------------------------------------------------------------------------


def _is_mapping(said: Any) -> bool:
    return isinstance(said, Mapping)


def _why(state: str, reason: Any, error: Any) -> str:
    """Of a refusal its error says more than the reason for which it was looked at."""
    return reason_of((error or reason) if state == "rejected" else (reason or error))


def _side(said: Any) -> Side | None:
    """None for its ``Unknown``."""
    text = str(said).lower()
    return Side(text) if text in tuple(Side) else None


def _number(said: Any) -> Decimal | None:
    return None if said is None else Decimal(said)


def _filled(said: Any, *, waits: bool) -> Decimal:
    """Of a stop that waits nothing is said, or null: nothing of it is filled."""
    return Decimal(0) if said is None and waits else Decimal(said)


def _true(said: Any) -> bool:
    return said in (True, "true")
