"""Exports of the record, in one of several forms, up to the newest signed checkpoint.

An export is itself a fact: an entry says who asked for what before the first line is given out, and
another how it ended, with a hash over what was given.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audit.canonical import rfc3339
from audit.choosing import FEW, Choice, chosen
from audit.exporting import Sealing, Stamp
from audit.forms import Form, Matter
from audit.places import PlaceStore
from audit.record import INSERT_SQL, entry_row
from audit.verifier import Checkpoint, parse_checkpoint
from audit.verifying import NEVER

BEGUN, ENDED = "audit.export", "audit.export-end"
_LAST = "SELECT note FROM audit_signedcheckpoint ORDER BY id DESC LIMIT 1"
_BEGINNINGS = "SELECT note FROM audit_incarnation ORDER BY number"


class ExportError(Exception):
    """Nothing is exported; the message says why, and what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Who:
    """Who exports, in the words of an entry."""

    kind: str
    name: str
    on_behalf_of: str = ""
    source: str = ""
    request_id: str = ""


class Export:
    """``begin`` records it; ``lines`` gives it out, once. Raises psycopg.Error, ExportError."""

    def __init__(self, store: PlaceStore, who: Who, choice: Choice, form: Form) -> None:
        self._store, self._who, self._choice, self._form = store, who, choice, form
        self._at = ""
        self._sealing = Sealing()
        self.head: Checkpoint | None = None

    @property
    def given(self) -> int:
        """How many entries it has given so far."""
        return self._sealing.entries

    @property
    def count(self) -> int | None:
        """How many entries it gives, once begun; None: not known before."""
        return self._choice.count(self.head.size) if self.head else None

    def begin(self) -> Checkpoint:
        """Choose the checkpoint, and record who exports what."""
        rows = self._store.rows(_LAST)
        if not rows:
            raise ExportError("record-unsigned", NEVER)
        [(now,)] = self._store.rows("SELECT clock_timestamp()")
        self._at = rfc3339(now)
        self.head = parse_checkpoint(rows[0][0])
        self._check_length()
        self._record(BEGUN, "done", {"size": self.head.size})
        return self.head

    def _check_length(self) -> None:
        most, count = self._form.most, self.count
        if most is not None and (count is None or count > most):
            more = f"more than {FEW:,}, or than are counted in time,"
            said = more if count is None else f"{count:,}"
            raise ExportError(
                "export-too-long",
                f"This is of {said} entries, and a {self._form.name} has {most:,} at most. Narrow"
                " it, by a time for instance, or take csv or jsonl.",
            )

    def lines(self) -> Iterator[bytes]:
        """A generator: closed before its end, it records that the export was cut short."""
        head = self.head or self.begin()
        sealing, outcome = self._sealing, "failed"
        try:
            yield from self._form.lines(self._matter(head), sealing)
            outcome = "done"
        finally:
            facts = {"entries": sealing.entries, "sha256": sealing.digest}
            self._record(ENDED, outcome, facts)

    def _matter(self, head: Checkpoint) -> Matter:
        choice, who = self._choice, self._who
        by = f"{who.name}, for {who.on_behalf_of}" if who.on_behalf_of else who.name
        return Matter(
            Stamp(self._at, by, choice.stated, choice.whole),
            head,
            tuple(parse_checkpoint(note) for (note,) in self._store.rows(_BEGINNINGS)),
            chosen(self._store, choice, head.size),
            self._store.tree(head.size).inclusion,
        )

    def _record(self, action: str, outcome: str, facts: Mapping[str, Any]) -> None:
        who = self._who
        row = entry_row(
            action=action, actor_kind=who.kind, actor=who.name, on_behalf_of=who.on_behalf_of,
            source=who.source, request_id=who.request_id, object_kind="record",
            object_id=self.head.origin if self.head else "", outcome=outcome,
            happened_at=self._store.rows("SELECT clock_timestamp()")[0][0],
            after={"form": self._form.name, "filter": dict(self._choice.stated), "at": self._at,
                   **facts},
        )  # fmt: skip
        self._store.rows(INSERT_SQL, row)
