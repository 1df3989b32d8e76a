"""What is known of one entry now: its place, whether its bytes are those that were placed, and the
way from it to a signed checkpoint and out of the database.

Everything is looked at anew each time: a few hundred rows.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from audit.canonical import rfc3339
from audit.merkle import MissingHashError
from audit.models import Anchoring, Entry, Incarnation, Place, SignedCheckpoint
from audit.places import RECORDED_AT, PlaceStore
from audit.record_keys import record_keys
from audit.standing import KEYLESS, Kept, django_store
from audit.verifier import (
    CHAIN_START,
    Checkpoint,
    NoteError,
    ProofError,
    chain_next,
    check_inclusion,
    entry_leaf,
    parse_checkpoint,
)
from audit.verifying import NAMES, difference

LATER_MOST = 240
"""Checkpoints after the one that covers an entry, of which an anchor may have kept the first: a
slow one is given the newest alone."""
_ROW = f"""
SELECT place.index, {RECORDED_AT}, entry.body, place.leaf, place.chain,
       (SELECT chain FROM audit_place AS earlier WHERE earlier.index = place.index - 1),
       entry.id::text, happened_at, outcome, actor_kind, {", ".join(NAMES)}
FROM audit_place AS place JOIN audit_entry AS entry ON entry.id = place.entry_id
WHERE place.entry_id = %s
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Stand:
    """``altered``: its bytes are not those that were placed."""

    index: int
    altered: bool


@dataclass(frozen=True)
class Proof:
    """``leaf``: of its bytes as they are now. Empty texts: so it should be.

    ``altered``: what is not as it was placed; ``unlinked``: why the chain does not lead here;
    ``checkpoint``: the first that covers it, None: none yet; ``path``: hashes from the leaf to its
    root; ``unproven``: why they do not lead there, or nobody known signed it.
    """

    index: int
    recorded_at: str
    leaf: bytes
    chain: bytes
    altered: str
    unlinked: str
    checkpoint: Checkpoint | None
    path: tuple[bytes, ...]
    unproven: str
    kept: tuple[Kept, ...]

    @property
    def why(self) -> str:
        return self.altered or self.unlinked or self.unproven

    @property
    def holds(self) -> bool:
        """Whether it is shown to lie, as it is, in a signed tree."""
        return self.checkpoint is not None and not self.why


def places_stand(entries: Iterable[Entry]) -> dict[uuid.UUID, Stand]:
    """Of each that has a place. Raises db.Error."""
    shown = {one.id: one for one in entries}
    rows = Place.objects.filter(entry_id__in=list(shown)).values_list("entry_id", "index", "leaf")
    found = {}
    for ident, index, leaf in rows:
        one = shown[ident]
        now = entry_leaf(rfc3339(one.recorded_at).encode(), bytes(one.body))
        found[ident] = Stand(index, now != bytes(leaf))
    return found


def entry_prove(ident: uuid.UUID) -> Proof | None:
    """None for an entry without a place. Raises db.Error, audit.signing.SigningKeyError, OSError"""
    store = django_store()
    rows = store.rows(_ROW, (ident,))
    if not rows:
        return None
    index, recorded_at, body, stored, chain, earlier, entry_id, *columns = rows[0]
    leaf = entry_leaf(recorded_at.encode(), bytes(body))
    altered = ""
    if leaf != bytes(stored):
        altered = "its bytes, or when it was recorded, are not those that were placed"
    elif column := difference(entry_id, bytes(body), columns):
        altered = f"the column {column} says something else than its bytes"
    row = _covering(index)
    checkpoint, path, unproven = _included(store, row, index, leaf)
    return Proof(
        index, recorded_at, leaf, bytes(chain), altered, _unlinked(index, leaf, chain, earlier),
        checkpoint, path, unproven, _kept_since(row.pk) if row else (),
    )  # fmt: skip


def _unlinked(index: int, leaf: bytes, chain: bytes, earlier: bytes | None) -> str:
    if index and earlier is None:
        return f"entry {index - 1} has no place any more"
    before = CHAIN_START if earlier is None else bytes(earlier)
    if chain_next(before, index, leaf) != bytes(chain):
        return "the chain does not lead from the entry before to this one"
    return ""


def _covering(index: int) -> SignedCheckpoint | None:
    """The first checkpoint over it, of the incarnation that gave it its place or a later one."""
    begun = Incarnation.objects.filter(size__lte=index).order_by("-number").first()
    if begun is None:
        return None
    for one in Incarnation.objects.filter(number__gte=begun.number).order_by("number"):
        rows = SignedCheckpoint.objects.filter(origin=one.origin, size__gt=index)
        if (found := rows.order_by("size", "id").first()) is not None:
            return found
    return None


def _included(
    store: PlaceStore, row: SignedCheckpoint | None, index: int, leaf: bytes
) -> tuple[Checkpoint | None, tuple[bytes, ...], str]:
    """The checkpoint, the way to it, and why that shows nothing."""
    if row is None:
        return None, (), ""
    try:
        found = parse_checkpoint(row.note)
        path = tuple(store.tree(found.size).inclusion(index))
    except (NoteError, MissingHashError, IndexError) as error:
        return None, (), str(error)
    try:
        check_inclusion(index=index, size=found.size, leaf=leaf, proof=path, root=found.root)
        known = record_keys().known()
        if not known:
            return found, path, KEYLESS
        if not found.signers(known):
            return found, path, f"the {found} is signed by no key of ours"
    except (ProofError, NoteError) as error:
        return found, path, str(error)
    return found, path, ""


def _kept_since(checkpoint_id: int) -> tuple[Kept, ...]:
    """The first checkpoint from this one on that each anchor keeps."""
    rows = (
        Anchoring.objects.filter(
            checkpoint_id__gte=checkpoint_id, checkpoint_id__lt=checkpoint_id + LATER_MOST
        )
        .order_by("checkpoint_id")
        .values_list("anchor", "checkpoint__size", "anchored_at")
    )
    found: dict[str, Kept] = {}
    for anchor, size, at in rows:
        found.setdefault(anchor, Kept(anchor, size, at))
    return tuple(found.values())
