"""What closes the positions in a scope: towards zero and never beyond, in whole lots, in parts."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.gateway.book import Book
from trading.gateway.flattening import Closing, closing_plan, tranche
from trading.messages import Side
from trading.portfolio.ledger import EMPTY
from trading.universe import UNIVERSE

D = Decimal
LOT = UNIVERSE.by_symbol("EURUSD").lot_size
SCOPES = st.sampled_from(["firm", "venue:paper-1", "instrument:EURUSD", "strategy:a"])
QUANTITIES = st.integers(-50, 50).map(lambda lots: lots * LOT)


def book_of(**held: Decimal) -> Book:
    """A book in which each strategy holds so much EURUSD."""
    book = Book(UNIVERSE)
    book.holdings = {
        (strategy, "EURUSD"): replace(EMPTY, quantity=quantity)
        for strategy, quantity in held.items()
    }
    return book


def test_a_firm_closes_what_the_venue_holds_net_in_the_name_of_who_holds_that_side() -> None:
    plan = closing_plan(
        "firm", {"EURUSD": D(60_000)}, book_of(a=D(100_000), b=D(-40_000)), UNIVERSE
    )
    assert plan.closings == (Closing("EURUSD", Side.SELL, D(60_000), "a", reduce_only=True),)


def test_one_strategy_closes_its_own_and_tells_the_venue_so_only_where_that_is_true() -> None:
    book = book_of(a=D(100_000), b=D(-40_000))
    (mine,) = closing_plan("strategy:a", {"EURUSD": D(60_000)}, book, UNIVERSE).closings
    assert mine == Closing("EURUSD", Side.SELL, D(100_000), "a", reduce_only=False)
    same_side = book_of(a=D(100_000), b=D(50_000))
    (other,) = closing_plan("strategy:a", {"EURUSD": D(150_000)}, same_side, UNIVERSE).closings
    assert other.reduce_only is True


def test_what_nobody_ordered_is_closed_in_nobodys_name() -> None:
    plan = closing_plan("firm", {"EURUSD": D(-30_000)}, book_of(a=D(-20_000)), UNIVERSE)
    assert plan.closings == (
        Closing("EURUSD", Side.BUY, D(20_000), "a", reduce_only=True),
        Closing("EURUSD", Side.BUY, D(10_000), "", reduce_only=True),
    )


@pytest.mark.parametrize(
    ("at_venue", "scope", "words"),
    [
        ({"NOPE": D(5)}, "firm", "not an instrument"),
        ({"EURUSD": D(1500)}, "firm", "no whole number of lots"),
        ({"EURUSD": D(90_000)}, "strategy:a", "the books say"),
    ],
)
def test_what_no_order_can_close_is_named_and_is_not_flat(
    at_venue: dict[str, Decimal], scope: str, words: str
) -> None:
    plan = closing_plan(scope, at_venue, book_of(a=D(100_000)), UNIVERSE)
    assert [one for one in plan.unclosable.values() if words in one]
    assert not plan.flat


def test_flat_is_flat_at_the_venue_whatever_the_books_say() -> None:
    assert closing_plan("firm", {}, book_of(a=D(100_000), b=D(-100_000)), UNIVERSE).flat
    assert closing_plan("strategy:c", {"EURUSD": D(5000)}, book_of(a=D(5000)), UNIVERSE).flat


@given(SCOPES, QUANTITIES, st.dictionaries(st.sampled_from("abc"), QUANTITIES))
def test_no_closing_goes_beyond_zero(
    scope: str, at_venue: Decimal, held: dict[str, Decimal]
) -> None:
    book = book_of(**held)
    plan = closing_plan(scope, {"EURUSD": at_venue} if at_venue else {}, book, UNIVERSE)
    moved = sum((one.side.sign * one.quantity for one in plan.closings), D(0))
    if scope == "strategy:a":
        mine = held.get("a", D(0))
        assert moved in (-mine, D(0))
        bounded = [one for one in plan.closings if one.reduce_only]
        assert all(one.quantity <= abs(at_venue) for one in bounded)
    else:
        assert moved == -at_venue or plan.unclosable
        assert all(one.reduce_only for one in plan.closings)
        for one in plan.closings:
            if one.strategy:
                assert one.quantity <= abs(held[one.strategy])


@given(
    st.integers(1, 5_000).map(lambda lots: lots * LOT),
    st.decimals(D("0.1"), D(5), places=4),
    st.integers(1, 8),
)
def test_parts_are_whole_lots_few_enough_and_together_the_whole(
    quantity: Decimal, unit: Decimal, most: int
) -> None:
    first, left, parts = quantity * unit, quantity, 0
    while left:
        part = tranche(left, unit, first, above=D(100_000), most=most, lot=LOT)
        assert 0 < part <= left
        assert part % LOT == 0
        left -= part
        parts += 1
    assert parts <= most
    assert first > 100_000 or parts == 1
