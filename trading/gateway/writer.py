"""Group commit: everything that waits is written in one transaction, in order, by one task.

A batch is kept until its COMMIT is known to have happened; when the answer is lost or the
database is away, or takes no entry of the record, it is written again, which changes nothing if it
was written already (store.py). Nothing later overtakes it. A batch that the database refuses for
what is in it cannot be repaired by repeating it: the process ends, and its successor rebuilds from
database and venue.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import structlog

from riskctl.reading import FENCE_STATE
from trading.database import in_time
from trading.gateway.store import Owner, Statement, merged

log = structlog.get_logger(__name__)

MAX_STATEMENTS = 400
RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0)
COMMIT_TIMEOUT_S = 2.0

# A frozen gateway must not hold a transaction open: its successor waits half a second.
# An intent whose commit a crash of the server takes back is a fill that nobody ordered.
SESSION = (
    "-c synchronous_commit=on"
    " -c idle_in_transaction_session_timeout=400 -c statement_timeout=2s -c lock_timeout=1s"
    " -c application_name=gateway-writer"
)


UNWILLING = frozenset({"42501", "25006", "P0001"})
"""SQLSTATEs of a server that refuses to write, whatever is in it: no privilege, read-only, a
trigger. It is waited for as for one that is away, and meanwhile nothing that raises risk leaves."""


class LeaseLostError(Exception):
    """Another gateway holds the account: this process must end and write nothing more."""


@dataclass(slots=True)
class Job:
    """Statements that belong together, and what to do once they are durable."""

    statements: list[Statement]
    after: Callable[[], None] | None = None


@dataclass(slots=True)
class Writer:
    """The one task that writes. ``dsn`` is the database, ``owner`` whose lease it writes under.

    ``told`` hears when nothing can be written, and when it can again.
    """

    dsn: str
    owner: Owner
    told: Callable[[bool], object] = lambda _healthy: None
    healthy: bool = True
    _queue: list[Job] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, statements: list[Statement], after: Callable[[], None] | None = None) -> None:
        """Queue statements; ``after`` is called, in order, when they are committed."""
        self._queue.append(Job(statements, after))
        self._idle.clear()
        self._wake.set()

    @property
    def backlog(self) -> int:
        return len(self._queue)

    async def drained(self) -> None:
        """Wait until everything queued is committed."""
        if self._queue:
            await self._idle.wait()

    async def run(self) -> None:
        """Write for ever. Raises LeaseLostError, or psycopg.Error for a refused batch."""
        connection: psycopg.AsyncConnection[Any] | None = None
        tries = 0
        while True:
            if not self._queue:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
            batch = self._take()
            try:
                if connection is None or connection.closed:
                    connection = await psycopg.AsyncConnection.connect(
                        self.dsn, autocommit=True, connect_timeout=2, options=SESSION
                    )
                await in_time(connection, self._commit(connection, batch), COMMIT_TIMEOUT_S)
            except (psycopg.Error, TimeoutError) as error:
                _raise_for_good(error)
                await self._away(connection, error, tries)
                connection, tries = None, tries + 1
                continue
            tries = 0
            self._is_healthy(True)  # before what is durable is let go
            del self._queue[: len(batch)]
            for job in batch:
                if job.after is not None:
                    job.after()

    def _take(self) -> list[Job]:
        """The jobs at the head of the queue that fit one transaction; they stay queued."""
        count = total = 0
        for job in self._queue:
            total += len(job.statements)
            count += 1
            if total >= MAX_STATEMENTS:
                break
        return self._queue[:count]

    async def _commit(self, connection: psycopg.AsyncConnection[Any], batch: list[Job]) -> None:
        # One pipeline: the whole transaction with its fence and COMMIT leaves in one go, so that
        # a process frozen in the middle of it has already sent the end of it, or none.
        async with connection.pipeline():
            await connection.execute("BEGIN")
            for sql, values in merged(one for job in batch for one in job.statements):
                await connection.execute(sql, values)
            await connection.execute(*self.owner.fence())
            await connection.execute("COMMIT")

    async def _away(
        self, connection: psycopg.AsyncConnection[Any] | None, error: Exception, tries: int
    ) -> None:
        if self.healthy:
            log.warning("database.away", error=str(error), backlog=self.backlog)
        self._is_healthy(False)
        if connection is not None:
            await connection.close()
        await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])

    def _is_healthy(self, healthy: bool) -> None:
        if healthy != self.healthy:
            self.healthy = healthy
            self.told(healthy)


def _raise_for_good(error: psycopg.Error | TimeoutError) -> None:
    """Raise what repeating cannot mend; return for a database that is only away."""
    if isinstance(error, psycopg.Error) and error.sqlstate == FENCE_STATE:
        raise LeaseLostError(str(error)) from error
    if isinstance(error, psycopg.Error) and error.sqlstate in UNWILLING:
        return
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | TimeoutError):
        raise error
