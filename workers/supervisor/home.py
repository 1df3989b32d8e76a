"""The home folder of one desk: its lock, its secrets, its logs, what runs in it."""

import fcntl
import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from riskctl.places import start_ticks
from workers.supervisor.errors import Exit, StartError

LOG_BYTES = 8_000_000
FREE_TO_RUN = 300_000_000
FREE_TO_CREATE = 700_000_000
_FOLDERS = ("run", "log", "assets", "static", "bench", "papervenue")


class Home:
    """Paths under ``$HALTLINE_HOME``, and the lock that keeps a second desk out of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run = root / "run"
        self.log = root / "log"
        self.lock_fd = -1

    def create(self) -> None:
        """Make the folders. Raises StartError when they cannot be made or the disk is full."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            for name in _FOLDERS:
                (self.root / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as problem:
            raise StartError(
                f"HALTLINE_HOME {self.root} cannot be used ({problem.strerror}):"
                " name a folder that you can write to",
                Exit.DISK,
            ) from problem
        self._check_space()

    def _check_space(self) -> None:
        needed = FREE_TO_RUN if (self.root / "postgres" / "data").exists() else FREE_TO_CREATE
        free = shutil.disk_usage(self.root).free
        if free < needed:
            raise StartError(
                f"no disk space: {self.root} has {free // 1_000_000} MB free and a desk needs"
                f" {needed // 1_000_000} MB: free some, or set HALTLINE_HOME to another disk",
                Exit.DISK,
            )

    def lock(self) -> None:
        """Take the home for this process. Raises StartError when a desk already runs in it."""
        fd = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode() or "unknown"
            os.close(fd)
            raise StartError(
                f"a desk already runs in {self.root} (pid {holder}): stop it with kill {holder},"
                " or set HALTLINE_HOME and PORT for a second one",
                Exit.RUNNING,
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self.lock_fd = fd

    def log_file(self, name: str) -> Path:
        return self.log / f"{name}.log"

    def rotate_logs(self) -> None:
        """Keep one older file of each log that has grown too long."""
        for path in self.log.glob("*.log"):
            if path.stat().st_size > LOG_BYTES:
                path.replace(path.with_suffix(".log.1"))

    def last_line(self, name: str) -> str:
        """The last line of a process's log, for a message."""
        try:
            lines = self.log_file(name).read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1][:500] if lines else ""

    def secret_key(self) -> str:
        """The demo's secret key, made once."""
        path = self.root / "secret.key"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(64))
        return path.read_text().strip()

    def services(self) -> dict[str, dict[str, Any]]:
        """Ports and passwords of the private services, as they were last."""
        path = self.root / "services.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def save_services(self, services: Mapping[str, Mapping[str, Any]]) -> None:
        write_private(self.root / "services.json", json.dumps(services, indent=1))


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` in one step; only the owner may read it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as out:
        out.write(text)
    fresh.replace(path)


def kill_leftovers(home: Home) -> list[str]:
    """End what a killed supervisor of this home left running; return the names.

    Children die with their supervisor, so this finds something only on a system without that.
    PostgreSQL is left to ``workers.services.postgres.clear_stale``, which stops it gently.
    """
    path = home.run / "processes.json"
    if not path.exists():
        return []
    found = []
    for name, entry in json.loads(path.read_text()).items():
        pid, ticks = entry.get("pid"), entry.get("start_ticks")
        if name == "postgres" or not pid or start_ticks(pid) != ticks or not ticks:
            continue
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while start_ticks(pid) == ticks and time.monotonic() < deadline:
            time.sleep(0.02)
        found.append(name)
    return found
