"""The guard's own connection to the database: short statements, each bounded in time.

Asynchronous, so that a database that hangs (frozen, partitioned) holds up neither the nursery's
reports nor the other way round. A call that gets no answer has its socket shut down instead of
being cancelled: psycopg's cancellation asks the same silent server and waits for it.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from audit.record import INSERT_SQL
from riskctl import leases
from trading.database import conninfo, in_time

CALL_S = 1.0
_PAUSE_S = 0.25
_OPTIONS = "-c synchronous_commit=on -c statement_timeout=1s -c lock_timeout=800ms"

Row = tuple[Any, ...]


class StoreDownError(Exception):
    """The database gave no usable answer: whether a statement took effect is unknown."""


@dataclass(frozen=True)
class Standing:
    """One lease as the database has it now; ``free`` when it has run out."""

    name: str
    role: str
    holder: str
    token: int
    free: bool


class LeaseStore:
    """Each method raises StoreDownError, at the latest after ``2 * CALL_S`` seconds."""

    def __init__(self, name: str) -> None:
        self._name = f"haltline guard {name}"
        self._connection: psycopg.AsyncConnection[Row] | None = None
        self._not_before = 0.0

    async def standing(self, roles: Collection[str]) -> list[Standing]:
        rows = await self._call(leases.STANDING_SQL, {"roles": list(roles)})
        return [Standing(*row) for row in rows]

    async def claim(
        self, name: str, holder: str, gone: Collection[str], within_s: float = CALL_S
    ) -> int | None:
        """As riskctl.leases.lease_claim."""
        values = {"name": name, "holder": holder, "ttl_s": leases.TTL_S, "gone": list(gone)}
        rows = await self._call(leases.CLAIM_SQL, values, within_s)
        return int(rows[0][0]) if rows else None

    async def renew(self, holder: str, held: Mapping[str, int]) -> set[str]:
        """Renew ``held`` (name to token) in one statement; the names that are still ours."""
        values = {
            "names": list(held),
            "tokens": list(held.values()),
            "holder": holder,
            "ttl_s": leases.TTL_S,
        }
        return {str(row[0]) for row in await self._call(leases.RENEW_SQL, values)}

    async def release(self, name: str, holder: str, token: int) -> None:
        values = {"name": name, "holder": holder, "token": token}
        await self._call(leases.RELEASE_SQL, values)

    async def record(self, entry: Sequence[Any]) -> None:
        """Insert one audit entry; the same entry again changes nothing."""
        await self._call(INSERT_SQL, entry)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _call(
        self, sql: str, values: Mapping[str, Any] | Sequence[Any], within_s: float = CALL_S
    ) -> list[Row]:
        if time.monotonic() < self._not_before:
            raise StoreDownError("not tried again yet")
        try:
            if self._connection is None:
                self._connection = await self._connect(within_s)
            return await in_time(self._connection, _rows(self._connection, sql, values), within_s)
        except (psycopg.Error, OSError, TimeoutError) as error:
            await self.close()
            self._not_before = time.monotonic() + _PAUSE_S
            raise StoreDownError(f"{type(error).__name__}: {error}".strip()) from error

    async def _connect(self, within_s: float) -> psycopg.AsyncConnection[Row]:
        async with asyncio.timeout(within_s):
            return await psycopg.AsyncConnection.connect(
                conninfo(), autocommit=True, options=_OPTIONS, application_name=self._name
            )


async def _rows(
    connection: psycopg.AsyncConnection[Row], sql: str, values: Mapping[str, Any] | Sequence[Any]
) -> list[Row]:
    cursor = await connection.execute(sql.encode(), values)
    return await cursor.fetchall() if cursor.description else []
