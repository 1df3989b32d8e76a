"""The sequencer: gives committed entries their place, one process at a time.

What it has not seen yet it finds by transaction number: whatever was not visible to its last look
belongs to a transaction that had not ended then, so its number is not below that look's horizon
(pg_snapshot_xmin). Entries that have a place already are left out by their key. Writers take no
lock for this and wait for nothing; one that commits late is found when it has committed.

Two processes that think they are the one cannot both write: a place's index and its entry are each
unique, and each statement asks for the lease. docs/audit-chain.md says why nothing is left out.
"""

import uuid
from collections.abc import Callable
from contextlib import suppress

import psycopg
import structlog

from audit.places import Fence, Found, PlaceStore, Row, State

log = structlog.get_logger(__name__)

EVERY_S = 0.1
BATCH = 2_000
STRAY_BATCH = 5_000
RETRY_S = 0.5

Connect = Callable[[], psycopg.Connection[Row]]


class Sequencer:
    """``turn`` places what is there; ``on_placed`` is told of each batch after it is committed."""

    def __init__(
        self,
        connect: Connect,
        fence: Fence,
        on_placed: Callable[[list[Found]], object] = lambda _: None,
    ) -> None:
        self._connect, self.fence, self.on_placed = connect, fence, on_placed
        self._connection: psycopg.Connection[Row] | None = None
        self._state: State | None = None
        self._since = 0
        self._stray_after: uuid.UUID | None = uuid.UUID(int=0)

    @property
    def store(self) -> PlaceStore:
        """On the connection of this sequencer, made when there is none. Raises psycopg.Error."""
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
            # Its tables grow while it works, from nothing after a start, and a plan made for small
            # ones is kept: whatever they are believed to be, an index is looked up.
            self._connection.execute("SET enable_seqscan = off")
        return PlaceStore(self._connection, self.fence)

    @property
    def state(self) -> State:
        """Raises psycopg.Error, audit.merkle.MissingHashError."""
        if self._state is None:
            self._state = self.store.state()
        return self._state

    @property
    def since(self) -> int:
        """The horizon: every entry of an earlier transaction has its place."""
        return self._since

    def go_on_from(self, horizon: int) -> None:
        """Entries of earlier transactions had their places when this process began."""
        self._since = horizon

    def forget(self) -> None:
        """Whether the last statement took effect is unknown: read everything anew."""
        self._state, self._stray_after = None, uuid.UUID(int=0)
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def turn(self) -> bool:
        """Place one batch; true when more may be waiting.

        Raises audit.places.NotHeldError, psycopg.Error (then call ``forget``), and
        audit.merkle.MissingHashError when stored hashes were removed.
        """
        store = self.store
        horizon = store.horizon()  # before looking: what ends in between is looked at twice
        found = store.unplaced(self._since, BATCH)
        self._place(found)
        if len(found) == BATCH:
            return True
        self._since = horizon
        return self._sweep(store)

    def _sweep(self, store: PlaceStore) -> bool:
        """Once a start, slice by slice: entries whose transaction's number says nothing here.

        A copy of the record in another server (pg_restore) has numbers of the first one.
        """
        if self._stray_after is None:
            return False
        found, last = store.stray(self._stray_after, STRAY_BATCH)
        if found:
            log.warning("audit.strays", entries=len(found))
        self._place(found)
        self._stray_after = last
        return last is not None

    def _place(self, found: list[Found]) -> None:
        if not found:
            return
        state, self._state = self.state, None  # it grows, and the table may not
        self.store.place(state, found)
        self._state = state
        self.on_placed(found)
