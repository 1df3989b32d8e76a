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

from trading.indicators.ewma import Averages, Column
from trading.indicators.rounds import Batch, Floats
from trading.strategies.kernel import Columns, Flags, Kernel, columns_at
from trading.strategies.parameters import MeanReversionParameters


class MeanReversionKernel(Kernel):
    """All mean reversion strategies of a shard."""

    PER_ROW = (*Kernel.PER_ROW, "_barred")

    def __init__(self, parameters: Sequence[MeanReversionParameters], traded: Flags) -> None:
        """``traded``: (instruments, strategies)."""
        taus = np.array([one.mean_s for one in parameters])
        super().__init__(traded, taus, [one.warmup_ticks for one in parameters])
        self._columns = [
            Column(one.mean_s, float(gap)) for one, gap in zip(parameters, self._gap, strict=True)
        ]
        self._at: Columns = slice(0)
        self._enter = np.array([one.enter for one in parameters])
        self._leave = np.array([one.leave for one in parameters]) / self._enter
        self._stop = np.array([one.stop for one in parameters]) / self._enter
        # After a stop: the side (sign of the score) that may not be entered again yet.
        self._barred = np.zeros(traded.shape)
        self._has_bar: Flags = np.zeros(len(traded), dtype=bool)

    def taken_over(self) -> None:
        super().taken_over()
        self._has_bar = np.any(self._barred != 0, axis=1)

    def columns(self) -> list[Column]:
        return self._columns

    def bind(self, place: dict[Column, int]) -> None:
        self._at = columns_at(place, self._columns)

    def _score(self, batch: Batch, averages: Averages) -> Floats:
        score: Floats = averages.mean[:, self._at] - batch.mids[:, None]
        score /= averages.sigma[:, self._at]
        score /= self._enter
        return score

    def _suspect(self, batch: Batch, score: Floats, old: Floats) -> Flags:
        entering: Flags = np.abs(score) >= 1
        gain = old * score
        suspect = np.where(old == 0, entering, gain < self._leave)
        suspect |= gain >= self._stop
        held_off = np.flatnonzero(self._has_bar[batch.instruments])
        if len(held_off):
            barred = self._barred[batch.instruments[held_off]]
            freed = barred * score[held_off] < self._leave
            suspect[held_off] = np.where(barred == 0, suspect[held_off], freed)
        return suspect

    def _decide(self, at: int, row: int, score: float, old: int) -> int:
        side = 1 if score > 0 else -1
        barred = int(self._barred[at, row])
        if abs(score) >= self._stop[row]:
            if old:
                self._bar(at, row, side)
            return 0
        if barred and barred * score < self._leave[row]:
            self._bar(at, row, 0)
        if abs(score) >= 1 and not barred:
            return side
        # A side is kept while the price is still stretched its way, short of the stop.
        return old if old * score >= self._leave[row] else 0

    def _bar(self, at: int, row: int, side: int) -> None:
        self._barred[at, row] = side
        self._has_bar[at] = bool(self._barred[at].any())

    def _forced(self, row: int, score: float) -> bool:
        return abs(score) >= float(self._stop[row])
