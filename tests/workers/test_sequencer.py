"""The sequencer in real workers: killed, frozen, taken over, and without its database."""

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from audit.places import PlaceStore
from audit.record import INSERT_SQL
from audit.record_keys import FolderKeys
from audit.verifying import Finding, record_check
from riskctl.leases import leases_lay
from tests.audit.recording import entry
from tests.support.services import (
    create_database,
    end,
    local_postgres,
    prepare_database,
    wait_for_postgres,
)
from tests.workers.desk import Desk, Worker, database_url, wait_for
from workers.hosts import ROLES

LEASE = "sequencer:main"
TARGETS = {"sequencer": ROLES["sequencer"]}


class Record:
    """The record of a database as a test sees it, and writers to it."""

    def __init__(self, url: str, home: Path) -> None:
        self.url, self.home = url, home
        self.stop = threading.Event()
        self.written: list[int] = []
        self.worst_s = 0.0
        self._thread = threading.Thread(target=self._write, daemon=True)

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.url, autocommit=True, connect_timeout=3)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connect() as own:
            return own.execute(sql.encode()).fetchall()

    def write(self) -> None:
        self._thread.start()

    def _write(self) -> None:
        """An entry a transaction, one after the other, noting how long the slowest took."""
        number = 0
        while not self.stop.is_set():
            with suppress(psycopg.OperationalError), self.connect() as own:
                while not self.stop.is_set():
                    began = time.monotonic()
                    own.execute(INSERT_SQL.encode(), entry(number))
                    self.worst_s = max(self.worst_s, time.monotonic() - began)
                    self.written.append(number)
                    number += 1
                    self.stop.wait(0.002)
            number += 1  # whether the last one is there is unknown
            self.stop.wait(0.1)

    def end(self) -> None:
        self.stop.set()
        self._thread.join(20)

    def unplaced(self) -> int:
        [(found,)] = self.ask(
            "SELECT count(*) FROM audit_entry AS e"
            " WHERE NOT EXISTS (SELECT FROM audit_place WHERE entry_id = e.id)"
        )
        return int(found)

    def size(self) -> int:
        [(found,)] = self.ask("SELECT count(*) FROM audit_place")
        return int(found)

    def wait_for_places(self, more: int) -> None:
        before = self.size()
        wait_for(lambda: self.size() >= before + more, f"{more} more places")

    def wait_for_writes(self, more: int) -> None:
        before = len(self.written)
        wait_for(lambda: len(self.written) >= before + more, f"{more} more entries")

    def check(self) -> Finding:
        keys = FolderKeys(self.home / "audit" / "keys")
        with self.connect() as own:
            return record_check(
                PlaceStore(own), trust=keys.trust(),
                anchors=[self.home / "audit" / "anchor.jsonl"],
            )  # fmt: skip

    def settle(self) -> None:
        """Writers have ended: everything written has its place, once, and all fits."""
        self.end()
        wait_for(lambda: self.unplaced() == 0, "everything to be placed")
        wait_for(lambda: self.check().whole, lambda: str(self.check()))
        [(count, last)] = self.ask("SELECT count(*), max(index) + 1 FROM audit_place")
        assert count == last
        placed = {
            int(number)
            for (number,) in self.ask(
                "SELECT object_id FROM audit_place JOIN audit_entry ON id = entry_id"
                " WHERE action = 'limit.change'"
            )
        }
        assert set(self.written) <= placed


@pytest.fixture
def record(desk: Desk) -> Iterator[Record]:
    leases_lay(names=[LEASE])
    made = Record(database_url(), desk.folder)
    yield made
    made.stop.set()


def child_of(worker: Worker) -> int:
    found: list[int] = []

    def there() -> bool:
        known = (worker.pid, worker.nursery())
        found[:] = [pid for pid in worker.family() if pid not in known]
        return bool(found)

    wait_for(there, "the sequencer to run")
    return found[0]


def test_kill_9_again_and_again(desk: Desk, record: Record) -> None:
    worker = desk.worker("pipeline-1", TARGETS)
    record.write()
    for _ in range(5):
        record.wait_for_places(20)
        os.kill(child_of(worker), signal.SIGKILL)
    record.wait_for_places(20)
    record.settle()
    assert len(record.ask("SELECT 1 FROM audit_incarnation")) == 1


def test_frozen_and_taken_over(desk: Desk, record: Record) -> None:
    """Worker and child stop dead; another takes the lease; the first wakes and writes nothing."""
    first = desk.worker("pipeline-1", TARGETS)
    record.write()
    wait_for(lambda: record.size() > 20, "places")
    frozen = [*first.family()]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    stood = record.size()
    record.wait_for_writes(50)
    desk.worker("pipeline-2", TARGETS)
    wait_for(lambda: record.size() > stood + 50, "the other's places")
    for pid in reversed(frozen):
        os.kill(pid, signal.SIGCONT)
    record.wait_for_places(50)
    record.settle()


def test_a_frozen_one_delays_no_writer(desk: Desk, record: Record) -> None:
    worker = desk.worker("pipeline-1", TARGETS)
    record.write()
    wait_for(lambda: record.size() > 20, "places")
    record.worst_s = 0.0
    child = child_of(worker)
    for _ in range(20):  # at whatever it is doing just then
        os.kill(child, signal.SIGSTOP)
        record.wait_for_writes(5)
        os.kill(child, signal.SIGCONT)
        threading.Event().wait(0.013)
    assert record.worst_s < 5  # nobody waited for a lock until it was given up
    record.settle()


def test_an_orderly_end(desk: Desk, record: Record) -> None:
    worker = desk.worker("pipeline-1", TARGETS)
    record.write()
    wait_for(lambda: record.size() > 20, "places")
    assert worker.terminate()[0] == 0
    desk.worker("pipeline-2", TARGETS)
    record.settle()


# --- A database that is killed --------------------------------------------------------------------


class OwnDatabase:
    """A PostgreSQL of the test's own, that keeps what it committed when it is killed."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "postgres.log"
        self.server = dataclasses.replace(local_postgres(folder), settings={})
        self.pid = 0

    def start(self) -> None:
        self.pid = self.server.start(self._log)
        wait_for_postgres(self.server, self.pid, self._log)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGQUIT)  # ends all its processes at once, without a checkpoint
        os.waitpid(self.pid, 0)

    def prepare(self) -> None:
        create_database(self.server)
        prepare_database(self.server)
        with psycopg.connect(self.server.url()) as own:
            own.execute(
                "INSERT INTO riskctl_lease (name, role, holder, token, expires_at, renewed_at)"
                " VALUES (%s, 'sequencer', '', 0, 'epoch', 'epoch')",
                (LEASE,),
            )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[OwnDatabase]:
    made = OwnDatabase(tmp_path)
    made.start()
    yield made
    end(made.pid)


def test_the_database_is_killed_and_comes_back(database: OwnDatabase, tmp_path: Path) -> None:
    database.prepare()
    (tmp_path / "run").mkdir()
    desk = Desk(tmp_path, database_url=database.server.application_url())
    record = Record(database.server.url(), tmp_path)
    try:
        desk.worker("pipeline-1", TARGETS)
        record.write()
        for _ in range(2):
            wait_for(lambda: record.size() > 50, "places")
            database.kill()
            database.start()
            record.wait_for_places(50)
        record.settle()
        assert len(record.ask("SELECT 1 FROM audit_incarnation")) == 1
        assert not record.ask("SELECT 1 FROM audit_entry WHERE action = 'audit.alarm'")
    finally:
        record.stop.set()
        desk.close()
