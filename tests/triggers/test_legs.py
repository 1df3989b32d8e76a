"""Open legs of arbitrage: what the books say of them, and the hold that names one."""

from dataclasses import replace
from decimal import Decimal

import pytest

from riskctl.holds import Kind
from tests.portfolio.builders import position_row, strategy_row
from tests.triggers.builders import Rig
from trading.clock import utc_from_ns
from trading.portfolio.books import AccountRow, Books, PositionRow

SPOT, PERP = "BTCUSDT", "BTCUSDT-PERP"


def leg(symbol: str, quantity: str, cost: str) -> PositionRow:
    return position_row("arb", symbol, quantity, account="paper-2", cost=Decimal(cost))


def desk(*rows: PositionRow, kind: str = "arbitrage") -> Rig:
    rig = Rig()
    rig.books = Books(
        as_of=utc_from_ns(rig.wall_ns),
        accounts=(AccountRow("paper-2", "Paper Two", live=False),),
        strategies=(strategy_row("arb", SPOT, PERP, kind=kind, account="paper-2"),),
        positions=rows,
    )
    return rig


def looks(rig: Rig, seconds: float) -> None:
    for _ in range(round(seconds * 10)):
        rig.look(phase="ended")


def open_legs(rig: Rig) -> list[tuple[str, str]]:
    return [one for one in rig.breaches() if one[0] == "open-leg"]


EVEN = (leg(SPOT, "0.5", "45600"), leg(PERP, "-0.5", "-45610"))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (EVEN[:1], "leg BTCUSDT 0.5 on paper-2 is not hedged"),
        ((EVEN[0], leg(PERP, "-0.3", "-27366")), "leg BTCUSDT 0.5 on paper-2"),
        ((leg(SPOT, "0.1", "9120"), EVEN[1]), "leg BTCUSDT-PERP -0.5 on paper-2"),
        ((EVEN[0], leg(PERP, "0.5", "45610")), "leg BTCUSDT-PERP 0.5 on paper-2"),
    ],
)
def test_a_leg_alone_is_held_by_name_within_five_seconds(
    rows: tuple[PositionRow, ...], words: str
) -> None:
    rig = desk(*rows)
    looks(rig, 3.4)
    assert open_legs(rig) == []
    looks(rig, 0.6)
    assert open_legs(rig) == [("open-leg", "strategy:arb")]
    rig.keeper.wait(2)  # the warning, and the breach
    (call,) = rig.places.calls
    assert (call["scope"], call["kind"]) == ("strategy:arb", Kind.REDUCE_ONLY)
    assert words in call["reason"]


def test_legs_that_match_and_other_strategies_are_no_open_legs() -> None:
    for rig in (desk(*EVEN), desk(), desk(EVEN[0], kind="momentum")):
        looks(rig, 8)
        assert open_legs(rig) == []


ROUND = (AccountRow("paper-2", "Paper Two", live=False),
         AccountRow("paper-r", "Rehearsal", live=False, rehearsal=True))  # fmt: skip


def on_paper(symbol: str, quantity: str, cost: str) -> PositionRow:
    return position_row("arb", symbol, quantity, account="paper-r", cost=Decimal(cost))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((leg(SPOT, "0.22", "20000"), on_paper(SPOT, "1.1", "100000"),
          on_paper(PERP, "-1.1", "-100000")), "leg BTCUSDT 0.22 on paper-2"),
        ((leg(SPOT, "0.27", "25000"), on_paper(PERP, "-0.27", "-25000")),
         "leg BTCUSDT 0.27 on paper-2"),
        ((*EVEN, on_paper(SPOT, "0.1", "9120")), "leg BTCUSDT 0.1 on paper-r"),
        ((*EVEN, on_paper(SPOT, "0.1", "9120"), on_paper(PERP, "-0.1", "-9120")), ""),
    ],
    ids=["beside a pair on paper", "against a leg on paper", "on paper alone", "both even"],
)  # fmt: skip
def test_paper_hedges_no_real_leg(rows: tuple[PositionRow, ...], words: str) -> None:
    rig = desk(*rows)
    rig.books = replace(rig.books, accounts=ROUND)
    looks(rig, 4)
    if not words:
        assert open_legs(rig) == []
        return
    assert open_legs(rig) == [("open-leg", "strategy:arb")]
    rig.keeper.wait(2)
    assert words in rig.places.calls[0]["reason"]


def test_two_accounts_of_a_strategy_hedge_one_another_whatever_rehearses_there() -> None:
    rig = desk(EVEN[0], on_paper(PERP, "-0.5", "-45610"))
    (row,) = rig.books.strategies
    both = replace(row, second_account="paper-r")
    rig.books = replace(rig.books, accounts=ROUND, strategies=(both,))
    looks(rig, 8)
    assert open_legs(rig) == []


def test_time_begins_anew_when_the_legs_have_matched() -> None:
    rig = desk(EVEN[0])
    looks(rig, 3)
    alone, rig.books = rig.books, desk(*EVEN).books
    looks(rig, 0.1)
    rig.books = alone
    looks(rig, 3)
    assert open_legs(rig) == []
