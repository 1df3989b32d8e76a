"""/api/metrics/slippage, fill-rate and execution-times."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from tests.console.api.conftest import new_fill, new_order
from tests.support.desks import on_no_desk
from trading.models import Strategy
from trading.portfolio.reader import BooksReader

pytestmark = pytest.mark.django_db

MS = dt.timedelta(milliseconds=1)


@pytest.fixture
def carried_out(strategy: Strategy, other: Strategy) -> None:
    """Half an hour ago, of one strategy: a buy 2 bp over the mid, a sell 1 bp under and half filled
    of the same value, one 4 bp better and as large as both, one unfilled, one denied, one rejected,
    one open, and a stop; of another one order; and one of two hours ago."""
    then = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=30)
    mid = Decimal(10)

    def order(number: int, quantity: int = 1000, filled: int = 0, bp: int = 0, **facts: Any) -> Any:
        worse = mid * bp / 10_000 * (-1 if facts.get("side") == "sell" else 1)
        given = {
            "created_at": then, "sent_at": then + 2 * MS, "answered_at": then + 5 * MS,
            "ended_at": then + 5 * MS, "tick_to_send_us": 1000 * (number + 1),
            "send_to_answer_us": 3000, "reference_price": mid, "quantity": quantity,
            "filled": filled, "filled_value": filled * (mid + worse),
        }  # fmt: skip
        return new_order(strategy, number, **given | facts)

    first = order(0, filled=1000, bp=2)
    new_fill(first, 1, recorded_at=then + 12 * MS)
    new_fill(first, 2, recorded_at=then + 40 * MS)
    order(1, quantity=2000, filled=1000, bp=1, side="sell", state="expired")
    order(2, quantity=2000, filled=2000, bp=-4)
    order(3, state="expired")
    order(4, state="denied", sent_at=None, answered_at=None, tick_to_send_us=None,
          send_to_answer_us=None)  # fmt: skip
    order(5, state="rejected")
    order(6, state="working", ended_at=None)
    order(7, filled=1000, bp=500, order_type="stop", stop_price=mid)
    order(8, filled=1000, bp=900, created_at=then - dt.timedelta(hours=2))
    new_order(other, 9, created_at=then, filled=1, filled_value=mid, reference_price=mid)


def rows(caller: Client, path: str) -> dict[str, Any]:
    answer = caller.get(f"/api/metrics/{path}")
    assert answer.status_code == 200, answer.content
    return {one.pop("name"): one for one in answer.json()}


def test_a_contract_weighs_as_all_that_it_is_of(caller: Client, strategy: Strategy) -> None:
    then = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=30)
    for number, (symbol, quantity, mid, bp) in enumerate(
        [("SPY", 100, Decimal("668.40"), 1), ("ESZ6", 1, Decimal("6694.50"), 10)]
    ):
        new_order(
            strategy, number, symbol=symbol, created_at=then, sent_at=then, ended_at=then,
            reference_price=mid, quantity=quantity, filled=quantity,
            filled_value=quantity * mid * (1 + Decimal(bp) / 10_000),
        )  # fmt: skip
    # 66,840 at 1 bp and 334,725 at 10: 8.502, not the 1.819 of bare prices.
    found = rows(caller, "slippage")[strategy.key]
    assert Decimal(found["mean_bp"]) == Decimal("8.5020")
    read = BooksReader().read().orders[strategy.key]
    assert read.slippage_bp is not None
    assert round(read.slippage_bp, 4) == Decimal("8.5020")


def test_slippage_weighs_by_value_and_leaves_stops_out(caller: Client, carried_out: None) -> None:
    found = rows(caller, "slippage")
    assert set(found) == {"mom-eurusd", "mr-btcusdt"}
    one = {name: Decimal(value) for name, value in found["mom-eurusd"].items()}
    assert one["orders"] == 3
    assert one["mean_bp"] == pytest.approx(Decimal((2 + 1 - 2 * 4) / 4))
    assert (one["p50_bp"], one["worst_bp"]) == (Decimal(1), Decimal(2))
    assert Decimal("1.8") < one["p95_bp"] < 2
    assert Decimal(rows(caller, "slippage?period=4h")["mom-eurusd"]["worst_bp"]) == 900


def test_fill_rate_says_what_became_of_the_rest(caller: Client, carried_out: None) -> None:
    one = rows(caller, "fill-rate?period=1h")["mom-eurusd"]
    rate = Decimal(one.pop("rate"))
    assert one == {"orders": 7, "denied": 1, "rejected": 1, "open": 1, "filled": 2, "partly": 1}
    assert rate == Decimal("0.5"), "whole, half, whole and none twice: sent and ended"


def test_times_from_the_tick_to_the_fill(caller: Client, carried_out: None) -> None:
    one = rows(caller, "execution-times")["mom-eurusd"]
    assert one["orders"] == 6
    assert one["tick_to_send"] == {
        "count": 6, "p50_ms": 3.5, "p95_ms": 6.75, "p99_ms": 6.95, "most_ms": 7.0,
    }  # fmt: skip
    assert (one["made_to_sent"]["p50_ms"], one["made_to_sent"]["most_ms"]) == (2.0, 2.0)
    assert (one["send_to_answer"]["p99_ms"], one["tick_to_answer"]["most_ms"]) == (3.0, 10.0)
    assert (one["send_to_fill"]["count"], one["send_to_fill"]["p50_ms"]) == (1, 10.0)
    none = rows(caller, "execution-times?strategy=mr-btcusdt")
    assert none == {}, "of nothing that was sent"


def test_by_instrument_and_by_venue(caller: Client, carried_out: None) -> None:
    assert set(rows(caller, "fill-rate?by=instrument")) == {"EURUSD", "BTCUSDT"}
    assert set(rows(caller, "fill-rate?by=venue")) == {"paper-1", "paper-2"}
    assert set(rows(caller, "fill-rate?by=venue&symbol=BTCUSDT")) == {"paper-2"}
    assert set(rows(caller, "slippage?by=instrument&account=paper-1")) == {"EURUSD"}
    assert rows(caller, "execution-times?by=firm")["firm"]["orders"] == 6


def test_what_is_wrong_is_named(caller: Client, strategy: Strategy) -> None:
    for wrong, field in (("by=desk", "by"), ("period=1y", "period"), ("account=", "account")):
        answer = caller.get(f"/api/metrics/slippage?{wrong}")
        assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_nobody_is_told_of_strategies_that_are_not_theirs(
    caller: Client, carried_out: None
) -> None:
    on_no_desk("mercy.okafor")
    for path in ("slippage", "fill-rate", "execution-times"):
        assert set(rows(caller, path)) == {"mom-eurusd"}, path
        assert set(rows(caller, f"{path}?by=venue")) == {"paper-1"}, path
