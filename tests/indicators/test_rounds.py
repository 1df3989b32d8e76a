"""A batch is cut so that no instrument waits for another, and none is seen out of turn."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trading.indicators.rounds import Splitter
from trading.ticks import TICK, Ticks


def make_ticks(rows: list[tuple[int, int, int]]) -> Ticks:
    """(instrument, time ns, mid nano) rows as ticks with a bid and ask of that mid."""
    return np.array([(i, 0, t, m, m, 0, 0, 0) for i, t, m in rows], dtype=TICK)


_ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 10**9), st.integers(1, 10**12)),
    min_size=1,
    max_size=40,
)


@given(_ROWS)
def test_rounds_hold_each_instrument_once_and_keep_its_order(
    rows: list[tuple[int, int, int]],
) -> None:
    rows = [(i, step * 1000 + t % 7, m) for step, (i, t, m) in enumerate(rows)]
    batch = Splitter(5).split(make_ticks(rows))
    seen: dict[int, list[int]] = {}
    for low, high in batch.bounds:
        part = batch.instruments[low:high].tolist()
        assert len(part) == len(set(part))
        for at, origin in zip(part, batch.origin[low:high].tolist(), strict=True):
            seen.setdefault(at, []).append(origin)
    assert sorted(batch.origin.tolist()) == list(range(len(rows)))
    for instrument, origins in seen.items():
        assert origins == [n for n, row in enumerate(rows) if row[0] == instrument]


def test_dt_and_held_price_are_those_of_the_instruments_tick_before() -> None:
    splitter = Splitter(3)
    first = splitter.split(make_ticks([(1, 10**9, 5 * 10**9)]))
    assert np.isinf(first.dt[0])
    assert first.held[0] == 5.0
    batch = splitter.split(
        make_ticks([(1, 3 * 10**9, 6 * 10**9), (2, 3 * 10**9, 10**9), (1, 4 * 10**9, 7 * 10**9)])
    )
    assert batch.bounds == [(0, 2), (2, 3)]
    assert batch.instruments.tolist() == [1, 2, 1]
    assert batch.dt.tolist() == [2.0, float("inf"), 1.0]
    assert batch.held.tolist() == [5.0, 1.0, 6.0]
    assert batch.count.tolist() == [2, 1, 3]


def test_time_that_goes_back_begins_a_series() -> None:
    splitter = Splitter(1)
    splitter.split(make_ticks([(0, 100 * 10**9, 10**9)]))
    little = splitter.split(make_ticks([(0, 100 * 10**9 - 5, 2 * 10**9)]))
    assert little.dt.tolist() == [0.0]
    far = splitter.split(make_ticks([(0, 10**9, 3 * 10**9)]))
    assert np.isinf(far.dt[0])
    assert far.held.tolist() == [3.0]
