"""Ticks a second through ingestor, indicators and strategies, beside the bare arithmetic.

The path is given raw quotes and makes signals and targets; 20 strategies on 500 instruments, all
warm. Path and floor take turns in short stretches so that a busy machine slows both alike.
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

BATCH = 1_000
RATE = 4_000.0  # quotes a second of feed time: 8 an instrument
SLOW_S = 60.0
WARM = 500  # batches until every strategy is warm: 125 s of feed time
STRETCH = 20
STRETCHES = 30
WANTED = 0.8


def main() -> list[Figure]:
    """Run for about half a minute and write ``bench/path.json``."""
    load = os.getloadavg()[0]
    known = universe()
    specs = strategies(known, SLOW_S)
    work = batches(WARM + STRETCH * STRETCHES, BATCH, rate=RATE)
    ingestor, shard, bare = Ingestor(known), engine(specs, known), Bare(specs)
    for batch in work[:WARM]:
        _path(ingestor, shard, [batch])
        _bare(bare, [batch])
    shard.take_signals()
    path_ns, bare_ns, signals = [], [], 0
    for at in range(WARM, len(work), STRETCH):
        part = work[at : at + STRETCH]
        path_ns.append(_path(ingestor, shard, part))
        bare_ns.append(_bare(bare, part))
        signals += len(shard.take_signals())
    ticks = STRETCH * BATCH * 1e9
    path, floor = ticks / float(np.median(path_ns)), ticks / float(np.median(bare_ns))
    ratio = path / floor
    figures = [
        Figure(
            "ticks a second through ingestor, indicators and strategies",
            path,
            "ticks/s",
            floor,
            "same numpy work in a bare loop",
            f"ratio >= {WANTED}",
            ratio >= WANTED,
        ),
        Figure("signals made on the way", signals, "signals"),
    ]
    notes = (
        f"{STRATEGIES} strategies on {INSTRUMENTS} instruments, batches of {BATCH} quotes,"
        f" medians of {STRETCHES} stretches of {STRETCH} batches"
    )
    write_report("path", figures, notes=notes, load_before=load)
    return figures


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
