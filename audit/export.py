"""Exports of the record: JSON lines with proofs, for the verifier, and CSV, for people.

An export goes up to the newest signed checkpoint. It is itself a fact: an entry says who asked for
what before the first line is given out, and another how it ended, with a hash over what was given.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audit.canonical import rfc3339
from audit.choosing import Choice, chosen
from audit.exporting import Placed, Sealing, Stamp, entry_line, header_line
from audit.places import PlaceStore
from audit.record import INSERT_SQL, entry_row
from audit.verifier import Checkpoint, encode64, parse_checkpoint
from audit.verifying import NEVER

BEGUN, ENDED = "audit.export", "audit.export-end"
FORMS = ("jsonl", "csv")
_COLUMNS = (
    "index", "recorded_at", "happened_at", "action", "outcome", "actor_kind", "actor",
    "on_behalf_of", "object_kind", "object_id", "reason", "source", "request_id",
    "correlation_id", "before", "after", "id", "chain",
)  # fmt: skip
_LAST = "SELECT note FROM audit_signedcheckpoint ORDER BY id DESC LIMIT 1"
_BEGINNINGS = "SELECT note FROM audit_incarnation ORDER BY number"


class ExportError(Exception):
    """Nothing can be exported; the message says why."""


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

    def __init__(self, store: PlaceStore, who: Who, choice: Choice, form: str) -> None:
        self._store, self._who, self._choice, self._form = store, who, choice, form
        self._at = ""
        self.head: Checkpoint | None = None

    def begin(self) -> Checkpoint:
        """Choose the checkpoint, and record who exports what."""
        rows = self._store.rows(_LAST)
        if not rows:
            raise ExportError(NEVER)
        [(now,)] = self._store.rows("SELECT clock_timestamp()")
        self._at = rfc3339(now)
        self.head = parse_checkpoint(rows[0][0])
        self._record(BEGUN, "done", {"size": self.head.size})
        return self.head

    def lines(self) -> Iterator[bytes]:
        """A generator: closed before its end, it records that the export was cut short."""
        head = self.head or self.begin()
        sealing = Sealing()
        outcome = "failed"
        try:
            if self._form == "csv":
                yield from self._csv(head, sealing)
            else:
                yield from sealing.lines(self._header(head), self._entries(head))
            outcome = "done"
        finally:
            facts = {"entries": sealing.entries, "sha256": sealing.digest}
            self._record(ENDED, outcome, facts)

    @property
    def _stamp(self) -> Stamp:
        return Stamp(self._at, self._who.name, self._choice.stated, self._choice.whole)

    def _header(self, head: Checkpoint) -> bytes:
        begun = [parse_checkpoint(note) for (note,) in self._store.rows(_BEGINNINGS)]
        return header_line(self._stamp, head, begun)

    def _entries(self, head: Checkpoint) -> Iterator[bytes]:
        tree = self._store.tree(head.size)
        for one in chosen(self._store, self._choice, head.size):
            yield entry_line(one, None if self._choice.whole else tree.inclusion(one.index))

    def _csv(self, head: Checkpoint, sealing: Sealing) -> Iterator[bytes]:
        stamp = self._stamp
        said = json.dumps(stamp.chosen, ensure_ascii=False, sort_keys=True)
        first = (f"# audit export by {stamp.by} at {stamp.at}; filter {said}; up to {head},"
                 f" root {encode64(head.root)}\n").encode()  # fmt: skip
        yield sealing.passed(first)
        yield sealing.passed(_row(_COLUMNS))
        for one in chosen(self._store, self._choice, head.size):
            sealing.entries += 1
            yield sealing.passed(_row(_cells(one)))

    def _record(self, action: str, outcome: str, facts: Mapping[str, Any]) -> None:
        who = self._who
        row = entry_row(
            action=action, actor_kind=who.kind, actor=who.name, on_behalf_of=who.on_behalf_of,
            source=who.source, request_id=who.request_id, object_kind="record",
            object_id=self.head.origin if self.head else "", outcome=outcome,
            happened_at=self._store.rows("SELECT clock_timestamp()")[0][0],
            after={"form": self._form, "filter": self._choice.stated, "at": self._at, **facts},
        )  # fmt: skip
        self._store.rows(INSERT_SQL, row)


def _cells(one: Placed) -> list[str]:
    try:
        facts = json.loads(one.body)
        if not isinstance(facts, dict):
            raise TypeError
    except (ValueError, TypeError):
        facts = {"reason": one.body.decode(errors="replace")}  # it was altered: shown as it is
    facts |= {"index": one.index, "recorded_at": one.recorded_at, "chain": encode64(one.chain)}
    return [_cell(facts.get(name)) for name in _COLUMNS]


def _cell(value: Any) -> str:
    """Text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _row(cells: tuple[str, ...] | list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode()
