"""One private PostgreSQL: its data in a folder, on loopback, with a random password."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from workers.services.binaries import Postgres
from workers.services.spawn import fork_program, service_identity

USER = "haltline"
APPLICATION = "haltline_app"
"""The role that everything but the preparation connects as; made by workers.grants."""
DATABASE = "haltline"
_POLL_S = 0.02
_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
        "password_encryption": "scram-sha-256",
    }
)


def data_major(folder: Path) -> int | None:
    """The version whose data lies in ``folder``, None when there is none yet."""
    mark = folder / "data" / "PG_VERSION"
    return int(mark.read_text()) if mark.exists() else None


@dataclass(frozen=True)
class LocalPostgres:
    """``folder`` holds ``data``; ``settings`` overrides what PostgreSQL is started with."""

    program: Postgres
    folder: Path
    port: int
    password: str
    settings: Mapping[str, str] = field(default_factory=dict)
    application_password: str = ""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = DATABASE) -> str:
        """As the owner."""
        return f"postgres://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def application_url(self, database: str = DATABASE) -> str:
        """As the role that owns nothing."""
        who = f"{APPLICATION}:{self.application_password}"
        return f"postgres://{who}@127.0.0.1:{self.port}/{database}"

    def start(self, log: Path) -> int:
        """Start it, making its data folder the first time; return its pid at once."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return fork_program(
            self._prepare,
            log=log,
            identity=service_identity(self.folder),
            folder=self.folder,
        )

    def _prepare(self) -> Sequence[str]:
        if not os.access(self.program.folder / "postgres", os.X_OK):
            raise RuntimeError(
                f"PostgreSQL does not run as root, and {self.program.folder} is closed to other"
                " users: run as an ordinary user, or set DATABASE_URL"
            )
        if not self.data.exists():
            self._initdb()
        given = {**_SETTINGS, "port": str(self.port), **self.settings}
        options = [part for key, value in given.items() for part in ("-c", f"{key}={value}")]
        return [str(self.program.folder / "postgres"), "-D", str(self.data), *options]

    def _initdb(self) -> None:
        # Made aside and renamed: a folder called data is whole.
        fresh = self.folder / f"new-{os.getpid()}"
        password_file = self.folder / f"password-{os.getpid()}"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        try:
            subprocess.run(
                [
                    self.program.folder / "initdb", "-D", fresh, "-U", USER, "-E", "UTF8",
                    "--locale=C", "-A", "scram-sha-256", f"--pwfile={password_file}",
                ],
                check=True,
            )  # fmt: skip
        except subprocess.CalledProcessError as problem:
            raise RuntimeError(f"initdb failed with {problem.returncode}") from problem
        finally:
            password_file.unlink()
        fresh.rename(self.data)


def clear_stale(folder: Path, *, patience_s: float = 10) -> None:
    """Stop a server that still runs on ``folder``'s data, and drop the lock of a dead one.

    The caller holds the home's lock, so whatever runs there belongs to a supervisor that died.
    """
    lock = folder / "data" / "postmaster.pid"
    if not lock.exists():
        return
    lines = lock.read_text().splitlines()
    pid = int(lines[0]) if lines and lines[0].isdigit() else 0
    if pid and _serves(pid, folder / "data"):
        _stop(pid, folder / "data", patience_s)
    lock.unlink(missing_ok=True)


def _serves(pid: int, data: Path) -> bool:
    """Whether ``pid`` is a live postmaster of ``data`` (which it has as working directory)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX" and Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
    except OSError:
        return False


def _stop(pid: int, data: Path, patience_s: float) -> None:
    for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        os.kill(pid, order)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not _serves(pid, data):
                return
            time.sleep(_POLL_S)
    raise RuntimeError(f"PostgreSQL of a dead desk does not end: pid {pid} in {data}")
