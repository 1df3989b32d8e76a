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

import numpy as np
import numpy.typing as npt

from trading.indicators.rounds import Floats

Index = npt.NDArray[np.intp]


class EwmaBank:
    """Means and variances of every instrument for several time constants (one a row).

    ``mean`` and ``variance`` have shape (instruments, rows): rows of one instrument lie together,
    so that a step over some instruments gathers whole lines.
    """

    def __init__(self, instruments: int, taus_s: npt.ArrayLike) -> None:
        """``taus_s``: time constants in seconds, positive, shape (rows,)."""
        taus = np.asarray(taus_s, dtype=np.float64)
        if taus.ndim != 1 or not np.all(taus > 0):
            raise ValueError("time constants must be a row of positive seconds")
        self._rate = -1.0 / taus
        self.mean = np.zeros((instruments, len(taus)))
        self.variance = np.zeros((instruments, len(taus)))

    def weights(self, dt: Floats) -> Floats:
        """exp(-dt / tau), shape (ticks, rows): 1 keeps all that was, 0 forgets it."""
        weight = np.multiply.outer(dt, self._rate)
        return np.exp(weight, out=weight)

    def update(self, instruments: Index, weight: Floats, held: Floats) -> tuple[Floats, Floats]:
        """One step of ``instruments`` (each at most once, shape (m,)).

        ``weight`` has shape (m, rows), ``held`` (m, rows) or (m, 1). Returns the new mean and
        variance of those instruments, each of shape (m, rows).
        """
        mean = self.mean[instruments]
        diff = held - mean
        step = (1.0 - weight) * diff
        mean += step
        self.mean[instruments] = mean
        variance = self.variance[instruments]
        step *= diff
        variance += step
        variance *= weight
        self.variance[instruments] = variance
        return mean, variance

    def update_mean(self, instruments: Index, weight: Floats, held: Floats) -> Floats:
        """As ``update`` for the mean alone."""
        mean = self.mean[instruments]
        mean += (1.0 - weight) * (held - mean)
        self.mean[instruments] = mean
        return mean
