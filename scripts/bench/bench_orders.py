"""Tick to order at the venue at about 100 orders a second, through the processes of a whole desk.

A desk of its own replays prices that swing (scripts.bench.swings). An order's time runs from the
moment its tick was published to the moment the venue took the order into its log: our own
``tick_to_send_us`` and, by the machine's wall clock, from there to the venue's ``at_ns``. What
the replay waits to publish a batch (up to 50 ms) is before it and not in it.

The floor (scripts.bench.chain) runs on the same desk's PostgreSQL and Redis, in entries of as
many orders and at the same rate, while the desk is up and its strategies have nothing to trade.
"""

import datetime as dt
import os
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from scripts.bench import bench_memory
from scripts.bench.bench_memory import processes
from scripts.bench.chain import pace_for, run_chain
from scripts.bench.report import Figure, write_report
from scripts.bench.swings import STEP_S, give_load, take_load, write_quotes
from scripts.bench.workload import percentiles_us
from tests.desk.judge import ACCOUNTS, database_now, venue
from tests.support.desk import Desk, running_desk

RATE = 100.0
WANTED_US = 25_000.0
SWING_S = 0.36  # 36 pairs of strategy and symbol change sides once in this
FILE_S = 240.0
SECONDS = 30.0
STEADY_S = 3.0
STEADY = 0.7  # of RATE
FLOOR_S = 10.0
PATIENCE_S = 60.0
LEAST_PERCENT = 1.0
FLOOR_IS = "bare XADD, XREAD, XADD, XREAD, INSERT and COMMIT, TCP"

_ORDERS = """
SELECT o.client_order_id, o.tick_to_send_us, o.created_at, o.sent_at, s.latency_us, o.state,
  o.reason_code
FROM trading_order o LEFT JOIN trading_signal s ON s.id = o.correlation_id
WHERE o.created_at BETWEEN %s AND %s
"""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_US = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class Timing:
    """One order's way, microseconds from its tick's publication.

    ``signal`` is None where the order follows no signal of this tick: it waited for the answer to
    the one before.
    """

    signal: int | None
    admitted: int
    sent: int
    venue: float


@dataclass(frozen=True)
class Window:
    """What was measured between two moments of the database's clock."""

    since: dt.datetime
    until: dt.datetime
    cpu_s: dict[str, float]

    @property
    def seconds(self) -> float:
        return (self.until - self.since).total_seconds()


def main() -> list[Figure]:
    """Run for two minutes at most; write ``bench/orders.json`` and ``bench/memory.json``."""
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="haltline-bench-"))
    folder.chmod(0o755)  # PostgreSQL may run as another user
    try:
        quotes = folder / "swings.csv"
        write_quotes(quotes, FILE_S, SWING_S)
        with running_desk(folder / "home", FEED=f"replay:{quotes}", REPLAY_SPEED="1") as desk:
            pairs = give_load(desk)
            desk.wait_for(lambda: _steady(desk), PATIENCE_S, f"at {STEADY * RATE:.0f} orders/s")
            window = _measure(desk)
            memory = bench_memory.measure(desk, load_before=load)
            take_load(desk)
            found, others = _timings(desk, window)
            rate = len(found) / window.seconds
            pace = pace_for(rate, STEP_S, FLOOR_S)
            floor = run_chain(
                desk.environment["DATABASE_URL"], desk.environment["REDIS_URL"], folder, pace
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures = figures_of(found, floor, window)
    notes = (
        f"{pairs} pairs of strategy and symbol, {window.seconds:.0f} s;"
        f" not accepted: {others or 'none'};"
        f" floor: {pace.orders} orders every {pace.every_s * 1e3:.0f} ms for {FLOOR_S:.0f} s"
        " on the desk's stores, the desk up without anything to trade; load average at the end"
        f" {os.getloadavg()[0]:.2f}"
    )
    write_report("orders", figures, notes=notes, load_before=load)
    return figures + memory


def _steady(desk: Desk) -> bool:
    ((count,),) = desk.sql(
        "SELECT count(*) FROM trading_order"
        " WHERE answered_at > clock_timestamp() - make_interval(secs => %s)",
        STEADY_S,
    )
    return bool(count >= STEADY * RATE * STEADY_S)


def _measure(desk: Desk) -> Window:
    names = processes(desk)
    before = {name: _cpu_s(pids) for name, pids in names.items()}
    since = database_now(desk)
    time.sleep(SECONDS)  # the stretch that is measured
    until = database_now(desk)
    return Window(since, until, {name: _cpu_s(names[name]) - was for name, was in before.items()})


def _cpu_s(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def _timings(desk: Desk, window: Window) -> tuple[list[Timing], dict[str, int]]:
    """Orders of the window that the venue accepted, and how many others there are, by state."""
    at_ns: dict[str, int] = {}
    with venue(desk) as admin:
        for account in ACCOUNTS:
            log = admin.log(account)
            at_ns |= {o["client_order_id"]: o["at_ns"] for o in log if o["kind"] == "accepted"}
    rows = desk.sql(_ORDERS, window.since, window.until)
    found = [timing(row, at_ns[row[0]]) for row in rows if row[0] in at_ns and row[1] is not None]
    others = Counter(f"{row[5]} {row[6]}".strip() for row in rows if row[0] not in at_ns)
    return found, dict(others)


def timing(row: tuple[Any, ...], at_ns: int) -> Timing:
    """From a row of _ORDERS and the venue's stamp."""
    _, tick_to_send, created, sent, signal, *_ = row
    admitted = tick_to_send - (sent - created) // _US
    on_the_wire = at_ns / 1e3 - (sent - _EPOCH) // _US
    same_tick = signal is not None and signal <= admitted
    return Timing(signal if same_tick else None, admitted, tick_to_send, tick_to_send + on_the_wire)


def figures_of(found: list[Timing], floor_ns: list[int], window: Window) -> list[Figure]:
    """Raises RuntimeError when there is nothing to tell of."""
    if not found:
        raise RuntimeError("the venue accepted no order in the measured time")
    return [
        *_whole(found, floor_ns),
        *_parts(found),
        Figure("orders a second", len(found) / window.seconds, "orders/s"),
        Figure("orders measured", len(found), "orders"),
        *_processors(window),
    ]


def _whole(found: list[Timing], floor_ns: list[int]) -> list[Figure]:
    p50, p99 = _percentiles([one.venue for one in found])
    floor50, floor99 = percentiles_us(floor_ns)
    name, wanted = "tick to order at the venue", f"< {WANTED_US:.0f} us"
    return [
        Figure(f"{name} p50", p50, "us", floor50, FLOOR_IS),
        Figure(f"{name} p99", p99, "us", floor99, FLOOR_IS, wanted, p99 < WANTED_US),
    ]


def _parts(found: list[Timing]) -> list[Figure]:
    signalled = [(one.signal, one.admitted) for one in found if one.signal is not None]
    parts: dict[str, list[float]] = {
        "tick to signal": [signal for signal, _ in signalled],
        "signal to intent admitted": [admitted - signal for signal, admitted in signalled],
        "tick to intent admitted": [one.admitted for one in found],
        "admitted to written to the socket": [one.sent - one.admitted for one in found],
        "socket to the venue": [one.venue - one.sent for one in found],
    }
    return [
        Figure(f"{part} {name}", value, "us")
        for part, values in parts.items()
        if values
        for name, value in zip(("p50", "p99"), _percentiles(values), strict=True)
    ]


def _percentiles(values: list[float]) -> tuple[float, float]:
    return float(np.percentile(values, 50)), float(np.percentile(values, 99))


def _processors(window: Window) -> list[Figure]:
    used = {name: 100 * one / window.seconds for name, one in window.cpu_s.items()}
    return [
        Figure("processor time of the desk", sum(used.values()), "% of a core"),
        *(
            Figure(f"processor time of {name}", percent, "% of a core")
            for name, percent in sorted(used.items(), key=lambda item: -item[1])
            if percent >= LEAST_PERCENT
        ),
    ]
