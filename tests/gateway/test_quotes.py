"""Quotes at the gateway: they give liquidity or are denied, and are taken back when not renewed."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from tests.gateway.builders import ACCOUNT, Rig
from trading.gateway.effects import SendCancel
from trading.gateway.intake import MalformedIntentError, read_intent
from trading.gateway.store import ORDER_COLUMNS, order_values
from trading.gateway.stored import order_from
from trading.messages import Side, TimeInForce, encode
from trading.venues.base import Accepted

D = Decimal


@pytest.fixture
def rig() -> Rig:
    return Rig()  # EURUSD 1.10000 to 1.10010


def quoted(rig: Rig) -> str:
    name = rig.submit(rig.intent(limit_price=D("1.09995"), life_ms=5_000, post_only=True))
    rig.take(rig.core.on_venue_event(Accepted(name, "V1"), rig.now()))
    return name


def taken_back(rig: Rig) -> list[str]:
    effects = rig.take(rig.core.take_back(rig.now()))
    return [one.client_order_id for one in effects if isinstance(one, SendCancel)]


@pytest.mark.parametrize(
    ("side", "price", "code"),
    [
        (Side.BUY, "1.10010", "POST_ONLY"),
        (Side.BUY, "1.10009", ""),
        (Side.SELL, "1.10000", "POST_ONLY"),
        (Side.SELL, "1.10001", ""),
    ],
)
def test_a_quote_that_would_trade_at_once_is_denied(
    rig: Rig, side: Side, price: str, code: str
) -> None:
    rig.submit(rig.intent(side, limit_price=D(price), post_only=True))
    assert (rig.denied(), len(rig.sent)) == (code, 0 if code else 1)


def test_the_price_is_looked_at_again_when_it_leaves(rig: Rig) -> None:
    intent = rig.intent(limit_price=D("1.10005"), post_only=True)
    rig.take(rig.core.on_intent(intent, rig.now()))
    rig.quote("1.09990", "1.10005")
    rig.release(f"{ACCOUNT}.{intent.intent_id}")
    assert (rig.denied(), rig.sent) == ("POST_ONLY", [])


def test_a_quote_is_taken_back_once_when_its_life_is_over(rig: Rig) -> None:
    name, resting = quoted(rig), rig.submit()
    rig.take(rig.core.on_venue_event(Accepted(resting, "V2"), rig.now()))
    rig.later(4_999)
    assert taken_back(rig) == []
    rig.later(1)
    assert taken_back(rig) == [name]
    assert taken_back(rig) == []
    assert rig.state(name) == "cancel-pending"
    assert rig.state(resting) == "working", "an order without a life rests on"


def test_one_that_a_predecessor_made_is_taken_back_at_once(rig: Rig) -> None:
    name = quoted(rig)
    order = rig.core.book.order(name)
    assert order is not None
    values = dict(zip(ORDER_COLUMNS, order_values(order, ACCOUNT), strict=True))
    inherited = order_from(values)
    assert (inherited.life_ns, inherited.post_only) == (5_000_000_000, True)
    successor = Rig()
    successor.core.book.load([inherited], {}, 0)
    assert taken_back(successor) == [name]
    plain = replace(inherited, client_order_id="o2", intent_id="i2", life_ns=0)
    successor.core.book.add(plain)
    assert taken_back(successor) == []


def test_no_hold_and_no_lost_licence_keeps_a_quote_out(rig: Rig) -> None:
    name = quoted(rig)
    rig.later(6_000)  # the licence ran out long ago
    assert taken_back(rig) == [name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"life_ms": -1}, "life_ms: -1 is not from 0"),
        ({"life_ms": 3_600_001}, "life_ms: 3600001"),
        ({"post_only": True, "time_in_force": TimeInForce.IOC}, "post_only: an order that may not"),
    ],
)
def test_what_contradicts_itself_is_no_intent(
    rig: Rig, change: dict[str, object], words: str
) -> None:
    good = rig.intent(life_ms=100, post_only=True)
    assert read_intent(encode(good)) == good
    with pytest.raises(MalformedIntentError, match=words):
        read_intent(encode(msgspec.structs.replace(good, **change)))
