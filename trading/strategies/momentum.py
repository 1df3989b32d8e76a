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

from trading.indicators.ewma import EwmaBank
from trading.indicators.rounds import Floats
from trading.strategies.kernel import Flags, Kernel, Step
from trading.strategies.parameters import MomentumParameters


class MomentumKernel(Kernel):
    """All momentum strategies of a shard."""

    def __init__(
        self, parameters: Sequence[MomentumParameters], traded: Flags, floors: Floats
    ) -> None:
        """``traded`` (instruments, strategies); ``floors`` (instruments,): least sigma."""
        slow = np.array([one.slow_s for one in parameters])
        ticks = np.array([one.warmup_ticks for one in parameters], dtype=np.int64)
        super().__init__(traded, slow, ticks)
        self._fast = EwmaBank(len(floors), [one.fast_s for one in parameters])
        self._slow = EwmaBank(len(floors), slow)
        self._enter = np.array([one.enter for one in parameters])
        self._keep = np.array([one.exit for one in parameters]) / self._enter
        self._least_variance = floors[:, None] ** 2
        self._fast_weight = self._slow_weight = np.empty((0, 0))

    def _weigh(self, dt: Floats, restart: Flags | None) -> None:
        self._fast_weight = self._fast.weights(dt)
        self._slow_weight = self._slow.weights(dt)
        if restart is not None:
            self._fast_weight[restart] = 0
            self._slow_weight[restart] = 0

    def _judge(self, step: Step, old: Floats) -> tuple[Floats, Floats]:
        fast = self._fast.update_mean(step.at, self._fast_weight[step.part], step.held)
        slow, variance = self._slow.update(step.at, self._slow_weight[step.part], step.held)
        sigma = np.maximum(variance, self._least_variance[step.at])
        np.sqrt(sigma, out=sigma)
        sigma *= self._enter
        fast -= slow
        fast /= sigma
        score = fast
        new = np.where(old * score >= self._keep, old, 0.0)
        # With exit 0 the product of no direction and any score is 0 too, and keeps none.
        new[score >= 1] = 1
        new[score <= -1] = -1
        return score, new

    def _forced(self, row: int, score: float) -> bool:
        return False
