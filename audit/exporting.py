"""Lines of an export, the form that audit.verifier reads: pure, a line at a time."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.canonical import plain
from audit.verifier import FORM, VERSION, Checkpoint, encode64, end_line


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry in its place. ``recorded_at`` in RFC 3339; ``body`` as stored."""

    index: int
    recorded_at: str
    chain: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who exported what, when: written into the export and, as an entry, into the record."""

    at: str
    by: str
    chosen: Mapping[str, Any]
    whole: bool


def header_line(stamp: Stamp, head: Checkpoint, incarnations: Iterable[Checkpoint]) -> bytes:
    """``incarnations``: the first checkpoint of each."""
    facts = {
        "haltline": FORM, "version": VERSION, "exported_at": stamp.at, "exported_by": stamp.by,
        "filter": plain(stamp.chosen), "whole": stamp.whole, "checkpoint": head.note,
        "incarnations": [one.note for one in incarnations],
    }  # fmt: skip
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def entry_line(entry: Placed, proof: Sequence[bytes] | None = None) -> bytes:
    """``proof``: hashes that lead to the root; none where the whole record is exported.

    The body stands there byte by byte, last: it is JSON, and is hashed as it stands.
    """
    head = f'{{"index":{entry.index},"recorded_at":"{entry.recorded_at}",'
    head += f'"chain":"{encode64(entry.chain)}",'
    if proof is not None:
        head += '"proof":[' + ",".join(f'"{encode64(one)}"' for one in proof) + "],"
    return head.encode() + b'"body":' + entry.body + b"}\n"


class Sealing:
    """Passes lines on, and ends them with how many there were and a hash over all."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.entries = 0

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def passed(self, line: bytes) -> bytes:
        self._digest.update(line)
        return line

    def lines(self, header: bytes, entries: Iterable[bytes]) -> Iterator[bytes]:
        yield self.passed(header)
        for line in entries:
            self.entries += 1
            yield self.passed(line)
        yield end_line(self.entries, self.digest)
