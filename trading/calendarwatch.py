"""The alarm before hours of exchanges end: beyond that day their markets are closed."""

import datetime as dt

import structlog

from audit.models import ActorKind
from audit.record import record
from trading.calendars import CALENDARS, Calendars, calendars_end

log = structlog.get_logger("haltline.calendars")


def calendars_check(*, now: dt.datetime, calendars: Calendars = CALENDARS) -> str:
    """Say in log and record that they end, or have; the words, ``ok`` while there is time."""
    known, words = calendars_end(now, calendars)
    if words != "ok":
        log.error("calendars.ending", until=calendars.until.isoformat(), words=words)
        record(
            action="calendars.ending",
            outcome="done" if known else "failed",
            actor="daily check",
            actor_kind=ActorKind.PROCESS.value,
            object_kind="calendars",
            object_id=calendars.until.isoformat(),
            reason=words,
        )
    return words
