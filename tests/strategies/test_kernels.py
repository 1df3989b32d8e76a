"""The stacked kernels decide as the plain rules, written out for one strategy at a time, do."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from tests.strategies.desk import quotes, walk
from trading.indicators.ewma import EwmaBank
from trading.indicators.rounds import Splitter
from trading.strategies.kernel import GAP_TAUS, Change, Kernel, confidence_of
from trading.strategies.mean_reversion import MeanReversionKernel
from trading.strategies.momentum import MomentumKernel
from trading.strategies.parameters import MeanReversionParameters, MomentumParameters
from trading.ticks import Ticks

FLOOR = 5e-6


@dataclass
class Average:
    tau: float
    mean: float = 0.0
    variance: float = 0.0
    held: float = 0.0

    def begin(self, price: float) -> None:
        self.mean, self.variance, self.held = price, 0.0, price

    def tick(self, dt: float, price: float) -> None:
        weight = math.exp(-dt / self.tau)
        diff = self.held - self.mean
        self.mean += (1 - weight) * diff
        self.variance = weight * (self.variance + (1 - weight) * diff * diff)
        self.held = price


def plain_momentum(times: list[float], mids: list[float], given: MomentumParameters) -> list[int]:
    fast, slow = Average(given.fast_s), Average(given.slow_s)
    direction, found, began, count = 0, [], 0.0, 0
    for n, (time, mid) in enumerate(zip(times, mids, strict=True)):
        dt = time - times[n - 1] if n else math.inf
        if dt > GAP_TAUS * given.slow_s:
            fast.begin(mid)
            slow.begin(mid)
            began, count = time, 0
        else:
            fast.tick(dt, mid)
            slow.tick(dt, mid)
        count += 1
        if count >= given.warmup_ticks and time - began >= given.slow_s:
            score = (fast.mean - slow.mean) / max(math.sqrt(slow.variance), FLOOR)
            if abs(score) >= given.enter:
                direction = int(math.copysign(1, score))
            elif direction * score < given.exit:
                direction = 0
        found.append(direction)
    return found


def plain_reversion(
    times: list[float], mids: list[float], given: MeanReversionParameters
) -> list[int]:
    average = Average(given.mean_s)
    direction, barred, found, began, count = 0, 0.0, [], 0.0, 0
    for n, (time, mid) in enumerate(zip(times, mids, strict=True)):
        dt = time - times[n - 1] if n else math.inf
        if dt > GAP_TAUS * given.mean_s:
            average.begin(mid)
            began, count = time, 0
        else:
            average.tick(dt, mid)
        count += 1
        if count >= given.warmup_ticks and time - began >= given.mean_s:
            z = (mid - average.mean) / max(math.sqrt(average.variance), FLOOR)
            was_barred = barred
            if direction != 0 and abs(z) >= given.stop:
                barred = math.copysign(1, z)
            if barred * z < given.leave:
                barred = 0.0
            if abs(z) >= given.stop:
                direction = 0
            elif abs(z) >= given.enter and not was_barred:
                direction = -int(math.copysign(1, z))
            elif direction * -z < given.leave:
                direction = 0
        found.append(direction)
    return found


def run(kernel: Kernel, ticks: Ticks, size: int) -> tuple[list[int], list[Change]]:
    """Direction of instrument 0, row 0 after each tick, fed in batches of ``size``."""
    place = {column: at for at, column in enumerate(dict.fromkeys(kernel.columns()))}
    kernel.bind(place)
    bank = EwmaBank(list(place), np.full(2, FLOOR))
    splitter, path, changes = Splitter(2), [0] * len(ticks), []
    for low in range(0, len(ticks), size):
        part = ticks[low : low + size]
        batch = splitter.split(part)
        found = [one for one in kernel.update(batch, bank.update(batch)) if one.row == 0]
        changes += found
        at = {low + one.origin: one.direction for one in found}
        for n in range(low, low + len(part)):
            path[n] = at.get(n, path[n - 1] if n else 0)
    return path, changes


def both(ticks: Ticks) -> tuple[list[float], list[float]]:
    times = (ticks["time"] - ticks["time"][0]) * 1e-9
    return times.tolist(), ((ticks["bid"] + ticks["ask"]) * 5e-10).tolist()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [1, 7, 400])
def test_momentum_as_the_plain_rule(seed: int, size: int) -> None:
    given = MomentumParameters(fast_s=2, slow_s=9, enter=0.8, exit=0.1, warmup_ticks=30)
    other = MomentumParameters(fast_s=1, slow_s=3)
    ticks = quotes("EURUSD", walk(seed, 800), step_s=0.5)
    ticks["time"][500:] += 60 * 10**9  # a gap in which it must start over
    traded = np.array([[True, True], [False, False]])
    kernel = MomentumKernel([given, other], traded)
    path, changes = run(kernel, ticks, size)
    assert path == plain_momentum(*both(ticks), given)
    assert len(changes) > 5
    for one in changes:
        assert 0 < one.confidence <= 1
        if one.direction:
            assert one.score * one.direction >= 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [1, 7, 400])
def test_mean_reversion_as_the_plain_rule(seed: int, size: int) -> None:
    given = MeanReversionParameters(mean_s=8, enter=1.2, leave=0.2, stop=2.2, warmup_ticks=30)
    other = MeanReversionParameters()
    ticks = quotes("EURUSD", walk(seed, 800), step_s=0.5)
    ticks["time"][500:] += 60 * 10**9
    traded = np.array([[True, True], [False, False]])
    kernel = MeanReversionKernel([given, other], traded)
    path, changes = run(kernel, ticks, size)
    assert path == plain_reversion(*both(ticks), given)
    assert len(changes) > 5
    assert any(one.forced for one in changes) or seed > 1


def test_what_is_not_traded_makes_no_signal() -> None:
    traded = np.array([[False], [True]])
    kernel = MomentumKernel([MomentumParameters()], traded)
    path, changes = run(kernel, quotes("EURUSD", walk(3, 500)), 50)
    assert not changes
    assert set(path) == {0}


def test_a_price_that_stands_still_has_no_score() -> None:
    kernel = MeanReversionKernel([MeanReversionParameters(mean_s=1)], np.ones((2, 1), dtype=bool))
    assert run(kernel, quotes("EURUSD", [1.15] * 200), 10)[1] == []


def test_confidence_is_0_63_at_the_threshold() -> None:
    assert confidence_of(1.0, 1, forced=False) == pytest.approx(1 - 1 / math.e)
    assert confidence_of(-2.0, -1, forced=False) == pytest.approx(0.8647, abs=1e-4)
    assert confidence_of(0.0, 0, forced=False) == 1.0
    assert confidence_of(3.0, 0, forced=True) > 0.9
