"""What an order says of itself is judged before it leaves (behaviours 13 to 16, 27 to 29)."""

from decimal import Decimal
from typing import Any

import pytest

from tests.gateway.builders import ACCOUNT, STRATEGY, SYMBOL, Rig
from trading.gateway.effects import Persist, SendCreate
from trading.messages import OrderType, Side, TimeInForce
from trading.venues.base import Accepted, Modified, ModifyRefused, OrderStatus, StatusAnswer

D = Decimal
LATER = 3_600 * 10**9
LIMIT: dict[str, Any] = {
    "order_type": OrderType.LIMIT,
    "limit_price": D("1.09"),
    "time_in_force": TimeInForce.GTC,
}
STOP: dict[str, Any] = {
    "order_type": OrderType.STOP, "limit_price": None, "stop_price": D("1.08"),
    "time_in_force": TimeInForce.GTC,
}  # fmt: skip

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "limit-without-price": ({**LIMIT, "limit_price": None}, "NO_LIMIT_PRICE"),
    "limit-with-stop": ({**LIMIT, "stop_price": D("1.08")}, "BAD_TERMS"),
    "market-with-limit": ({**LIMIT, "order_type": OrderType.MARKET}, "BAD_TERMS"),
    "stop-without-price": ({**STOP, "stop_price": None}, "NO_STOP_PRICE"),
    "stop-with-limit": ({**STOP, "limit_price": D("1.08")}, "BAD_TERMS"),
    "limit-off-tick": ({**LIMIT, "limit_price": D("1.090001")}, "TICK_SIZE"),
    "limit-negative": ({**LIMIT, "limit_price": D("-1.09")}, "TICK_SIZE"),
    "stop-off-tick": ({**STOP, "stop_price": D("1.080001")}, "TICK_SIZE"),
    "off-lot": ({**LIMIT, "quantity": D(1500)}, "LOT_SIZE"),
    "post-only-ioc": (
        {**LIMIT, "post_only": True, "time_in_force": TimeInForce.IOC}, "BAD_TERMS",
    ),
    "post-only-stop": ({**STOP, "post_only": True}, "BAD_TERMS"),
    "gtd-without-date": ({**LIMIT, "time_in_force": TimeInForce.GTD}, "BAD_TERMS"),
    "date-without-gtd": ({**LIMIT, "expires_wall": LATER}, "BAD_TERMS"),
    "gtd-past": (
        {**LIMIT, "time_in_force": TimeInForce.GTD, "expires_wall": -LATER}, "EXPIRED",
    ),
    "reduce-only-flat": ({**LIMIT, "reduce_only": True}, "REDUCE_ONLY"),
}  # fmt: skip


def _sent(rig: Rig, **terms: Any) -> tuple[str, SendCreate | None]:
    """Reason code of the order, and what was sent of it. ``expires_wall`` is from now."""
    if terms.get("expires_wall"):
        terms["expires_wall"] = rig.now().wall_ns + int(str(terms["expires_wall"]))
    rig.quote("1.10000", "1.10010")
    intent = rig.intent(**terms)
    rig.core.on_intent(intent, rig.now())
    order = rig.core.book.order(f"{ACCOUNT}.{intent.intent_id}")
    assert order is not None
    effects = rig.core.release(
        order.client_order_id, rig.now(), connected=True, not_after_ns=rig.now().wall_ns
    )
    sent = next((one for one in effects if isinstance(one, SendCreate)), None)
    return order.reason_code, sent


@pytest.mark.parametrize("case", REFUSED)
def test_terms_that_make_no_sense_are_denied(case: str) -> None:
    terms, code = REFUSED[case]
    assert _sent(Rig(), **terms) == (code, None)


def test_terms_that_do_are_sent_as_they_are() -> None:
    rig = Rig()
    _, sent = _sent(
        rig, **LIMIT, post_only=True
    )  # fmt: skip
    assert sent is not None
    assert (sent.new_order.post_only, sent.new_order.limit_price) == (True, D("1.09"))
    rig = Rig()
    _, sent = _sent(rig, **{**LIMIT, "time_in_force": TimeInForce.GTD}, expires_wall=LATER)
    assert sent is not None
    assert sent.new_order.expires_ns == rig.now().wall_ns + LATER
    rig = Rig()
    _, sent = _sent(rig, **STOP, side=Side.SELL)
    assert sent is not None
    assert (sent.new_order.order_type, sent.new_order.stop_price) == (OrderType.STOP, D("1.08"))
    assert (rig.intent().strategy, sent.new_order.symbol) == (STRATEGY, SYMBOL)


def test_an_order_that_somebody_modified_is_what_the_venue_says() -> None:
    rig = Rig()
    _sent(rig, **LIMIT)
    (order,) = rig.core.book.open_orders()
    ident, version = order.client_order_id, order.version
    rig.core.on_venue_event(Accepted(ident, "v1"), rig.now())
    (kept,) = rig.core.on_venue_event(Modified(ident, D(30000), D("1.08")), rig.now())
    assert isinstance(kept, Persist)
    assert (order.quantity, order.limit_price) == (D(30000), D("1.08"))
    assert order.remaining == D(30000)
    assert order.version > version
    assert rig.core.book.in_flight(STRATEGY, SYMBOL) == 30000, "what may fill is counted"
    assert rig.core.on_venue_event(Modified(ident, D(30000), D("1.08")), rig.now()) == []
    found = OrderStatus(
        ident, "v1", SYMBOL, Side.BUY, D(20000), D(0), D("1.07"), "working", reason=""
    )
    rig.core.on_status(order, StatusAnswer(found, rig.now().wall_ns), rig.now())
    assert (order.quantity, order.limit_price) == (D(20000), D("1.07"))
    assert rig.core.on_venue_event(ModifyRefused(ident, "NOT_OPEN", ""), rig.now()) == []
