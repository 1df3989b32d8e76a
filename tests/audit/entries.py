"""Entries of a test's own, each recorded when the test says."""

import datetime as dt
import uuid
from typing import Any

from audit.models import Entry
from audit.record import COLUMNS, entry_row

NOON = dt.datetime(2026, 3, 5, 12, 0, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return NOON + dt.timedelta(seconds=seconds)


def new_entry(action: str = "limit.tighten", seconds: float = 0, **facts: Any) -> Entry:
    """An entry that was recorded ``seconds`` after noon, by default of what happened just then."""
    recorded_at = at(seconds)
    given: dict[str, Any] = {
        "action": action, "actor_kind": "person", "actor": "ada.nwosu", "object_kind": "limit",
        "object_id": "firm/gross-notional", "happened_at": recorded_at, **facts,
    }  # fmt: skip
    values = dict(zip(COLUMNS, entry_row(**given), strict=True))
    return Entry.objects.create(**values, recorded_at=recorded_at)


def new_id() -> str:
    return str(uuid.uuid4())
