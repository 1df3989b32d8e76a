"""The database's address, and time limits, for loops that keep connections beside Django's."""

import asyncio
import os
import socket
from collections.abc import Awaitable
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from psycopg.conninfo import make_conninfo

T = TypeVar("T")


def conninfo() -> str:
    """A libpq connection string of Django's default database."""
    database = settings.DATABASES["default"]
    named = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
    }
    return make_conninfo(**{key: str(value) for key, value in named.items() if value})


def answers(within_s: int = 2) -> bool:
    """Whether the database lets a new connection in and answers it.

    A connection of its own: one that is open already would wait for a frozen server for ever,
    because libpq bounds the connecting and nothing after it.
    """
    try:
        with psycopg.connect(conninfo(), connect_timeout=within_s) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


async def in_time(
    connection: psycopg.AsyncConnection[Any], work: Awaitable[T], seconds: float
) -> T:
    """The result of ``work`` on ``connection``, or psycopg.OperationalError past ``seconds``.

    The connection is severed then, not the work cancelled: psycopg answers a cancellation by
    asking the same silent server to cancel, and waits up to ten seconds for it.
    """
    task = asyncio.ensure_future(work)
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        sever(connection)
    return await task


def sever(connection: psycopg.AsyncConnection[Any]) -> None:
    """Shut the connection's socket down: whoever waits for it sees it end at once."""
    if not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as twin:
            twin.shutdown(socket.SHUT_RDWR)
