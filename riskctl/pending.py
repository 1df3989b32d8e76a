"""Holds a caller could not write to the database: on this host's disk until they are in it.

Every gateway that starts on this host reads them before it trades; the watchdog writes them up.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from riskctl.brakes_home import BrakesHome, read_all, write_json
from riskctl.holds import HoldFact


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
    """On disk when this returns. Raises OSError."""
    home.create()
    write_json(_path(home, hold.id), msgspec.to_builtins(Pending(hold, list(steps))))


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
