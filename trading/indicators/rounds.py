"""Cuts a batch of ticks into rounds in which each instrument occurs at most once.

A recursive indicator must see the ticks of one instrument one after another, but different
instruments do not wait for each other: so the k-th ticks of all instruments are one vector step.
However the same ticks are cut into batches, each instrument's sequence of steps is the same.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trading.ticks import SCALE, Ticks, mids

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: A feed time this much before the last one means another recording: its series start over.
BACKWARDS_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Ticks in the order of their rounds; every array has shape (ticks,).

    ``dt`` is the time since the instrument's tick before, seconds, and infinite where there was
    none; ``held`` is the mid that stood over that time; ``count`` numbers the instrument's ticks
    from 1; ``origin`` is the tick's place in the batch as it came. ``bounds`` are the rounds.
    """

    instruments: npt.NDArray[np.intp]
    times: Ints
    mids: Floats
    held: Floats
    dt: Floats
    count: Ints
    origin: npt.NDArray[np.intp]
    bounds: list[tuple[int, int]]
    longest: float


class Splitter:
    """Remembers each instrument's last tick and makes a Batch of the next ones.

    ``last_*`` have the shape (instruments,): time ns, mid, bid and ask in nano; ``count`` numbers
    the ticks seen.
    """

    def __init__(self, instruments: int) -> None:
        self.last_time = np.zeros(instruments, dtype=np.int64)
        self.last_mid = np.zeros(instruments)
        self.last_bid = np.zeros(instruments, dtype=np.int64)
        self.last_ask = np.zeros(instruments, dtype=np.int64)
        self.count = np.zeros(instruments, dtype=np.int64)
        # A radix sort, which is what numpy has for 16 bits, is several times faster.
        self._small = np.int16 if instruments < 2**15 else np.int64

    def split(self, ticks: Ticks) -> Batch:
        """``ticks`` (at least one, instruments known) in rounds; the last ticks are remembered."""
        instruments = ticks["instrument"]
        order = np.argsort(instruments.astype(self._small), kind="stable")
        by_instrument = instruments[order].astype(np.intp)
        times = ticks["time"][order]
        prices = mids(ticks)[order]
        size = len(order)
        first = np.empty(size, dtype=bool)
        first[0] = True
        np.not_equal(by_instrument[1:], by_instrument[:-1], out=first[1:])
        starts = np.flatnonzero(first)
        heads = by_instrument[starts]

        previous = np.empty(size, dtype=np.int64)
        held = np.empty(size)
        previous[1:] = times[:-1]
        held[1:] = prices[:-1]
        previous[starts] = self.last_time[heads]
        held[starts] = self.last_mid[heads]
        dt = (times - previous).astype(np.float64) * SCALE
        new = starts[self.count[heads] == 0]
        self._mend(dt, held, prices, new)

        ends = np.append(starts[1:], size)
        lengths = ends - starts
        ends -= 1
        rank = np.arange(size) - starts.repeat(lengths)
        count = self.count[by_instrument] + rank + 1
        self.last_time[heads] = times[ends]
        self.last_mid[heads] = prices[ends]
        last = order[ends]
        self.last_bid[heads] = ticks["bid"][last]
        self.last_ask[heads] = ticks["ask"][last]
        self.count[heads] += lengths
        longest = float(dt.max())
        whole = [(0, size)]
        batch = Batch(by_instrument, times, prices, held, dt, count, order, whole, longest)
        return _in_rounds(batch, rank) if rank.max() else batch

    def last(self, at: int) -> Batch:
        """The last tick of the instrument numbered ``at``, as if it came again at once."""
        mid, zero = self.last_mid[[at]], np.zeros(1)
        where = np.array([at], dtype=np.intp)
        origin = np.zeros(1, dtype=np.intp)
        return Batch(
            where, self.last_time[[at]], mid, mid, zero, self.count[[at]], origin, [(0, 1)], 0.0
        )

    @staticmethod
    def _mend(dt: Floats, held: Floats, prices: Floats, new: npt.NDArray[np.intp]) -> None:
        """Where there is no tick before, or only one of another recording, a series begins."""
        dt[new] = np.inf
        held[new] = prices[new]
        if dt.min() < 0:
            back = dt < -BACKWARDS_NS * SCALE
            held[back] = prices[back]
            dt[back] = np.inf
            np.maximum(dt, 0, out=dt)


def _in_rounds(batch: Batch, rank: npt.NDArray[np.intp]) -> Batch:
    """``batch``, in order of instruments, put in order of ``rank`` within its instrument."""
    at = np.argsort(rank, kind="stable")
    edges = np.concatenate(([0], np.cumsum(np.bincount(rank)))).tolist()
    return Batch(
        batch.instruments[at],
        batch.times[at],
        batch.mids[at],
        batch.held[at],
        batch.dt[at],
        batch.count[at],
        batch.origin[at],
        list(itertools.pairwise(edges)),
        batch.longest,
    )
