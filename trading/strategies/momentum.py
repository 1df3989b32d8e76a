"""Momentum: the fast average runs ahead of the slow one.

Score = (fast - slow) / (sigma * enter), where fast and slow are time-weighted exponential means of
the mid and sigma is the standard deviation about the slow one: the moving-average crossover of
W. Brock, J. Lakonishok, B. LeBaron (*Simple Technical Trading Rules and the Stochastic Properties
of Stock Returns*, Journal of Finance 47(5), 1992), in volatility units as by J. Baz and others
(*Dissecting Investment Strategies in the Cross Section and Time Series*, 2015). Their band
becomes a hysteresis: in at ``enter``, out below ``exit``, straight to the other side at -``enter``.
"""

from collections.abc import Sequence

import numpy as np

from trading.indicators.ewma import Averages, Column
from trading.indicators.rounds import Batch, Floats
from trading.strategies.kernel import Columns, Flags, Kernel, columns_at
from trading.strategies.parameters import MomentumParameters


class MomentumKernel(Kernel):
    """All momentum strategies of a shard."""

    def __init__(self, parameters: Sequence[MomentumParameters], traded: Flags) -> None:
        """``traded``: (instruments, strategies)."""
        slow = np.array([one.slow_s for one in parameters])
        super().__init__(traded, slow, [one.warmup_ticks for one in parameters])
        # Both start over together: half a restart would look like a trend.
        self._fast = [
            Column(one.fast_s, float(gap)) for one, gap in zip(parameters, self._gap, strict=True)
        ]
        self._slow = [
            Column(one.slow_s, float(gap)) for one, gap in zip(parameters, self._gap, strict=True)
        ]
        self._fast_at: Columns = slice(0)
        self._slow_at: Columns = slice(0)
        self._enter = np.array([one.enter for one in parameters])
        self._keep = np.array([one.exit for one in parameters]) / self._enter

    def columns(self) -> list[Column]:
        return self._fast + self._slow

    def bind(self, place: dict[Column, int]) -> None:
        self._fast_at = columns_at(place, self._fast)
        self._slow_at = columns_at(place, self._slow)

    def _score(self, batch: Batch, averages: Averages) -> Floats:
        score: Floats = averages.mean[:, self._fast_at] - averages.mean[:, self._slow_at]
        score /= averages.sigma[:, self._slow_at]
        score /= self._enter
        return score

    def _suspect(self, batch: Batch, score: Floats, old: Floats) -> Flags:
        entering: Flags = np.abs(score) >= 1
        return np.where(old == 0, entering, old * score < self._keep)

    def _decide(self, at: int, row: int, score: float, old: int) -> int:
        if abs(score) >= 1:
            return 1 if score > 0 else -1
        return old if old * score >= self._keep[row] else 0
