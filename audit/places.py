"""Places of entries in the database: reading them, finding entries without one, giving them.

Each call is one statement that commits by itself: a process that is frozen between two of them
holds no lock, so its successor waits for nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from audit.merkle import Growth, Tree
from audit.verifier import CHAIN_START, chain_next, entry_leaf

Row = tuple[Any, ...]
RECORDED_AT = """to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
"""As it is hashed; the same text everywhere."""

_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_UNPLACED = f"""
SELECT id, {RECORDED_AT}, body, action FROM audit_entry AS entry
WHERE xid >= %(since)s AND xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
  AND NOT EXISTS (SELECT FROM audit_place WHERE entry_id = entry.id)
ORDER BY recorded_at + interval '0', happened_at, id LIMIT %(limit)s
"""  # noqa: S608 - constants
# "+ interval '0'": the limit must not tempt the planner to walk all entries by time.
_SLICE = "SELECT id FROM audit_entry WHERE id > %(after)s ORDER BY id LIMIT %(limit)s"
_PLACED = "SELECT entry_id FROM audit_place WHERE entry_id = ANY(%(ids)s)"
_ENTRIES = f"""
SELECT id, {RECORDED_AT}, body, action FROM audit_entry WHERE id = ANY(%(ids)s)
"""  # noqa: S608 - constants
_PLACE = """
WITH held AS (SELECT 1 WHERE {fence}),
tiles AS (
  INSERT INTO audit_tile (level, number, hash)
  SELECT * FROM unnest(%(levels)s::smallint[], %(numbers)s::bigint[], %(hashes)s::bytea[])
  WHERE EXISTS (SELECT FROM held)
),
placed AS (
  INSERT INTO audit_place (index, entry_id, chain, leaf)
  SELECT * FROM unnest(%(indexes)s::bigint[], %(ids)s::uuid[], %(chains)s::bytea[],
                       %(leaves)s::bytea[])
  WHERE EXISTS (SELECT FROM held) RETURNING 1
)
SELECT count(*) FROM placed
"""


class NotHeldError(Exception):
    """The lease has another holder: this process must end and write nothing more."""


@dataclass(frozen=True, slots=True)
class Found:
    """A committed entry without a place."""

    id: UUID
    recorded_at: str
    body: bytes
    action: str


@dataclass
class State:
    """How far the record has come."""

    edge: Growth
    chain: bytes

    @property
    def size(self) -> int:
        return self.edge.size


@dataclass(frozen=True)
class Fence:
    """A condition, in SQL, under which this process may write, and its values."""

    sql: str = "TRUE"
    values: Mapping[str, Any] | None = None


OPEN = Fence()


class PlaceStore:
    """On a connection in autocommit mode. Raises psycopg.Error throughout."""

    def __init__(
        self, connection: psycopg.Connection[Row], fence: Fence = OPEN
    ) -> None:  # fmt: skip
        self._connection = connection
        self.fence = fence

    def rows(self, sql: str, values: Any = None) -> list[Row]:
        cursor = self._connection.execute(sql.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def size(self) -> int:
        found = self.rows("SELECT index FROM audit_place ORDER BY index DESC LIMIT 1")
        return int(found[0][0]) + 1 if found else 0

    def tree(self, size: int) -> Tree:
        return Tree(size, self.load)

    def load(self, level: int, first: int, count: int) -> list[bytes]:
        """As audit.merkle.Load."""
        if level == 0:
            sql = "SELECT leaf FROM audit_place WHERE index >= %s AND index < %s ORDER BY index"
            return [bytes(one) for (one,) in self.rows(sql, (first, first + count))]
        sql = ("SELECT hash FROM audit_tile WHERE level = %s AND number >= %s AND number < %s"
               " ORDER BY number")  # fmt: skip
        return [bytes(one) for (one,) in self.rows(sql, (level, first, first + count))]

    def state(self) -> State:
        """Raises audit.merkle.MissingHashError when stored hashes were removed."""
        found = self.rows("SELECT index, chain FROM audit_place ORDER BY index DESC LIMIT 1")
        if not found:
            return State(Growth(), CHAIN_START)
        return State(self.tree(int(found[0][0]) + 1).growth(), bytes(found[0][1]))

    def horizon(self) -> int:
        """Every transaction with a lower number has ended, one way or the other."""
        return int(self.rows(_HORIZON)[0][0])

    def unplaced(self, since: int, limit: int) -> list[Found]:
        """Committed entries of transactions from number ``since`` on, in order of recording."""
        rows = self.rows(_UNPLACED, {"since": since, "limit": limit})
        return [Found(ident, at, bytes(body), action) for ident, at, body, action in rows]

    def stray(self, after: UUID, limit: int) -> tuple[list[Found], UUID | None]:
        """Entries without a place among the next ``limit`` by id, and where to go on.

        By lists of ids: a planner that believes these tables to be small, as after a start, would
        join them row by row.
        """
        ids = [ident for (ident,) in self.rows(_SLICE, {"after": after, "limit": limit})]
        placed = {ident for (ident,) in self.rows(_PLACED, {"ids": ids})}
        missing = [one for one in ids if one not in placed]
        rows = self.rows(_ENTRIES, {"ids": missing}) if missing else []
        found = [Found(ident, at, bytes(body), action) for ident, at, body, action in rows]
        return sorted(found, key=lambda one: (one.recorded_at, one.id)), ids[-1] if ids else None

    def place(self, state: State, found: Sequence[Found]) -> None:
        """Give ``found`` the next places, in this order; all or none. ``state`` grows.

        Raises NotHeldError; psycopg.errors.UniqueViolation when another process was quicker.
        """
        edge, first = state.edge, state.size
        chains, leaves = [], []
        for index, one in enumerate(found, first):
            leaf = entry_leaf(one.recorded_at.encode(), one.body)
            state.chain = chain_next(state.chain, index, leaf)
            edge.append(leaf)
            chains.append(state.chain)
            leaves.append(leaf)
        levels, numbers, hashes = zip(*edge.tiles, strict=True) if edge.tiles else ((), (), ())
        values = {
            "levels": list(levels), "numbers": list(numbers), "hashes": list(hashes),
            "indexes": list(range(first, first + len(found))), "ids": [one.id for one in found],
            "chains": chains, "leaves": leaves, **(self.fence.values or {}),
        }  # fmt: skip
        [(placed,)] = self.rows(_PLACE.format(fence=self.fence.sql), values)
        if placed != len(found):
            raise NotHeldError("the lease of the sequencer has another holder")
        edge.tiles.clear()
