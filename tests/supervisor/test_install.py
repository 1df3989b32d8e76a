"""Setting up: what is installed, and what is said when it cannot be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.install import explain, install_python, locks_for_running, locks_for_testing
from scripts.totp import current_code, totp
from tests.supervisor.conftest import PROJECT
from workers.services.binaries import machine_postgres
from workers.supervisor.errors import Exit, StartError

BOOTSTRAP = PROJECT / "scripts" / "bootstrap.py"


def test_given_services_need_no_wheels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/else")
    monkeypatch.setenv("REDIS_URL", "redis://somewhere/0")
    assert locks_for_running(tmp_path) <= {"base", "node"}


def test_a_machine_without_services_needs_both_wheels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HALTLINE_SERVICES", "wheels")
    assert {"base", "postgres", "redis"} <= locks_for_running(tmp_path)


def test_data_of_a_version_the_machine_lacks_needs_the_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    missing = 1 + max([one.major for one in machine_postgres()], default=90)
    (data / "PG_VERSION").write_text(str(missing))
    assert "postgres" in locks_for_running(tmp_path)


def test_what_is_installed_is_left_alone() -> None:
    before = (PROJECT / ".venv" / "haltline.json").stat().st_mtime_ns
    install_python(locks_for_testing())
    assert (PROJECT / ".venv" / "haltline.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("said", "telling", "code"),
    [
        ("ERROR: Could not find a version that satisfies x\nERROR: No matching distribution",
         "package index cannot be reached", Exit.INSTALL),
        ("npm error code ECONNREFUSED\nnpm error connect", "package index", Exit.INSTALL),
        ("OSError: [Errno 28] No space left on device", "no disk space", Exit.DISK),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
         "not the one that was locked", Exit.INSTALL),
        ("boom", "installing failed: boom", Exit.INSTALL),
    ],
)  # fmt: skip
def test_a_failed_install_is_one_line(said: str, telling: str, code: Exit) -> None:
    text, found = explain(said)
    assert telling in text
    assert "\n" not in text
    assert found is code


def test_an_unreachable_index_is_named(tmp_path: Path) -> None:
    """A copy of the set-up, on its own, with an index that refuses connections."""
    for name in ("scripts", "requirements"):
        _copy(PROJECT / name, tmp_path / name)
    for name in ("workers/services", "workers/supervisor"):
        _copy(PROJECT / name, tmp_path / name)
    (tmp_path / "workers" / "__init__.py").write_text("")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
    environ |= {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "HALTLINE_HOME": str(tmp_path / "var"),
    }
    python = getattr(sys, "_base_executable", sys.executable)
    done = subprocess.run(
        [python, tmp_path / "scripts" / "bootstrap.py", "up"],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == Exit.INSTALL, done.stderr
    assert done.stderr.startswith("haltline: the package index cannot be reached")
    assert done.stderr.count("\n") == 1


def _copy(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for path in source.glob("*"):
        if path.is_file():
            (target / path.name).write_bytes(path.read_bytes())


def test_a_wrong_python_is_named() -> None:
    pretend = (
        "import runpy, sys; sys.version_info = (3, 12, 1, 'final', 0);"
        f"sys.argv = ['x', 'up']; runpy.run_path({str(BOOTSTRAP)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", pretend], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "this is Python 3.12; Haltline needs Python 3.11: install it" in done.stderr


def test_no_room_for_the_packages_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("scripts.install.FREE_FOR_INSTALL", 10**18)
    monkeypatch.setattr("scripts.install._VENV_STAMP", tmp_path / "none")
    with pytest.raises(StartError, match=r"no disk space: .* MB free and installing needs") as told:
        install_python({"base"})
    assert told.value.code is Exit.DISK


@pytest.mark.parametrize(
    ("at", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")]
)
def test_codes_agree_with_rfc_6238(at: int, code: str) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # the RFC's 12345678901234567890
    assert totp(secret, at) == code


def test_a_code_for_nobody_says_who_there_is(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="run make up first"):
        current_code(tmp_path, "mercy.okafor")
    (tmp_path / "demo.json").write_text(
        '{"users": [{"username": "mercy.okafor", "totp_secret": "GEZDGNBVGY3TQOJQ"}]}'
    )
    with pytest.raises(StartError, match=r"make code USER=NAME, NAME one of mercy\.okafor"):
        current_code(tmp_path, "root")
    assert current_code(tmp_path, "mercy.okafor", 15).endswith("(for 15 s, once)")
