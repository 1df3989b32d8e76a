"""Pages of the record: every kind of search on five million entries, as the console reads them.

A PostgreSQL of the benchmark's own, filled in one statement, with the search indexes in place.
``HALTLINE_BENCH_RECORD`` says how many entries. The floor is a page by primary key in the same run.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from scripts.bench.report import Figure, write_report
from tests.audit.many import FILLED
from tests.support.services import (
    create_database,
    end,
    local_postgres,
    prepare_database,
    wait_for_postgres,
)

MANY = 5_000_000
VARIABLE = "HALTLINE_BENCH_RECORD"
ROUNDS, WANTED_MS = 20, 150.0
_BODY = "convert_to(repeat('an entry of an order has about so many bytes ', 14), 'UTF8')"
_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'audit_entry'
AND indexname NOT LIKE '%_pkey'
"""
_MEASURE = "import django; django.setup(); from scripts.bench import searching; searching.main()"


def main() -> list[Figure]:
    """Run for some minutes, most of them filling, and write ``bench/record.json``."""
    load, many = os.getloadavg()[0], int(os.environ.get(VARIABLE) or MANY)
    folder = Path(tempfile.mkdtemp(prefix="haltline-bench-"))
    folder.chmod(0o755)  # PostgreSQL may run as another user
    try:
        server = local_postgres(folder)
        pid = server.start(folder / "postgres.log")
        try:
            wait_for_postgres(server, pid, folder / "postgres.log")
            create_database(server)
            prepare_database(server)
            filled_s = _fill(server.url(), many)
            said = _asked(server.application_url(), many)
        finally:
            end(pid)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures = _figures(said, many)
    notes = f"{many:,} entries, filled and indexed in {filled_s:.0f} s; {ROUNDS} rounds of searches"
    write_report("record", figures, notes=notes, load_before=load)
    return figures


def _fill(url: str, many: int) -> float:
    began = time.monotonic()
    with psycopg.connect(url, autocommit=True) as own:
        own.execute("SET maintenance_work_mem = '512MB'")
        own.execute("SET synchronous_commit = off")
        indexes = own.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            own.execute(f'DROP INDEX "{name}"'.encode())
        own.execute(FILLED.replace("'{}'", _BODY).encode(), [many])
        for _, definition in indexes:
            own.execute(definition.encode())
        own.execute("VACUUM ANALYZE audit_entry")
    return time.monotonic() - began


def _asked(url: str, many: int) -> dict[str, list[float]]:
    """Milliseconds of each kind of page, from a process that is set up as the console is."""
    environ = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "console.settings"}
    command = [sys.executable, "-W", "ignore", "-c", _MEASURE, str(ROUNDS), str(many)]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def _figures(said: dict[str, list[float]], many: int) -> list[Figure]:
    floor = statistics.median(said.pop("by key"))
    every = sorted(one for times in said.values() for one in times)
    p99 = every[int(len(every) * 0.99)]
    slowest = max(said, key=lambda name: statistics.median(said[name]))
    return [
        Figure(
            f"a filtered page of {many:,} entries, p99 of {len(said)} searches", p99, "ms", floor,
            "a page by primary key, p50", f"under {WANTED_MS:.0f} ms", p99 < WANTED_MS,
        ),
        Figure("a filtered page, p50", statistics.median(every), "ms", floor),
        Figure(f"the slowest kind, p50: {slowest}", statistics.median(said[slowest]), "ms", floor),
    ]  # fmt: skip
