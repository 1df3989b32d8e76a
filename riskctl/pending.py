"""Holds a caller could not write to the database: on this host's disk until they are in it.

Every gateway that starts on this host reads them before it trades; the watchdog writes them up.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from riskctl.brakes_home import BrakesHome, read_all, write_json
from riskctl.clock import NS, boot_ns
from riskctl.holds import HoldFact

ALONE_S = 0.05


class Step(msgspec.Struct, frozen=True):
    """A step of a receipt that waits for the database. ``facts`` have a canonical form."""

    name: str
    part: str
    account: str
    wall_ns: int
    facts: dict[str, Any]
    actor: str


class Pending(msgspec.Struct, frozen=True):
    """A hold, and what was proven of it so far."""

    hold: HoldFact
    steps: list[Step] = []


def pending_keep(home: BrakesHome, hold: HoldFact, steps: Sequence[Step] = ()) -> None:
    """On disk when this returns, beside the steps that are kept already. Raises OSError."""
    home.create()
    with _alone(home):
        before = _kept(_path(home, hold.id))
        known = {(one.name, one.part, one.account): one for one in [*before, *steps]}
        body = Pending(hold, list(known.values()))
        write_json(_path(home, hold.id), msgspec.to_builtins(body))


@contextmanager
def _alone(home: BrakesHome) -> Iterator[None]:
    """One writer at a time, so that none loses another's steps. But a stop waits for nobody: past
    ``ALONE_S`` (a writer that was frozen, say) it is kept all the same."""
    fd = os.open(home.root / "pending.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        until = boot_ns() + int(ALONE_S * NS)
        while not _locked(fd) and boot_ns() < until:
            time.sleep(0.002)
        yield
    finally:
        os.close(fd)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _kept(path: Path) -> list[Step]:
    """What an earlier writer kept; a file that is none of ours is replaced, it says nothing."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Pending).steps
    except (FileNotFoundError, msgspec.MsgspecError):
        return []


def pending_drop(home: BrakesHome, hold_id: str) -> None:
    """It is in the database: the file has done its work."""
    _path(home, hold_id).unlink(missing_ok=True)


def pending_read(home: BrakesHome) -> list[Pending]:
    """Raises ValueError naming a file that is none of ours: it may be a stop."""
    found = []
    for path, body in read_all(home.pending):
        try:
            found.append(msgspec.convert(body, Pending))
        except msgspec.ValidationError as error:
            raise ValueError(f"{path}: {error}") from error
    return found


def _path(home: BrakesHome, hold_id: str) -> Path:
    return home.pending / f"{hold_id}.json"
