"""Arbitrage: when it turns, and the rule of its two legs under every fault of gateway and venue."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskctl.holds import Kind
from riskctl.rules import halved
from riskctl.rungs import Rung
from tests.strategies.arbitrage_rig import ACCOUNT, KEY, OTHER, PARAMETERS, PERP, SPOT, ArbitrageRig
from trading.clock import NS
from trading.models import Strategy
from trading.sessions import Phase, Standing
from trading.strategies.legs import NOTHING, LegRule, Pair, Stage
from trading.strategies.loader import StrategyError, spec_of
from trading.strategies.terms import terms_of
from trading.universe import UNIVERSE

D = Decimal
FULL: Pair = (D("0.5"), D("-0.5"))


def flat(rig: ArbitrageRig) -> bool:
    return rig.positions() == NOTHING


def paired(rig: ArbitrageRig) -> bool:
    first, second = rig.positions()
    return first * second < 0 and abs(first + second) <= abs(first) / 10


# When it turns ------------------------------------------------------------------------------------


def test_the_dear_one_is_sold_against_the_other_and_both_are_given_back() -> None:
    rig = ArbitrageRig()
    rig.runs(10)
    assert flat(rig)
    rig.basis_bp = 60
    rig.runs(1)
    first, second = rig.positions()
    assert first > 0 > second
    assert paired(rig)
    (signal,) = rig.result.signals
    assert (signal.symbol, signal.direction) == (SPOT, 1)
    assert signal.score >= 1
    assert {row.order.correlation_id for row in rig.result.orders} == {signal.id}
    rig.basis_bp = 1
    rig.runs(3)
    assert flat(rig)
    assert [one.direction for one in rig.result.signals] == [1, 0]
    assert rig.most_open_s < 1
    assert (rig.named, rig.result.outcomes) == ("", [])


def test_a_basis_that_does_not_pay_for_its_trades_is_left_alone() -> None:
    rig = ArbitrageRig()
    rig.runs(10)
    rig.basis_bp = 9
    rig.runs(5)
    assert flat(rig)
    assert rig.result.orders == []


def test_a_pair_is_not_left_on_the_price_of_a_leg_that_is_silent() -> None:
    rig = ArbitrageRig()
    rig.runs(10)
    rig.basis_bp = 60
    rig.runs(1)
    ordered = len(rig.result.orders)
    rig.quiet.add(PERP)
    rig.runs(2.1)  # its price is too old for its pair
    rig.spot *= D("1.0059")  # as far as the perpetual's last price, which says nothing of now
    rig.runs(2)
    assert (len(rig.result.orders), rig.most_open_s) == (ordered, D(0))
    assert paired(rig)
    rig.quiet.clear()
    rig.runs(0.3)
    assert paired(rig)
    rig.basis_bp = 1
    rig.runs(3)
    assert flat(rig)
    assert (rig.most_open_s, [one.direction for one in rig.result.signals]) == (D(0), [1, 0])


def test_after_a_silence_its_averages_begin_anew() -> None:
    rig = ArbitrageRig()
    rig.runs(10)
    rig.nothing_comes(26)  # over five times mean_s
    rig.basis_bp = 14  # of a new day; against the old mean it would be traded on at once
    rig.runs(8)
    assert (rig.result.orders, rig.result.signals) == ([], [])
    rig.basis_bp = 70
    rig.runs(1)
    assert paired(rig)
    rig.nothing_comes(26)
    rig.runs(4)  # not warm: what is held is kept
    assert paired(rig)
    rig.runs(3)
    assert flat(rig)  # 70 is its mean by now
    assert [one.direction for one in rig.result.signals] == [1, 0]


def test_a_silence_ends_a_direction_that_nothing_is_held_for() -> None:
    rig = ArbitrageRig()
    rig.runs(10)
    rig.hold(f"strategy:{KEY}", "killed")
    rig.basis_bp = 60
    rig.runs(1)
    assert [one.direction for one in rig.result.signals] == [1]
    rig.nothing_comes(26)
    rig.lift()
    rig.basis_bp = 1
    rig.runs(4.5)
    rig.basis_bp = 9
    rig.runs(1)
    assert flat(rig)  # the old direction would be kept at no more than half a deviation


def test_the_same_market_gives_the_same_orders() -> None:
    def run() -> list[tuple[str, str, str, Decimal | None]]:
        rig = ArbitrageRig()
        for basis in (1, 60, 1, -55, 1):
            rig.basis_bp = basis
            rig.runs(8)
        return [
            (row.order.client_order_id, row.event, row.order.side, row.order.limit_price)
            for row in rig.result.orders
        ]

    assert run() == run()
    assert len(run()) > 10


def test_arbitrage_of_one_or_three_instruments_is_refused_by_name() -> None:
    for symbols in ([SPOT], [SPOT, PERP, "ETHUSDT"]):
        row = Strategy(
            key=KEY, kind="arbitrage", account_id="paper-2", symbols=symbols, size_notional=D(1),
            parameters=PARAMETERS,
        )  # fmt: skip
        with pytest.raises(StrategyError, match="arb: symbols: arbitrage trades two instruments"):
            spec_of(row, UNIVERSE)


# The rule itself ----------------------------------------------------------------------------------


def stepped(rule: LegRule, held: Pair, seconds: float, *, ready: bool, wish: Pair = FULL) -> Pair:
    paired = held[0] + held[1] == 0 and held != NOTHING
    now = round(seconds * NS)
    return rule.step(wish, held, paired=paired, ready=ready, clock_ns=60 * now, now_ns=now)


def test_a_leg_that_stays_alone_is_given_back_and_nothing_is_begun_for_a_while() -> None:
    rule = LegRule(2 * NS, 600 * NS)  # of a recording that is played sixty times as fast
    assert stepped(rule, NOTHING, 0, ready=False) == NOTHING
    assert stepped(rule, NOTHING, 0, ready=True) == FULL
    alone = (FULL[0], D(0))
    assert stepped(rule, alone, 1, ready=False) == FULL
    assert stepped(rule, alone, 2, ready=False) == NOTHING
    assert stepped(rule, NOTHING, 3, ready=True) == NOTHING
    assert stepped(rule, NOTHING, 11, ready=True) == NOTHING
    assert stepped(rule, NOTHING, 12, ready=True) == FULL


def test_what_is_found_at_a_start_is_kept_when_it_is_a_pair() -> None:
    rule = LegRule(2 * NS, 10 * NS)
    assert stepped(rule, FULL, 0, ready=False) == FULL
    for left in ((FULL[0], D(0)), (FULL[0], D("-0.01")), (FULL[0], FULL[0])):
        alone = LegRule(2 * NS, 10 * NS)
        assert stepped(alone, left, 0, ready=False) == NOTHING
        assert alone.stage is Stage.LEAVING


def test_what_somebody_else_closed_is_not_bought_again() -> None:
    for left, targets in ((NOTHING, NOTHING), ((D("0.2"), D("-0.2")), (D("0.2"), D("-0.2")))):
        rule = LegRule(2 * NS, 10 * NS)
        stepped(rule, FULL, 0, ready=True)
        assert stepped(rule, left, 1, ready=True) == targets
    stepped(rule, (D("0.2"), D(0)), 2, ready=True)
    assert rule.stage is Stage.LEAVING


def test_legs_that_shrink_have_the_patience_of_an_entry_and_an_entry_gets_no_more() -> None:
    small = (D("0.1"), D("-0.1"))
    held = LegRule(2 * NS, 10 * NS)
    stepped(held, FULL, 0, ready=True)
    held.shrink(small, 5 * NS)
    assert stepped(held, (small[0], FULL[1]), 6, ready=False) == small
    assert stepped(held, (small[0], FULL[1]), 7, ready=False) == NOTHING
    entering = LegRule(2 * NS, 10 * NS)
    stepped(entering, NOTHING, 0, ready=True)
    entering.shrink(small, round(1.5 * NS))
    assert stepped(entering, (D("0.3"), D(0)), 1.9, ready=False) == small
    assert stepped(entering, (small[0], D(0)), 2, ready=False) == NOTHING
    entering = LegRule(2 * NS, 10 * NS)
    stepped(entering, NOTHING, 0, ready=True)
    entering.shrink(NOTHING, NS)
    assert (entering.stage, entering.targets) == (Stage.LEAVING, NOTHING)


def test_a_pair_is_neither_begun_nor_left_while_a_market_of_it_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = ArbitrageRig()
    rig.runs(10)

    def shut(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(rig._sessions, "at", lambda market, clock_ns: Standing(Phase.CLOSED))

    with monkeypatch.context() as patch:
        shut(patch)
        rig.basis_bp = 60
        rig.runs(1)
        assert flat(rig)
        assert not rig.result.orders
    rig.basis_bp = 1
    rig.runs(10)
    rig.basis_bp = 60
    rig.runs(1)
    assert paired(rig)
    with monkeypatch.context() as patch:
        shut(patch)
        ordered = len(rig.result.orders)
        rig.basis_bp = 1
        rig.runs(5)
        assert paired(rig)
        assert len(rig.result.orders) == ordered
    rig.runs(5)
    assert flat(rig)


# On two accounts --------------------------------------------------------------------------------

PLACES = [("", ACCOUNT), (OTHER, ACCOUNT), (OTHER, OTHER)]
NAMED = ["one account", "two, the first struck", "two, the second struck"]


def test_each_leg_goes_to_its_own_account_and_the_rehearsal_of_both_is_on_theirs() -> None:
    rig = ArbitrageRig(OTHER)
    rig.runs(10)
    rig.basis_bp = 60
    rig.runs(1)
    assert paired(rig)
    assert {
        (account, symbol): bool(core.book.holding(KEY, symbol).quantity)
        for account, core in rig.cores.items()
        for symbol in (SPOT, PERP)
    } == {(ACCOUNT, SPOT): True, (ACCOUNT, PERP): False, (OTHER, SPOT): False, (OTHER, PERP): True}
    row = Strategy(
        key=KEY, kind="arbitrage", account_id=ACCOUNT, second_account_id=OTHER,
        symbols=[SPOT, PERP], size_notional=D(1), parameters=PARAMETERS,
    )  # fmt: skip
    spec = spec_of(row, UNIVERSE)
    paper = terms_of(spec, Rung.PAPER, D(1), "r-2", "r-1")
    assert (paper.account_of(SPOT), paper.account_of(PERP), paper.orders) == ("r-2", "r-1", True)
    bare = terms_of(spec, Rung.PAPER, D(1), "r-2", "")
    assert (bare.orders, bare.why) == (
        False, f"on rung paper, and {OTHER} has no rehearsal account",
    )  # fmt: skip
    cancels = rig.engine.apply({KEY: replace(paper, size_notional=D(50_000))})
    assert cancels == []
    assert set(rig.engine.accounts) == {"r-2", "r-1"}


def test_what_binds_the_whole_strategy_is_halved_on_each_of_its_accounts() -> None:
    scope = f"strategy:{KEY}"
    limits = {(scope, "gross-notional"): D(100), (scope, "order-notional"): D(10),
              (scope, "order-rate"): D(5), ("strategy:x", "gross-notional"): D(7)}  # fmt: skip
    assert halved(limits, KEY) == {
        (scope, "gross-notional"): D(50), (scope, "order-notional"): D(10),
        (scope, "order-rate"): D("2.5"), ("strategy:x", "gross-notional"): D(7),
    }  # fmt: skip
    rig = ArbitrageRig(OTHER)
    rig._limits[scope, "gross-notional"] = D(80_000)  # each leg is of 50,000
    rig.runs(10)
    rig.basis_bp = 60
    rig.runs(1)
    assert flat(rig)
    codes = {row.order.reason_code for row in rig.result.orders}
    assert codes == {"GROSS_NOTIONAL"}


# Under faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"reject": 1}, {"reject": 3}, {"drop_answers": 1}, {"drop_answers": 2}, {"delay_ms": 400},
        {"fill_fraction": 0.5}, {"fill_fraction": 0.0},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("place", PLACES, ids=NAMED)
def test_a_short_fault_of_the_venue_needs_no_hold(
    fault: dict[str, Any], place: tuple[str, str]
) -> None:
    rig = ArbitrageRig(*place)
    rig.runs(10)
    rig.fault(**fault)
    rig.basis_bp = 60
    rig.runs(1.5)
    rig.clear()
    rig.runs(6.5)
    assert (rig.named, rig.core.holds.open) == ("", {})
    assert rig.most_open_s < D("3.5")
    assert flat(rig) or paired(rig)


@pytest.mark.parametrize("second", ["", OTHER], ids=["one account", "two"])
def test_a_leg_that_can_neither_follow_nor_go_back_is_held_by_name(second: str) -> None:
    rig = ArbitrageRig(second)
    rig.runs(10)
    rig.hold(f"instrument:{PERP}", "halted there")
    rig.basis_bp = 60
    rig.runs(1)
    assert rig.positions()[0] > 0
    rig.hold("venue:paper-2", "and then everywhere")
    rig.runs(4)
    assert rig.named.startswith(f"leg {SPOT} 0.5")
    assert rig.named.endswith("on paper-2 is not hedged")
    rig.lift()
    rig.runs(5)
    assert flat(rig)


FAULTS = st.sampled_from(
    ["reject", "reject-all", "lost", "lost-all", "slow", "slower", "part", "none", "stall",
     "quiet-spot", "quiet-perp", "hold-perp", "kill", "restart", "cut"]
)  # fmt: skip
PLANS = st.lists(
    st.tuples(st.integers(0, 12), FAULTS, st.sampled_from([-60, 1, 60])), min_size=1, max_size=8
)


def strike(rig: ArbitrageRig, fault: str) -> None:
    faults: dict[str, dict[str, Any]] = {
        "reject": {"reject": 1}, "reject-all": {"reject": -1}, "lost": {"drop_answers": 1},
        "lost-all": {"drop_answers": -1}, "slow": {"delay_ms": 300}, "slower": {"delay_ms": 3_000},
        "part": {"fill_fraction": 0.3}, "none": {"fill_fraction": 0.0},
    }  # fmt: skip
    if fault in faults:
        rig.fault(**faults[fault])
    elif fault == "stall":
        rig.stall()
    elif fault.startswith("quiet"):
        rig.quiet.add(SPOT if fault == "quiet-spot" else PERP)
    elif fault == "restart":
        rig.restart_shard()
    elif fault == "cut":
        rig.size(int(rig.spec.size_notional / 2))
    elif fault == "hold-perp":
        rig.hold(f"instrument:{PERP}", "halted there", Kind.BREAKER)
    else:
        rig.hold(f"strategy:{KEY}", "killed")


@settings(max_examples=40, deadline=None)
@given(PLANS, st.sampled_from(PLACES))
def test_after_any_fault_both_are_filled_or_given_back_or_the_open_leg_is_held_by_name(
    plan: list[tuple[int, str, int]], place: tuple[str, str]
) -> None:
    """At every moment: legs have matched within the last five seconds, or a hold names the one that
    does not. And when the faults are over and what was held is lifted, nothing is left alone."""
    rig = ArbitrageRig(*place)
    rig.runs(8)
    for tenths, fault, basis in plan:
        rig.basis_bp = basis
        for _ in range(tenths * 3):
            rig.tick()
            assert rig.open_s <= 5 or rig.named, (rig.seconds, fault)
            assert abs(rig.positions()[0]) * 91_000 <= 51_000
        strike(rig, fault)
    for _ in range(60):
        rig.tick()
        assert rig.open_s <= 5 or rig.named
    if rig.named:
        leg = rig.named.split()[1]
        held = dict(zip((SPOT, PERP), rig.positions(), strict=True))
        assert leg in held
    rig.clear()
    rig.lift()
    rig.basis_bp = 1
    rig.runs(12)
    assert flat(rig) or paired(rig), rig.positions()
    assert rig.open_s == 0
