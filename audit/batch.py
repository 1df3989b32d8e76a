"""Many rows of one table in one statement: one JSON text, which the server takes apart.

Arrays, column by column, do the same; making them costs the client twenty times as much.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

_encoded = msgspec.json.Encoder().encode


def batch_sql(table: str, columns: Sequence[str], types: Mapping[str, str], ending: str) -> str:
    """INSERT INTO ``table`` what ``batch_value`` made, and ``ending``. ``types``: of the columns
    that are no text. All of them are constants of the caller, never what somebody wrote."""
    kinds = {name: types.get(name, "text") for name in columns}
    taken = (f"decode({one}, 'base64')" if kinds[one] == "bytea" else one for one in columns)
    given = (f"{one} {'text' if kind == 'bytea' else kind}" for one, kind in kinds.items())
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(taken)}"  # noqa: S608
        f" FROM json_to_recordset(%s::json) AS made ({', '.join(given)}) {ending}"
    )


def batch_value(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The one parameter of ``batch_sql``. Decimals and times keep every digit, bytes go as base64.

    Raises TypeError for what has no form in JSON.
    """
    made = [dict(zip(columns, row, strict=True)) for row in rows]
    return _encoded(made).decode()
