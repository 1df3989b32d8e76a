"""Signing what was placed: every half a minute, on every hold, and only what is consistent.

Before anything is signed, the stored tree is read again: its root must be the one that placing
came to, and the last signed tree a part of it (RFC 9162). What is not consistent is never signed;
it is logged as critical and recorded, once, and placing goes on.
"""

import datetime as dt
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from audit.anchors import AnchorError, FileAnchor
from audit.checkpoints import checkpoint_sign, key_of
from audit.merkle import MissingHashError
from audit.places import NotHeldError, PlaceStore, State
from audit.record import INSERT_SQL, entry_id, entry_row
from audit.record_keys import RecordKeys
from audit.signing import Signer, SigningKeyError
from audit.verifier import (
    KEY_CHANGE,
    Checkpoint,
    NoteError,
    ProofError,
    check_consistency,
    parse_checkpoint,
)

log = structlog.get_logger(__name__)

EVERY_S = 30.0
BEGUN, ALARM = "audit.incarnation", "audit.alarm"

_NEWEST = "SELECT number, origin, note, size FROM audit_incarnation ORDER BY number DESC LIMIT 1"
_LAST = ("SELECT note, horizon, id FROM audit_signedcheckpoint WHERE origin = %s"
         " ORDER BY id DESC LIMIT 1")  # fmt: skip
_KEEP = """
INSERT INTO audit_signedcheckpoint (origin, size, note, signed_at, horizon)
SELECT %(origin)s::text, %(size)s::bigint, %(note)s, %(signed_at)s::timestamptz, %(horizon)s
WHERE {fence} AND NOT EXISTS (
  SELECT FROM audit_signedcheckpoint WHERE origin = %(origin)s::text AND size > %(size)s::bigint
) RETURNING id
"""
"""Never a smaller one after a larger, whoever else is signing."""
_BEGIN = """
INSERT INTO audit_incarnation (number, origin, size, note)
SELECT %(number)s, %(origin)s, %(size)s, %(note)s WHERE {fence}
"""
_ANCHORED = """
INSERT INTO audit_anchoring (checkpoint_id, anchor, answer) VALUES (%s, %s, %s)
ON CONFLICT DO NOTHING
"""


class RefusedError(Exception):
    """What is stored is not what was signed: nothing more is signed. The message says why."""


@dataclass
class Attestor:
    """Signs for one incarnation. ``begin`` once, then ``sign`` whenever one is due.

    ``now`` is UTC; ``files`` are written at once, and ``hand_on`` is given each kept checkpoint
    with its id, for anchors that may be slow. Raises psycopg.Error throughout.
    """

    name: str
    keys: RecordKeys
    files: Sequence[FileAnchor]
    now: Callable[[], dt.datetime]
    process: str
    hand_on: Callable[[int, Checkpoint], object] = lambda _id, _one: None
    origin: str = ""
    last: Checkpoint | None = None
    horizon: int = 0
    refused: str = ""
    _told: set[str] = field(default_factory=set)

    def begin(self, store: PlaceStore) -> None:
        """Find the incarnation to sign for, or begin one. To be called before anything is placed.

        ``refused`` says why nothing will be signed, when that is so.
        """
        self.refused, self.last, self.horizon = "", None, 0
        found = store.rows(_NEWEST)
        try:
            anchored = self._anchored()
            if not found:
                self._begin_incarnation(store, 1, anchored)
                return
            number, self.origin, _, _ = found[0]
            self._read_last(store)
            known = {one for (one,) in store.rows("SELECT origin FROM audit_incarnation")}
            if _is_older(store, self.origin, known, anchored):
                self._begin_incarnation(store, int(number) + 1, anchored)
                return
            self._check_stored(store)
            if anchored is not None and anchored.origin == self.origin:
                _check_within(store, store.size(), anchored)
        except (RefusedError, MissingHashError, ProofError, NoteError) as why:
            self.refuse(store, str(why))
        except AnchorError as why:
            self.refuse(store, f"an anchor cannot be read: {why}")
        except (SigningKeyError, OSError) as why:
            self.refuse(store, f"there is no key to sign with: {why}")

    def _anchored(self) -> Checkpoint | None:
        """The newest checkpoint that is kept outside, by a key of ours."""
        found = [one for one in (file.last() for file in self.files) if one is not None]
        for one in found:
            if not one.signers(self.keys.known()):
                raise RefusedError(f"an anchor has a {one} that is signed by no key of ours")
        return max(found, key=lambda one: (one.said("time"), one.size), default=None)

    def _read_last(self, store: PlaceStore) -> None:
        rows = store.rows(_LAST, (self.origin,))
        if rows:
            self.last = parse_checkpoint(str(rows[0][0]))
            self.horizon = int(rows[0][1])

    def _check_stored(self, store: PlaceStore) -> None:
        """The record has what was signed last. Raises RefusedError."""
        if self.last is None:
            return
        if not self.last.signers(self.keys.known()):
            raise RefusedError(f"the last {self.last} is signed by no key of ours")
        _check_within(store, store.size(), self.last)

    def _begin_incarnation(
        self, store: PlaceStore, number: int, restored_from: Checkpoint | None
    ) -> None:
        state = store.state()
        self.origin = f"{self.name}/{number}-{secrets.token_hex(4)}"
        self.last = None
        first = self._signed(state, (self.keys.current(),), restored_from)
        store.rows(_BEGIN.format(fence=store.fence.sql), {
            "number": number, "origin": self.origin, "size": state.size, "note": first.note,
            **(store.fence.values or {}),
        })  # fmt: skip
        before = restored_from and {"origin": restored_from.origin, "size": restored_from.size}
        self._record(
            store, BEGUN, self.origin, outcome="done", before=before,
            reason="the database is older than what is anchored" if before else "a new record",
            after={"origin": self.origin, "size": state.size, "note": first.note,
                   "key_id": self.keys.current().key_id,
                   "public_pem": self.keys.current().public_pem},
        )  # fmt: skip
        tell = log.critical if before else log.info
        tell("audit.incarnation", origin=self.origin, size=state.size, restored_from=before)
        self._keep(store, first, self.horizon)

    def sign(self, store: PlaceStore, state: State, horizon: int) -> Checkpoint | None:
        """Check and sign the tree as it is.

        None when that is refused, or when the entry of a new key has no place yet. ``horizon``:
        entries of transactions below it have their place. Raises audit.places.NotHeldError.
        """
        if self.refused:
            return None
        try:
            signers = self._signers(store)
            if not signers:
                return None
            self._check_grown(store, state)
        except (RefusedError, MissingHashError, ProofError) as why:
            self.refuse(store, str(why))
            return None
        except (SigningKeyError, OSError) as why:
            self.refuse(store, f"there is no key to sign with: {why}")
            return None
        made = self._signed(state, signers)
        self._keep(store, made, horizon)
        return made

    def _check_grown(self, store: PlaceStore, state: State) -> None:
        tree = store.tree(state.size)
        root = tree.root()
        if root != state.edge.root():
            raise RefusedError(f"the stored tree of {state.size} entries is not the one placed")
        if self.last is not None and self.last.size:
            proof = tree.consistency(min(self.last.size, state.size))
            _check_part(self.last, state.size, root, proof)

    def _signers(self, store: PlaceStore) -> tuple[Signer, ...]:
        """The current key; at its first use the one before as well, once the change has a place."""
        signers = self.keys.signers()
        current = signers[-1]
        if self.last is None or self.last.signers([key_of(current)]):
            return (current,)
        before = [one for one in signers if self.last.signers([key_of(one)])]
        old_id = before[0].key_id if before else ""
        ident = entry_id(KEY_CHANGE, self.origin, old_id, current.key_id)
        if not store.rows("SELECT 1 FROM audit_place WHERE entry_id = %s", (ident,)):
            log.warning("audit.key-change", old=old_id, new=current.key_id)
            self._record(
                store, KEY_CHANGE, current.key_id, id=ident, before={"key_id": old_id},
                after={"key_id": current.key_id, "public_pem": current.public_pem},
            )  # fmt: skip
            return ()
        return (*before, current)

    def _signed(
        self, state: State, signers: Sequence[Signer], restored_from: Checkpoint | None = None
    ) -> Checkpoint:
        return checkpoint_sign(
            origin=self.origin, size=state.size, root=state.edge.root(), chain=state.chain,
            now=self.now(), signers=signers, restored_from=restored_from,
        )  # fmt: skip

    def _keep(self, store: PlaceStore, made: Checkpoint, horizon: int) -> None:
        rows = store.rows(_KEEP.format(fence=store.fence.sql), {
            "origin": made.origin, "size": made.size, "note": made.note,
            "signed_at": made.said("time"), "horizon": horizon, **(store.fence.values or {}),
        })  # fmt: skip
        if not rows:
            raise NotHeldError("the lease of the sequencer has another holder, who signed more")
        self.last = made
        ident = int(rows[0][0])
        for file in self.files:
            self._keep_in(store, file, ident, made)
        self.hand_on(ident, made)

    def _keep_in(self, store: PlaceStore, file: FileAnchor, ident: int, made: Checkpoint) -> None:
        try:
            answer = file.keep(made, lambda _: ())
        except AnchorError as error:
            self.alarm(store, f"a checkpoint is not kept: {error}")
            return
        anchored(store, ident, file.name, answer)

    def refuse(self, store: PlaceStore, why: str) -> None:
        self.refused = why
        self.alarm(store, why)

    def alarm(self, store: PlaceStore, why: str) -> None:
        """Log as critical and record; once a process, however often it is seen."""
        if why in self._told:
            return
        log.critical("audit.alarm", reason=why)
        self._record(store, ALARM, self.origin or self.name, reason=why, outcome="failed")
        self._told.add(why)

    def _record(self, store: PlaceStore, action: str, object_id: str, **facts: Any) -> None:
        row = entry_row(
            action=action, actor_kind="process", actor=self.process, object_kind="record",
            object_id=object_id, happened_at=self.now(), **facts,
        )  # fmt: skip
        store.rows(INSERT_SQL, row)


def anchored(store: PlaceStore, ident: int, anchor: str, answer: str) -> None:
    """Note that a checkpoint is kept outside."""
    store.rows(_ANCHORED, (ident, anchor, answer))


def _is_older(
    store: PlaceStore, origin: str, known: set[str], anchored_last: Checkpoint | None
) -> bool:
    """Whether the database is an older copy: an anchor holds more than it has."""
    if anchored_last is None:
        return False
    if anchored_last.origin == origin:
        return anchored_last.size > store.size()
    return anchored_last.origin not in known


def _check_within(store: PlaceStore, size: int, signed: Checkpoint) -> None:
    """Raises RefusedError, audit.merkle.MissingHashError."""
    if signed.size > size:
        raise RefusedError(f"the record has {size} entries, and the {signed} was signed")
    if store.tree(signed.size).root() != signed.root:
        raise RefusedError(f"the record has other entries than the {signed} that was signed")


def _check_part(last: Checkpoint, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    try:
        check_consistency(
            size1=last.size, size2=size, root1=last.root, root2=root, proof=proof
        )  # fmt: skip
    except ProofError as error:
        raise RefusedError(f"not consistent with the last {last}: {error}") from error


__all__ = ["ALARM", "BEGUN", "Attestor", "RefusedError", "anchored"]
