"""The gateway's core, without wires: what it refuses, and how it books what the venue says."""

from decimal import Decimal
from typing import Any

import pytest

from tests.gateway.builders import ACCOUNT, LIMITS, STRATEGY, SYMBOL, Rig
from trading.gateway.effects import CatchUpFills, FillRow, LookUpOrder, Persist, SendCancel
from trading.messages import OrderType, Side, TimeInForce
from trading.venues.base import (
    Accepted,
    CancelRefused,
    Disconnected,
    Ended,
    OrderStatus,
    Rejected,
    StatusAnswer,
)

D = Decimal
AT_MARKET: dict[str, Any] = {
    "order_type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "limit_price": None,
}  # fmt: skip


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_an_intent_is_written_before_it_is_sent(rig: Rig) -> None:
    effects = rig.take(rig.core.on_intent(rig.intent(), rig.now()))
    assert [type(effect) for effect in effects] == [Persist]
    assert rig.sent == []
    rig.release(f"{ACCOUNT}.i1")
    assert [one.client_order_id for one in rig.sent] == [f"{ACCOUNT}.i1"]
    assert rig.sent[0].not_after_ns == rig.wall_ns + 200_000_000


def test_an_intent_read_twice_is_one_order(rig: Rig) -> None:
    intent = rig.intent()
    rig.submit(intent)
    assert rig.core.on_intent(intent, rig.now()) == []
    rig.release(f"{ACCOUNT}.{intent.intent_id}")
    assert len(rig.sent) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"created_boot": 10**12 - 2_000_000_001}, "STALE_INTENT"),
        (
            {"boot_id": "other", "created_wall": 1_800_000_000 * 10**9 - 2_000_000_001},
            "STALE_INTENT",
        ),
        ({"boot_id": "other", "created_wall": 1_800_000_001 * 10**9}, "CLOCK_SKEW"),
        ({"created_boot": 10**12 + 10**9}, "CLOCK_SKEW"),
        ({"shard_token": 8}, "FENCED_SHARD"),
        ({"shard": "shard:7"}, "UNKNOWN_SHARD"),
        ({"expected_position": D(1000)}, "POSITION_MOVED"),
        ({"symbol": "NOPE"}, "UNKNOWN_SYMBOL"),
        ({"quantity": D(1500)}, "LOT_SIZE"),
        ({"quantity": D(0)}, "LOT_SIZE"),
        ({"quantity": D(-1000)}, "LOT_SIZE"),
        ({"limit_price": D("1.100001")}, "TICK_SIZE"),
        ({"limit_price": D(0)}, "TICK_SIZE"),
        ({"limit_price": None}, "NO_LIMIT_PRICE"),
        ({"limit_price": D("1.12000")}, "PRICE_COLLAR"),
        ({"quantity": D(500_000)}, "ORDER_NOTIONAL"),
        ({**AT_MARKET, "quantity": D(500_000)}, "ORDER_NOTIONAL"),
        ({**AT_MARKET, "quantity": D(500_000), "side": Side.SELL}, "ORDER_NOTIONAL"),
        ({"symbol": "GBPUSD"}, "NO_PRICE"),
        ({**AT_MARKET, "symbol": "GBPUSD"}, "NO_PRICE"),
        ({"strategy": "nobody"}, "STAGE"),
    ],
)
def test_refused_with_a_code_and_nothing_is_sent(
    rig: Rig, change: dict[str, Any], code: str
) -> None:
    rig.submit(rig.intent(**change))
    assert (rig.denied(), rig.sent) == (code, [])


def test_without_a_licence_nothing_leaves_and_it_runs_out_between_write_and_send(rig: Rig) -> None:
    rig.later(250)
    rig.submit()
    assert rig.denied() == "NO_LICENCE"
    rig.license()
    intent = rig.intent()
    rig.take(rig.core.on_intent(intent, rig.now()))
    rig.later(250)
    rig.release(f"{ACCOUNT}.{intent.intent_id}")
    assert (rig.denied(), rig.sent) == ("NO_LICENCE", [])


def test_a_wall_clock_stepped_back_lengthens_no_intents_life(rig: Rig) -> None:
    intent = rig.intent()
    rig.take(rig.core.on_intent(intent, rig.now()))
    rig.later(2_001)
    rig.wall_ns -= 3_600 * 10**9
    rig.license()
    rig.quote("1.10000", "1.10010")
    rig.release(f"{ACCOUNT}.{intent.intent_id}")
    assert (rig.denied(), rig.sent) == ("STALE_INTENT", [])


def test_a_stale_or_silent_feed_stops_orders(rig: Rig) -> None:
    rig.quote("1.3", "1.3001", symbol="GBPUSD", feed_ns=1_400_000_031 * 10**9)
    rig.submit()
    assert rig.denied() == "STALE_PRICE"
    rig.quote("1.10000", "1.10010", feed_ns=1_400_000_031 * 10**9)
    rig.later(30_001)
    rig.license()
    rig.submit()
    assert (rig.denied(), rig.sent) == ("FEED_SILENT", [])


def test_a_price_that_ran_away_between_write_and_send_stops_the_order(rig: Rig) -> None:
    intent = rig.intent()
    rig.take(rig.core.on_intent(intent, rig.now()))
    rig.quote("1.07000", "1.07010")
    rig.release(f"{ACCOUNT}.{intent.intent_id}")
    assert (rig.denied(), rig.sent) == ("PRICE_COLLAR", [])


def test_exposure_counts_open_orders_in_full_and_reductions_pass(rig: Rig) -> None:
    for _ in range(4):
        rig.submit(rig.intent(quantity="100000"))
    assert len(rig.sent) == 4
    rig.submit(rig.intent(quantity="100000"))
    assert rig.denied() == "POSITION_NOTIONAL"
    rig.take(rig.core.on_venue_event(rig.fill(f"{ACCOUNT}.i1", "100000"), rig.now()))
    tight = {**LIMITS, (f"strategy:{STRATEGY}", "position-notional"): D(1)}
    rig.later(1)
    rig.license(tight)
    rig.submit(rig.intent(Side.SELL, quantity="10000"))
    assert rig.denied() == ""


def test_a_position_without_a_quote_counts_at_cost_and_does_not_stop_the_rest(rig: Rig) -> None:
    rig.submit()
    rig.take(rig.core.on_venue_event(rig.fill(f"{ACCOUNT}.i1", "10000"), rig.now()))
    fresh = Rig()
    fresh.core.book.holdings = {(STRATEGY, "GBPUSD"): rig.core.book.holding(STRATEGY, SYMBOL)}
    assert fresh.core.book.symbols() == {"GBPUSD"}
    assert fresh.core.book.value_at_cost("GBPUSD") == D("1.10010")
    fresh.submit()
    assert fresh.denied() == ""


def test_accept_partial_fill_then_cancel_then_late_fill(rig: Rig) -> None:
    order = rig.submit()
    for event, state in (
        (Accepted(order, "v1"), "working"),
        (rig.fill(order, "4000", 1), "partially-filled"),
        (Ended(order, "cancelled", D(4000), "asked"), "cancelled"),
        (rig.fill(order, "1000", 2), "cancelled"),
    ):
        rig.take(rig.core.on_venue_event(event, rig.now()))
        assert rig.state(order) == state
    assert rig.core.book.holding(STRATEGY, SYMBOL).quantity == 5000
    assert rig.core.book.in_flight(STRATEGY, SYMBOL) == 0


def test_a_fill_before_its_acknowledgement_is_booked(rig: Rig) -> None:
    order = rig.submit()
    rig.take(rig.core.on_venue_event(rig.fill(order, "10000"), rig.now()))
    rig.take(rig.core.on_venue_event(Accepted(order, "v1"), rig.now()))
    assert rig.state(order) == "filled"


def test_a_fill_is_applied_once(rig: Rig) -> None:
    order = rig.submit()
    fill = rig.fill(order, "4000")
    assert rig.core.on_venue_event(fill, rig.now())
    assert rig.core.on_venue_event(fill, rig.now()) == []
    assert rig.core.book_fill(fill, rig.now()) == []
    assert rig.core.book.holding(STRATEGY, SYMBOL).quantity == 4000


def test_a_gap_in_fills_is_asked_for_and_pushed_ones_wait(rig: Rig) -> None:
    order = rig.submit()
    first, second, third = (rig.fill(order, "1000", number) for number in (1, 2, 3))
    assert rig.core.on_venue_event(second, rig.now()) == [CatchUpFills()]
    assert rig.core.on_venue_event(third, rig.now()) == []
    rig.take(rig.core.book_fill(first, rig.now()))
    rig.take(rig.core.catch_up_done(rig.now()))
    assert rig.core.book.fill_sequence == 3
    assert rig.core.book.holding(STRATEGY, SYMBOL).quantity == 3000


def test_a_fill_nobody_ordered_is_written_and_moves_no_strategy(rig: Rig) -> None:
    stray = rig.fill("someone-else", "4000")
    assert rig.core.on_venue_event(stray, rig.now()) == [LookUpOrder(stray)]
    (effect,) = rig.core.book_fill(stray, rig.now(), nobody_ordered=True)
    assert isinstance(effect, Persist)
    assert effect.rows == (FillRow(stray, None, None),)
    assert rig.core.book.fill_sequence == 1
    assert rig.core.book.holdings == {}


def test_more_filled_than_ordered_is_a_fill_nobody_ordered(rig: Rig) -> None:
    order = rig.submit()
    (effect,) = rig.core.on_venue_event(rig.fill(order, "11000"), rig.now())
    assert isinstance(effect, Persist)
    assert effect.rows[0] == FillRow(rig.fill(order, "11000", 1), None, None)
    assert rig.core.book.holding(STRATEGY, SYMBOL).quantity == 0


def test_unanswered_is_unknown_reserves_and_is_never_sent_again(rig: Rig) -> None:
    order = rig.submit()
    rig.later(1_001)
    rig.take(rig.core.on_time(rig.now()))
    assert rig.state(order) == "unknown"
    assert rig.core.book.in_flight(STRATEGY, SYMBOL) == 10_000
    rig.release(order)
    rig.later(3_600_000)
    rig.take(rig.core.on_time(rig.now()))
    assert (rig.state(order), len(rig.sent)) == ("unknown", 1)


def status(order: str, state: str, filled: str = "0") -> OrderStatus:
    return OrderStatus(order, "v9", SYMBOL, Side.BUY, D(10_000), D(filled), None, state, "because")


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ("working", "working"),
        ("cancelled", "cancelled"),
        ("expired", "expired"),
        ("rejected", "rejected"),
    ],
)
def test_the_venue_says_what_an_unknown_order_is(rig: Rig, found: str, state: str) -> None:
    order = rig.submit()
    rig.take(rig.core.on_venue_event(Disconnected("cut"), rig.now()))
    live = rig.core.book.order(order)
    assert live is not None
    rig.take(rig.core.on_status(live, StatusAnswer(status(order, found), 0), rig.now()))
    assert rig.state(order) == state


def test_a_status_with_fills_we_lack_asks_for_them_first(rig: Rig) -> None:
    order = rig.submit()
    rig.take(rig.core.on_venue_event(Disconnected("cut"), rig.now()))
    live = rig.core.book.order(order)
    assert live is not None
    answer = StatusAnswer(status(order, "filled", "10000"), 0)
    assert rig.core.on_status(live, answer, rig.now()) == [CatchUpFills()]
    rig.take(rig.core.book_fill(rig.fill(order, "10000"), rig.now()))
    assert rig.state(order) == "filled"


def test_never_received_only_after_the_venue_clock_passed_not_after(rig: Rig) -> None:
    order = rig.submit()
    rig.take(rig.core.on_venue_event(Disconnected("cut"), rig.now()))
    live = rig.core.book.order(order)
    assert live is not None
    rig.take(rig.core.on_status(live, StatusAnswer(None, live.not_after_ns), rig.now()))
    assert rig.state(order) == "unknown"
    rig.take(rig.core.on_status(live, StatusAnswer(None, live.not_after_ns + 1), rig.now()))
    assert rig.state(order) == "rejected"
    assert rig.core.book.in_flight(STRATEGY, SYMBOL) == 0


def test_an_order_the_venue_no_longer_has_is_asked_about(rig: Rig) -> None:
    gone, there = rig.submit(), rig.submit()
    for order in (gone, there):
        rig.take(rig.core.on_venue_event(Accepted(order, "v"), rig.now()))
    rig.later(10)
    begun = rig.wall_ns
    new = rig.submit()
    rig.take(rig.core.on_venue_event(Accepted(new, "v"), rig.now()))
    rig.take(rig.core.doubt_missing({there}, begun, rig.now()))
    assert (rig.state(gone), rig.state(there), rig.state(new)) == ("unknown", "working", "working")


def test_cancel_is_sent_before_it_is_noted_and_needs_no_licence(rig: Rig) -> None:
    order = rig.submit()
    rig.take(rig.core.on_venue_event(Accepted(order, "v1"), rig.now()))
    rig.later(60_000)
    effects = rig.cancel(order)
    assert isinstance(effects[0], SendCancel)
    assert isinstance(effects[1], Persist)
    assert rig.state(order) == "cancel-pending"
    assert rig.cancel(order) == []
    rig.take(rig.core.on_venue_event(rig.fill(order, "10000"), rig.now()))
    rig.take(rig.core.on_venue_event(CancelRefused(order, "DONE", "filled"), rig.now()))
    assert rig.state(order) == "filled"


def test_a_refused_cancel_is_asked_about(rig: Rig) -> None:
    order = rig.submit()
    rig.take(rig.core.on_venue_event(Accepted(order, "v1"), rig.now()))
    rig.cancel(order)
    rig.take(rig.core.on_venue_event(CancelRefused(order, "BUSY", "later"), rig.now()))
    assert rig.state(order) == "unknown"


def test_cancelled_before_it_was_sent_is_never_sent(rig: Rig) -> None:
    intent = rig.intent()
    rig.take(rig.core.on_intent(intent, rig.now()))
    order = f"{ACCOUNT}.{intent.intent_id}"
    assert rig.cancel(order) == []
    rig.release(order)
    assert (rig.denied(), rig.sent) == ("CANCELLED_BEFORE_SEND", [])


def test_no_connection_means_denied_not_parked(rig: Rig) -> None:
    intent = rig.intent(order_type=OrderType.MARKET, limit_price=None)
    rig.take(rig.core.on_intent(intent, rig.now()))
    rig.release(f"{ACCOUNT}.{intent.intent_id}", connected=False)
    assert (rig.denied(), rig.sent) == ("VENUE_DISCONNECTED", [])


def test_a_venue_that_rejects_what_it_had_accepted_is_asked(rig: Rig) -> None:
    order = rig.submit()
    rig.take(rig.core.on_venue_event(Accepted(order, "v1"), rig.now()))
    rig.take(rig.core.on_venue_event(Rejected(order, "X", "changed my mind"), rig.now()))
    assert rig.state(order) == "unknown"
