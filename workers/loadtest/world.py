"""A load test's world: stores, paper venue and gateway, all of which end with this process."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis

from trading.health import key
from trading.papervenue.admin import AdminClient
from workers.loadtest.plan import ACCOUNT
from workers.loadtest.stores import BusyError, at, load_database, load_redis
from workers.services.ports import free_port
from workers.services.spawn import die_with

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
_POLL_S = 0.05

Process = subprocess.Popen[bytes]


class WorldError(Exception):
    """It did not come up; the text says why."""


@dataclass(frozen=True)
class World:
    """Where everything is."""

    database_url: str
    redis_url: str
    venue_address: str
    admin: Mapping[str, str]

    def venue(self) -> AdminClient:
        """The venue's own word. Raises OSError."""
        return AdminClient(self.venue_address, dict(self.admin), timeout_s=20)


@contextlib.contextmanager
def load_world(
    folder: Path, *, database_url: str, owner_url: str, redis_url: str
) -> Iterator[World]:
    """Up and licensed; gone at the end. Raises WorldError, StoresError."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_alone(folder))
        redis = stack.enter_context(load_redis(redis_url))
        name = stack.enter_context(load_database(owner_url))
        two_roles = owner_url != database_url
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT),
            "PYTHONWARNINGS": "ignore",
            "HALTLINE_HOME": str(folder),
            "HALTLINE_ENV": "demo",
            "DATABASE_URL": at(database_url, name),
            "DATABASE_OWNER_URL": at(owner_url, name) if two_roles else "",
            "REDIS_URL": redis,
            "DJANGO_SETTINGS_MODULE": "console.settings",
        }
        prepare = _python(folder, environ, "manage.py", "database_prepare")
        if prepare.wait():
            raise WorldError(f"the database could not be made ready: {_said(folder)}")
        keys = _credentials(folder)
        port = free_port()
        _hosted(stack, _python(
            folder, environ, "-m", "trading.papervenue", "--port", str(port),
            "--storage", str(folder / "venue.sqlite3"), "--redis-url", redis,
            "--credentials", str(folder / "venue-credentials.json"),
        ))  # fmt: skip
        world = World(environ["DATABASE_URL"], redis, f"127.0.0.1:{port}", keys)
        _wait(lambda: _listens(world), folder, "the paper venue")
        gateway = _python(folder, environ, "-m", "workers.loadtest.host", world.venue_address)
        _hosted(stack, gateway)
        _wait(lambda: _trades(world, gateway), folder, "the gateway")
        yield world


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time in this home. ``folder`` is made anew, and goes."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise BusyError("a load test is running in this home already") from None
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _credentials(folder: Path) -> dict[str, str]:
    """Of the account, and of the admin, who is answered."""
    keys = {
        name: {"key": secrets.token_hex(16), "secret": secrets.token_hex(16)}
        for name in (ACCOUNT, "admin")
    }
    path = folder / "venue-credentials.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(keys))
    return keys["admin"]


def _python(folder: Path, environ: Mapping[str, str], *arguments: str) -> Process:
    """Its output goes into the log; it dies with this process."""
    with _log(folder).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=PROJECT, env=dict(environ), stdin=subprocess.PIPE,
            stdout=log, stderr=log, start_new_session=True,
            preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509 - no thread is there yet
        )  # fmt: skip


def _hosted(stack: contextlib.ExitStack, process: Process) -> None:
    stack.callback(_end, process)


def _end(process: Process) -> None:
    """In good order where it can: the gateway stops when its input ends."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(is_so: Any, folder: Path, what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > until:
            raise WorldError(f"{what} did not come up in {PATIENCE_S:.0f} s: {_said(folder)}")
        time.sleep(_POLL_S)


def _listens(world: World) -> bool:
    try:
        world.venue().close()
    except OSError:
        return False
    return True


def _trades(world: World, gateway: Process) -> bool:
    if gateway.poll() is not None:
        raise WorldError("the gateway ended at once: see its log")
    with Redis.from_url(world.redis_url) as redis:
        found: Any = redis.hgetall(key("broker", ACCOUNT))
    said = {name.decode(): value.decode() for name, value in found.items()}
    ready = said.get("connected") == said.get("settled") == "1"
    return ready and float(said.get("licence_ms", "0")) > 0


def _log(folder: Path) -> Path:
    return folder / "load.log"


def _said(folder: Path) -> str:
    lines = _log(folder).read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"
