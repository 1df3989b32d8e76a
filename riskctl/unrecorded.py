"""Entries that the record could not take of what lowers risk: on this host's disk until it can.

A hold keeps itself (riskctl.pending). This is for what has no row of its own, as an order to cancel
everything: it is entered afterwards as it was, with the time at which it happened.
"""

import base64
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from audit.record import COLUMNS, INSERT_SQL
from riskctl.brakes_home import BrakesHome, read_all, write_json
from riskctl.desk import BrakesDesk
from riskctl.writing import commit


def entry_keep(home: BrakesHome, row: Sequence[Any]) -> None:
    """On disk when this returns: ``row`` of audit.record.entry_row. Raises OSError."""
    home.create()
    facts = dict(zip(COLUMNS, row, strict=True))
    body = {
        **facts, "id": str(facts["id"]), "happened_at": facts["happened_at"].isoformat(),
        "body": base64.b64encode(facts["body"]).decode(),
    }  # fmt: skip
    write_json(home.entries / f"{facts['id']}.json", body)


def entries_write(desk: BrakesDesk) -> int:
    """Enter what is kept; how many there were. The same entry again changes nothing.

    Raises psycopg.Error while the record takes none, ValueError naming a file that is none of ours.
    """
    count = 0
    for path, body in read_all(desk.home.entries):
        try:
            row = _row(body)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error!r}") from error
        commit(desk, [(INSERT_SQL, row)])
        path.unlink(missing_ok=True)
        count += 1
    return count


def _row(body: dict[str, Any]) -> tuple[Any, ...]:
    """Raises KeyError, TypeError, ValueError."""
    facts = {name: body[name] for name in COLUMNS}
    facts["id"] = uuid.UUID(facts["id"])
    facts["happened_at"] = dt.datetime.fromisoformat(facts["happened_at"])
    facts["body"] = base64.b64decode(facts["body"], validate=True)
    return tuple(facts.values())
