"""Tick to signal at 20,000 ticks a second, through a real Redis between two processes.

One process paces quotes, checks them in an Ingestor and publishes them; the other is the live
shard's loop with 20 strategies on 500 instruments. A quote's clock starts when its batch enters
the ingestor. The floor is measured the same way in the same run: entries of the same bytes at the
same pace from a bare XADD to a bare XREAD.
"""

import multiprocessing as mp
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from redis import Redis

from scripts.bench.report import Figure, write_report
from scripts.bench.workload import (
    SHARD,
    batches,
    engine,
    percentiles_us,
    strategies,
    universe,
)
from tests.support.services import end, local_redis, wait_for_redis
from trading import clock, streams
from trading.clock import NS
from trading.feeds.ingestor import Ingestor
from trading.feeds.raw import RawBatch
from trading.strategies.loop import ShardLoop
from trading.strategies.specs import OutcomeMade, SignalMade
from trading.ticks import pack

RATE = 20_000
BATCH = 100  # one entry every 5 ms
SECONDS = 10
SLOW_S = 2.0  # warm, and signals to measure, within the run
SETTLE_S = 4.0  # not measured: warm-up
PATIENCE_S = SECONDS * 3


class Recorder:
    """Takes signals where the live shard has its database writer."""

    dropped = failures = depth = 0

    def __init__(self) -> None:
        self.signals: list[SignalMade] = []

    def put(self, made: Sequence[SignalMade | OutcomeMade]) -> None:
        self.signals += [one for one in made if isinstance(one, SignalMade)]


def main() -> list[Figure]:
    """Run for about half a minute and write ``bench/signal.json``."""
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="haltline-bench-"))
    server = local_redis(folder)  # never the desk's own: this publishes ticks
    pid = server.start(folder / "redis.log")
    try:
        wait_for_redis(server, pid, folder / "redis.log")
        hops = _run(server.url, _publish_bare, _read_bare)
        made = _run(server.url, _publish_path, _read_path)
    finally:
        end(pid)
        shutil.rmtree(folder, ignore_errors=True)
    figures = [
        Figure(f"tick to signal {name}", value, "us", floor, "bare XADD to XREAD of the same bytes")
        for name, value, floor in zip(
            ("p50", "p99"), percentiles_us(made), percentiles_us(hops), strict=True
        )
    ]
    figures.append(Figure("signals measured", len(made), "signals"))
    notes = f"{RATE} ticks/s in entries of {BATCH} for {SECONDS} s; the first {SETTLE_S} s warm up"
    write_report("signal", figures, notes=notes, load_before=load)
    return figures


def _run(
    url: str, publish: Callable[[str], None], read: Callable[[str, Connection], None]
) -> list[int]:
    """Latencies, ns, that ``read`` saw of what ``publish`` sent, each in a process of its own."""
    spawn = mp.get_context("spawn")
    ours, theirs = spawn.Pipe()
    reader = spawn.Process(target=read, args=(url, theirs), daemon=True)
    reader.start()
    if not ours.poll(PATIENCE_S):
        raise RuntimeError("the reader does not start")
    ours.recv()
    writer = spawn.Process(target=publish, args=(url,), daemon=True)
    writer.start()
    writer.join(PATIENCE_S)
    ours.send("stop")
    if not ours.poll(PATIENCE_S):
        raise RuntimeError("the reader does not answer")
    latencies: list[int] = ours.recv()
    reader.join(5)
    for process in (writer, reader):
        if process.is_alive():
            process.kill()
    return latencies


def _paced(work: list[RawBatch], send: Callable[[RawBatch, int], None]) -> None:
    """``send(batch, boot ns)`` for each batch at its time; late ones follow at once."""
    start = clock.boot_ns()
    step = NS * BATCH // RATE
    for number, batch in enumerate(work):
        wait = start + number * step - clock.boot_ns()
        if wait > 0:
            time.sleep(wait / NS)
        send(batch, clock.boot_ns())


def _work() -> list[RawBatch]:
    return batches(SECONDS * RATE // BATCH, BATCH, rate=RATE)


def _publish_path(url: str) -> None:
    redis = Redis.from_url(url)
    ingestor, boot_id = Ingestor(universe()), clock.boot_id()

    def send(batch: RawBatch, boot: int) -> None:
        result = ingestor.process(batch)
        fields: dict[str, bytes | str | int] = {
            "d": pack(result.ticks),
            "clk": result.clock_ns,
            "boot": boot,
            "wall": clock.wall_ns(),
            "bid": boot_id,
            "s": "bench",
        }
        limit = streams.TICKS_MAXLEN
        redis.xadd(streams.TICKS, fields, maxlen=limit, approximate=True)  # type: ignore[arg-type]

    _paced(_work(), send)


def _publish_bare(url: str) -> None:
    redis = Redis.from_url(url)
    data = bytes(BATCH * 56)

    def send(_: RawBatch, boot: int) -> None:
        redis.xadd("floor", {"d": data, "boot": boot}, maxlen=20_000, approximate=True)

    _paced(_work(), send)


def _read_path(url: str, pipe: Connection) -> None:
    known = universe()
    recorder = Recorder()

    def stopping(timeout_s: float) -> bool:
        return pipe.poll(timeout_s)

    loop = ShardLoop(
        SHARD,
        engine(strategies(known, SLOW_S), known),
        redis=Redis.from_url(url),
        writer=recorder,
        stopping=stopping,
        boot_id=clock.boot_id(),
    )
    pipe.send("ready")
    loop.run()
    # At the moment it is warm a strategy takes sides in all instruments at once: not the steady
    # state that is measured.
    since = recorder.signals[0].feed_time + int((SETTLE_S - SLOW_S) * NS)
    pipe.send([one.latency_ns for one in recorder.signals if one.feed_time > since])


def _read_bare(url: str, pipe: Connection) -> None:
    redis = Redis.from_url(url)
    after, latencies = b"0-0", []
    pipe.send("ready")
    while not pipe.poll(0):
        found: Any = redis.xread({"floor": after}, count=200, block=200)
        for _, entries in found or ():
            for entry_id, fields in entries:
                latencies.append(clock.boot_ns() - int(fields[b"boot"]))
                after = entry_id
    pipe.send(latencies[int(len(latencies) * SETTLE_S / SECONDS) :])
