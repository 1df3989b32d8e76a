"""Checking the record where it lies: the verifier's own walk over the tables, and what is beside.

As the verifier checks an export, and besides: that the searchable columns say what the body says,
that leaves and tiles are those of the entries, that nothing waits for its place, and that every
checkpoint kept in a file fits.
"""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.canonical import rfc3339
from audit.merkle import MissingHashError
from audit.places import RECORDED_AT, PlaceStore
from audit.record import WIDTHS, searchable
from audit.verifier import (
    BadError,
    Checkpoint,
    NoteError,
    Trust,
    Walk,
    parse_checkpoint,
    read_checkpoints,
)

SLICE = 5_000
LATE_S = 60
"""A committed entry without a place is a finding after so long."""

NAMES = tuple(WIDTHS)
"""Columns of text that repeat what a body says, in this order."""
_ENTRIES = f"""
SELECT place.index, place.entry_id::text, {RECORDED_AT}, entry.body, place.chain, place.leaf,
       happened_at, outcome, actor_kind, {", ".join(NAMES)}
FROM audit_place AS place LEFT JOIN audit_entry AS entry ON entry.id = place.entry_id
WHERE place.index >= %s AND place.index < %s ORDER BY place.index
"""  # noqa: S608 - constants
_CHECKPOINTS = "SELECT id, origin, size, note FROM audit_signedcheckpoint ORDER BY id"
_BEGUN = "SELECT number, origin, size, note FROM audit_incarnation ORDER BY number"
_LATE = f"""
SELECT count(*) FROM (
  SELECT FROM audit_entry AS entry
  WHERE recorded_at < clock_timestamp() - make_interval(secs => {LATE_S})
    AND NOT EXISTS (SELECT FROM audit_place WHERE entry_id = entry.id) LIMIT 1000
) AS late
"""  # noqa: S608 - constants
NEVER = "nothing was signed yet: the sequencer has not run"

Add = Callable[[bytes, bytes, bytes], bytes]
"""As audit.verifier.Walk.add: the leaf of the next entry."""


@dataclass(frozen=True)
class Finding:
    """What a check of the whole record came to. ``first_bad`` is None where no entry is bad."""

    entries: int
    signed: int
    fitting: int
    why: str = ""
    first_bad: int | None = None
    last_bad: int | None = None
    lost: Sequence[str] = ()

    @property
    def whole(self) -> bool:
        return not self.why


def record_check(
    store: PlaceStore,
    *,
    trust: Trust,
    anchors: Sequence[Path] = (),
    progress: Callable[[int, int], object] = lambda _done, _all: None,
) -> Finding:
    """Check everything. ``progress``: entries done, of how many. Raises psycopg.Error."""
    walk: Walk | None = None
    try:
        head, known = _signed(store, anchors)
        walk = Walk(head, known, trust)
        size = max(store.size(), head.size)
        for first in range(0, size, SLICE):
            slice_check(store, walk.add, first, min(first + SLICE, size))
            progress(walk.edge.size, size)
        walk.end()
        _check_beside(store, walk)
    except BadError as bad:
        done = walk.edge.size if walk else 0
        signed = walk.head.size if walk else 0
        fitting = walk.fitting if walk else 0
        return Finding(done, signed, fitting, str(bad), bad.first, bad.last)
    return Finding(walk.edge.size, walk.head.size, walk.fitting, lost=walk.lost)


def _signed(store: PlaceStore, anchors: Sequence[Path]) -> tuple[Checkpoint, list[Checkpoint]]:
    """The newest checkpoint of the table, and all others there and in the files.

    Files first: what is in one was in the table before, also while the sequencer goes on signing.
    """
    kept = [one for path in anchors for one in _kept_in(path)]
    rows = store.rows(_CHECKPOINTS)
    if not rows:
        raise BadError(NEVER)
    *known, head = [_row_checkpoint(*row) for row in rows]
    sizes = [one.size for one in [*known, head] if one.origin == head.origin]
    if sizes != sorted(sizes):
        raise BadError("the table of checkpoints has a smaller one after a larger")
    known += [_row_checkpoint(*row) for row in store.rows(_BEGUN)]
    return head, list(dict.fromkeys([*known, *kept]))


def _kept_in(path: Path) -> list[Checkpoint]:
    try:
        return read_checkpoints(path.read_bytes(), path.name)
    except FileNotFoundError:
        raise BadError(f"the anchor {path} is not there") from None
    except OSError as error:
        raise BadError(f"the anchor {path} cannot be read: {error.strerror}") from None


def _row_checkpoint(ident: int, origin: str, size: int, note: str) -> Checkpoint:
    try:
        found = parse_checkpoint(note)
    except NoteError as error:
        raise BadError(f"checkpoint {ident} of the table: {error}") from None
    if (found.origin, found.size) != (origin, size):
        raise BadError(f"checkpoint {ident} of the table says another size than its note")
    return found


def slice_check(store: PlaceStore, add: Add, first: int, end: int) -> None:
    """Entries ``first`` to ``end - 1``, each as ``add`` takes it. Raises BadError, psycopg.Error"""
    expected = first
    for row in store.rows(_ENTRIES, (first, end)):
        index, ident, recorded_at, body, chain, leaf, *columns = row
        if index != expected:
            raise BadError(f"no place has this index; the next is {index}", expected)
        if body is None:
            raise BadError(f"the entry {ident} was removed", index)
        body = bytes(body)
        found = add(recorded_at.encode(), body, base64.b64encode(chain))
        if found != bytes(leaf):
            raise BadError("the stored leaf is another entry's", index)
        column = difference(ident, body, columns)
        if column:
            raise BadError(f"the column {column} says something else than the body", index)
        expected += 1
    if expected != end:
        raise BadError("no place has this index, nor any after it", expected)


def difference(ident: str, body: bytes, columns: Sequence[Any]) -> str:
    """The name of the first column that does not repeat the body, empty when all do."""
    try:
        facts = json.loads(body)
        pairs = _pairs(facts, ident, columns)
        return next((name for name, said, stands in pairs if said != stands), "")
    except (ValueError, LookupError, TypeError, AttributeError):
        return "body (it is no entry)"


def _pairs(
    facts: dict[str, Any], ident: str, columns: Sequence[Any]
) -> Iterator[tuple[str, object, object]]:
    happened_at, outcome, actor_kind, *texts = columns
    yield "id", facts["id"], ident
    yield "happened_at", facts["happened_at"], rfc3339(happened_at)
    yield "outcome", facts["outcome"], outcome
    yield "actor_kind", facts["actor_kind"], actor_kind
    for name, stands in zip(NAMES, texts, strict=True):
        yield name, searchable(facts[name], WIDTHS[name]), stands


def _check_beside(store: PlaceStore, walk: Walk) -> None:
    try:
        if store.tree(walk.edge.size).root() != walk.edge.root():
            raise BadError("the stored tiles are those of another tree")
    except MissingHashError as error:
        raise BadError(str(error)) from None
    [(late,)] = store.rows(_LATE)
    if late:
        raise BadError(f"{late} entries wait for their place for over {LATE_S} s: the sequencer"
                       " is not running, or they were put there by another way")  # fmt: skip
