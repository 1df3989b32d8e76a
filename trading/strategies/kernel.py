"""What the kernels of all kinds share: warm-up, and finding who changed its mind.

A kernel holds every strategy of one kind, stacked: state arrays have the shape (instruments,
strategies), and one vector step moves all of them. A pair that is not traded never warms up.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trading.indicators.rounds import Batch, Floats

Flags = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]

#: A strategy whose instrument was silent for this many of its longest time constants starts over:
#: its averages describe another market.
GAP_TAUS = 5.0


@dataclass(frozen=True, slots=True)
class Change:
    """One strategy changed its direction in one instrument.

    ``score`` is in units of the strategy's own threshold, positive for long. ``forced`` says that
    it left because its stop was passed. ``origin`` is the tick's place in the batch.
    """

    origin: int
    instrument: int
    row: int
    direction: int
    score: float
    confidence: float
    forced: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One round's part of a batch: ``at`` instruments, their weights and held prices."""

    at: Index
    mids: Floats
    held: Floats
    part: slice


class Kernel(ABC):
    """Strategies of one kind over all instruments."""

    def __init__(self, traded: Flags, taus_s: Floats, warmup_ticks: npt.NDArray[np.int64]) -> None:
        """``traded`` (instruments, strategies); ``taus_s`` and ``warmup_ticks`` (strategies,).

        ``taus_s`` is the longest time constant of each: how long it warms up, at least.
        """
        self._traded = traded
        self._wanted: Flags = np.any(traded, axis=1)
        self._warmup_ticks = warmup_ticks
        self._warmup_ns = np.ceil(taus_s * 1e9).astype(np.int64)
        self._gap = taus_s * GAP_TAUS
        self._shortest_gap = float(self._gap.min())
        self.direction = np.zeros(traded.shape)
        self.warm: Flags = np.zeros(traded.shape, dtype=bool)
        self._warming: Flags = self._wanted.copy()
        self._due_count = np.zeros(traded.shape, dtype=np.int64)
        self._due_time = np.zeros(traded.shape, dtype=np.int64)

    @abstractmethod
    def _weigh(self, dt: Floats, restart: Flags | None) -> None:
        """Prepare the weights of a whole batch; 0 where ``restart``."""

    @abstractmethod
    def _judge(self, step: Step, old: Floats) -> tuple[Floats, Floats]:
        """Move the indicators one round on. Returns score and new direction, each (m, rows)."""

    @abstractmethod
    def _forced(self, row: int, score: float) -> bool:
        """Did this strategy leave by its stop?"""

    def update(self, batch: Batch) -> list[Change]:
        """Take a batch in; the changes of direction come back in the order of their rounds."""
        restart: Flags | None = None
        held = batch.held[:, None]
        if batch.longest > self._shortest_gap:
            restart = batch.dt[:, None] > self._gap
            held = np.where(restart, batch.mids[:, None], held)
        self._weigh(batch.dt, restart)
        changes: list[Change] = []
        for low, high in batch.bounds:
            part = slice(low, high)
            at = batch.instruments[part]
            if restart is not None:
                self._start_over(batch, part, restart[part])
            old = self.direction[at]
            self._warm_up(batch, part)
            score, new = self._judge(Step(at, batch.mids[part], held[part], part), old)
            moved = new != old
            moved &= self.warm[at]
            if moved.any():
                changes += self._changes(batch, low, moved, score, new)
        return changes

    def _start_over(self, batch: Batch, part: slice, restart: Flags) -> None:
        """Where a series begins, note when it will be warm."""
        where, rows = np.nonzero(restart)
        if not len(where):
            return
        at = batch.instruments[part][where]
        self.warm[at, rows] = False
        self._warming[at] = self._wanted[at]
        self._due_count[at, rows] = batch.count[part][where] + self._warmup_ticks[rows] - 1
        self._due_time[at, rows] = batch.times[part][where] + self._warmup_ns[rows]

    def _warm_up(self, batch: Batch, part: slice) -> None:
        """Warm is who saw its number of ticks and its longest time constant."""
        at = batch.instruments[part]
        warming = self._warming[at]
        if not warming.any():
            return
        some = at[warming]
        warm = batch.count[part][warming][:, None] >= self._due_count[some]
        warm &= batch.times[part][warming][:, None] >= self._due_time[some]
        warm &= self._traded[some]
        self.warm[some] = warm
        self._warming[some] = (warm != self._traded[some]).any(axis=1)

    def _changes(
        self, batch: Batch, low: int, moved: Flags, score: Floats, new: Floats
    ) -> list[Change]:
        changes = []
        where, rows = np.nonzero(moved)
        at = batch.instruments[low + where]
        self.direction[at, rows] = new[where, rows]
        for place, instrument, row, value, to in zip(
            batch.origin[low + where].tolist(),
            at.tolist(),
            rows.tolist(),
            score[where, rows].tolist(),
            new[where, rows].tolist(),
            strict=True,
        ):
            direction = int(to)
            forced = direction == 0 and self._forced(row, value)
            confidence = confidence_of(value, direction, forced=forced)
            changes.append(Change(place, instrument, row, direction, value, confidence, forced))
        return changes


def confidence_of(score: float, direction: int, *, forced: bool) -> float:
    """How sure a change is, from 0 to 1, by how far ``score`` (in thresholds) lies from none.

    To a side, or out by a stop: 1 - exp(-abs(score)), so 0.63 at the threshold and 0.86 at twice
    it. Out because the reason is gone: exp(-abs(score)), the nearer to nothing the surer.
    """
    away = float(np.exp(-abs(score)))
    return 1.0 - away if direction or forced else away
