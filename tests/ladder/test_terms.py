"""What a strategy does on each rung, in a shard that goes on without losing a signal."""

import random
from decimal import Decimal

import pytest

from riskctl.rungs import Rung
from tests.strategies.desk import ACCOUNT, START, Desk, Gateway, cancels, orders, quotes, spec, walk
from trading.clock import NS
from trading.messages import BookSnapshot, Holding, Intent, OpenOrder, Side
from trading.strategies.terms import Terms, full_terms, terms_of

FLAT = [1.15] * 30
RISE = [1.15 + 0.00005 * n for n in range(1, 30)]
REHEARSAL = "paper-r"
SPEC = spec(fast_s=2, slow_s=8, warmup_ticks=10)
FULL = Decimal(100_000)


def on(rung: Rung, factor: str = "1", rehearsal: str = "") -> dict[str, Terms]:
    return {"mom": terms_of(SPEC, rung, Decimal(factor), rehearsal)}


def test_terms_of_each_rung() -> None:
    assert terms_of(SPEC, Rung.LIVE, Decimal(1), REHEARSAL) == full_terms(SPEC)
    ramp = terms_of(SPEC, Rung.RAMP, Decimal("0.25"), REHEARSAL)
    assert (ramp.account, ramp.size_notional, ramp.orders) == (ACCOUNT, FULL / 4, True)
    paper = terms_of(SPEC, Rung.PAPER, Decimal(1), REHEARSAL)
    assert (paper.account, paper.size_notional, paper.orders) == (REHEARSAL, FULL, True)
    alone = terms_of(SPEC, Rung.PAPER, Decimal(1), "")
    assert (alone.account, alone.orders, alone.signals) == (ACCOUNT, False, True)
    assert "paper-1 has no rehearsal account" in alone.why
    monitor = terms_of(SPEC, Rung.MONITOR, Decimal(1), REHEARSAL)
    assert (monitor.account, monitor.orders, monitor.signals) == (ACCOUNT, False, True)
    stopped = terms_of(SPEC, Rung.STOPPED, Decimal(1), REHEARSAL)
    assert (stopped.orders, stopped.signals) == (False, False)


def desk_on(rung: Rung, factor: str = "1", rehearsal: str = "") -> Desk:
    desk = Desk([SPEC])
    desk.engine.apply(on(rung, factor, rehearsal))
    desk.book()
    return desk


def rise(desk: Desk) -> list[Intent]:
    """A calm and a rise, each tick answered by nobody."""
    return desk.feed(quotes("EURUSD", FLAT + RISE))


def another(desk: Desk) -> list[Intent]:
    return desk.batch(quotes("EURUSD", [1.152], start=desk.now + 3 * NS))


def test_on_monitor_there_are_signals_and_no_orders() -> None:
    desk = desk_on(Rung.MONITOR)
    assert rise(desk) == []
    assert [one.direction for one in desk.engine.take_signals()] == [1]
    assert desk.engine.muted == {"mom": "on rung monitor"}


def test_on_stopped_there_is_nothing() -> None:
    desk = desk_on(Rung.STOPPED)
    assert rise(desk) == []
    assert desk.engine.take_signals() == []


def test_on_ramp_the_size_is_a_share() -> None:
    full, share = orders(rise(desk_on(Rung.LIVE)))[0], orders(rise(desk_on(Rung.RAMP, "0.25")))[0]
    assert full.quantity == Decimal(86_000)
    assert share.quantity == Decimal(21_000)  # a quarter, in whole lots
    assert share.account == ACCOUNT


def test_on_paper_orders_go_to_the_rehearsal_account_once_its_book_is_known() -> None:
    desk = desk_on(Rung.PAPER, rehearsal=REHEARSAL)
    assert rise(desk) == []
    desk.book(account=REHEARSAL)
    made = orders(another(desk))
    assert [(one.account, one.expected_position) for one in made] == [(REHEARSAL, Decimal(0))]


def test_on_paper_without_a_rehearsal_account_nothing_is_ordered() -> None:
    desk = desk_on(Rung.PAPER)
    assert rise(desk) == []
    assert "no rehearsal account" in desk.engine.muted["mom"]


def test_the_position_on_the_real_account_stays_out_of_the_rehearsal() -> None:
    desk = Desk([SPEC])
    desk.book(Holding("mom", "EURUSD", Decimal(86_000), Decimal(0)))
    rise(desk)
    assert cancels(desk.engine.apply(on(Rung.PAPER, rehearsal=REHEARSAL))) == []
    desk.book(account=REHEARSAL)
    assert [one.expected_position for one in orders(another(desk))] == [0]
    desk.engine.apply(on(Rung.LIVE))
    assert another(desk) == []  # the real account's book is to be heard again
    desk.book(Holding("mom", "EURUSD", Decimal(86_000), Decimal(0)))
    assert another(desk) == []  # there it holds what it wants


def test_going_down_cancels_what_rests_and_going_up_orders_again() -> None:
    desk = Desk([SPEC])
    desk.book()
    order = orders(rise(desk))[0]
    gateway = Gateway(desk)
    gateway.resting[f"o-{order.intent_id}"] = order
    gateway.say(order, "working", final=False)
    gone = cancels(desk.engine.apply(on(Rung.MONITOR)))
    assert [(one.client_order_id, one.account) for one in gone] == [
        (f"o-{order.intent_id}", ACCOUNT)
    ]
    assert desk.idle(1) == []
    again = desk.idle(3)  # no answer: asked for again, and nothing is ordered
    assert len(cancels(again)) == len(again) == 1
    gateway.resting.clear()
    gateway.say(order, "cancelled", final=True)
    assert another(desk) == []
    desk.engine.apply(on(Rung.LIVE))
    assert len(orders(another(desk))) == 1


def test_an_order_left_on_the_old_account_is_cancelled_when_its_book_names_it() -> None:
    desk = desk_on(Rung.PAPER, rehearsal=REHEARSAL)
    left = OpenOrder("mom", "EURUSD", "old-1", Side.BUY, Decimal(1000), Decimal(0), Decimal(1))
    other = OpenOrder("not-ours", "EURUSD", "old-2", Side.BUY, Decimal(1000), Decimal(0), None)
    desk.engine.on_gateway(BookSnapshot(ACCOUNT, 0, [], [left, other]))
    gone = cancels(desk.idle(0.1))
    assert [(one.account, one.client_order_id) for one in gone] == [(ACCOUNT, "old-1")]
    assert desk.idle(0.1) == []
    desk.engine.on_gateway(BookSnapshot(ACCOUNT, 0, [], [left]))
    assert len(cancels(desk.idle(0.1))) == 1


@pytest.mark.parametrize(("first", "then"), [("1", "0.25"), ("0.25", "1")])
def test_a_change_of_the_factor_resizes_at_once(first: str, then: str) -> None:
    desk = desk_on(Rung.RAMP, first)
    gateway = Gateway(desk)
    for at in range(len(FLAT + RISE)):
        gateway.take(desk.batch(quotes("EURUSD", FLAT + RISE)[at : at + 1]))
    before = gateway.positions["mom", "EURUSD"]
    desk.engine.apply(on(Rung.RAMP, then))
    gateway.take(another(desk))
    wanted, lot = Decimal(then) / Decimal(first) * before, 1_000
    assert abs(gateway.positions["mom", "EURUSD"] - wanted) <= 4 * lot
    assert gateway.positions["mom", "EURUSD"] != before


def test_after_a_stop_it_judges_by_what_is_so_now() -> None:
    desk = Desk([SPEC])
    gateway = Gateway(desk)
    desk.book()
    for at in range(len(FLAT + RISE)):
        gateway.take(desk.batch(quotes("EURUSD", FLAT + RISE)[at : at + 1]))
    assert gateway.positions["mom", "EURUSD"] > 0
    desk.engine.apply(on(Rung.STOPPED))
    fall = [RISE[-1] - 0.0002 * n for n in range(1, 12)]
    desk.feed(quotes("EURUSD", fall, start=desk.now + NS))
    desk.engine.take_signals()
    assert desk.engine.apply(on(Rung.LIVE)) == []
    made = orders(desk.batch(quotes("EURUSD", [fall[-1]], start=desk.now + NS)))
    assert [(one.side, one.quantity) for one in made] == [
        (Side.SELL, gateway.positions["mom", "EURUSD"])
    ]


def test_others_lose_no_signal_whatever_one_strategy_is_put_through() -> None:
    mids = walk(3, 400)
    dice = random.Random(5)

    def signals(*, restless: bool) -> list[tuple[int, int, float]]:
        other = spec("other", fast_s=1, slow_s=4, warmup_ticks=10)
        desk = Desk([SPEC, other])
        desk.book()
        made = []
        for at, _ in enumerate(mids):
            if restless and at % 7 == 0:
                rung = dice.choice(list(Rung))
                desk.engine.apply(on(rung, "0.5", dice.choice(["", REHEARSAL])))
            desk.batch(quotes("EURUSD", mids[at : at + 1], start=START + at * NS))
            made += [
                (one.feed_time, one.direction, one.score)
                for one in desk.engine.take_signals()
                if one.strategy == "other"
            ]
        return made

    calm = signals(restless=False)
    assert len(calm) > 10
    assert signals(restless=True) == calm
