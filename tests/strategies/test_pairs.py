"""What a pair is brought to: by a size that was cut, at a start, and in whole lots."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from riskctl.licence import StageFact
from riskctl.rungs import Rung
from tests.strategies.arbitrage_rig import OTHER, PERP, SPOT, ArbitrageRig
from tests.strategies.desk import Desk, Gateway, orders, quotes, spec
from trading.clock import NS
from trading.messages import Holding, Intent
from trading.sessions import Phase, Standing
from trading.strategies.legs import NOTHING, Pair, Stage
from trading.strategies.pairs import ArbitragePair
from trading.strategies.terms import terms_of

D = Decimal
HELD: Pair = (D("0.54726"), D("-0.544"))
"""Of 50,000 dollars, as wide as the perpetual's lots allow."""


def held_pair(second: str = "") -> ArbitrageRig:
    rig = ArbitrageRig(second)
    rig.runs(10)
    rig.basis_bp = 60
    rig.runs(1)
    assert rig.positions() == HELD
    return rig


def the_pair(rig: ArbitrageRig | Desk) -> ArbitragePair:
    (pair,) = rig.engine._pairs
    return pair


def worths(rig: ArbitrageRig) -> tuple[int, int]:
    first, second = rig.positions()
    return round(first * 91_200), round(-second * 91_747)


# A size that was cut ------------------------------------------------------------------------------


@pytest.mark.parametrize("second", ["", OTHER], ids=["one account", "two"])
def test_a_held_pair_is_brought_to_a_size_that_was_cut_and_both_legs_at_once(second: str) -> None:
    rig = held_pair(second)
    rig.size(10_000)
    rig.runs(0.2)
    assert worths(rig) == (9908, 9909)
    rig.size(9_500)  # as a fall to the rung ramp and a hand may follow one another
    rig.runs(0.2)
    assert worths(rig) == (9449, 9450)
    left = rig.positions()
    rig.size(50_000)
    rig.runs(1)
    assert rig.positions() == left  # nothing is bought to a held pair
    assert (the_pair(rig).rule.stage, rig.most_open_s, rig.named) == (Stage.HELD, D(0), "")
    rig.basis_bp = 1
    rig.runs(2)
    assert rig.positions() == NOTHING


def test_a_size_of_less_than_a_lot_of_either_leaves_nothing() -> None:
    rig = held_pair()
    rig.size(50)
    rig.runs(0.2)
    assert (rig.positions(), rig.most_open_s) == (NOTHING, D(0))


def test_a_size_that_is_cut_while_the_legs_are_entered_is_entered_no_further() -> None:
    rig = ArbitrageRig()
    rig.runs(10)
    rig.fault(fill_fraction=0.3)
    rig.basis_bp = 60
    rig.runs(0.1)
    rig.size(10_000)
    rig.clear()
    most = D(0)
    for _ in range(15):
        rig.tick()
        most = max(most, rig.positions()[0])
    assert most < D("0.4")
    assert worths(rig)[0] <= 10_000
    assert the_pair(rig).rule.stage in (Stage.HELD, Stage.LEAVING, Stage.FLAT)
    assert rig.most_open_s < D("3.5")


def test_a_cut_waits_for_the_markets_and_the_prices_of_both_legs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = held_pair()
    rig.quiet.add(PERP)
    rig.runs(2.5)  # beyond fresh_s
    rig.size(20_000)
    rig.runs(3)
    assert rig.positions() == HELD
    with monkeypatch.context() as patch:
        patch.setattr(rig._sessions, "at", lambda market, clock_ns: Standing(Phase.CLOSED))
        rig.quiet.clear()
        rig.runs(1)
        assert rig.positions() == HELD
    rig.runs(0.2)
    assert worths(rig) == (19_909, 19_909)
    assert rig.most_open_s == 0


def test_a_leg_that_cannot_be_brought_down_takes_the_other_out_and_both_are_named_or_gone() -> None:
    rig = held_pair(OTHER)
    rig.fault(reject=-1)  # of the first leg's account
    rig.size(10_000)
    for _ in range(60):
        rig.tick()
        assert rig.open_s <= 5 or rig.named
    assert rig.named.startswith(f"leg {SPOT} 0.54726")
    rig.clear()
    rig.runs(3)
    assert rig.positions() == NOTHING


def on_ramp(rig: ArbitrageRig) -> None:
    """It falls from live, with an order limit of twice its size on either rung."""
    rig._limits["strategy:arb", "order-notional"] = 2 * rig.spec.size_notional
    rig._stages["arb"] = StageFact("ramp", D("0.25"))
    rig.engine.apply({"arb": terms_of(rig.spec, Rung.RAMP, D("0.25"))})


def test_a_fall_to_ramp_is_followed_although_its_order_limit_fell_as_well() -> None:
    rig = held_pair()
    on_ramp(rig)
    rig.runs(0.3)
    assert worths(rig) == (12_477, 12_478)
    assert rig.most_open_s == 0


def test_a_pair_is_left_on_ramp_whole() -> None:
    rig = held_pair()
    rig.hold("strategy:arb", "killed")
    rig.basis_bp = 1
    rig.runs(1)
    on_ramp(rig)
    rig.lift()
    rig.runs(1.5)
    assert rig.positions() == NOTHING
    assert {row.order.reason_code for row in rig.result.orders} <= {"", "HELD", "BEFORE_HOLD"}


# At a start ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("second", ["", OTHER], ids=["one account", "two"])
def test_a_pair_found_at_a_start_is_kept_until_its_own_rule_knows(second: str) -> None:
    rig = held_pair(second)
    rig.restart_shard()
    ordered = len(rig.result.orders)
    rig.runs(4.5)
    assert not the_pair(rig).measure.warm
    rig.basis_bp = 68  # short of least_bp from its mean: not to be begun, nor to be left
    rig.runs(2)
    assert the_pair(rig).measure.warm
    assert (rig.positions(), len(rig.result.orders)) == (HELD, ordered)
    rig.basis_bp = 60
    rig.runs(2)
    assert rig.positions() == NOTHING
    assert [one.direction for one in rig.result.signals] == [1, 0]


def test_a_pair_found_at_a_start_is_brought_to_a_size_that_was_cut_meanwhile() -> None:
    rig = held_pair()
    rig.spec = replace(rig.spec, size_notional=D(20_000))
    rig.restart_shard()
    rig.runs(0.3)
    assert worths(rig) == (19_909, 19_909)
    kept = held_pair()
    kept.spec = replace(kept.spec, size_notional=D(47_000))  # as if prices had moved since
    kept.restart_shard()
    kept.runs(2)
    assert kept.positions() == HELD


def arbitrage(symbols: tuple[str, str] = (SPOT, PERP), **changes: Any) -> Desk:
    given = {"mean_s": 5.0, "warmup_ticks": 10, "enter": 2.0, "least_bp": 10.0} | changes
    return Desk([spec("arb", "arbitrage", symbols=symbols, **given)])


def both(desk: Desk, seconds: int, basis_bp: float, mids: tuple[float, float]) -> list[Intent]:
    """A quote of each leg every second, in one batch."""
    made = []
    for number in range(seconds):
        near = mids[0] * (1 + (number * 7 % 5 - 2) / 1e5)
        far = mids[1] * (1 + basis_bp / 10_000)
        first, second = desk.specs[0].symbols
        at = desk.now + NS
        made += desk.batch(
            np.concatenate([quotes(first, [near], start=at), quotes(second, [far], start=at)])
        )
    return made


@pytest.mark.parametrize("second", ["-0.01", "0.5", "0"])
def test_legs_found_at_a_start_that_are_no_pair_are_given_back(second: str) -> None:
    desk = arbitrage()
    desk.book(Holding("arb", SPOT, D("0.5"), D(0)), Holding("arb", PERP, D(second), D(0)))
    made = orders(both(desk, 1, 1, (91_200, 91_200)))
    assert {(one.symbol, one.side.sign * one.quantity) for one in made} == {
        (symbol, -held) for symbol, held in ((SPOT, D("0.5")), (PERP, D(second))) if held
    }


def test_a_leg_is_not_left_alone_while_the_others_account_or_price_is_unknown() -> None:
    desk = arbitrage()
    desk.specs[0] = replace(desk.specs[0], second_account="paper-2")
    desk.__post_init__()
    assert both(desk, 20, 1, (91_200, 91_200)) == []
    desk.book(Holding("arb", SPOT, D("0.5"), D(0)))
    assert both(desk, 5, 1, (91_200, 91_200)) == []
    desk.engine.apply({"arb": replace(desk.engine._terms["arb"], size_notional=D(10_000))})
    assert both(desk, 5, 1, (91_200, 91_200)) == []
    desk.book(Holding("arb", PERP, D("-0.5"), D(0)), account="paper-2")
    assert len(orders(both(desk, 1, 1, (91_200, 91_200)))) == 2  # warm, and of 10,000 now
    unquoted = arbitrage()
    unquoted.book(Holding("arb", SPOT, D("0.5"), D(0)), Holding("arb", PERP, D("-0.5"), D(0)))
    assert unquoted.feed(quotes(SPOT, [91_200.0] * 5)) == []


def test_a_cut_moves_no_leg_while_the_others_account_is_unknown() -> None:
    desk = arbitrage()
    desk.specs[0] = replace(desk.specs[0], second_account="paper-2")
    desk.__post_init__()
    first, second = Holding("arb", SPOT, D("0.5"), D(0)), Holding("arb", PERP, D("-0.5"), D(0))
    desk.book(first)
    desk.book(second, account="paper-2")
    assert both(desk, 2, 1, (91_200, 91_200)) == []
    desk.engine.forget_views()
    desk.book(first)
    desk.engine.apply({"arb": replace(desk.engine._terms["arb"], size_notional=D(10_000))})
    assert both(desk, 2, 1, (91_200, 91_200)) == []
    desk.book(second, account="paper-2")
    assert len(orders(both(desk, 1, 1, (91_200, 91_200)))) == 2


# In whole lots ------------------------------------------------------------------------------------

OPEN_HOURS = 1_699_974_000 * NS
"""Tuesday 14 November 2023, 10:00 in New York."""


def entered(size: str) -> tuple[Desk, dict[str, Decimal]]:
    desk = arbitrage(("SPY", "ESZ6"), size=size)
    desk.now = OPEN_HOURS
    desk.book()
    gateway = Gateway(desk)
    for basis, seconds in ((0.0, 12), (60.0, 3)):
        for _ in range(seconds):
            gateway.take(both(desk, 1, basis, (668.40, 6694.50)))
    return desk, {symbol: held for (_, symbol), held in gateway.positions.items()}


def test_legs_in_coarse_lots_are_of_the_same_worth() -> None:
    desk, held = entered("500000")
    assert held == {"SPY": D(503), "ESZ6": D(-1)}
    assert desk.engine.muted == {}


def test_legs_that_whole_lots_cannot_match_are_not_begun_and_it_is_said_why() -> None:
    desk, held = entered("300000")
    assert held == {}
    assert desk.engine.muted == {
        "arb": "in whole lots SPY and ESZ6 are not worth the same at a size of 300000"
    }


# Its signals --------------------------------------------------------------------------------------


def test_a_signal_is_as_old_as_the_tick_that_made_it_however_long_one_leg_was_quiet() -> None:
    desk = arbitrage(fresh_s=10.0)
    desk.book()
    both(desk, 12, 1, (91_200, 91_200))
    desk.now += 9 * NS
    desk.engine.on_ticks(quotes(PERP, [91_800.0], start=desk.now), desk.now, desk.now - NS // 10)
    (signal,) = desk.engine.take_signals()
    assert (signal.symbol, signal.direction, signal.latency_ns) == (SPOT, 1, NS // 10)
