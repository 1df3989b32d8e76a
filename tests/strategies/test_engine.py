"""From ticks to intents: when it orders, how much, and when it must not."""

import itertools
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.strategies.desk import (
    START,
    Desk,
    Gateway,
    cancels,
    orders,
    quotes,
    spec,
    walk,
)
from trading.clock import NS
from trading.messages import Holding, Intent, OrderIntent, Side, TimeInForce
from trading.strategies.ids import id_factory
from trading.strategies.slot import POSITION_MOVED
from trading.universe import UNIVERSE, UnknownInstrumentError

FLAT = [1.15] * 30
RISE = [1.15 + 0.00005 * n for n in range(1, 30)]


def momentum_desk(size: str = "100000") -> Desk:
    return Desk([spec(fast_s=2, slow_s=8, warmup_ticks=10, size=size)])


def risen(desk: Desk) -> OrderIntent:
    """Feeds a calm and a rise until the first order."""
    for at, tick in enumerate(quotes("EURUSD", FLAT + RISE)):
        made = desk.batch(quotes("EURUSD", FLAT + RISE)[at : at + 1])
        if made:
            assert tick["time"] == desk.now
            order = made[0]
            assert isinstance(order, OrderIntent)
            return order
    raise AssertionError("no order")


def again(desk: Desk, seconds: float = 1.0) -> list[Intent]:
    """One more rising quote, ``seconds`` later."""
    mid = 1.16 + (desk.now - START) / NS * 0.00005
    return desk.batch(quotes("EURUSD", [mid], start=desk.now + int(seconds * NS)))


def test_what_it_thinks_now_can_be_asked_and_changes_nothing() -> None:
    kinds = ("momentum", "mean-reversion", "market-making")
    asked, unasked = (Desk([spec(kind, kind) for kind in kinds]) for _ in range(2))
    assert [one.signal for one in asked.engine.signals_now("EURUSD")] == [None] * 3
    for desk in (asked, unasked):
        desk.book()
    for tick in range(600):
        batch = quotes("EURUSD", [1.15 + 0.00004 * max(0, tick - 500)], start=START + tick * NS)
        assert asked.batch(batch) == unasked.batch(batch)
        found = asked.engine.signals_now("EURUSD")
    momentum, reversion, making = (one.signal for one in found)
    assert momentum
    assert reversion
    assert making
    assert (momentum.direction, momentum.score > 0) == (1, True)
    assert reversion.score < 0 == making.score
    assert all(one.warm for one in found)
    assert asked.engine.take_signals() == unasked.engine.take_signals()
    assert asked.engine.signals_now("GBPUSD") == []


def test_a_rise_is_bought_with_an_order_that_trades_at_once() -> None:
    desk = momentum_desk()
    desk.book()
    order = risen(desk)
    signal = desk.engine.take_signals()[-1]
    assert (signal.direction, signal.symbol) == (1, "EURUSD")
    assert signal.score >= 1
    assert 0 < signal.confidence < 1
    assert signal.horizon_s == 8
    assert order.correlation_id == signal.id
    assert order.side is Side.BUY
    assert order.quantity == Decimal(86000)
    assert order.time_in_force is TimeInForce.IOC
    assert order.limit_price == signal.price + Decimal("0.00004")  # half the spread and 3 ticks
    assert order.reference_price == signal.price
    assert order.expected_position == 0
    assert (order.shard, order.shard_token, order.tick_time) == ("shard:0", 1, desk.now)


def test_nothing_is_ordered_before_the_book_was_seen() -> None:
    desk = momentum_desk()
    assert desk.feed(quotes("EURUSD", FLAT + RISE)) == []
    assert desk.engine.take_signals()
    desk.book(account="paper-2")
    assert again(desk) == []
    desk.book()
    assert len(again(desk)) == 1


def test_after_losing_touch_it_waits_for_a_new_book() -> None:
    desk = momentum_desk()
    desk.book()
    risen(desk)
    desk.engine.forget_views()
    assert again(desk, 5) == []
    desk.book()
    assert len(again(desk)) == 1


def test_nothing_is_ordered_while_an_answer_is_due_and_again_after_it_failed_to_come() -> None:
    desk = momentum_desk()
    desk.book()
    risen(desk)
    assert again(desk, 1) == []
    assert again(desk, 1.4) == []
    assert again(desk, 0.2) == []  # the wait is over; held back for a second
    assert len(again(desk, 1)) == 1


def test_what_is_missing_after_a_partial_fill_is_ordered() -> None:
    desk, gateway = momentum_desk(), None
    desk.book()
    gateway = Gateway(desk)
    order = risen(desk)
    gateway.positions["mom", "EURUSD"] = Decimal(50000)
    gateway.say(order, "expired", final=True, filled=Decimal(50000))
    (more,) = orders(again(desk))
    assert (more.quantity, more.expected_position) == (Decimal(36000), Decimal(50000))
    gateway.fill(more)
    assert again(desk) == []


def test_an_order_that_met_no_one_pauses_for_half_a_second() -> None:
    desk = momentum_desk()
    desk.book()
    gateway = Gateway(desk)
    gateway.say(risen(desk), "expired", final=True)
    assert again(desk, 0.3) == []
    assert len(again(desk, 0.3)) == 1


def test_a_denial_holds_back_for_longer_each_time_up_to_thirty_seconds() -> None:
    desk = momentum_desk()
    desk.book()
    gateway = Gateway(desk)
    denied = risen(desk)
    for wait in (1, 2, 4, 8, 16, 30, 30):
        gateway.say(denied, "denied", final=True, code="LIMIT_STRATEGY")
        at = desk.now
        found: list[OrderIntent] = []
        while not found:
            found = orders(again(desk, 0.5))
        assert (desk.now - at) / NS == wait
        denied = found[0]
    gateway.fill(denied)
    assert again(desk) == []


def test_position_moved_is_tried_again_at_once_with_the_gateways_word() -> None:
    desk = momentum_desk()
    desk.book()
    gateway = Gateway(desk)
    order = risen(desk)
    gateway.positions["mom", "EURUSD"] = Decimal(6000)
    gateway.say(order, "denied", final=True, code=POSITION_MOVED)
    (second,) = orders(again(desk, 0.01))
    assert (second.quantity, second.expected_position) == (Decimal(80000), Decimal(6000))
    for _ in range(2):
        gateway.say(second, "denied", final=True, code=POSITION_MOVED)
        (second,) = orders(again(desk, 0.01))
    gateway.say(second, "denied", final=True, code=POSITION_MOVED)
    assert again(desk, 0.01) == []  # they cannot agree: no tight loop


def test_nothing_is_ordered_on_a_price_older_than_thirty_seconds() -> None:
    desk = Desk([spec(symbols=("EURUSD", "GBPUSD"), fast_s=8, slow_s=80, warmup_ticks=10)])
    risen_ticks = quotes("EURUSD", FLAT + RISE, step_s=4)
    desk.feed(risen_ticks)
    desk.book()
    later = int(risen_ticks["time"][-1]) + 30 * NS
    assert desk.batch(quotes("GBPUSD", [1.3], start=later + 1)) == []
    (order,) = orders(desk.batch(quotes("EURUSD", [1.16], start=later + 2)))
    assert order.symbol == "EURUSD"


def test_a_shard_that_catches_up_only_looks() -> None:
    desk = momentum_desk()
    desk.book()
    assert desk.feed(quotes("EURUSD", FLAT + RISE), trade=False) == []
    assert desk.engine.take_signals()
    assert len(again(desk)) == 1


def test_the_same_ticks_give_the_same_intents() -> None:
    def run() -> tuple[list[Intent], list[object]]:
        desk = Desk(
            [
                spec("mom", symbols=("EURUSD", "GBPUSD"), fast_s=2, slow_s=8),
                spec("mr", "mean-reversion", symbols=("GBPUSD", "EURUSD"), mean_s=6, enter=1.0),
            ]
        )
        desk.book()
        gateway = Gateway(desk)
        one, two = quotes("EURUSD", walk(1, 600)), quotes("GBPUSD", walk(2, 600, 3e-5, 1.3))
        for at in range(0, 600, 2):
            gateway.take(desk.batch(one[at : at + 2]))
            gateway.take(desk.batch(two[at : at + 2]))
        return desk.sent, list(desk.engine.take_signals())

    first, second = run(), run()
    assert first == second
    assert len(first[0]) > 20
    assert len({one.intent_id for one in first[0]}) == len(first[0])


def test_orders_follow_from_the_gateways_word_alone() -> None:
    """Every order assumes what the gateway holds, and none goes beyond the size."""
    desk = Desk([spec("mr", "mean-reversion", mean_s=6, enter=1.0, leave=0.2, stop=3.0)])
    desk.book()
    gateway = Gateway(desk)
    for tick_at, tick in enumerate(quotes("EURUSD", walk(5, 1500))):
        for resting in list(gateway.resting.values()):
            limit = resting.limit_price or Decimal(0)
            touch = tick["ask"] if resting.side is Side.BUY else tick["bid"]
            if (int(touch) - int(limit * 10**9)) * resting.side.sign <= 0:
                gateway.fill(resting)
        made = desk.batch(quotes("EURUSD", walk(5, 1500))[tick_at : tick_at + 1])
        for order in orders(made):
            held = gateway.positions.get(("mr", "EURUSD"), Decimal(0))
            assert order.expected_position == held + gateway.in_flight(("mr", "EURUSD"))
            assert abs(order.expected_position + order.side.sign * order.quantity) <= 87000
        gateway.take(made)
    assert len(gateway.positions) == 1
    assert len(orders(desk.sent)) > 10


def test_a_passive_order_rests_then_is_cancelled_and_quoted_again() -> None:
    desk = Desk([spec("mr", "mean-reversion", mean_s=300, enter=1.2, stop=40, leave=0.1, rest_s=5)])
    desk.book()
    gateway = Gateway(desk)
    gateway.take(desk.feed(quotes("EURUSD", walk(4, 320, sigma=1e-5), step_s=1)))
    gateway.resting.clear()
    gateway.positions.clear()
    desk.engine.on_gateway(gateway.book())
    base = 1.15
    gateway.take(desk.batch(quotes("EURUSD", [base - 0.002], start=desk.now + NS)))
    (order,) = gateway.resting.values()
    assert (order.side, order.time_in_force) == (Side.BUY, TimeInForce.GTC)
    assert order.limit_price == Decimal("1.14799")
    assert desk.batch(quotes("EURUSD", [base - 0.0021], start=desk.now + 4 * NS)) == []
    (cancel,) = cancels(desk.batch(quotes("EURUSD", [base - 0.0021], start=desk.now + 2 * NS)))
    assert cancel.reason == "rested long enough"
    assert desk.batch(quotes("EURUSD", [base - 0.0021], start=desk.now + NS)) == []
    gateway.take([cancel])
    (new,) = orders(desk.batch(quotes("EURUSD", [base - 0.0021], start=desk.now + NS)))
    assert new.limit_price == Decimal("1.14789")


def test_a_cancel_that_is_not_answered_is_asked_for_again_but_ever_more_rarely() -> None:
    desk = momentum_desk()
    desk.book()
    gateway = Gateway(desk)
    order = risen(desk)
    gateway.resting[f"o-{order.intent_id}"] = order
    gateway.say(order, "unknown", final=False)
    times = [(desk.now - START) / NS for _ in range(40) if cancels(again(desk, 0.5))]
    waits = [b - a for a, b in itertools.pairwise(times)]
    assert waits[:2] == [2.5, 5.0]
    assert orders(desk.sent) == [order]


def test_after_a_restart_a_held_position_is_taken_over_and_left_by_the_rule() -> None:
    desk = momentum_desk()
    desk.book(Holding("mom", "EURUSD", Decimal(86000), Decimal(0)))
    falling = [1.15 - 0.00005 * n for n in range(40)]
    made = desk.feed(quotes("EURUSD", [1.15, 1.15001]))
    assert made == []  # not warm: the position stands
    order = orders(desk.feed(quotes("EURUSD", falling, start=START + 5 * NS)))[0]
    assert order.side is Side.SELL
    assert order.expected_position == Decimal(86000)


def test_after_a_restart_a_position_without_reason_is_closed() -> None:
    desk = momentum_desk()
    desk.book(Holding("mom", "EURUSD", Decimal(-86000), Decimal(0)))
    order = orders(desk.feed(quotes("EURUSD", [1.15] * 20)))[0]
    assert (order.side, order.quantity) == (Side.BUY, Decimal(86000))


def cold(held: int = 86_000, size: str = "100000") -> tuple[Desk, Gateway]:
    """A shard that found ``held`` at its start, and is not warm for half a minute."""
    desk = Desk([spec(fast_s=2, slow_s=30, warmup_ticks=10, size=size)])
    gateway = Gateway(desk)
    gateway.positions["mom", "EURUSD"] = Decimal(held)
    desk.engine.on_gateway(gateway.book())
    return desk, gateway


def resized(desk: Desk, size: int) -> None:
    terms = desk.engine._terms["mom"]
    desk.engine.apply({"mom": replace(terms, size_notional=Decimal(size))})


@pytest.mark.parametrize("held", [86_000, -86_000])
def test_a_size_that_is_cut_before_it_has_an_opinion_is_followed_down_only(held: int) -> None:
    desk, gateway = cold(held)
    assert desk.feed(quotes("EURUSD", [1.15] * 3)) == []
    resized(desk, 10_000)
    (order,) = orders(again(desk))
    assert order.side is (Side.SELL if held > 0 else Side.BUY)
    assert order.quantity == Decimal(78_000)
    gateway.fill(order)
    assert again(desk) == []
    resized(desk, 100_000)
    assert again(desk) == []
    gateway.positions.clear()  # by a person: it is not bought again
    desk.engine.on_gateway(gateway.book())
    assert again(desk) == []


def test_a_size_that_was_cut_while_it_was_away_is_followed_at_the_first_price() -> None:
    desk, gateway = cold(size="10000")
    (order,) = orders(desk.feed(quotes("EURUSD", [1.15])))
    assert (order.side, order.quantity) == (Side.SELL, Decimal(78_000))
    gateway.fill(order)
    rising = [1.15 + 0.00005 * n for n in range(1, 60)]
    assert desk.feed(quotes("EURUSD", rising, start=START + NS)) == []  # warm, and kept as it is
    desk.engine.restart_series()
    dearer = [2.3 + 0.00005 * n for n in range(60)]
    assert desk.feed(quotes("EURUSD", dearer, start=START + 90 * NS)) == []  # prices cut nothing
    near, _ = cold(size="92000")  # 80,000 of it: prices may have moved since
    assert near.feed(quotes("EURUSD", [1.15] * 3)) == []


@pytest.mark.parametrize("known_again", [False, True])
def test_an_account_that_is_not_known_when_it_gets_warm_loses_no_position(
    known_again: bool,
) -> None:
    desk, gateway = cold()
    desk.engine.forget_views()
    rising = [1.15 + 0.00005 * n for n in range(1, 60)]
    assert desk.feed(quotes("EURUSD", rising)) == []
    if known_again:
        desk.engine.on_gateway(gateway.book())
    assert again(desk) == []


def test_a_position_that_is_too_large_to_be_turned_in_one_order_is_closed_first() -> None:
    desk = momentum_desk()
    desk.book(Holding("mom", "EURUSD", Decimal(86000), Decimal(0)))
    gateway = Gateway(desk)
    gateway.positions["mom", "EURUSD"] = Decimal(86000)
    falling = quotes("EURUSD", FLAT[:5] + [1.15 - 0.00005 * n for n in range(40)])
    ramp = replace(desk.engine._terms["mom"], size_notional=Decimal(25_000))
    for at in range(len(falling)):
        made = desk.batch(falling[at : at + 1])
        if at == 4:
            desk.engine._terms["mom"] = ramp  # it is turned before it was brought down
        gateway.take(made)
    sold = [(one.side, one.quantity) for one in orders(desk.sent)]
    assert sold == [(Side.SELL, Decimal(86000)), (Side.SELL, Decimal(21000))]


def test_another_recording_starts_over_and_keeps_the_position() -> None:
    desk = momentum_desk()
    desk.book()
    gateway = Gateway(desk)
    gateway.fill(risen(desk))
    desk.engine.restart_series()
    early = START - 10**6 * NS
    assert desk.feed(quotes("EURUSD", [1.38] * 9, start=early)) == []
    order = orders(desk.feed(quotes("EURUSD", [1.38] * 9, start=early + 9 * NS)))[0]
    assert (order.side, order.quantity) == (Side.SELL, Decimal(86000))


def test_a_size_below_one_lot_never_orders() -> None:
    desk = momentum_desk(size="900")
    desk.book()
    assert desk.feed(quotes("EURUSD", FLAT + RISE)) == []
    assert desk.engine.take_signals()


def test_ticks_of_other_instruments_and_orders_of_other_shards_are_not_ours() -> None:
    desk = momentum_desk()
    desk.book(Holding("else", "EURUSD", Decimal(5), Decimal(0)))
    ticks = quotes("EURUSD", FLAT + RISE)
    ticks["instrument"] = 4000
    assert desk.feed(ticks) == []
    ticks["instrument"] = UNIVERSE.by_symbol("SPY").id
    assert desk.feed(ticks) == []
    assert desk.engine.take_signals() == []
    assert desk.idle(1) == []


def test_an_unknown_symbol_is_refused() -> None:
    with pytest.raises(UnknownInstrumentError):
        Desk([spec(symbols=("EURUSD", "XXXYYY"))])


def test_names_are_short_and_differ_between_tokens_and_starts() -> None:
    one, two = id_factory("shard:0", 3, 1_700_000_000_000), id_factory("shard:0", 4, 0)
    names = [one() for _ in range(50)] + [two() for _ in range(50)]
    assert len(set(names)) == 100
    assert names[0] == "s0-3-loyw3v28-1"
    assert max(map(len, names)) <= 40
