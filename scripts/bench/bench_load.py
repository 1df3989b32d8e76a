"""The runbook's load, and the most that is borne: orders durable before each leaves.

The world of ``haltline trading-load`` on a PostgreSQL that syncs, and a Redis. First 100 orders a
second for 300 s after a ramp of 60 s; then steps of rising rate until one is not borne. Beside them
the bare chain of processes at the same rate (scripts.bench.chain), and rows committed in groups by
one connection with nothing else to do.

``BENCH_LOAD_SECONDS``, ``BENCH_LOAD_RAMP`` and ``BENCH_LOAD_STEP_SECONDS`` shorten it.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from redis import Redis

from scripts.bench.chain import pace_for, run_chain
from scripts.bench.report import Figure, write_report
from scripts.bench.workload import percentiles_us
from tests.support.services import (
    create_database,
    end,
    local_redis,
    prepare_database,
    wait_for_postgres,
    wait_for_redis,
)
from trading.clock import utc_now
from workers.loadtest.judge import REACHED, account, times
from workers.loadtest.load import Load
from workers.loadtest.plan import Plan
from workers.loadtest.run import Outcome, load_run
from workers.loadtest.world import World, load_world
from workers.services.binaries import find_postgres
from workers.services.ports import free_port
from workers.services.postgres import LocalPostgres

RATE = 100.0
RUNBOOK_MS, WANTED_MS = 500.0, 100.0
FIRST, STEP, LAST = 200.0, 100.0, 1_500.0
WANTED_RATE = 500.0
FLOOR_S = 5.0
GROUP = 8
"""Rows in a transaction of the floor: what a gateway's has at these rates."""
ENTRY_S = 0.05
_ROW = "INSERT INTO bench_floor (id, body) SELECT * FROM unnest(%s::bigint[], %s::text[])"


def main() -> list[Figure]:
    """Run for about seven minutes and write ``bench/load.json``."""
    before = os.getloadavg()[0]
    seconds = float(os.environ.get("BENCH_LOAD_SECONDS", "300"))
    ramp = float(os.environ.get("BENCH_LOAD_RAMP", "60"))
    step_s = float(os.environ.get("BENCH_LOAD_STEP_SECONDS", "8"))
    folder = Path(tempfile.mkdtemp(prefix="haltline-bench-"))
    folder.chmod(0o755)  # PostgreSQL may run as another user
    try:
        with _services(folder) as (postgres, redis_url):
            floor_ns = run_chain(
                postgres.url(), redis_url, folder, pace_for(RATE, ENTRY_S, FLOOR_S)
            )
            rows = _rows_a_second(postgres.url())
            with load_world(
                folder / "load", database_url=postgres.application_url(), owner_url=postgres.url(),
                redis_url=redis_url,
            ) as world:  # fmt: skip
                done = load_run(
                    world, Plan(RATE, seconds, ramp), limit_ms=RUNBOOK_MS, tell=lambda _: None
                )
                most, tried = _highest(world, step_s)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures = [*_figures(done, percentiles_us(floor_ns)), _most(most, rows)]
    notes = (
        f"{RATE:.0f} orders/s for {seconds:.0f} s, ramp {ramp:.0f} s; refused by us:"
        f" {done.account.refused or 'none'}; steps of {step_s:.0f} s, the rate answered and its p99"
        f" in ms: {tried}; load average at the end {os.getloadavg()[0]:.2f}"
    )
    write_report("load", figures, notes=notes, load_before=before)
    return figures


@contextlib.contextmanager
def _services(folder: Path) -> Iterator[tuple[LocalPostgres, str]]:
    program = find_postgres()
    if program is None:
        raise RuntimeError("no PostgreSQL to measure: run make bench, which installs it")
    postgres = LocalPostgres(
        program, folder / "postgres", free_port(), secrets.token_hex(16),
        application_password=secrets.token_hex(16),
    )  # fmt: skip
    redis = local_redis(folder)
    pids = [postgres.start(folder / "postgres.log"), redis.start(folder / "redis.log")]
    try:
        wait_for_postgres(postgres, pids[0], folder / "postgres.log")
        wait_for_redis(redis, pids[1], folder / "redis.log")
        create_database(postgres)
        prepare_database(postgres)
        yield postgres, redis.url
    finally:
        for pid in pids:
            end(pid)


def _rows_a_second(url: str) -> float:
    """Rows committed in groups, one connection, nothing else."""
    with psycopg.connect(url, autocommit=True) as own:
        own.execute("CREATE TABLE bench_floor (id bigint PRIMARY KEY, body text)")
        made, begun = 0, time.perf_counter()
        while (took := time.perf_counter() - begun) < FLOOR_S:
            own.execute(_ROW, [list(range(made, made + GROUP)), ["x" * 400] * GROUP])
            made += GROUP
        own.execute("DROP TABLE bench_floor")
    return made / took


def _highest(world: World, step_s: float) -> tuple[float, list[str]]:
    """The highest rate of the steps that was borne (98 % of it answered in the step itself, and in
    time), and how each went."""
    most, tried, wanted = 0.0, [], FIRST
    with Redis.from_url(world.redis_url, socket_timeout=10) as redis:
        while wanted <= LAST:
            load, begun = Load(redis, name=f"s{wanted:.0f}."), utc_now()
            load.run(Plan(wanted, step_s))
            found = times(world, begun, utc_now())
            load.flatten()
            if found is None:
                break
            rate, p99 = found.answered / step_s, found.whole[-1]
            tried.append(f"{wanted:.0f}: {rate:.0f}, {p99:.0f}")
            if rate < REACHED * wanted or p99 > RUNBOOK_MS:
                break
            most = wanted
            wanted += STEP
        whole = account(world, [])
    if whole.lost or whole.duplicated:
        raise RuntimeError(f"orders were lost or doubled: {whole}")
    return most, tried


def _figures(done: Outcome, floor: tuple[float, float]) -> list[Figure]:
    if done.times is None:
        raise RuntimeError("no order was answered in the measured time")
    found, whole = done.account, done.times.whole
    bad = found.lost + found.duplicated + found.strange
    name, chain = "order due to the venue's answer", "the bare chain of processes"
    return [
        Figure("orders lost, doubled or nobody's", bad, "orders", None, "", "0", bad == 0),
        Figure(f"{name} p50", whole[0], "ms", floor[0] / 1e3, chain),
        Figure(f"{name} p95", whole[1], "ms"),
        Figure(
            f"{name} p99", whole[2], "ms", floor[1] / 1e3, chain,
            f"< {WANTED_MS:.0f} ms (the runbook's {RUNBOOK_MS:.0f})", whole[2] < WANTED_MS,
        ),
        Figure("orders made", found.made, "orders"),
        Figure("orders answered a second after the ramp", done.rate, "orders/s", None, "",
               f">= {REACHED * RATE:.0f}", done.rate >= REACHED * RATE),
    ]  # fmt: skip


def _most(most: float, rows: float) -> Figure:
    return Figure(
        "highest rate sustained, durable before send", most, "orders/s", rows,
        f"rows committed in groups of {GROUP} alone", f">= {WANTED_RATE:.0f}", most >= WANTED_RATE,
    )  # fmt: skip
