"""Waiting for what may never answer: never longer than said."""

import os
import socket
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import psycopg

from riskctl.desk import BrakesDesk

T = TypeVar("T")


class _Running(Generic[T]):
    def __init__(self, run: Callable[[], T]) -> None:
        self._run = run
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._found: list[T] = []
        self._error: Exception | None = None
        self._thread.start()

    def _main(self) -> None:
        try:
            self._found.append(self._run())
        except (psycopg.Error, OSError, ValueError) as error:
            self._error = error

    def wait(self, seconds: float) -> T:
        self._thread.join(max(seconds, 0))
        if self._error is not None:
            raise self._error
        if not self._found:
            raise TimeoutError(f"did not answer within {seconds:.1f} s")
        return self._found[0]


def within(seconds: float, run: Callable[[], T]) -> T:
    """What ``run`` returns. Raises TimeoutError, and what ``run`` raises of psycopg.Error, OSError
    and ValueError. One that is late goes on by itself and is heard no more."""
    return _Running(run).wait(seconds)


class Database:
    """One connection that is asked again and again, and given up when it is silent."""

    def __init__(self, desk: BrakesDesk) -> None:
        self._desk = desk
        self._connection: psycopg.Connection[Any] | None = None

    def rows(
        self, sql: str, values: dict[str, Any] | None = None, *, within_s: float = 1.0
    ) -> list[tuple[Any, ...]]:
        """Raises psycopg.Error, TimeoutError."""
        try:
            return within(within_s, lambda: self._ask(sql, values))
        except (psycopg.Error, TimeoutError):
            self.close()
            raise

    def _ask(self, sql: str, values: dict[str, Any] | None) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = self._desk.connection()
        return self._connection.execute(sql.encode(), values).fetchall()

    def close(self) -> None:
        """Shut the socket: whoever still waits on it sees it end."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.closed:
            with socket.socket(fileno=os.dup(connection.fileno())) as twin:
                twin.shutdown(socket.SHUT_RDWR)


def why(error: Exception) -> str:
    """One line of what went wrong."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
