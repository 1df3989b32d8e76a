"""A desk that cannot start says why in one line, with an exit code, and leaves nothing running."""

import gzip
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.conftest import PROJECT
from tests.support.desk import _NOT_ITS_BUSINESS
from workers.services.ports import free_port
from workers.supervisor.config import read_config
from workers.supervisor.errors import Exit, StartError
from workers.supervisor.home import Home


def _refusal(home: Path, code: Exit, **given: str) -> str:
    """The one line a start says that must fail with ``code``."""
    environ = {k: v for k, v in os.environ.items() if k not in _NOT_ITS_BUSINESS}
    environ |= {"HALTLINE_HOME": str(home), "PORT": str(free_port()), **given}
    done = subprocess.run(
        [sys.executable, "-m", "workers.supervisor"],
        cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("haltline: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize("port", ["80x", "0", "65536", "-1"])
def test_port_must_be_a_port(tmp_path: Path, port: str) -> None:
    said = _refusal(tmp_path, Exit.SETTING, PORT=port)
    assert f"PORT is {port!r}: give a number from 1 to 65535" in said


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def test_a_taken_port_is_named(tmp_path: Path, taken: int) -> None:
    said = _refusal(tmp_path, Exit.PORT_TAKEN, PORT=str(taken))
    assert f"port {taken} on 127.0.0.1 is taken" in said
    assert "set PORT" in said


def test_the_same_home_runs_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    home.lock()
    try:
        said = _refusal(tmp_path, Exit.RUNNING)
        assert f"a desk already runs in {tmp_path} (pid {os.getpid()})" in said
    finally:
        os.close(home.lock_fd)


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = _refusal(tmp_path / "file" / "home", Exit.DISK)
    assert "cannot be used (Not a directory)" in said


def test_no_disk_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.supervisor.home.FREE_TO_CREATE", 10**18)
    with pytest.raises(StartError, match=r"no disk space: .* MB free and a desk needs") as told:
        Home(tmp_path / "home").create()
    assert told.value.code is Exit.DISK


@pytest.mark.parametrize(
    ("feed", "speed", "telling"),
    [
        ("oanda", "1", "FEED"),
        ("replay:/nowhere/at-all.csv.gz", "1", "/nowhere/at-all.csv.gz"),
        ("simulated", "fast", "REPLAY_SPEED"),
        ("simulated", "-1", "REPLAY_SPEED"),
    ],
)
def test_a_wrong_feed_is_refused(tmp_path: Path, feed: str, speed: str, telling: str) -> None:
    assert telling in _refusal(tmp_path, Exit.SETTING, FEED=feed, REPLAY_SPEED=speed)


def test_a_file_that_is_no_quotes_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bars.csv.gz"
    file.write_bytes(gzip.compress(b"date,open,high,low,close\n1998-01-02,1,2,3,4\n"))
    said = _refusal(tmp_path / "home", Exit.SETTING, FEED=f"replay:{file}")
    assert str(file) in said


_SAFE = {
    "HALTLINE_ENV": "production",
    "HALTLINE_SECRET_KEY": "k" * 60,
    "HALTLINE_TLS": "proxy",
    "HALTLINE_HOSTS": "desk.example",
    "HALTLINE_KEYS": "file",
    "HALTLINE_AUDIT_WITNESS": "https://witness.example",
}


@pytest.mark.parametrize(
    ("change", "telling"),
    [
        ({"HALTLINE_SECRET_KEY": ""}, "HALTLINE_SECRET_KEY"),
        ({"HALTLINE_SECRET_KEY": "short"}, "HALTLINE_SECRET_KEY"),
        ({"DEBUG": "1"}, "DEBUG"),
        ({"HALTLINE_TLS": ""}, "HALTLINE_TLS"),
        ({"HALTLINE_HOSTS": ""}, "HALTLINE_HOSTS"),
        ({"HALTLINE_KEYS": ""}, "HALTLINE_KEYS"),
    ],
)
def test_an_unsafe_production_is_refused(
    tmp_path: Path, change: dict[str, str], telling: str
) -> None:
    assert telling in _refusal(tmp_path, Exit.SETTING, **{**_SAFE, **change})
    assert not (tmp_path / "demo.json").exists()


def test_a_database_that_refuses_is_named(tmp_path: Path) -> None:
    url = f"postgres://nobody:wrong@127.0.0.1:{free_port()}/none"
    said = _refusal(tmp_path, Exit.FAILED, DATABASE_URL=url, REDIS_URL="redis://127.0.0.1:1/0")
    assert "check DATABASE_URL" in said


def test_what_the_environment_leaves_out() -> None:
    config = read_config({})
    assert (config.port, config.host, config.production) == (8080, "127.0.0.1", False)
    assert config.home == PROJECT / "var"
