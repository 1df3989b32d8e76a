"""PostgreSQL and Redis for one test run: private, on free ports, gone with the run."""

import contextlib
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import redis

from workers.services.binaries import find_postgres, find_redis
from workers.services.ports import free_port
from workers.services.postgres import DATABASE, LocalPostgres
from workers.services.redis import LocalRedis

ALL_VARIABLE = "HALTLINE_TESTS_ALL"
"""Set: the long tests run as well."""
LANES_VARIABLE = "HALTLINE_TESTS_LANES"
"""A JSON list: the environment of each lane's services (tests.support.lanes)."""
# Nobody needs these data after a crash of the machine.
_UNSAFE_AND_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@contextlib.contextmanager
def own_services() -> Iterator[dict[str, str]]:
    """``DATABASE_URL`` and ``REDIS_URL``: those of the environment, else of services started here.

    Raises RuntimeError naming what is missing or the last line of a service's log.
    """
    folder = Path(tempfile.mkdtemp(prefix="haltline-tests-"))
    found: dict[str, str] = {}
    pids: list[int] = []
    try:
        if not os.environ.get("DATABASE_URL"):
            postgres = local_postgres(folder)
            pids.append(postgres.start(folder / "postgres.log"))
            found["DATABASE_URL"] = postgres.url()
        if not os.environ.get("REDIS_URL"):
            server = local_redis(folder)
            pids.append(server.start(folder / "redis.log"))
            found["REDIS_URL"] = server.url
        if "DATABASE_URL" in found:
            wait_for_postgres(postgres, pids[0], folder / "postgres.log")
            create_database(postgres)
        if "REDIS_URL" in found:
            wait_for_redis(server, pids[-1], folder / "redis.log")
        yield found
    finally:
        for pid in pids:
            end(pid)
        shutil.rmtree(folder, ignore_errors=True)


def local_postgres(folder: Path) -> LocalPostgres:
    program = find_postgres()
    if program is None:
        raise RuntimeError("no PostgreSQL to test with: run make test, which installs it")
    password = secrets.token_hex(16)
    return LocalPostgres(program, folder / "postgres", free_port(), password, _UNSAFE_AND_FAST)


def local_redis(folder: Path) -> LocalRedis:
    program = find_redis()
    if program is None:
        raise RuntimeError("no Redis to test with: run make test, which installs it")
    return LocalRedis(program, folder / "redis", free_port(), secrets.token_hex(16))


def wait_for_postgres(server: LocalPostgres, pid: int, log: Path, *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(server.url("postgres"), connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            _check(pid, log, deadline)
            time.sleep(0.05)


def create_database(server: LocalPostgres) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")


def wait_for_redis(server: LocalRedis, pid: int, log: Path, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    client = redis.Redis.from_url(server.url)
    while True:
        try:
            client.ping()
            client.close()
            return
        except redis.ConnectionError:
            _check(pid, log, deadline)
            time.sleep(0.05)


def _check(pid: int, log: Path, deadline: float) -> None:
    """Raises RuntimeError when waiting on has no sense."""
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is not None or time.monotonic() > deadline:
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        raise RuntimeError(f"service does not start: {last} ({log})")


def end(pid: int, *, patience_s: float = 10) -> None:
    """End a child of ours: SIGINT (PostgreSQL's fast shutdown, Redis's too), then SIGKILL."""
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
            time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
