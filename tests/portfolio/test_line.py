"""The line of the day stays short, even and ends where the PnL is."""

import datetime as dt
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.portfolio.builders import NOON, decimals
from trading.portfolio.line import KEPT, SHOWN, Line


@given(st.lists(st.tuples(st.integers(1, 900), st.integers(-100, 100)), min_size=1, max_size=700))
def test_short_and_ends_at_the_newest(steps: list[tuple[int, int]]) -> None:
    line, at = Line(), NOON
    for seconds, pnl in steps:
        at += dt.timedelta(seconds=seconds)
        line.add(at, Decimal(pnl))
    shown = line.shown()
    assert 1 <= len(shown) <= SHOWN
    assert len(shown) >= min(len(steps), 2)
    assert shown[-1] == steps[-1][1]


def test_steps_stay_even_over_a_day() -> None:
    line = Line()
    for number in range(KEPT * 20):
        line.add(NOON + dt.timedelta(seconds=5 * number), Decimal(number))
    steps = [after - before for before, after in zip(line.shown(), line.shown()[1:], strict=False)]
    assert max(steps) <= 3 * min(steps)


def test_few_points_are_all_shown() -> None:
    points = [(NOON + dt.timedelta(seconds=number), Decimal(number)) for number in range(5)]
    assert Line(points).shown() == decimals(0, 1, 2, 3, 4)
    assert Line().shown() == ()
