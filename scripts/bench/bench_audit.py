"""The record: entries a second beside bare inserts, and the verifier on a million of them.

A PostgreSQL of the benchmark's own, that keeps what it commits. A sequencer places what is written
meanwhile, as on a desk. Entries and bare rows (the same columns and primary key, no other index)
take turns in short stretches, so that a busy machine slows both alike; medians count. The verifier
runs as an auditor runs it: a process of its own, on a file, with its bar.
"""

import dataclasses
import datetime as dt
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import verifier
from audit.checkpoints import checkpoint_sign
from audit.exporting import Placed, Sealing, Stamp, entry_line, header_line
from audit.merkle import Growth
from audit.record import COLUMNS, INSERT_MANY_SQL, INSERT_SQL, entries_values, entry_row
from audit.signing import Signer
from audit.verifier import CHAIN_START, chain_next, entry_leaf
from scripts.bench.report import Figure, write_report
from tests.support.services import (
    create_database,
    end,
    local_postgres,
    prepare_database,
    wait_for_postgres,
)

STRETCHES = 15
SINGLE, GROUPS, GROUP = 300, 60, 100
ENTRIES = 1_000_000
PACED, PACE_S = 500, 0.01
WANTED_SINGLE, WANTED_GROUP, WANTED_VERIFY_S = 0.8, 0.5, 20.0
_BARE = """
CREATE TABLE bare (id uuid PRIMARY KEY, happened_at timestamptz, action text, outcome text,
  actor_kind text, actor text, on_behalf_of text, object_kind text, object_id text, reason text,
  source text, request_id text, correlation_id text, body bytea)
"""
_DELAYS = b"""
SELECT extract(epoch FROM placed_at - recorded_at) FROM audit_place
JOIN audit_entry ON id = entry_id WHERE id = ANY(%s)
"""
_NOW = dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)
_SEQUENCER = """
import signal, threading
import django
django.setup()
from audit.places import OPEN
from workers.hosts.sequencer import sequencing
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
sequencing(OPEN, "bench").run(stop.wait)
"""


def row(number: int) -> tuple[Any, ...]:
    """As an order's event is."""
    return entry_row(
        action="order.accepted", actor_kind="process", actor="gateway:paper-1 host:1:1",
        object_kind="order", object_id=f"o-{number:010d}", happened_at=_NOW,
        correlation_id=f"c-{number:010d}", before={"state": "sent"},
        after={"state": "accepted", "quantity": "10000", "price": "1.08345", "venue": f"v{number}"},
    )  # fmt: skip


def main() -> list[Figure]:
    """Run for about two minutes and write ``bench/audit.json``."""
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="haltline-bench-"))
    try:
        with _database(folder) as url:
            figures = _inserts(url)
        figures.append(_verified(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    notes = (
        f"{STRETCHES} stretches of {SINGLE} single and {GROUPS} groups of {GROUP}, a sequencer"
        f" placing meanwhile; verifier on {ENTRIES:,} entries"
    )
    write_report("audit", figures, notes=notes, load_before=load)
    return figures


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    folder.chmod(0o755)  # PostgreSQL may run as another user
    server = dataclasses.replace(local_postgres(folder), settings={})
    pid = server.start(folder / "postgres.log")
    try:
        wait_for_postgres(server, pid, folder / "postgres.log")
        create_database(server)
        given = {
            **os.environ, "DATABASE_URL": server.application_url(), "HALTLINE_HOME": str(folder),
            "DJANGO_SETTINGS_MODULE": "console.settings",
        }  # fmt: skip
        prepare_database(server)
        with subprocess.Popen(
            [sys.executable, "-c", _SEQUENCER], env=given, stderr=subprocess.DEVNULL
        ) as placing:
            try:
                yield server.url()
            finally:
                placing.terminate()
    finally:
        end(pid)


def _inserts(url: str) -> list[Figure]:
    with psycopg.connect(url, autocommit=True) as own:
        own.execute(_BARE.encode())
        numbers = iter(range(10**9))
        bare_one = INSERT_SQL.replace("audit_entry", "bare")
        bare_many = INSERT_MANY_SQL.replace("audit_entry", "bare")
        singles = _in_turn(
            partial(_single, own, INSERT_SQL, numbers), partial(_single, own, bare_one, numbers)
        )
        groups = _in_turn(
            partial(_grouped, own, INSERT_MANY_SQL, numbers),
            partial(_grouped, own, bare_many, numbers),
        )
        late = _placed_after(own, numbers)
    return [
        late,
        _figure("entries, one a transaction", singles, WANTED_SINGLE),
        _figure(f"entries, {GROUP} a transaction", groups, WANTED_GROUP),
    ]


def _placed_after(own: psycopg.Connection[Any], numbers: Iterator[int]) -> Figure:
    """From an entry's commit to its place, by the database's clock, at a desk's pace."""
    idents = []
    for _ in range(PACED):
        one = row(next(numbers))
        own.execute(INSERT_SQL.encode(), one)
        idents.append(one[0])
        time.sleep(PACE_S)
    deadline = time.monotonic() + 30
    while True:
        found = own.execute(_DELAYS, (idents,)).fetchall()
        if len(found) == PACED:
            break
        if time.monotonic() > deadline:
            raise RuntimeError(f"{PACED - len(found)} entries have no place after 30 s")
        time.sleep(0.1)
    worst = sorted(float(one) * 1e3 for (one,) in found)[int(PACED * 0.99)]
    return Figure("place after commit, p99", worst, "ms", wanted="under 200 ms", met=worst < 200)


def _figure(name: str, rates: tuple[float, float], wanted: float) -> Figure:
    value, floor = rates
    return Figure(
        name, value, "entries/s", floor, "bare inserts of the same columns", f"{wanted} of it",
        value / floor >= wanted,
    )  # fmt: skip


def _in_turn(one: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
    """Medians of both rates."""
    found = [(one(), other()) for _ in range(STRETCHES)]
    return (
        statistics.median(rate for rate, _ in found),
        statistics.median(rate for _, rate in found),
    )


def _single(own: psycopg.Connection[Any], sql: str, numbers: Iterator[int]) -> float:
    rows = [row(next(numbers)) for _ in range(SINGLE)]
    began = time.perf_counter()
    for one in rows:
        own.execute(sql.encode(), one)
    return SINGLE / (time.perf_counter() - began)


def _grouped(own: psycopg.Connection[Any], sql: str, numbers: Iterator[int]) -> float:
    groups = [
        entries_values([row(next(numbers)) for _ in range(GROUP)]) for _ in range(GROUPS)
    ]  # fmt: skip
    began = time.perf_counter()
    for one in groups:
        own.execute(sql.encode(), one)
    return GROUPS * GROUP / (time.perf_counter() - began)


def _verified(folder: Path) -> Figure:
    signer = Signer(Ed25519PrivateKey.generate())
    export = folder / "export.jsonl"
    _write_export(export, signer)
    (folder / "audit.pem").write_text(signer.public_pem)
    command = [
        sys.executable, "-I", str(verifier.__file__), str(export), "--key",
        str(folder / "audit.pem"), "--progress",
    ]  # fmt: skip
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - began
    if not done.stdout.startswith(f"whole: {ENTRIES:,} entries"):
        raise RuntimeError(f"the verifier says {done.stdout}")
    began = time.perf_counter()
    digest = hashlib.sha256()
    with export.open("rb") as lines:
        for line in lines:
            digest.update(line)
    floor = time.perf_counter() - began
    return Figure(
        f"verification of {ENTRIES:,} entries", seconds, "s", floor,
        "bare SHA-256 of the same lines", f"under {WANTED_VERIFY_S:.0f} s",
        seconds < WANTED_VERIFY_S,
    )  # fmt: skip


def _write_export(path: Path, signer: Signer) -> None:
    """Twice over the entries: the header has the checkpoint of all of them."""
    at = "2026-11-21T09:30:00.000000Z"
    edge, chain = Growth(), CHAIN_START
    chains = []
    bodies = [row(number)[COLUMNS.index("body")] for number in range(ENTRIES)]
    for index, body in enumerate(bodies):
        leaf = entry_leaf(at.encode(), body)
        chain = chain_next(chain, index, leaf)
        chains.append(chain)
        edge.append(leaf)
    head = checkpoint_sign(
        origin="haltline.bench/audit", size=ENTRIES, root=edge.root(), chain=chain, now=_NOW,
        signers=[signer],
    )  # fmt: skip
    entries = (
        entry_line(Placed(index, at, chains[index], body)) for index, body in enumerate(bodies)
    )
    header = header_line(Stamp(at, "bench", {}, True), head, [])
    with path.open("wb") as out:
        out.writelines(Sealing().lines(header, entries))
