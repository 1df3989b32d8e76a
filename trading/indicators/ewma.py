"""Exponentially time-weighted mean and variance of irregular ticks, for many rows at once.

Between two ticks the price is what the earlier one said (the "last point" scheme of A. Eckner,
*Algorithms for Unevenly Spaced Time Series: Moving Averages and Other Rolling Operators*)::

    w = exp(-dt / tau)        mean' = w * mean + (1 - w) * held

where ``held`` is the price of the earlier tick. The variance about that mean, with the same
weights, is exact and needs no sum of squares (D. H. D. West, CACM 22(9), 1979; T. Finch,
*Incremental calculation of weighted mean and variance*, 2009, its last section)::

    diff = held - mean        variance' = w * (variance + (1 - w) * diff ** 2)

A tick therefore counts by how long it stood and not by being a tick: a burst of quotes does not
move the mean, and two feeds of the same market with different rates give the same picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trading.indicators.rounds import Batch, Floats


@dataclass(frozen=True, slots=True)
class Column:
    """One average: its time constant, and the silence after which it starts over. Seconds."""

    tau_s: float
    gap_s: float = float("inf")


@dataclass(frozen=True, slots=True)
class Averages:
    """Means and deviations after each tick of a batch, in its order; shape (ticks, columns)."""

    mean: Floats
    sigma: Floats


class EwmaBank:
    """Averages of every instrument, one column per time constant.

    ``mean`` and ``variance`` have shape (instruments, columns): what belongs to one instrument
    lies together, so that a step over some instruments moves whole lines.
    """

    def __init__(self, columns: Sequence[Column], floors: Floats) -> None:
        """``floors``: least standard deviation of each instrument, shape (instruments,)."""
        self.columns = tuple(columns)
        taus = np.array([one.tau_s for one in columns], dtype=np.float64)
        if not np.all(taus > 0):
            raise ValueError("time constants must be positive seconds")
        self._rate = -1.0 / taus
        self._gap = np.array([one.gap_s for one in columns], dtype=np.float64)
        self._shortest_gap = float(self._gap.min())
        self._least_variance = np.square(floors)[:, None]
        self.mean = np.zeros((len(floors), len(columns)))
        self.variance = np.zeros((len(floors), len(columns)))

    def take_over(self, before: "EwmaBank | None", mids: Floats) -> None:
        """Go on where ``before`` stands; what it did not have begins at the last ``mids``."""
        known = {one: at for at, one in enumerate(before.columns)} if before else {}
        for at, column in enumerate(self.columns):
            if before is not None and column in known:
                self.mean[:, at] = before.mean[:, known[column]]
                self.variance[:, at] = before.variance[:, known[column]]
            else:
                self.mean[:, at] = mids

    def update(self, batch: Batch) -> Averages:
        """Take a batch in, round by round."""
        weight = np.multiply.outer(batch.dt, self._rate)
        np.exp(weight, out=weight)
        held = batch.held[:, None]
        if batch.longest > self._shortest_gap:
            restart = batch.dt[:, None] > self._gap
            weight[restart] = 0
            held = np.where(restart, batch.mids[:, None], held)
        new = 1.0 - weight
        means, variances = np.empty_like(weight), np.empty_like(weight)
        for low, high in batch.bounds:
            at = batch.instruments[low:high]
            mean, variance = means[low:high], variances[low:high]
            # Numbers were checked by the splitter; "clip" lets numpy write in place.
            self.mean.take(at, axis=0, out=mean, mode="clip")
            diff = held[low:high] - mean
            step = new[low:high] * diff
            mean += step
            self.mean[at] = mean
            self.variance.take(at, axis=0, out=variance, mode="clip")
            step *= diff
            variance += step
            variance *= weight[low:high]
            self.variance[at] = variance
        np.maximum(variances, self._least_variance[batch.instruments], out=variances)
        return Averages(means, np.sqrt(variances, out=variances))

    def now(self, at: int) -> Averages:
        """Of the instrument numbered ``at`` after its last tick; shape (1, columns)."""
        sigma = np.sqrt(np.maximum(self.variance[[at]], self._least_variance[at]))
        return Averages(self.mean[[at]], sigma)
