"""Starts and ends of the desk's processes, for the record.

The supervisor waits for nothing, least of all for a database that it runs itself: each is kept on
disk (riskctl.unrecorded), and the watchdog enters it, with its own time, within a second.
"""

import os
from pathlib import Path

from django.conf import settings

from audit.record import entry_id, entry_row
from riskctl.brakes_home import BrakesHome
from riskctl.unrecorded import entry_keep
from workers.supervisor.engine import ProcessNote, say


def note_keep(note: ProcessNote) -> None:
    """On disk when this returns; a disk that takes none is said, and the desk goes on."""
    host = os.uname().nodename
    row = entry_row(
        id=entry_id(note.action, host, note.pid, note.ticks),
        action=note.action,
        outcome="done" if note.orderly else "failed",
        actor_kind="process",
        actor=f"supervisor {host}:{os.getpid()}",
        object_kind="process",
        object_id=note.name,
        reason=note.how,
        happened_at=note.at,
        after={"host": host, "pid": note.pid, "restarts": note.restarts},
    )
    try:
        entry_keep(BrakesHome(Path(settings.BRAKES_HOME)), row)
    except OSError as error:
        say(f"{note.action} of {note.name} is kept nowhere but here: {error}")
