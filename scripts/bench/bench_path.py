"""Ticks a second through ingestor, indicators and strategies, beside the bare arithmetic.

The path is given raw quotes and makes signals and targets; 20 strategies on 500 instruments, all
warm. Path and floor take turns in short stretches, so that a busy machine slows both alike, and
each stretch's ratio is its own; the median counts.

Two loads: strategies that think in quarters of an hour, as on a desk of that size; and the same in
minutes, where writing out signals, one by one, shows.
"""

import os
import time

import numpy as np

from scripts.bench.bare import Bare
from scripts.bench.report import Figure, write_report
from scripts.bench.workload import (
    INSTRUMENTS,
    STRATEGIES,
    batches,
    engine,
    strategies,
    universe,
)
from trading import clock
from trading.feeds.ingestor import Ingestor
from trading.feeds.raw import RawBatch
from trading.strategies.engine import ShardEngine

BATCH = 2_000
RATE = 4_000.0  # quotes a second of feed time: 8 an instrument
THIN = 400.0  # while it warms up
STRETCH = 10
STRETCHES = 30
WANTED = 0.8
LOADS = {"": 900.0, ", many signals": 60.0}


def main() -> list[Figure]:
    """Run for about half a minute and write ``bench/path.json``."""
    load = os.getloadavg()[0]
    figures = []
    for name, slow_s in LOADS.items():
        figures += _load(name, slow_s)
    notes = (
        f"{STRATEGIES} strategies on {INSTRUMENTS} instruments, batches of {BATCH} quotes, medians"
        f" of {STRETCHES} stretches of {STRETCH} batches; slow averages {list(LOADS.values())} s"
    )
    write_report("path", figures, notes=notes, load_before=load)
    return figures


def _load(name: str, slow_s: float) -> list[Figure]:
    known = universe()
    specs = strategies(known, slow_s)
    ingestor, shard, bare = Ingestor(known), engine(specs, known), Bare(specs)
    # Until every strategy is warm: its longest time constant, and as long again.
    warm = int(slow_s * 4 * THIN / BATCH)
    count = warm + STRETCH * STRETCHES
    work = batches(count, BATCH, rate=RATE, thin=warm, thin_rate=THIN)
    _path(ingestor, shard, work[:warm])
    _bare(bare, work[:warm])
    shard.take_signals()
    path_ns, bare_ns, signals = [], [], 0
    for at in range(warm, len(work), STRETCH):
        part = work[at : at + STRETCH]
        path_ns.append(_path(ingestor, shard, part))
        bare_ns.append(_bare(bare, part))
        signals += len(shard.take_signals())
    ticks = STRETCH * BATCH * 1e9
    path = ticks / float(np.median(path_ns))
    ratio = float(np.median(np.array(bare_ns) / np.array(path_ns)))
    total = STRETCH * STRETCHES * BATCH
    return [
        Figure(
            f"ticks a second through ingestor, indicators and strategies{name}",
            path,
            "ticks/s",
            path / ratio,
            "same numpy work in a bare loop",
            f"ratio >= {WANTED}",
            ratio >= WANTED,
        ),
        Figure(f"signals made per 1,000 ticks{name}", signals * 1e3 / total, "signals"),
    ]


def _path(ingestor: Ingestor, shard: ShardEngine, work: list[RawBatch]) -> int:
    start = time.perf_counter_ns()
    for batch in work:
        result = ingestor.process(batch)
        shard.on_ticks(result.ticks, result.clock_ns, clock.boot_ns())
    return time.perf_counter_ns() - start


def _bare(bare: Bare, work: list[RawBatch]) -> int:
    start = time.perf_counter_ns()
    for batch in work:
        bare.run(batch.rows)
    return time.perf_counter_ns() - start
