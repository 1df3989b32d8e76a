"""A PostgreSQL and a Redis of the rig's own: to stop, freeze, slow, restart and set back."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from riskctl.places import start_ticks
from tests.support.services import (
    create_database,
    end,
    local_postgres,
    local_redis,
    prepare_database,
    wait_for_postgres,
    wait_for_redis,
)
from workers.services.postgres import DATABASE

OLDER = "older"


def stopped(pid: int) -> bool:
    """Frozen by SIGSTOP, every thread of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def freeze(*pids: int) -> None:
    """SIGSTOP them all and return when every one that still lives stands still."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 5
    while not all(stopped(pid) or not start_ticks(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise AssertionError("processes do not freeze")


def thaw(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


class RigPostgres:
    """One server; ``url`` is the rig's database on it, as the application's role."""

    def __init__(self, folder: Path) -> None:
        self._server = local_postgres(folder)
        self._log = folder / "postgres.log"
        self.pid = 0
        self.start()
        create_database(self._server)
        self.url = self._server.application_url()

    def prepare(self) -> None:
        prepare_database(self._server)

    def start(self) -> None:
        self.pid = self._server.start(self._log)
        wait_for_postgres(self._server, self.pid, self._log)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT: as if it crashed; SIGINT: in good order."""
        thaw(*self.family())
        os.kill(self.pid, how)
        os.waitpid(self.pid, 0)
        self.pid = 0

    def close(self) -> None:
        if self.pid:
            thaw(*self.family())
            end(self.pid)

    def family(self) -> list[int]:
        """The server's processes, the one that starts others first."""
        try:
            below = psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [self.pid, *(one.pid for one in below)]

    def freeze(self) -> None:
        freeze(self.pid)  # it starts no more of them
        freeze(*self.family())

    def thaw(self) -> None:
        thaw(*reversed(self.family()))

    @contextmanager
    def slow(self, frozen_s: float = 0.3, going_s: float = 0.03) -> Iterator[None]:
        """It stands still most of the time."""
        over = threading.Event()

        def beat() -> None:
            while not over.is_set():
                self.freeze()
                over.wait(frozen_s)
                self.thaw()
                over.wait(going_s)

        thread = threading.Thread(target=beat)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def sql(self, query: str, *values: Any, database: str = DATABASE) -> list[tuple[Any, ...]]:
        with psycopg.connect(
            self._server.url(database), autocommit=True, connect_timeout=5
        ) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    # Backups ---------------------------------------------------------------------------------

    def copy(self) -> None:
        """Keep a copy of the database as it is now. Everybody's connections are cut."""
        self.sql(f"DROP DATABASE IF EXISTS {OLDER}", database="postgres")
        self._shut()
        self.sql(f"CREATE DATABASE {OLDER} TEMPLATE {DATABASE}", database="postgres")
        self.sql(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true", database="postgres")

    def restore(self) -> None:
        """Put the copy in the database's place: what came after it never happened."""
        self._shut()
        self.sql(f"DROP DATABASE {DATABASE} WITH (FORCE)", database="postgres")
        self.sql(f"ALTER DATABASE {OLDER} RENAME TO {DATABASE}", database="postgres")

    def _shut(self) -> None:
        self.sql(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false", database="postgres")
        deadline = time.monotonic() + 10
        while self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            DATABASE, database="postgres",
        ):  # fmt: skip
            if time.monotonic() > deadline:
                raise AssertionError("connections do not end")


class RigRedis:
    """One server; it keeps nothing over a restart."""

    def __init__(self, folder: Path) -> None:
        self._server = local_redis(folder)
        self._log = folder / "redis.log"
        self.url = self._server.url
        self.pid = 0
        self.start()

    def start(self) -> None:
        self.pid = self._server.start(self._log)
        wait_for_redis(self._server, self.pid, self._log)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.pid = 0

    def close(self) -> None:
        if self.pid:
            thaw(self.pid)
            end(self.pid)
