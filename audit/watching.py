"""What is new since the last check of everything, checked entry by entry, a slice at each look.

A process keeps in memory how far it came. So looking is cheap however large the record is, and it
is known of every entry when it was last checked: in the last check of all, or since then.
"""

import base64
import datetime as dt
from dataclasses import dataclass, replace

from audit.models import SignedCheckpoint, Verification
from audit.places import PlaceStore
from audit.verifier import CHAIN_START, BadError, Checkpoint, chain_next, entry_leaf
from audit.verifying import slice_check

LOOK = 500
"""Entries checked at one look, at most."""
AGAIN = dt.timedelta(seconds=30)
"""The stored tree is compared with the same checkpoint as often."""


@dataclass(frozen=True)
class Seen:
    """Entries ``since`` to ``upto - 1`` were checked here; ``why`` the next one is bad."""

    since: int
    upto: int
    chain: bytes
    why: str = ""
    first_bad: int | None = None


@dataclass
class Watch:
    """Of one process. Replaces what it keeps as a whole, so that threads do not mind each other."""

    _seen: tuple[tuple[int, str], Seen] | None = None
    _compared: tuple[int, str, dt.datetime] | None = None

    def look(
        self, store: PlaceStore, signed: SignedCheckpoint, verified: Verification | None
    ) -> Seen:
        """Check some more of what is signed. Raises psycopg.Error."""
        key = (verified.pk if verified else 0, signed.origin)
        seen = self._seen[1] if self._seen and self._seen[0] == key else _begin(store, verified)
        end = min(signed.size, seen.upto + LOOK)
        if seen.upto < end:
            seen = _onward(store, seen, end)
        self._seen = (key, seen)
        return seen

    def compared(
        self, store: PlaceStore, row: SignedCheckpoint, signed: Checkpoint, now: dt.datetime
    ) -> dt.datetime | None:
        """When the stored tree was found to be the one signed; None: it is another.

        Raises psycopg.Error, audit.merkle.MissingHashError.
        """
        if self._compared is not None:
            ident, note, at = self._compared
            if (ident, note) == (row.pk, row.note) and abs(now - at) < AGAIN:
                return at
        self._compared = None
        if store.tree(signed.size).root() != signed.root:
            return None
        self._compared = (row.pk, row.note, now)
        return now


@dataclass
class _Link:
    """The chain from one entry to the next, as audit.verifier.Walk goes it."""

    index: int
    chain: bytes

    def add(self, recorded_at: bytes, body: bytes, chain: bytes) -> bytes:
        leaf = entry_leaf(recorded_at, body)
        self.chain = chain_next(self.chain, self.index, leaf)
        if base64.b64encode(self.chain) != chain:
            raise BadError("the chain does not lead from the entry before to this one", self.index)
        self.index += 1
        return leaf


def _begin(store: PlaceStore, verified: Verification | None) -> Seen:
    """After the entries of the last check of all."""
    since = verified.entries if verified is not None and verified.whole else 0
    rows = store.rows("SELECT chain FROM audit_place WHERE index = %s", (since - 1,))
    return Seen(since, since, bytes(rows[0][0]) if rows else CHAIN_START)


def _onward(store: PlaceStore, seen: Seen, end: int) -> Seen:
    link = _Link(seen.upto, seen.chain)
    try:
        slice_check(store, link.add, seen.upto, end)
    except BadError as bad:
        return replace(seen, why=str(bad), first_bad=bad.first)
    return Seen(seen.since, link.index, link.chain)
