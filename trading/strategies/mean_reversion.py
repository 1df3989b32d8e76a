"""Mean reversion: the mid strayed from its mean, and is expected back.

z = (mid - mean) / sigma with time-weighted exponential mean and standard deviation: the threshold
rule on a standardised distance of E. Gatev, W. Goetzmann, K. Rouwenhorst (*Pairs Trading:
Performance of a Relative-Value Arbitrage Rule*, Review of Financial Studies 19(3), 2006) and
M. Avellaneda, J.-H. Lee (*Statistical Arbitrage in the US Equities Market*, Quantitative Finance
10(7), 2010), on one instrument and its own mean. Against the move at abs(z) >= ``enter``, out at
abs(z) < ``leave``, out at a loss at abs(z) >= ``stop``; after a stop no new position until the
price has been back within ``leave`` or beyond the mean. The score is -z / enter: positive says buy.
"""

from collections.abc import Sequence

import numpy as np

from trading.indicators.ewma import EwmaBank
from trading.indicators.rounds import Batch, Floats
from trading.strategies.kernel import Flags, Kernel, Step
from trading.strategies.parameters import MeanReversionParameters


class MeanReversionKernel(Kernel):
    """All mean reversion strategies of a shard."""

    def __init__(
        self, parameters: Sequence[MeanReversionParameters], traded: Flags, floors: Floats
    ) -> None:
        """``traded`` (instruments, strategies); ``floors`` (instruments,): least sigma."""
        taus = np.array([one.mean_s for one in parameters])
        ticks = np.array([one.warmup_ticks for one in parameters], dtype=np.int64)
        super().__init__(traded, taus, ticks)
        self._bank = EwmaBank(len(floors), taus)
        self._enter = np.array([one.enter for one in parameters])
        self._leave = np.array([one.leave for one in parameters]) / self._enter
        self._stop = np.array([one.stop for one in parameters]) / self._enter
        self._least_variance = floors[:, None] ** 2
        # After a stop: the side (sign of the score) that may not be entered again yet.
        self._barred = np.zeros(traded.shape)
        self._weight = np.empty((0, 0))

    def _weigh(self, dt: Floats, restart: Flags | None) -> None:
        self._weight = self._bank.weights(dt)
        if restart is not None:
            self._weight[restart] = 0

    def _judge(self, step: Step, old: Floats) -> tuple[Floats, Floats]:
        mean, variance = self._bank.update(step.at, self._weight[step.part], step.held)
        sigma = np.maximum(variance, self._least_variance[step.at])
        np.sqrt(sigma, out=sigma)
        sigma *= self._enter
        mean -= step.mids[:, None]
        mean /= sigma
        score = mean
        stretch = np.abs(score)
        beyond = stretch >= self._stop
        # A side is kept while the price is still stretched its way, short of the stop.
        new = np.where(old * score >= self._leave, old, 0.0)
        free = stretch >= 1
        barred = self._barred[step.at]
        free &= barred == 0
        np.copyto(new, np.sign(score), where=free)
        new[beyond] = 0
        stopped = beyond & (old != 0) & self.warm[step.at]
        if barred.any() or stopped.any():
            barred = np.where(stopped, np.sign(score), barred)
            self._barred[step.at] = np.where(barred * score >= self._leave, barred, 0.0)
        return score, new

    def _start_over(self, batch: Batch, part: slice, restart: Flags) -> None:
        super()._start_over(batch, part, restart)
        where, rows = np.nonzero(restart)
        self._barred[batch.instruments[part][where], rows] = 0

    def _forced(self, row: int, score: float) -> bool:
        return abs(score) >= float(self._stop[row])
