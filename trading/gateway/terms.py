"""Whether what an order says of itself makes sense, whatever the market. Pure."""

from riskctl.rules import Denial
from trading.gateway.book import LiveOrder
from trading.messages import OrderType, TimeInForce


def terms_denial(order: LiveOrder, now_wall_ns: int) -> Denial | None:
    """Why type, prices, time in force and flags do not belong together, or None."""
    return _price_denial(order) or _flags_denial(order) or _expiry_denial(order, now_wall_ns)


def _price_denial(order: LiveOrder) -> Denial | None:
    kind = order.order_type
    if kind is OrderType.LIMIT and order.limit_price is None:
        return Denial("NO_LIMIT_PRICE", "a limit order needs a limit price")
    if kind is not OrderType.LIMIT and order.limit_price is not None:
        return Denial("BAD_TERMS", f"a {kind} order has no limit price")
    if kind is OrderType.STOP and order.stop_price is None:
        return Denial("NO_STOP_PRICE", "a stop order needs a stop price")
    if kind is not OrderType.STOP and order.stop_price is not None:
        return Denial("BAD_TERMS", f"a {kind} order has no stop price")
    return None


def _flags_denial(order: LiveOrder) -> Denial | None:
    rests = order.order_type is OrderType.LIMIT and order.time_in_force is not TimeInForce.IOC
    if order.post_only and not rests:
        return Denial("BAD_TERMS", "only a limit order that rests can be post-only")
    return None


def _expiry_denial(order: LiveOrder, now_wall_ns: int) -> Denial | None:
    if (order.time_in_force is TimeInForce.GTD) != bool(order.expires_ns):
        return Denial("BAD_TERMS", "a good-till-date order, and no other, says when it expires")
    if order.expires_ns and order.expires_ns <= now_wall_ns:
        return Denial("EXPIRED", "its good-till date is past")
    return None
