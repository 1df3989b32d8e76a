"""Writing to the record: one fact, one row, in the transaction of the change it records.

``entry_row`` is pure and serves both ways in: ``record`` for Django's connection and
``INSERT_SQL`` for the gateway's own connection, so there is one form of an entry.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, OperationalError, connection

from audit.batch import batch_sql, batch_value
from audit.canonical import canonical_bytes

COLUMNS = (
    "id", "happened_at", "action", "outcome", "actor_kind", "actor", "on_behalf_of",
    "object_kind", "object_id", "reason", "source", "request_id", "correlation_id", "body",
)  # fmt: skip
INSERT_SQL = (
    f"INSERT INTO audit_entry ({', '.join(COLUMNS)}) "  # noqa: S608 - constant column names
    f"VALUES ({', '.join(['%s'] * len(COLUMNS))}) ON CONFLICT (id) DO NOTHING"
)
#: Text columns and how much of a text they take; ``Entry`` says the same.
WIDTHS: dict[str, int | None] = {
    "action": 64, "actor": 150, "on_behalf_of": 150, "object_kind": 40, "object_id": 200,
    "reason": None, "source": 64, "request_id": 64, "correlation_id": 64,
}  # fmt: skip
_TYPES = {"id": "uuid", "happened_at": "timestamptz", "body": "bytea"}
INSERT_MANY_SQL = batch_sql("audit_entry", COLUMNS, _TYPES, "ON CONFLICT (id) DO NOTHING")
"""Many entries in one statement; its values are ``entries_values`` of their rows."""
_NAMESPACE = uuid.UUID("8a5e7d0c-6d0a-5d49-9b4e-0f5f3c1f2b7a")


def entry_id(*parts: object) -> uuid.UUID:
    """The id of a fact that may be written again after an unknown commit: same fact, same id."""
    return uuid.uuid5(_NAMESPACE, "\x1f".join(str(part) for part in parts))


def entry_row(
    *,
    action: str,
    actor_kind: str,
    actor: str,
    object_kind: str,
    object_id: str,
    happened_at: dt.datetime,
    outcome: str = "done",
    on_behalf_of: str = "",
    reason: str = "",
    source: str = "",
    request_id: str = "",
    correlation_id: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    id: uuid.UUID | None = None,  # noqa: A002 - the column's name
) -> tuple[Any, ...]:
    """One entry as values for ``INSERT_SQL``, in the order of ``COLUMNS``.

    The body has everything as given; the other columns repeat it for search, cut to their width.
    Raises audit.canonical.NotCanonicalError when a value has no exact form (a float, say).
    """
    ident = id or uuid.uuid4()
    facts: dict[str, Any] = {
        "id": ident, "happened_at": happened_at, "action": action, "outcome": outcome,
        "actor_kind": actor_kind, "actor": actor, "on_behalf_of": on_behalf_of,
        "object_kind": object_kind, "object_id": object_id, "reason": reason,
        "source": source, "request_id": request_id, "correlation_id": correlation_id,
    }  # fmt: skip
    body = canonical_bytes({**facts, "before": before, "after": after})
    for name, width in WIDTHS.items():
        facts[name] = searchable(facts[name], width)
    return (*facts.values(), body)


def searchable(text: str, width: int | None) -> str:
    """As a column takes it. A fact is never lost because a caller's text is long or odd."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:width]


def entries_values(rows: Sequence[tuple[Any, ...]]) -> tuple[str]:
    """Rows of ``entry_row`` as the values of ``INSERT_MANY_SQL``."""
    return (batch_value(COLUMNS, rows),)


AWAY_STATES = ("08", "25P02", "40", "55", "57")
"""Beginnings of SQLSTATEs that say something else: the database is going or busy, the transaction
had failed before."""


class RecordUnwritableError(OperationalError):
    """The record takes no entry (no privilege, a trigger, no disk): so nothing was changed."""


def _unwritable(error: DatabaseError) -> bool:
    """Whether the server refuses entries, and not what is in this one."""
    state = getattr(error.__cause__, "sqlstate", None)
    ours = isinstance(error, DataError | IntegrityError)
    return bool(state) and not ours and not str(state).startswith(AWAY_STATES)


def record(*, happened_at: dt.datetime | None = None, **facts: Any) -> None:
    """Insert one entry on Django's connection, inside the caller's transaction.

    Raises RecordUnwritableError, and then the caller's transaction commits nothing.
    """
    row = entry_row(happened_at=happened_at or dt.datetime.now(dt.UTC), **facts)
    try:
        with connection.cursor() as cursor:
            cursor.execute(INSERT_SQL, row)
    except DatabaseError as error:
        if not _unwritable(error):
            raise
        raise RecordUnwritableError(
            f"the record takes no entry, so nothing was changed: {str(error).splitlines()[0]}"
        ) from error
