"""What a stack of arbitrage strategies tells of each leg alone: whether it has been quoted enough.

Their minds are changed by two instruments at once (trading.strategies.arbitrage).
"""

from collections.abc import Sequence

import numpy as np

from trading.indicators.ewma import Averages, Column
from trading.indicators.rounds import Batch, Floats
from trading.strategies.kernel import Flags, Kernel
from trading.strategies.parameters import ArbitrageParameters


class PairKernel(Kernel):
    """Warm-up of the legs; no directions."""

    def __init__(self, parameters: Sequence[ArbitrageParameters], traded: Flags) -> None:
        """``traded``: (instruments, strategies)."""
        taus = np.array([one.mean_s for one in parameters])
        super().__init__(traded, taus, [one.warmup_ticks for one in parameters])
        self._columns = [
            Column(one.mean_s, float(gap)) for one, gap in zip(parameters, self._gap, strict=True)
        ]

    def columns(self) -> list[Column]:
        return self._columns

    def bind(self, place: dict[Column, int]) -> None:
        """It reads none of them."""

    def _score(self, batch: Batch, averages: Averages) -> Floats:
        return np.zeros((len(batch.dt), len(self._columns)))

    def _suspect(self, batch: Batch, score: Floats, old: Floats) -> Flags:
        return np.zeros(score.shape, dtype=bool)

    def _decide(self, at: int, row: int, score: float, old: int) -> int:
        return old
