"""What a hold does to orders: what it forbids, what it cancels, and how it ends."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskctl.holds import HoldFact, Kind, Mode
from tests.gateway.builders import ACCOUNT, STRATEGY, SYMBOL, D, Rig
from trading.gateway.effects import Effect, Persist, SendCancel, StepRow
from trading.gateway.stopping import Stopping
from trading.messages import OrderType, Side
from trading.orders.states import OrderState
from trading.venues.base import Accepted, Disconnected, Ended, Filled


def hold(number: int = 1, **change: Any) -> HoldFact:
    facts: dict[str, Any] = {
        "id": f"00000000-0000-0000-0000-{number:012d}",
        "scope": "firm",
        "kind": Kind.PAUSE,
        "mode": Mode.HALTED,
        "cancels": False,
        "protective_too": False,
        "reason": "test",
        "placed_by": "ada",
        "actor_kind": "person",
        "placed_wall_ns": number,
        **change,
    }
    return HoldFact(**facts)


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def stopping(rig: Rig) -> Stopping:
    return Stopping(rig.core)


def working(rig: Rig, **change: Any) -> str:
    order = rig.submit(rig.intent(**change))
    rig.take(rig.core.on_venue_event(Accepted(order, "v"), rig.now()))
    assert rig.state(order) == "working"
    return order


def cancelled(effects: list[Effect]) -> list[str]:
    return [one.client_order_id for one in effects if isinstance(one, SendCancel)]


def steps(rig: Rig) -> list[StepRow]:
    return [row for one in rig.persisted for row in one.rows if isinstance(row, StepRow)]


@pytest.mark.parametrize(
    "scope",
    ["firm", f"venue:{ACCOUNT}", "venue:paper-one", f"strategy:{STRATEGY}", f"instrument:{SYMBOL}"],
)
@pytest.mark.parametrize("mode", [Mode.HALTED, Mode.FROZEN])
def test_no_order_of_its_scope_leaves(scope: str, mode: Mode) -> None:
    rig = Rig(venue="Paper One")
    Stopping(rig.core).apply(hold(scope=scope, mode=mode), rig.now())
    rig.later(1)
    rig.submit()
    assert rig.denied() == "HELD"
    assert rig.sent == []


@pytest.mark.parametrize("scope", ["venue:paper-2", "strategy:other", "instrument:GBPUSD"])
def test_orders_of_other_scopes_go_on(rig: Rig, stopping: Stopping, scope: str) -> None:
    stopping.apply(hold(scope=scope), rig.now())
    rig.later(1)
    rig.submit()
    assert len(rig.sent) == 1


def test_an_order_written_down_before_the_hold_does_not_leave_after_it(
    rig: Rig, stopping: Stopping
) -> None:
    (effect,) = rig.take(rig.core.on_intent(rig.intent(), rig.now()))
    assert isinstance(effect, Persist)
    stopping.apply(hold(), rig.now())
    rig.release(effect.release)
    assert rig.denied() == "HELD"
    assert rig.sent == []


def test_the_strictest_of_several_counts_and_lifting_one_leaves_the_others(
    rig: Rig, stopping: Stopping
) -> None:
    halted, frozen = hold(1), hold(2, mode=Mode.FROZEN)
    stopping.apply(halted, rig.now())
    stopping.apply(frozen, rig.now())
    assert rig.core.holds.mode(STRATEGY, SYMBOL) is Mode.FROZEN
    reading = rig.reading(holds=(halted,), lifted=frozenset({frozen.id}))
    learnt, _ = stopping.on_reading(reading, rig.now())
    assert learnt.lifted == [frozen]
    assert rig.core.holds.mode(STRATEGY, SYMBOL) is Mode.HALTED


def test_a_hold_is_forgotten_by_its_lift_and_by_nothing_else(rig: Rig, stopping: Stopping) -> None:
    told = hold()
    stopping.apply(told, rig.now())
    learnt, _ = stopping.on_reading(rig.reading(holds=()), rig.now())
    assert learnt.unwritten == [told], "the database does not know it: it is to be written up"
    assert rig.core.holds.mode() is Mode.HALTED
    stopping.on_reading(rig.reading(lifted=frozenset({hold(2).id})), rig.now())
    assert rig.core.holds.mode() is Mode.HALTED
    stopping.on_reading(rig.reading(lifted=frozenset({told.id})), rig.now())
    assert rig.core.holds.mode() is Mode.ACTIVE


def test_what_was_wanted_before_a_lift_is_not_sent_after_it(rig: Rig, stopping: Stopping) -> None:
    told, wanted = hold(), rig.intent()
    rig.later(10)
    stopping.apply(told, rig.now())
    rig.later(10)
    stopping.on_reading(rig.reading(lifted=frozenset({told.id})), rig.now())
    rig.license()
    rig.submit(wanted)
    assert rig.denied() == "BEFORE_HOLD"
    rig.later(1)
    rig.submit()
    assert len(rig.sent) == 1


def test_what_was_wanted_before_this_gateway_began_is_not_sent() -> None:
    rig = Rig()
    wanted = rig.intent()
    rig.later(10)
    late = Rig(since_boot_ns=rig.boot_ns, boot_ns=rig.boot_ns, wall_ns=rig.wall_ns)
    late.submit(wanted)
    assert late.denied() == "BEFORE_HOLD"


def test_a_halt_cancels_nothing_and_a_kill_what_lies_in_its_scope(
    rig: Rig, stopping: Stopping
) -> None:
    order = working(rig)
    assert cancelled(stopping.apply(hold(1), rig.now())) == []
    kill = hold(2, kind=Kind.KILL, cancels=True, scope=f"strategy:{STRATEGY}")
    effects = rig.take(stopping.apply(kill, rig.now()))
    assert cancelled(effects) == [order]
    rig.take(rig.core.on_venue_event(Ended(order, "cancelled", D(0), "asked"), rig.now()))
    (step,) = steps(rig)
    assert (step.hold_id, step.name, step.part) == (kill.id, "cancel-confirmed", order)


def test_a_cancel_that_a_fill_overtook_is_confirmed_as_filled(rig: Rig, stopping: Stopping) -> None:
    order = working(rig, quantity="10000")
    rig.take(stopping.apply(hold(kind=Kind.KILL, cancels=True), rig.now()))
    rig.take(rig.core.on_venue_event(rig.fill(order, "10000"), rig.now()))
    (step,) = steps(rig)
    assert step.facts["state"] == "filled"


def test_protective_stops_stay_unless_named(rig: Rig, stopping: Stopping) -> None:
    order = working(rig)
    live = rig.core.book.order(order)
    assert live is not None
    live.order_type, live.reduce_only = OrderType.STOP, True
    assert cancelled(stopping.apply(hold(1, kind=Kind.KILL, cancels=True), rig.now())) == []
    named = hold(2, kind=Kind.KILL, cancels=True, protective_too=True)
    assert cancelled(stopping.apply(named, rig.now())) == [order]


def test_in_flight_is_what_was_written_and_not_answered_until_its_not_after(
    rig: Rig, stopping: Stopping
) -> None:
    order = rig.submit()
    assert [one.client_order_id for one in stopping.in_flight(hold(), rig.wall_ns)] == [order]
    assert stopping.in_flight(hold(scope="strategy:other"), rig.wall_ns) == []
    assert stopping.in_flight(hold(), rig.wall_ns + 200_000_001) == [], "it is too late for it"
    rig.take(rig.core.on_venue_event(Accepted(order, "v"), rig.now()))
    assert stopping.in_flight(hold(), rig.wall_ns) == []


# REDUCE-ONLY --------------------------------------------------------------------------------------


def reduce_only(rig: Rig, held: str = "10000") -> Stopping:
    """A long position, confirmed by the venue, under a reduce-only hold."""
    order = working(rig, quantity=held)
    rig.take(rig.core.on_venue_event(rig.fill(order, held), rig.now()))
    stopping = Stopping(rig.core)
    stopping.apply(hold(kind=Kind.REDUCE_ONLY, mode=Mode.REDUCE_ONLY), rig.now())
    rig.later(1)
    confirm(rig, held)
    return stopping


def confirm(rig: Rig, quantity: str) -> None:
    rig.later(1)
    rig.core.confirmed.on_reading({SYMBOL: D(quantity)}, rig.boot_ns, rig.core.book)
    rig.license()


@pytest.mark.parametrize(
    ("side", "quantity", "code"),
    [
        (Side.SELL, "10000", ""),
        (Side.SELL, "4000", ""),
        (Side.SELL, "11000", "REDUCE_ONLY"),
        (Side.BUY, "1000", "REDUCE_ONLY"),
    ],
)
def test_reduce_only_lets_through_what_reduces(side: Side, quantity: str, code: str) -> None:
    rig = Rig()
    reduce_only(rig)
    before = len(rig.sent)
    rig.submit(rig.intent(side, quantity))
    assert rig.denied() == code
    assert len(rig.sent) - before == (not code)


def test_open_reducing_orders_count_in_full_unknown_ones_too() -> None:
    rig = Rig()
    reduce_only(rig)
    first = rig.submit(rig.intent(Side.SELL, "6000"))
    rig.later(1_200)
    rig.take(rig.core.on_time(rig.now()))
    assert rig.state(first) == "unknown"
    rig.quote("1.10000", "1.10010")
    confirm(rig, "10000")
    rig.submit(rig.intent(Side.SELL, "5000"))
    assert rig.denied() == "REDUCE_ONLY"
    rig.submit(rig.intent(Side.SELL, "4000"))
    assert rig.denied() == ""


def test_no_reading_newer_than_the_last_send_no_order() -> None:
    rig = Rig()
    reduce_only(rig)
    rig.submit(rig.intent(Side.SELL, "2000"))
    rig.submit(rig.intent(Side.SELL, "2000"))
    assert rig.denied() == "READING_DUE"
    confirm(rig, "10000")
    rig.submit(rig.intent(Side.SELL, "2000"))
    assert rig.denied() == ""


def test_a_position_that_the_venue_does_not_confirm_is_not_traded() -> None:
    rig = Rig()
    reduce_only(rig)
    confirm(rig, "9000")
    rig.submit(rig.intent(Side.SELL, "2000"))
    assert rig.denied() == "NOT_CONFIRMED"


def test_a_reduce_only_hold_takes_back_resting_orders_that_would_increase() -> None:
    rig = Rig()
    order = working(rig, quantity="10000")
    rig.take(rig.core.on_venue_event(rig.fill(order, "10000"), rig.now()))
    more, less = working(rig, side=Side.BUY), working(rig, side=Side.SELL, quantity="3000")
    effects = Stopping(rig.core).apply(
        hold(kind=Kind.REDUCE_ONLY, mode=Mode.REDUCE_ONLY), rig.now()
    )
    assert cancelled(effects) == [more]
    assert rig.state(less) == "working"


# Stages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", ["stopped", "monitor", "paper"])
def test_a_rung_without_orders_lets_none_out(rig: Rig, rung: str) -> None:
    rig.core.licence.renew(rig.reading(stages=rig.stage(rung)))
    rig.submit()
    assert rig.denied() == "STAGE"


def test_a_strategy_on_no_rung_does_not_trade(rig: Rig) -> None:
    rig.core.licence.renew(rig.reading(stages={}))
    rig.submit()
    assert rig.denied() == "STAGE"


def test_a_rehearsal_account_takes_the_paper_rung_and_no_other() -> None:
    rig = Rig(rehearsal=True)
    rig.submit()
    assert rig.denied() == "STAGE"
    rig.core.licence.renew(rig.reading(stages=rig.stage("paper")))
    rig.submit()
    assert len(rig.sent) == 1


def test_on_ramp_the_limits_shrink_with_the_size(rig: Rig) -> None:
    rig.core.licence.renew(rig.reading(stages=rig.stage("ramp", "0.02")))
    rig.submit(rig.intent(quantity="10000"))
    assert rig.denied() == "ORDER_NOTIONAL"
    rig.submit(rig.intent(quantity="9000"))
    assert len(rig.sent) == 1


@settings(max_examples=60, deadline=None)
@given(
    held=st.integers(-150, 150).filter(bool), side=st.sampled_from(Side),
    open_sizes=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 60)), max_size=3),
    thousands=st.integers(10, 200), lost=st.booleans(),
)  # fmt: skip
def test_on_ramp_what_is_over_the_order_limit_leaves_only_as_an_exit(
    held: int, side: Side, open_sizes: list[tuple[Side, int]], thousands: int, lost: bool
) -> None:
    rig = Rig()
    first = working(rig, side=Side.BUY if held > 0 else Side.SELL, quantity=f"{abs(held)}000")
    rig.take(rig.core.on_venue_event(rig.fill(first, f"{abs(held)}000"), rig.now()))
    for way, size in open_sizes:
        working(rig, side=way, quantity=f"{size}000")
    if lost:
        rig.take(rig.core.on_venue_event(Disconnected("cut"), rig.now()))
    rig.core.licence.renew(rig.reading(stages=rig.stage("ramp", "0.02")))
    rig.submit(rig.intent(side, f"{thousands}000"))
    beside = sum(size for way, size in open_sizes if way is side)
    leaves = side.sign * held < 0 and thousands + beside <= abs(held)
    assert rig.denied() == ("" if leaves else "ORDER_NOTIONAL")


def test_an_order_state_of_a_lost_order_stays_reserved_under_a_hold(
    rig: Rig, stopping: Stopping
) -> None:
    order = rig.submit()
    rig.later(1_200)
    rig.take(rig.core.on_time(rig.now()))
    stopping.apply(hold(kind=Kind.KILL, cancels=True), rig.now())
    live = rig.core.book.order(order)
    assert live is not None
    assert live.state is OrderState.UNKNOWN
    assert live.remaining == live.quantity
    assert isinstance(rig.fill(order, "1000"), Filled)
