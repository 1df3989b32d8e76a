"""The vectorised averages against a plain scalar reference, and against closed forms."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.indicators.test_rounds import make_ticks
from trading.indicators.ewma import Column, EwmaBank
from trading.indicators.rounds import Splitter

TAUS = (0.5, 7.0, 120.0)


class Scalar:
    """One instrument, one time constant, written straight from the definition."""

    def __init__(self, tau: float) -> None:
        self.tau = tau
        self.time: int | None = None
        self.price = self.mean = self.variance = 0.0

    def tick(self, time: int, price: float) -> None:
        if self.time is None:
            self.mean, self.variance = price, 0.0
        else:
            weight = math.exp(-(time - self.time) * 1e-9 / self.tau)
            diff = self.price - self.mean
            self.mean = weight * self.mean + (1 - weight) * self.price
            self.variance = weight * (self.variance + (1 - weight) * diff * diff)
        self.time, self.price = time, price


def make_bank(gap_s: float = math.inf) -> EwmaBank:
    return EwmaBank([Column(tau, gap_s) for tau in TAUS], np.zeros(4))


def run(rows: list[tuple[int, int, int]], cuts: list[int]) -> EwmaBank:
    """``rows`` through a bank in batches that end at ``cuts``."""
    bank, splitter = make_bank(), Splitter(4)
    edges = sorted({0, len(rows), *(cut % (len(rows) + 1) for cut in cuts)})
    for low, high in itertools.pairwise(edges):
        bank.update(splitter.split(make_ticks(rows[low:high])))
    return bank


_ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 3 * 10**10),
        st.integers(90 * 10**9, 110 * 10**9),
    ),
    min_size=1,
    max_size=60,
)


def _in_time(rows: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    clock, timed = 10**18, []
    for instrument, step, mid in rows:
        clock += step
        timed.append((instrument, clock, mid))
    return timed


@given(_ROWS, st.lists(st.integers(0, 60), max_size=8))
def test_any_cutting_gives_the_same_state(
    rows: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    timed = _in_time(rows)
    whole, cut = run(timed, []), run(timed, cuts)
    np.testing.assert_array_equal(whole.mean, cut.mean)
    np.testing.assert_array_equal(whole.variance, cut.variance)


@given(_ROWS)
def test_equals_the_scalar_reference(rows: list[tuple[int, int, int]]) -> None:
    timed = _in_time(rows)
    bank = run(timed, [])
    plain = [[Scalar(tau) for tau in TAUS] for _ in range(4)]
    for instrument, time, mid in timed:
        for one in plain[instrument]:
            one.tick(time, mid * 1e-9)
    for at, row in enumerate(plain):
        for column, one in enumerate(row):
            if one.time is not None:
                assert bank.mean[at, column] == pytest.approx(one.mean, rel=1e-12)
                assert bank.variance[at, column] == pytest.approx(one.variance, rel=1e-9, abs=1e-12)


def test_a_step_in_price_is_forgotten_at_the_rate_of_its_time_constant() -> None:
    """100 for ever, then 110: after t the mean is 110 - 10 exp(-t/tau), the variance as computed.

    The weight of 110 is p = 1 - exp(-t/tau), so the variance is that of a coin: 100 p (1 - p).
    """
    bank = run([(0, 0, 100 * 10**9), (0, 1, 110 * 10**9), (0, 7 * 10**9 + 1, 110 * 10**9)], [])
    p = 1 - math.exp(-7.0 / 7.0)
    assert bank.mean[0, 1] == pytest.approx(100 + 10 * p, rel=1e-9)
    assert bank.variance[0, 1] == pytest.approx(100 * p * (1 - p), rel=1e-6)


def test_a_burst_of_quotes_weighs_as_long_as_it_stood() -> None:
    """Eckner's point: many ticks in no time move a time-weighted mean by next to nothing."""
    calm = run([(0, 0, 100 * 10**9), (0, 10**9, 100 * 10**9)], [])
    burst = [(0, 10**9 - 50 + n, 130 * 10**9) for n in range(50)]
    noisy = run([(0, 0, 100 * 10**9), *burst, (0, 10**9, 100 * 10**9)], [])
    assert noisy.mean[0, 0] == pytest.approx(calm.mean[0, 0], abs=1e-5)


def test_the_deviation_given_out_is_never_below_the_floor() -> None:
    bank, splitter = EwmaBank([Column(1.0)], np.array([0.25])), Splitter(1)
    ticks = make_ticks([(0, 0, 100 * 10**9), (0, 10**9, 100 * 10**9)])
    assert bank.update(splitter.split(ticks)).sigma.tolist() == [[0.25], [0.25]]


def test_after_a_gap_an_average_starts_over_at_the_new_price() -> None:
    bank, splitter = make_bank(gap_s=10), Splitter(4)
    bank.update(splitter.split(make_ticks([(0, 0, 100 * 10**9), (0, 10**9, 101 * 10**9)])))
    bank.update(splitter.split(make_ticks([(0, 12 * 10**9, 120 * 10**9)])))
    assert bank.mean[0].tolist() == pytest.approx([120.0] * 3)
    assert bank.variance[0].tolist() == [0.0] * 3


def test_time_constants_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        EwmaBank([Column(1.0), Column(0.0)], np.zeros(1))
