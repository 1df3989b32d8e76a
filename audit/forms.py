"""Forms of an export: JSON lines with proofs, for the verifier, and CSV, for spreadsheets."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from audit.exporting import Placed, Sealing, Stamp, entry_line, header_line
from audit.verifier import Checkpoint, encode64

COLUMNS = (
    "index", "recorded_at", "happened_at", "action", "outcome", "actor_kind", "actor",
    "on_behalf_of", "object_kind", "object_id", "reason", "source", "request_id",
    "correlation_id", "before", "after", "id", "chain",
)  # fmt: skip


@dataclass(frozen=True)
class Matter:
    """What is set in a form. ``incarnations``: the first checkpoint of each; ``prove``: that the
    entry of an index lies in the tree of ``head``."""

    stamp: Stamp
    head: Checkpoint
    incarnations: tuple[Checkpoint, ...]
    entries: Iterator[Placed]
    prove: Callable[[int], list[bytes]]


class Form(Protocol):
    """``lines`` passes each through the sealing, and counts each entry there. ``most``: entries
    that it takes, None: any number."""

    @property
    def name(self) -> str: ...

    @property
    def media(self) -> str: ...

    @property
    def most(self) -> int | None: ...

    def lines(self, matter: Matter, sealing: Sealing) -> Iterator[bytes]: ...


class JsonLines:
    name, media, most = "jsonl", "application/jsonl", None

    def lines(self, matter: Matter, sealing: Sealing) -> Iterator[bytes]:
        """The whole record is proven by its chain and root; what is chosen, entry by entry."""
        prove = None if matter.stamp.whole else matter.prove
        lines = (entry_line(one, prove(one.index) if prove else None) for one in matter.entries)
        header = header_line(matter.stamp, matter.head, matter.incarnations)
        return sealing.lines(header, lines)


class Csv:
    name, media, most = "csv", "text/csv; charset=utf-8", None

    def lines(self, matter: Matter, sealing: Sealing) -> Iterator[bytes]:
        stamp, head = matter.stamp, matter.head
        said = json.dumps(dict(stamp.chosen), ensure_ascii=False, sort_keys=True)
        first = (f"# audit export by {stamp.by} at {stamp.at}; filter {said}; up to {head},"
                 f" root {encode64(head.root)}\n").encode()  # fmt: skip
        yield sealing.passed(first)
        yield sealing.passed(_row(COLUMNS))
        for one in matter.entries:
            sealing.entries += 1
            yield sealing.passed(_row(_cells(one)))


def facts_of(one: Placed) -> dict[str, Any]:
    """What the body says; an altered one, that is no entry any more, as it is."""
    try:
        facts = json.loads(one.body)
        if not isinstance(facts, dict):
            raise TypeError
    except (ValueError, TypeError):
        facts = {"reason": one.body.decode(errors="replace")}
    return facts


def _cells(one: Placed) -> list[str]:
    facts = facts_of(one)
    facts |= {"index": one.index, "recorded_at": one.recorded_at, "chain": encode64(one.chain)}
    return [_cell(facts.get(name)) for name in COLUMNS]


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
