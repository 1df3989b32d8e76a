"""Keeps the licence fresh: one statement about every 80 ms on a connection of its own."""

import asyncio
from typing import Any

import psycopg
import structlog

from riskctl.licence import READ_EVERY_S, Licence
from riskctl.reading import READING_SQL, reading_of
from trading.clock import boot_ns
from trading.database import in_time
from trading.gateway.store import Owner

log = structlog.get_logger(__name__)

READ_TIMEOUT_S = 0.25
"""A reading that takes longer would grant nothing anyway."""

RECONNECT_S = 0.2


async def keep_licence(dsn: str, owner: Owner, licence: Licence) -> None:
    """Read for ever. A reading that fails grants nothing; the licence runs out by itself."""
    connection: psycopg.AsyncConnection[Any] | None = None
    away = False
    while True:
        try:
            if connection is None or connection.closed:
                async with asyncio.timeout(2):
                    connection = await psycopg.AsyncConnection.connect(
                        dsn, autocommit=True, connect_timeout=2
                    )
            await in_time(connection, _read(connection, owner, licence), READ_TIMEOUT_S)
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


async def _read(connection: psycopg.AsyncConnection[Any], owner: Owner, licence: Licence) -> None:
    started = boot_ns()
    cursor = await connection.execute(READING_SQL, {"lease": owner.lease, "holder": owner.holder})
    row = await cursor.fetchone()
    if row is not None:
        licence.renew(reading_of(started, row))
