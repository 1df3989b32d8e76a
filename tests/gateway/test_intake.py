"""Bytes on the intent stream that are no intent are refused, named, and stop nothing."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.builders import Rig
from trading.gateway.intake import MalformedIntentError, read_intent
from trading.messages import encode


def test_a_good_intent_is_read_as_it_was_written() -> None:
    intent = Rig().intent()
    assert read_intent(encode(intent)) == intent


def test_an_order_without_a_side_is_none() -> None:
    written = msgspec.json.decode(encode(Rig().intent()))
    for side in ({}, {"side": None}, {"side": "sideways"}):
        said = {**{name: one for name, one in written.items() if name != "side"}, **side}
        with pytest.raises(MalformedIntentError, match="side"):
            read_intent(msgspec.json.encode(said))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"strategy": ""}, "strategy"),
        ({"strategy": "a\x00b"}, "strategy"),
        ({"symbol": "x" * 41}, "symbol"),
        ({"intent_id": "a b"}, "intent_id"),
        ({"quantity": Decimal("NaN")}, "quantity"),
        ({"quantity": Decimal("1e15")}, "quantity"),
        ({"stop_price": Decimal("NaN")}, "stop_price"),
        ({"stop_price": Decimal("Infinity")}, "stop_price"),
        ({"expires_wall": 2**62}, "expires_wall"),
        ({"expires_wall": -1}, "expires_wall"),
        ({"limit_price": Decimal("Infinity")}, "limit_price"),
        ({"expected_position": Decimal("-1e20")}, "expected_position"),
        ({"tick_time": -1}, "tick_time"),
        ({"created_wall": 2**63}, "created_wall"),
    ],
)
def test_each_bad_field_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(MalformedIntentError, match=named):
        read_intent(encode(Rig().intent(**change)))


def test_a_missing_or_unknown_thing_is_refused() -> None:
    facts = msgspec.json.decode(encode(Rig().intent()))
    for broken in ({**facts, "side": "hold"}, {k: v for k, v in facts.items() if k != "quantity"}):
        with pytest.raises(MalformedIntentError):
            read_intent(encode(broken))


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_be_refused(data: bytes) -> None:
    with pytest.raises(MalformedIntentError):
        read_intent(data)
