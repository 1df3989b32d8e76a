"""What an export may be narrowed to, and how the tables are asked for it."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from audit.canonical import rfc3339
from audit.exporting import Placed
from audit.places import RECORDED_AT, PlaceStore

SLICE = 5_000
_CONDITIONS = {
    "since": "entry.recorded_at >= %(since)s",
    "until": "entry.recorded_at < %(until)s",
    "actor": "entry.actor = %(actor)s",
    "action": "entry.action = %(action)s",
    "outcome": "entry.outcome = %(outcome)s",
    "object_kind": "entry.object_kind = %(object_kind)s",
    "object_id": "entry.object_id = %(object_id)s",
    "correlation_id": "entry.correlation_id = %(correlation_id)s",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Entries with all of what is given; without anything, the whole record."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    actor: str = ""
    action: str = ""
    outcome: str = ""
    object_kind: str = ""
    object_id: str = ""
    correlation_id: str = ""

    @property
    def given(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def whole(self) -> bool:
        return not self.given

    @property
    def stated(self) -> dict[str, str]:
        """As it is written into exports and entries."""
        return {
            name: rfc3339(value) if isinstance(value, dt.datetime) else value
            for name, value in self.given.items()
        }


def chosen(store: PlaceStore, choice: Choice, size: int) -> Iterator[Placed]:
    """Entries of the first ``size`` places that fit, in order. Raises psycopg.Error."""
    conditions = "".join(f" AND {_CONDITIONS[name]}" for name in choice.given)
    sql = (
        f"SELECT place.index, {RECORDED_AT}, place.chain, entry.body"  # noqa: S608 - constants
        " FROM audit_place AS place JOIN audit_entry AS entry ON entry.id = place.entry_id"
        " WHERE place.index >= %(first)s AND place.index < %(end)s"
        f"{conditions} ORDER BY place.index"
    )
    for first in range(0, size, SLICE):
        values = {"first": first, "end": min(first + SLICE, size), **choice.given}
        for index, recorded_at, chain, body in store.rows(sql, values):
            yield Placed(index, recorded_at, bytes(chain), bytes(body))
