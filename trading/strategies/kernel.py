"""What the kernels of all kinds share: warm-up, and finding who changed its mind.

A kernel judges every strategy of one kind, stacked: its arrays have the shape (instruments,
strategies) or (ticks, strategies). A pair that is not traded never warms up.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import msgspec
import numpy as np
import numpy.typing as npt

from trading.indicators.ewma import Averages, Column
from trading.indicators.rounds import Batch, Floats, Ints

Flags = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]
Columns = slice | Index

#: A strategy whose instrument was silent for this many of its longest time constants starts over:
#: its averages describe another market.
GAP_TAUS = 5.0


class Change(msgspec.Struct, frozen=True):
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


class Kernel(ABC):
    """Strategies of one kind over all instruments."""

    PER_ROW: ClassVar[tuple[str, ...]] = ("direction", "warm", "_due_count", "_due_time")
    """Arrays of (instruments, strategies) that are a strategy's own state."""

    def __init__(self, traded: Flags, taus_s: Floats, warmup_ticks: Sequence[int]) -> None:
        """``traded`` (instruments, strategies); ``taus_s`` and ``warmup_ticks`` (strategies,).

        ``taus_s`` is the longest time constant of each: how long it warms up, at least.
        """
        self._traded = traded
        self._wanted: Flags = np.any(traded, axis=1)
        self._warmup_ticks = np.array(warmup_ticks, dtype=np.int64)
        self._warmup_ns = np.ceil(taus_s * 1e9).astype(np.int64)
        self._gap = taus_s * GAP_TAUS
        self._shortest_gap = float(self._gap.min())
        self.direction = np.zeros(traded.shape)
        self.warm: Flags = np.zeros(traded.shape, dtype=bool)
        self._warming: Flags = self._wanted.copy()
        self._all_warm = False
        self._due_count = np.zeros(traded.shape, dtype=np.int64)
        self._due_time = np.zeros(traded.shape, dtype=np.int64)

    def take_over(self, row: int, before: "Kernel", at: int) -> None:
        """Strategy ``row`` goes on where row ``at`` of ``before`` stands."""
        for name in self.PER_ROW:
            getattr(self, name)[:, row] = getattr(before, name)[:, at]

    def begin(self, row: int, count: Ints, last_time: Ints) -> None:
        """Strategy ``row`` warms up from here on, where ticks were seen before it came."""
        seen = self._traded[:, row] & (count > 0)
        self._due_count[seen, row] = count[seen] + self._warmup_ticks[row]
        self._due_time[seen, row] = last_time[seen] + self._warmup_ns[row]

    def taken_over(self) -> None:
        """What rests on all rows, once each has its state."""
        self._warming = (self.warm != self._traded).any(axis=1)
        self._all_warm = False

    @abstractmethod
    def columns(self) -> list[Column]:
        """The averages it needs."""

    @abstractmethod
    def bind(self, place: dict[Column, int]) -> None:
        """Learn where its columns are."""

    @abstractmethod
    def _score(self, batch: Batch, averages: Averages) -> Floats:
        """Score of every strategy after every tick, in thresholds, (ticks, strategies)."""

    @abstractmethod
    def _suspect(self, batch: Batch, score: Floats, old: Floats) -> Flags:
        """Where a direction may change, given those before the batch; never too few."""

    @abstractmethod
    def _decide(self, at: int, row: int, score: float, old: int) -> int:
        """The rule itself: strategy ``row``'s direction in instrument ``at`` after one tick."""

    def _forced(self, row: int, score: float) -> bool:
        """Did this strategy leave by its stop?"""
        return False

    def standing(self, batch: Batch, averages: Averages, row: int) -> tuple[int, float]:
        """Direction and score of strategy ``row`` at a batch of one tick, changing nothing."""
        at = int(batch.instruments[0])
        return int(self.direction[at, row]), float(self._score(batch, averages)[0, row])

    def update(self, batch: Batch, averages: Averages) -> list[Change]:
        """Judge a batch; changes of direction in the order of their ticks.

        Few ticks change a mind. So all are compared with the directions before the batch in one
        go, and only pairs where that looks like a change are gone through by the rule.
        """
        score = self._score(batch, averages)
        warm = self._warmth(batch)
        suspect = self._suspect(batch, score, self.direction.take(batch.instruments, axis=0))
        if warm is not None:
            suspect &= warm
        found = np.flatnonzero(suspect)  # several times faster than nonzero in two dimensions
        if not len(found):
            return []
        where, rows = np.divmod(found, suspect.shape[1])
        pairs: dict[int, set[int]] = {}
        for at, row in zip(batch.instruments[where].tolist(), rows.tolist(), strict=True):
            pairs.setdefault(at, set()).add(row)
        changes: list[Change] = []
        for at, some in pairs.items():
            ticks = np.flatnonzero(batch.instruments == at)
            for row in some:
                changes += self._walk(batch, ticks, row, score[ticks, row], warm)
        return sorted(changes, key=lambda one: (one.origin, one.row))

    def _walk(
        self, batch: Batch, ticks: Index, row: int, scores: Floats, warm: Flags | None
    ) -> list[Change]:
        """One strategy through one instrument's ``ticks``, in order."""
        at = int(batch.instruments[ticks[0]])
        old = int(self.direction[at, row])
        changes = []
        for tick, score in zip(ticks.tolist(), scores.tolist(), strict=True):
            if warm is not None and not warm[tick, row]:
                continue
            new = self._decide(at, row, score, old)
            if new != old:
                forced = new == 0 and self._forced(row, score)
                confidence = confidence_of(score, new, forced=forced)
                origin = int(batch.origin[tick])
                changes.append(Change(origin, at, row, new, score, confidence, forced))
                old = new
        self.direction[at, row] = old
        return changes

    def _warmth(self, batch: Batch) -> Flags | None:
        """Who is warm at each tick, (ticks, strategies); None when all are."""
        restart: Flags | None = None
        if batch.longest > self._shortest_gap:
            restart = batch.dt[:, None] > self._gap
        if restart is None and self._all_warm:
            return None
        if restart is None and not self._warming[batch.instruments].any():
            return self.warm.take(batch.instruments, axis=0)
        warm = np.empty((len(batch.dt), self._traded.shape[1]), dtype=bool)
        for low, high in batch.bounds:
            part = slice(low, high)
            if restart is not None:
                self._start_over(batch, part, restart[part])
            warm[part] = self._warm_up(batch, part)
        self._all_warm = bool(self.warm.all())
        return warm

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

    def _warm_up(self, batch: Batch, part: slice) -> Flags:
        """Warm is who saw its number of ticks and its longest time constant."""
        at = batch.instruments[part]
        warm: Flags = batch.count[part][:, None] >= self._due_count[at]
        warm &= batch.times[part][:, None] >= self._due_time[at]
        warm &= self._traded[at]
        self.warm[at] = warm
        self._warming[at] = (warm != self._traded[at]).any(axis=1)
        return warm


def columns_at(place: dict[Column, int], wanted: Sequence[Column]) -> Columns:
    """Where ``wanted`` are: a slice when they lie side by side, which is faster to read."""
    found = [place[one] for one in wanted]
    if found == list(range(found[0], found[0] + len(found))):
        return slice(found[0], found[0] + len(found))
    return np.array(found, dtype=np.intp)


def confidence_of(score: float, direction: int, *, forced: bool) -> float:
    """How sure a change is, from 0 to 1, by how far ``score`` (in thresholds) lies from none.

    To a side, or out by a stop: 1 - exp(-abs(score)), so 0.63 at the threshold and 0.86 at twice
    it. Out because the reason is gone: exp(-abs(score)), the nearer to nothing the surer.
    """
    away = math.exp(-abs(score))
    return 1.0 - away if direction or forced else away
