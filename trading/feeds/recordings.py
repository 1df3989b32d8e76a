"""Recorded days as files, in the form that a replay reads: one a symbol and day, quotes and trades.

A file grows by whole gzip members, each written at once, so that what is there can be read at any
moment; a member that a crash cut short is cut off before the next is written. Its comment is the
place in the tick stream up to which it goes, so nothing is written twice either. What the stream
had no more when it was read is named in ``GAPS`` of the day. When its day is over a file loses its
``.part``, and ``SHA256SUMS`` of the day says what each was.
"""

import datetime as dt
import hashlib
import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trading.clock import utc_from_ns
from trading.feeds.flow import NONE, order_of
from trading.feeds.lines import HEADER
from trading.feeds.traded import QUOTES, TRADES, TRADES_HEADER

HEADERS = {QUOTES: HEADER, TRADES: TRADES_HEADER}
SUMS = "SHA256SUMS"
GAPS = "GAPS"
"""Lines of two moments: between them nothing was recorded, whatever happened."""
PART = ".part"

_DAY = re.compile(r"\d{8}")
_GZIP_HEAD = b"\x1f\x8b\x08\x10\0\0\0\0\0\xff"
"""Deflate, with a comment, without a time."""


def day_of(ns: int) -> str:
    return f"{utc_from_ns(ns):%Y%m%d}"


def file_name(symbol: str, day: str, kind: str) -> str:
    return f"{symbol.lower()}-{day}.{kind}.csv.gz"


class DayFile:
    """A file that grows. ``position``: the id of the stream's entry up to which it goes."""

    def __init__(self, path: Path, kind: str) -> None:
        """Raises OSError."""
        self._path = path.with_name(path.name + PART)
        self._header = f"{HEADERS[kind]}\n".encode()
        self._length, self.position = 0, NONE
        if self._path.exists():
            self._length, self.position = sound_part(self._path)

    def append(self, lines: bytes, position: bytes) -> None:
        """Write whole lines at once. Raises OSError, and then nothing was written."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as file:
            if os.fstat(file.fileno()).st_size < self._length:
                # Somebody removed it or cut it: to fill the hole would make it unreadable.
                self._length, _ = sound_part(self._path)
            data = _member(lines if self._length else self._header + lines, position)
            file.truncate(self._length)
            if file.write(data) != len(data):
                file.truncate(self._length)
                raise OSError(f"{self._path} takes no more")
        self._length += len(data)
        self.position = position


def _member(data: bytes, position: bytes) -> bytes:
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(data) + deflate.flush()
    tail = struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
    return _GZIP_HEAD + position + b"\0" + body + tail


def sound_part(path: Path) -> tuple[int, bytes]:
    """How many bytes of a file are whole members, and the comment of the last. Raises OSError."""
    data = path.read_bytes()
    at, position = 0, NONE
    while data.startswith(_GZIP_HEAD, at):
        member = zlib.decompressobj(wbits=31)
        try:
            member.decompress(data[at:])
        except zlib.error:
            break
        if not member.eof:
            break
        start = at + len(_GZIP_HEAD)
        position = data[start : data.index(b"\0", start)]
        at = len(data) - len(member.unused_data)
    return at, position


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded day. ``closed``: it is over, and its digests are kept. ``gaps``: from when to
    when it lacks what there was."""

    day: dt.date
    symbols: tuple[str, ...]
    bytes: int
    closed: bool
    folder: Path
    gaps: tuple[tuple[str, str], ...] = ()

    @property
    def quotes(self) -> tuple[Path, ...]:
        return tuple(sorted(self.folder.glob(f"*.{QUOTES}.csv.gz")))


def recordings(folder: Path) -> list[Recording]:
    """What was recorded, the oldest day first. Raises OSError."""
    return sorted(_recordings(folder), key=lambda one: one.day)


def _recordings(folder: Path) -> Iterator[Recording]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if not _DAY.fullmatch(path.name):
            continue
        files = [one for one in path.iterdir() if ".csv.gz" in one.name]
        names = {one.name.partition(f"-{path.name}.")[0].upper() for one in files}
        size = sum(one.stat().st_size for one in files)
        day = dt.datetime.strptime(path.name, "%Y%m%d").replace(tzinfo=dt.UTC).date()
        closed, gaps = (path / SUMS).exists(), _gaps(path / GAPS)
        yield Recording(day, tuple(sorted(names)), size, closed, path, gaps)


def _gaps(path: Path) -> tuple[tuple[str, str], ...]:
    lines = path.read_text().splitlines() if path.exists() else ()
    return tuple((since, until) for since, _, until in (one.partition(" ") for one in lines))


def gap_keep(folder: Path, since: str, until: str) -> None:
    """Say once that a day lacks what was between. Raises OSError."""
    path = folder / GAPS
    if since in (one for one, _ in _gaps(path)):
        return
    folder.mkdir(parents=True, exist_ok=True)
    kept = path.read_text() if path.exists() else ""
    part = path.with_name(path.name + PART)
    part.write_text(f"{kept}{since} {until}\n")
    part.replace(path)


def day_close(folder: Path) -> str:
    """Give the files of a day that is over their names and digests; the digest of these.

    May be done again after a crash in the midst of it. Raises OSError.
    """
    for part in sorted(folder.glob(f"*{PART}")):
        length, _ = sound_part(part)
        with part.open("r+b") as file:
            file.truncate(length)
            os.fsync(file.fileno())
        part.replace(part.with_name(part.name.removesuffix(PART)))
    sums = "".join(f"{digest}  {name}\n" for name, digest in _digests(folder).items()).encode()
    kept = folder / f"{SUMS}{PART}"
    kept.write_bytes(sums)
    kept.replace(folder / SUMS)
    return hashlib.sha256(sums).hexdigest()


def _digests(folder: Path) -> dict[str, str]:
    return {
        one.name: hashlib.sha256(one.read_bytes()).hexdigest()
        for one in sorted([*folder.glob("*.csv.gz"), *folder.glob(GAPS)])
    }


def day_verify(one: Recording) -> list[str]:
    """Names of files that are not what they were when the day was closed. Raises OSError."""
    lines = (one.folder / SUMS).read_text().splitlines()
    kept = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    now = _digests(one.folder)
    return sorted(name for name in kept | now if kept.get(name) != now.get(name))


def later(one: bytes, two: bytes) -> bool:
    return order_of(one) > order_of(two)
