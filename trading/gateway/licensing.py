"""Keeps the licence fresh: one statement about every 80 ms on a connection of its own.

The same reading brings the holds: what it forbids is in force before what it permits is.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog

from riskctl.licence import READ_EVERY_S, Reading
from riskctl.reading import READING_SQL, reading_of
from trading.clock import boot_ns
from trading.database import in_time
from trading.gateway.store import Owner

log = structlog.get_logger(__name__)

READ_TIMEOUT_S = 0.25
"""A reading that takes longer would grant nothing anyway."""

RECONNECT_S = 0.2


@dataclass(frozen=True, slots=True)
class Reader:
    """``known``: ids of holds whose lift is to be told; ``take``: what is done with a reading."""

    dsn: str
    owner: Owner
    known: Callable[[], Collection[str]]
    take: Callable[[Reading], None]


async def keep_licence(reader: Reader) -> None:
    """Read for ever. A reading that fails grants nothing; the licence runs out by itself."""
    connection: psycopg.AsyncConnection[Any] | None = None
    away = False
    while True:
        try:
            if connection is None or connection.closed:
                async with asyncio.timeout(2):
                    connection = await psycopg.AsyncConnection.connect(
                        reader.dsn, autocommit=True, connect_timeout=2
                    )
            await in_time(connection, _read(connection, reader), READ_TIMEOUT_S)
            if away:
                log.info("licence.readable")
            away = False
            await asyncio.sleep(READ_EVERY_S)
        except (psycopg.Error, OSError, TimeoutError) as error:
            if not away:
                log.warning("licence.unreadable", error=f"{type(error).__name__}: {error}")
            away = True
            if connection is not None:
                await connection.close()
            connection = None
            await asyncio.sleep(RECONNECT_S)


async def _read(connection: psycopg.AsyncConnection[Any], reader: Reader) -> None:
    started = boot_ns()
    owner = reader.owner
    values = {"lease": owner.lease, "holder": owner.holder, "known": list(reader.known())}
    cursor = await connection.execute(READING_SQL, values)
    row = await cursor.fetchone()
    if row is not None:
        reader.take(reading_of(started, row))
