"""The desk's stages in lock-step over recorded rows, as fast as they go.

A tick on which nothing can happen needs no step of its own: while no order is wanted or open, rows
up to the next change of mind are taken together. A scout, the same kernels without a gateway, says
where those are. What comes of it is what one row a step gives (tests/backtest). Where a strategy
weighs two instruments against one another, all rows of one time are one step: bars of both begin
and end together, and half of such a moment is a price that never was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

import numpy as np
import numpy.typing as npt

from trading import ticks as tick_format
from trading.backtest.data import Recorded
from trading.feeds.ingestor import Ingestor
from trading.feeds.raw import RawBatch, RawRows
from trading.lockstep import BOOT_ID, SHARD, TOKEN, Lockstep, Result
from trading.strategies.engine import ShardEngine
from trading.strategies.parameters import ArbitrageParameters
from trading.strategies.specs import Clocks, StrategySpec
from trading.ticks import Ticks
from trading.universe import UNIVERSE

SCOUT_ROWS = 4_096
SPAN_ROWS = 2_048
"""Rows taken together at most."""

Progress = Callable[[int, int], None]
Limits = Mapping[tuple[str, str], Decimal]


@dataclass(frozen=True, slots=True)
class Played:
    """``ticks``: all that were let through; ``steps``: of the path; ``refused``: by reason."""

    result: Result
    ticks: Ticks
    steps: int
    refused: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Scouted:
    """``marks``: rows after which a strategy may change its mind, in order."""

    marks: list[int]
    ticks: Ticks


def play(
    specs: Sequence[StrategySpec],
    limits: Limits,
    recorded: Recorded,
    *,
    progress: Progress = lambda done, whole: None,
    singly: bool = False,
) -> Played:
    """``singly``: one row a step, to compare with."""
    path = Lockstep(specs, limits)
    rows = recorded.rows
    whole, at, steps = len(rows), 0, 0
    ends = _ends(rows, specs)
    seen = scouted(specs, recorded)
    marks = seen.marks
    following = 0
    try:
        while at < whole:
            while following < len(marks) and marks[following] < at:
                following += 1
            until = marks[following] + 1 if following < len(marks) else whole
            alone = singly or not path.settled
            end = int(ends[at]) if alone else min(until, at + SPAN_ROWS)
            path.step(RawBatch(rows[at:end], int(rows["clock"][end - 1]), recorded.faults))
            at, steps = end, steps + 1
            progress(at, whole)
    finally:
        path.exchange.close()
    return Played(path.result, seen.ticks, steps, path.ingestor.counters()["refused"])


def _ends(rows: RawRows, specs: Sequence[StrategySpec]) -> npt.NDArray[np.intp]:
    """Of each row: where its step ends, when it is not taken with those after it."""
    numbers = np.arange(1, len(rows) + 1)
    if not any(isinstance(one.parameters, ArbitrageParameters) for one in specs):
        return numbers
    last = np.flatnonzero(np.append(rows["clock"][1:] != rows["clock"][:-1], True))
    return last[np.searchsorted(last, numbers - 1)] + 1


def scouted(specs: Sequence[StrategySpec], recorded: Recorded) -> Scouted:
    """The strategies over all rows, without a gateway: no order is made."""
    numbers = count(1)
    ingestor = Ingestor(UNIVERSE)
    scout = ShardEngine(
        specs, UNIVERSE, shard=SHARD, token=TOKEN, ids=lambda: f"s{next(numbers)}",
        clocks=Clocks(lambda: 0, lambda: 0, BOOT_ID),
    )  # fmt: skip
    times: set[int] = set()
    ticks: list[Ticks] = []
    rows = recorded.rows
    for at in range(0, len(rows), SCOUT_ROWS):
        part = rows[at : at + SCOUT_ROWS]
        found = ingestor.process(RawBatch(part, int(part["clock"][-1]), recorded.faults))
        scout.on_ticks(found.ticks, found.clock_ns, 0, trade=False)
        ticks.append(found.ticks)
        times |= {one.feed_time for one in scout.take_signals()}
    # By the rows' own times: a quote that came late stands after others, and its mark with it.
    wanted = np.isin(rows["tick"]["time"], np.array(sorted(times), dtype=np.int64))
    marks = [int(one) for one in np.flatnonzero(wanted)]
    return Scouted(marks, np.concatenate([*ticks, tick_format.empty(0)]))
