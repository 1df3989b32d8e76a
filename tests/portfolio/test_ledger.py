"""The ledger's identities, for any fills."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.portfolio.builders import decimals
from trading.messages import Side
from trading.portfolio.ledger import EMPTY, GRAIN, FillAlreadyAppliedError, Holding, apply_fill
from trading.portfolio.replay import Book
from trading.universe import INSTRUMENTS

Fill = tuple[Side, Decimal, Decimal, Decimal]

SIDES = st.sampled_from(list(Side))
MULTIPLIERS = st.sampled_from(sorted({one.multiplier for one in INSTRUMENTS}))
# Lots and ticks of the universe: a product is no finer than 1e-12.
QUANTITIES = st.decimals("0.00001", "5000000", places=5)
PRICES = st.decimals("0.00001", "120000", places=5)
FEES = st.decimals("-50", "500", places=8)
FILLS = st.lists(st.tuples(SIDES, QUANTITIES, PRICES, FEES), min_size=1, max_size=40)


def booked(fills: list[Fill], multiplier: Decimal = Decimal(1), start: Holding = EMPTY) -> Holding:
    holding = start
    for sequence, (side, quantity, price, fee) in enumerate(fills, start.last_sequence + 1):
        holding = apply_fill(
            holding,
            side=side,
            quantity=quantity,
            price=price,
            fee=fee,
            multiplier=multiplier,
            sequence=sequence,
        )
    return holding


def cash_flow(fills: list[Fill], multiplier: Decimal) -> Fraction:
    flows = [
        -side.sign * Fraction(quantity) * Fraction(price) * Fraction(multiplier)
        for side, quantity, price, _ in fills
    ]
    return sum(flows, Fraction(0))


@given(FILLS, MULTIPLIERS)
def test_realised_less_cost_is_the_cash_flow_exactly(
    fills: list[Fill], multiplier: Decimal
) -> None:
    holding = booked(fills, multiplier)
    assert Fraction(holding.realised) - Fraction(holding.cost) == cash_flow(fills, multiplier)


@given(FILLS, MULTIPLIERS, PRICES)
def test_closing_everything_releases_all_cost(
    fills: list[Fill], multiplier: Decimal, price: Decimal
) -> None:
    held = booked(fills, multiplier)
    if held.quantity == 0:
        closed, all_fills = held, fills
    else:
        side = Side.SELL if held.quantity > 0 else Side.BUY
        last = (side, abs(held.quantity), price, Decimal(0))
        closed, all_fills = booked([last], multiplier, held), [*fills, last]
    assert (closed.quantity, closed.cost) == decimals(0, 0)
    assert closed.average_price(multiplier) is None
    assert Fraction(closed.realised) == cash_flow(all_fills, multiplier)


@given(FILLS, MULTIPLIERS)
def test_equals_a_reference_in_fractions_to_the_cent(
    fills: list[Fill], multiplier: Decimal
) -> None:
    holding, book = booked(fills, multiplier), Book(Fraction(multiplier))
    for sequence, (side, quantity, price, fee) in enumerate(fills, 1):
        book.add(side.sign * Fraction(quantity), Fraction(price), Fraction(fee), sequence)
    assert Fraction(holding.quantity) == book.quantity
    assert Fraction(holding.fees) == book.fees
    assert Fraction(holding.turnover) == book.turnover
    assert (holding.fills, holding.last_sequence) == (book.fills, book.last_sequence)
    cent = Fraction(1, 100)
    assert abs(Fraction(holding.realised) - book.realised) < cent
    assert abs(Fraction(holding.cost) - book.cost) < cent


@given(FILLS, st.tuples(SIDES, QUANTITIES, PRICES, FEES), st.integers(1, 9))
def test_a_fill_in_parts_is_the_whole_fill(fills: list[Fill], last: Fill, parts: int) -> None:
    before = booked(fills)
    side, quantity, price, fee = last
    part = (quantity / parts).quantize(Decimal("0.000001"))
    pieces = [part] * (parts - 1) + [quantity - part * (parts - 1)]
    pieces = [one for one in pieces if one > 0]
    each_fee = fee / 8 / parts
    whole = booked([(side, quantity, price, each_fee * len(pieces))], start=before)
    split = booked([(side, one, price, each_fee) for one in pieces], start=before)
    assert split.quantity == whole.quantity
    grains = GRAIN * 2 * len(pieces)
    assert abs(split.cost - whole.cost) <= grains
    assert abs(split.realised - whole.realised) <= grains
    assert abs(split.fees - whole.fees) <= grains
    assert abs(split.turnover - whole.turnover) <= grains


@given(FILLS, FILLS, st.randoms(use_true_random=False))
def test_the_order_between_symbols_does_not_matter(
    left: list[Fill], right: list[Fill], random: object
) -> None:
    """A shared sequence, dealt in any order: each symbol's books depend on its own fills only."""
    turns = [0] * len(left) + [1] * len(right)
    random.shuffle(turns)  # type: ignore[attr-defined]
    queues, holdings = (list(left), list(right)), [EMPTY, EMPTY]
    for sequence, which in enumerate(turns, 1):
        side, quantity, price, fee = queues[which].pop(0)
        holdings[which] = apply_fill(
            holdings[which],
            side=side,
            quantity=quantity,
            price=price,
            fee=fee,
            multiplier=Decimal(1),
            sequence=sequence,
        )
    for holding, fills in zip(holdings, (left, right), strict=True):
        alone = booked(fills)
        assert (holding.quantity, holding.cost, holding.realised, holding.fees, holding.fills) == (
            alone.quantity, alone.cost, alone.realised, alone.fees, alone.fills,
        )  # fmt: skip


@given(FILLS, MULTIPLIERS)
def test_all_figures_are_on_the_grain_of_the_database(
    fills: list[Fill], multiplier: Decimal
) -> None:
    holding = booked(fills, multiplier)
    for figure in (holding.cost, holding.realised, holding.fees, holding.turnover):
        assert (Fraction(figure) / Fraction(GRAIN)).denominator == 1


@given(FILLS)
def test_the_caller_s_decimal_context_changes_nothing(fills: list[Fill]) -> None:
    with localcontext(prec=3):
        rough = booked(fills)
    assert rough == booked(fills)


def test_a_round_trip_by_hand() -> None:
    ten = Decimal(10)
    fills = [
        (Side.BUY, ten, Decimal(100), Decimal(1)),
        (Side.BUY, ten, Decimal(110), Decimal(1)),
        (Side.SELL, Decimal(25), Decimal(120), Decimal(2)),
    ]
    holding = booked(fills)
    assert holding.realised == Decimal(300)  # 20 at an average of 105, sold at 120
    assert (holding.quantity, holding.cost) == (Decimal(-5), Decimal(-600))
    assert holding.average_price(Decimal(1)) == Decimal(120)
    assert (holding.fees, holding.turnover, holding.fills) == (Decimal(4), Decimal(5100), 3)


def test_a_future_counts_its_multiplier() -> None:
    bought = (Side.BUY, Decimal(2), Decimal("1286.6"), Decimal(0))
    sold = (Side.SELL, Decimal(2), Decimal("1287.1"), Decimal(0))
    assert booked([bought, sold], Decimal(100)).realised == Decimal(100)
    assert booked([bought], Decimal(100)).average_price(Decimal(100)) == Decimal("1286.6")


def take(**changes: object) -> Holding:
    fill: dict[str, object] = {
        "side": Side.BUY,
        "quantity": Decimal(1),
        "price": Decimal(1),
        "fee": Decimal(0),
        "multiplier": Decimal(1),
        "sequence": 1,
    }
    return apply_fill(EMPTY, **{**fill, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["quantity", "price", "fee", "multiplier"])
@pytest.mark.parametrize("value", [1.0, 1, "1", True])
def test_anything_but_decimal_is_refused(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=name):
        take(**{name: value})


@pytest.mark.parametrize("name", ["quantity", "multiplier"])
@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity"])
def test_what_must_be_positive_is(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        take(**{name: Decimal(value)})


def test_a_quantity_finer_than_the_database_is_refused() -> None:
    with pytest.raises(ValueError, match="finer"):
        take(quantity=Decimal("1e-13"))


def test_a_fill_is_applied_once() -> None:
    with pytest.raises(FillAlreadyAppliedError, match="already applied"):
        take(sequence=0)
    held = take(sequence=7)
    for sequence in (7, 6):
        with pytest.raises(FillAlreadyAppliedError):
            apply_fill(
                held,
                side=Side.BUY,
                quantity=Decimal(1),
                price=Decimal(1),
                fee=Decimal(0),
                multiplier=Decimal(1),
                sequence=sequence,
            )


def test_a_negative_price_is_a_price() -> None:
    """Crude oil traded at -37.63 on 20 April 2020."""
    assert take(price=Decimal("-37.63")).cost == Decimal("-37.63")
    assert take(price=Decimal("-37.63")).turnover == Decimal("37.63")
