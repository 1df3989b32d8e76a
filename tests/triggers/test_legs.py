"""Open legs of arbitrage: what the books say of them, and the hold that names one."""

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


def test_time_begins_anew_when_the_legs_have_matched() -> None:
    rig = desk(EVEN[0])
    looks(rig, 3)
    alone, rig.books = rig.books, desk(*EVEN).books
    looks(rig, 0.1)
    rig.books = alone
    looks(rig, 3)
    assert open_legs(rig) == []
