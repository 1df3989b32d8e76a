"""PnL of a period from fills and mids: the ledger's own, cut anywhere; falls and returns of it."""

from decimal import Decimal
from itertools import pairwise
from math import isnan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.backtest.figures import DayEquity, drawdowns
from trading.messages import Side
from trading.portfolio.ledger import EMPTY, apply_fill
from trading.portfolio.periodline import (
    BookPeriod,
    Moved,
    carried,
    changes,
    deepest_fall,
    deepest_share,
    pnl_line,
)
from trading.portfolio.ratios import max_drawdown, sharpe
from trading.selectors.performance import drawdown
from trading.selectors.resultbooks import POINTS, grid_of

D = Decimal
STEPS = 6
CENT = D("0.01")

fills = st.lists(
    st.tuples(
        st.integers(1, STEPS), st.sampled_from([1, -1]),
        st.decimals("0.001", "50000", places=3), st.decimals("0.01", "90000", places=5),
        st.decimals("-1", "5", places=8),
    ),
    max_size=12,
).map(lambda found: sorted(found, key=lambda one: one[0]))  # fmt: skip
mids = st.lists(st.decimals("0.01", "90000", places=5), min_size=STEPS + 1, max_size=STEPS + 1)


def book_of(
    made: list[Any], prices: list[Any], held: str | Decimal = "0", unit: str = "1"
) -> BookPeriod:
    """Of multiplier ``unit`` in a currency worth 1.25 USD."""
    moved = [
        Moved(step, sign * size, -sign * size * price * D(unit) - fee)
        for step, sign, size, price, fee in made
    ]
    return BookPeriod(D(held), D(unit) * D("1.25"), D("1.25"), prices, moved)


def by_ledger(made: list[Any], mid: Decimal, unit: str) -> Decimal:
    """Realised and unrealised less fees, by average cost: other code than the line's."""
    holding = EMPTY
    for number, (_, sign, size, price, fee) in enumerate(made, 1):
        holding = apply_fill(
            holding, side=Side.BUY if sign > 0 else Side.SELL, quantity=size, price=price, fee=fee,
            multiplier=D(unit), sequence=number,
        )  # fmt: skip
    open_ = holding.quantity * mid * D(unit) - holding.cost
    return (holding.realised + open_ - holding.fees) * D("1.25")


@given(one=fills, other=fills, prices=mids, cut=st.integers(0, STEPS))
def test_it_is_the_ledgers_to_the_cent_and_periods_add_up(
    one: list[Any], other: list[Any], prices: list[Any], cut: int
) -> None:
    line = pnl_line([book_of(one, prices), book_of(other, prices, unit="50")], STEPS)
    for step in range(1, STEPS + 1):
        until = [[fill for fill in made if fill[0] <= step] for made in (one, other)]
        ledger = sum(
            by_ledger(made, prices[step], unit)
            for made, unit in zip(until, ("1", "50"), strict=True)
        )
        assert abs(line[step - 1] - ledger) < CENT / 100  # type: ignore[operator]
    held = sum((sign * size for step, sign, size, *_ in one if step <= cut), D(0))
    after = [(step - cut, *rest) for step, *rest in one if step > cut]
    early = pnl_line([book_of(one, prices)], STEPS)
    whole = early[-1]
    first = early[cut - 1] if cut else D(0)
    later = book_of(after, prices[cut:], held)
    second = pnl_line([later], STEPS - cut)[-1] if cut < STEPS else D(0)
    assert abs(first + second - whole) < CENT / 100  # type: ignore[operator]


def test_what_has_no_price_makes_its_sum_unknown_and_only_while_it_is_held() -> None:
    made = [(2, 1, D(10), D(5), D(0)), (3, -1, D(10), D(6), D(1))]
    line = pnl_line([book_of(made, [None] * (STEPS + 1))], STEPS)
    assert line == [D(0), None, *[D("11.25")] * 4]
    assert pnl_line([book_of([], [None, *[D(1)] * STEPS], held="1")], STEPS) == [None] * STEPS
    assert carried({2: D(3)}, None, 4) == [None, None, D(3), D(3), D(3)]


VALUES = {
    "positive": ([1, 2, 1, 1, 1, 1, 1, 1, 1], 52.915026221291804, 0.0),
    "negative": ([0, -6, -7, -1, -9, -2, -6, -8, -5], -24.406808633910085, -0.365907),
    "up and down": ([10, -10, 10], None, -0.10),
}  # of empyrical, as VALUES.md has them


@pytest.mark.parametrize("name", VALUES)
def test_sharpe_and_drawdown_are_the_published_ones(name: str) -> None:
    percents, wanted, fall = VALUES[name]
    capital, equity = D(1000), [D(1000)]
    for one in percents:
        equity.append(equity[-1] * (1 + D(one) / 100))
    assert float(deepest_share([one - capital for one in equity[1:]], capital) or 0) == (
        pytest.approx(fall, abs=1e-6)
    )
    if wanted is not None:  # of a fixed capital the same returns add up
        simple = [capital * sum(percents[: at + 1]) / 100 for at in range(len(percents))]
        assert sharpe(changes(simple, 1), 252) == pytest.approx(wanted)


@pytest.mark.parametrize("name", VALUES)
def test_every_drawdown_that_is_drawn_is_the_published_one(name: str) -> None:
    """Of a strategy's line, and of a backtest's days."""
    percents, _, fall = VALUES[name]
    capital, equity = D(1000), [D(1000)]
    for one in percents:
        equity.append(equity[-1] * (1 + D(one) / 100))
    peaks = [max(equity[: at + 1]) - capital for at in range(len(equity))]
    line = [
        drawdown(value - capital, peak, capital) or D(0)
        for value, peak in zip(equity, peaks, strict=True)
    ]
    assert float(min(line)) / 100 == pytest.approx(fall, abs=1e-6)
    days = [DayEquity(number, value) for number, value in enumerate(equity[1:])]
    assert min(drawdowns(days, capital)) == pytest.approx(fall, abs=1e-6)


@given(st.lists(st.decimals("-50", "50", places=2), min_size=1, max_size=20))
def test_a_share_is_that_of_the_returns(moves: list[Decimal]) -> None:
    line = [sum(moves[: at + 1], D(0)) for at in range(len(moves))]
    equity = [D(2000), *(2000 + one for one in line)]
    returns = [float(b / a - 1) for a, b in pairwise(equity)]
    share = deepest_share(line, D(2000))
    assert float(share or 0) == pytest.approx(max_drawdown(returns), abs=1e-12)
    assert deepest_fall(line) == min((v - max(D(0), *line[: i + 1]) for i, v in enumerate(line)))
    assert deepest_share([D(-5), D(3)], D(0)) is None


def test_returns_are_of_whole_steps_and_of_what_is_known() -> None:
    line = [D(1), D(3), D(3), None, D(4), D(9)]
    found = changes(line, 2)
    assert found[0] == 3.0
    assert [isnan(one) for one in found] == [False, True, True]


@pytest.mark.parametrize(
    ("span_s", "return_s"),
    [(300, None), (599, None), (600, 60), (3_600, 60), (86_400, 3_600), (30 * 86_400, 86_400),
     (5_400, 60)],
)  # fmt: skip
def test_steps_divide_the_period_and_returns_are_whole_ones(
    span_s: int, return_s: int | None
) -> None:
    grid = grid_of(span_s)
    assert grid.step_s * grid.steps == pytest.approx(span_s)
    assert grid.return_s == return_s
    assert min(POINTS, span_s // 5) <= grid.steps <= 2 * POINTS
    assert not grid.every or grid.steps % grid.every == 0
