"""A gateway's journal of holds: a small file, allocated in full before it is needed.

Slots of 4 KiB: two headers written in turn, then one record each. A record is one write and one
fdatasync; a full disk cannot fail it, since no block is new. A record is forgotten only when
``drop`` is called for it. A slot that is neither empty nor whole is damage: it may have been a
stop, so who opens the journal is told and trading starts closed.
"""

import fcntl
import os
import struct
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

SLOT = 4096
SLOTS = 512
_HEADERS = 2
_HEAD = struct.Struct("<4sII")  # magic, length, CRC of the payload
_MAGIC = b"HLJ1"
_EMPTY = bytes(SLOT)


class JournalFullError(Exception):
    """No slot is free: who asked must close by other means."""


class Record(msgspec.Struct, frozen=True):
    """``kind`` is hold, warrant or order; ``body`` its JSON."""

    kind: str
    id: str
    body: msgspec.Raw


class _Header(msgspec.Struct, frozen=True):
    journal: str
    sequence: int
    anchor: int


@dataclass(frozen=True, slots=True)
class Damage:
    slot: int


class Journal:
    """Open with ``open_journal``. Not thread-safe; one process at a time (flock)."""

    def __init__(self, fd: int, header: _Header) -> None:
        self._fd = fd
        self._header = header
        self._slots: dict[tuple[str, str], int] = {}
        self._free = list(range(SLOTS - 1, _HEADERS - 1, -1))
        self.records: dict[tuple[str, str], Record] = {}
        self.damage: list[Damage] = []

    @property
    def ident(self) -> uuid.UUID:
        """Names this file: another one does not know what this one knows."""
        return uuid.UUID(self._header.journal)

    @property
    def anchor(self) -> int:
        """The highest anchor that was noted."""
        return self._header.anchor

    def put(self, kind: str, ident: str, body: bytes) -> None:
        """Write a record; it is on disk when this returns. The same again changes nothing.

        Raises JournalFullError, ValueError for a body too long for a slot, OSError.
        """
        if (kind, ident) in self.records:
            return
        record = Record(kind, ident, msgspec.Raw(body))
        payload = msgspec.json.encode(record)
        if _HEAD.size + len(payload) > SLOT:
            raise ValueError(f"{kind} {ident} has {len(payload)} bytes, more than a slot holds")
        if not self._free:
            raise JournalFullError(f"all {SLOTS - _HEADERS} slots are taken")
        slot = self._free[-1]
        _write(self._fd, slot, payload)
        self._free.pop()
        self._slots[kind, ident] = slot
        self.records[kind, ident] = record

    def drop(self, kind: str, ident: str) -> None:
        """Forget a record: for a hold only when its lift was read. Unknown ones are no mistake."""
        slot = self._slots.pop((kind, ident), None)
        if slot is None:
            return
        del self.records[kind, ident]
        os.pwrite(self._fd, _EMPTY, slot * SLOT)
        os.fdatasync(self._fd)
        self._free.append(slot)

    def heal(self) -> None:
        """Blank the damaged slots: what they may have meant has been answered by a hold."""
        for one in self.damage:
            if one.slot >= _HEADERS:
                os.pwrite(self._fd, _EMPTY, one.slot * SLOT)
                self._free.append(one.slot)
        os.fdatasync(self._fd)
        self.damage.clear()

    def note_anchor(self, anchor: int) -> None:
        """Remember how far the database had come, in the older of the two headers."""
        self._header = _Header(self._header.journal, self._header.sequence + 1, anchor)
        _write(self._fd, self._header.sequence % _HEADERS, msgspec.json.encode(self._header))

    def close(self) -> None:
        os.close(self._fd)

    def _load(self) -> None:
        for slot in range(_HEADERS, SLOTS):
            raw = os.pread(self._fd, SLOT, slot * SLOT)
            if raw == _EMPTY:
                continue
            payload = _payload(raw)
            self._free.remove(slot)
            if payload is None:
                self.damage.append(Damage(slot))
                continue
            record = msgspec.json.decode(payload, type=Record)
            self._slots[record.kind, record.id] = slot
            self.records[record.kind, record.id] = record


def open_journal(path: Path) -> Journal:
    """Open the journal, making it when there is none. Raises OSError (also when it is open)."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_size < SLOT * SLOTS:
            _allocate(fd)
        header = _newest_header(fd)
    except OSError:
        os.close(fd)
        raise
    journal = Journal(fd, header or _Header(str(uuid.uuid4()), 0, 0))
    if header is None:
        journal.damage += [] if _is_blank(fd) else [Damage(0)]
        journal.note_anchor(0)
    journal._load()
    return journal


def _allocate(fd: int) -> None:
    """Blocks with content: an unwritten extent may still need room when it is first written."""
    done = os.fstat(fd).st_size
    os.pwrite(fd, bytes(SLOT * SLOTS - done), done)
    os.fsync(fd)


def _is_blank(fd: int) -> bool:
    return not any(os.pread(fd, SLOT * _HEADERS, 0))


def _newest_header(fd: int) -> _Header | None:
    found = []
    for slot in range(_HEADERS):
        payload = _payload(os.pread(fd, SLOT, slot * SLOT))
        if payload is not None:
            found.append(msgspec.json.decode(payload, type=_Header))
    return max(found, key=lambda one: one.sequence, default=None)


def _payload(raw: bytes) -> bytes | None:
    magic, length, crc = _HEAD.unpack_from(raw)
    payload = raw[_HEAD.size : _HEAD.size + length]
    # The checksum of nothing is zero: a slot of which only the magic was written has one as well.
    whole = magic == _MAGIC and 0 < length == len(payload) and zlib.crc32(payload) == crc
    return payload if whole else None


def _write(fd: int, slot: int, payload: bytes) -> None:
    head = _HEAD.pack(_MAGIC, len(payload), zlib.crc32(payload))
    data = head + payload
    os.pwrite(fd, data + bytes(SLOT - len(data)), slot * SLOT)
    os.fdatasync(fd)
