"""Every kind of difference is found and named; what agrees stays silent. Rows only, no database."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from tests.portfolio.builders import NOON
from trading.portfolio.compare import (
    Comparison,
    Difference,
    FillRow,
    OrderRow,
    PositionRow,
    Reading,
)
from trading.universe import UNIVERSE


def fill(sequence: int, side: str, quantity: str, price: str, **changes: Any) -> FillRow:
    row = FillRow(
        "paper-1", sequence, f"o{sequence}", "mom", "EURUSD", side, Decimal(quantity),
        Decimal(price), Decimal("0.10"),
    )  # fmt: skip
    return row._replace(**changes)


FILLS = [
    fill(1, "buy", "2000", "1.15"),
    fill(2, "sell", "500", "1.16"),
    fill(3, "sell", "3000", "1.17"),
]
#: 500 closed at 0.01 and 1500 at 0.02 over the average; 1500 opened short at 1.17.
POSITION = PositionRow(
    "paper-1", "mom", "EURUSD", Decimal(-1500), Decimal(-1755), Decimal(35), Decimal("0.30"),
    Decimal(2300 + 580 + 3510), 3, 3,
)  # fmt: skip
ORDERS = [
    OrderRow(
        f"o{one.sequence}", "filled", one.quantity, one.quantity, one.quantity * one.price, one.fee
    )
    for one in FILLS
]
SAID = {"symbol": "EURUSD", "quantity": "-1500", "cash_flow": "1790", "fees": "0.3"}
READING = Reading("paper-1", NOON, 3, [SAID])


def compare(
    fills: list[FillRow] | None = None,
    position: PositionRow | None = POSITION,
    orders: list[OrderRow] | None = None,
    reading: Reading | None = READING,
    now: dt.datetime = NOON,
) -> list[Difference]:
    comparison = Comparison(UNIVERSE, [] if reading is None else [reading], now)
    for one in FILLS if fills is None else fills:
        comparison.take(one)
    comparison.positions([] if position is None else [position])
    comparison.orders(ORDERS if orders is None else orders)
    comparison.accounts()
    return comparison.differences


def found(differences: list[Difference]) -> set[tuple[str, str]]:
    return {(one.kind, one.field) for one in differences}


def test_what_agrees_is_silent() -> None:
    assert compare() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quantity", Decimal("-1500.000000000001")),
        ("cost", Decimal("-1755.01")),
        ("realised", Decimal("34.99")),
        ("fees", Decimal("0.31")),
        ("turnover", Decimal("6390.01")),
        ("fills", 2),
        ("last_sequence", 2),
    ],
)
def test_a_changed_position(name: str, value: Any) -> None:
    (difference,) = compare(position=POSITION._replace(**{name: value}))
    assert (difference.kind, difference.subject) == ("position", "paper-1 mom EURUSD")
    assert difference.field == name


def test_less_than_half_a_cent_is_equal() -> None:
    assert compare(position=POSITION._replace(realised=Decimal("35.004"))) == []


def test_a_position_that_is_not_there() -> None:
    (difference,) = compare(position=None)
    assert str(difference) == (
        "position-missing paper-1 mom EURUSD: quantity is no row, fills say -1500.000000000000"
    )


def test_a_position_that_no_fill_made() -> None:
    other = POSITION._replace(strategy="ghost")
    assert ("position", "quantity") in found(compare(position=other))
    assert ("position-missing", "quantity") in found(compare(position=other))


def test_a_missing_fill_in_the_middle() -> None:
    differences = compare([FILLS[0], FILLS[2]])
    assert ("fill-missing", "sequence") in found(differences)
    gap = next(one for one in differences if one.kind == "fill-missing")
    assert (gap.subject, gap.kept) == ("paper-1", "without 2 to 2")
    assert {("position", "quantity"), ("order", "filled"), ("venue", "quantity")} <= found(
        differences
    )


def test_a_missing_last_fill() -> None:
    differences = compare(FILLS[:2], now=NOON + dt.timedelta(minutes=1))
    assert {("position", "quantity"), ("order", "state"), ("venue", "last fill")} <= found(
        differences
    )


def test_a_wrong_fee() -> None:
    wrong = [FILLS[0], FILLS[1]._replace(fee=Decimal("0.20")), FILLS[2]]
    assert found(compare(wrong)) == {("position", "fees"), ("order", "fees"), ("venue", "fees")}


def test_a_wrong_price_shows_in_money_only() -> None:
    wrong = [FILLS[0], FILLS[1]._replace(price=Decimal("1.161")), FILLS[2]]
    assert found(compare(wrong)) == {
        ("position", "realised"), ("position", "turnover"), ("order", "filled_value"),
        ("venue", "cash_flow"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"filled": Decimal(1999)}, "filled"),
        ({"filled_value": Decimal("2300.02")}, "filled_value"),
        ({"fees": Decimal(0)}, "fees"),
        ({"state": "working"}, "state"),
        ({"state": "rejected"}, "state"),
    ],
)
def test_a_wrong_order(changes: dict[str, Any], field: str) -> None:
    (difference,) = compare(orders=[ORDERS[0]._replace(**changes), *ORDERS[1:]])
    assert (difference.kind, difference.subject, difference.field) == ("order", "o1", field)


def test_an_order_that_says_filled_without_a_fill() -> None:
    lost = OrderRow("o9", "filled", Decimal(5), Decimal(5), Decimal(5), Decimal(0))
    assert found(compare(orders=[*ORDERS, lost])) == {
        ("order", "filled"), ("order", "filled_value"), ("order", "state"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": "-1499"}, "quantity"),
        ({"cash_flow": "1790.01"}, "cash_flow"),
        ({"fees": "0.29"}, "fees"),
    ],
)
def test_the_venue_differs(changes: dict[str, str], field: str) -> None:
    (difference,) = compare(reading=READING._replace(positions=[{**SAID, **changes}]))
    assert (difference.kind, difference.subject, difference.field) == (
        "venue", "paper-1 EURUSD", field,
    )  # fmt: skip


def test_the_venue_holds_what_we_never_traded() -> None:
    gold = {"symbol": "XAUUSD", "quantity": "3", "cash_flow": "-12000", "fees": "0"}
    differences = compare(reading=READING._replace(positions=[SAID, gold]))
    assert {(one.subject, one.field) for one in differences} == {
        ("paper-1 XAUUSD", "quantity"), ("paper-1 XAUUSD", "cash_flow"),
    }  # fmt: skip


def test_the_venue_holds_nothing_of_what_we_have() -> None:
    (difference,) = compare(reading=READING._replace(positions=[]))
    assert (difference.field, difference.kept) == ("quantity", "none")


def test_an_older_reading_is_compared_as_of_its_own_last_fill() -> None:
    as_of_two = {"symbol": "EURUSD", "quantity": "1500", "cash_flow": "-1720", "fees": "0.2"}
    assert compare(reading=READING._replace(fill_sequence=2, positions=[as_of_two])) == []
    assert found(compare(reading=READING._replace(fill_sequence=2))) == {
        ("venue", "quantity"), ("venue", "cash_flow"), ("venue", "fees"),
    }  # fmt: skip


def test_a_reading_just_ahead_of_our_commit_is_no_difference() -> None:
    ahead = READING._replace(fill_sequence=4)
    assert compare(reading=ahead) == []
    assert found(compare(reading=ahead, now=NOON + dt.timedelta(seconds=11))) == {
        ("venue", "last fill")
    }


def test_a_fill_nobody_ordered_counts_at_the_venue_and_is_named() -> None:
    stray = fill(4, "buy", "1500", "1.17", order=None, strategy=None)
    said = {"symbol": "EURUSD", "quantity": "0", "cash_flow": "35", "fees": "0.4"}
    differences = compare(
        [*FILLS, stray], reading=READING._replace(fill_sequence=4, positions=[said])
    )
    (difference,) = differences
    assert (difference.kind, difference.subject) == ("fill-unordered", "paper-1 #4")


def test_an_unknown_instrument_is_named() -> None:
    strange = fill(4, "buy", "1", "1", symbol="GONE", order=None)
    assert ("instrument-unknown", "symbol") in found(compare([*FILLS, strange]))


def test_no_reading_yet_is_no_difference() -> None:
    assert compare(reading=None) == []
