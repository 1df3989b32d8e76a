"""One recorded file, plain or gzip, read in chunks of rows; and its first lines, for checks."""

import gzip
import zlib
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from trading.clock import NS
from trading.feeds import raw
from trading.feeds.lines import HEADER, parse_lines
from trading.feeds.raw import RawRows
from trading.feeds.traded import Traded, read_traded, trades_beside

CHUNK = 256 * 1024
SPIKE_NS = 300 * NS
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, OSError)
_BOM = b"\xef\xbb\xbf"

_Ints = npt.NDArray[np.int64]


def open_file(path: Path) -> IO[bytes]:
    """The decompressed bytes of ``path``; gzip is told by its first bytes. Raises OSError."""
    with path.open("rb") as probe:
        zipped = probe.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


def is_header(line: bytes) -> bool:
    return line.removeprefix(_BOM).strip() == HEADER.encode()


class FileReader:
    """Rows of one file in order, from after line ``line`` on; line 1 is the header.

    ``take_chunk`` gives rows and, for each, the *key* under which the file's rows are merged with
    those of others: the latest time read so far, so that a line out of order stays where it was
    recorded. A line more than five minutes ahead of both its neighbours has a wrong time; it does
    not move the key (and the checks refuse it as out-of-order).

    ``faults`` maps the line numbers of the rows last taken that are malformed to what is wrong.
    """

    def __init__(self, path: Path, source: int, *, line: int = 1, key: int = 0) -> None:
        self.path = path
        self.faults: dict[int, str] = {}
        self.ended = False
        self._source = source
        self._skip = max(line, 1)
        self._line = 0
        self._key = key
        self._file: IO[bytes] | None = None
        self._carry = b""
        self._traded: Traded | None = None
        self._rows = raw.empty(0)  # read, but waiting for the neighbour of the last

    def take_chunk(self) -> tuple[RawRows, _Ints]:
        """The next rows and keys; none, and ``ended``, after the last. Raises OSError at first."""
        self.faults = {}
        while not self.ended:
            parsed = self._parse(self._next_lines())
            rows = np.concatenate([self._rows, parsed]) if self._rows.size else parsed
            keep = len(rows) if self.ended else _before_last_read(rows)
            if not keep:
                self._rows = rows
                continue
            keys = self._keys(rows, keep)
            self._rows = rows[keep:].copy()
            return rows[:keep], keys
        return raw.empty(0), np.zeros(0, dtype=np.int64)

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _next_lines(self) -> bytes:
        """Whole lines after those to skip. Sets ``ended`` with the last of them."""
        if self._file is None:
            self._file = open_file(self.path)
            self._traded = self._trades()
        try:
            data = self._file.read(CHUNK)
        except DAMAGED as error:
            data = b""
            self._damage(error)
        if not data:
            self.ended = True
            self.close()
            lines = self._carry + b"\n" if self._carry else b""
            self._carry = b""
        else:
            cut = data.rfind(b"\n") + 1
            if not cut:
                self._carry += data
                return b""
            lines, self._carry = self._carry + data[:cut], data[cut:]
        return self._skipped(lines)

    def _trades(self) -> Traded | None:
        """Those of the file beside it, where there is one. Raises OSError, ValueError."""
        beside = trades_beside(self.path)
        if beside == self.path or not beside.exists():
            return None
        with open_file(beside) as file:
            return read_traded(beside, file.read(), self._key)

    def _skipped(self, lines: bytes) -> bytes:
        missing = self._skip - self._line
        if missing <= 0:
            return lines
        count = lines.count(b"\n")
        if count <= missing:
            self._line += count
            return b""
        self._line += missing
        at = 0
        for _ in range(missing):
            at = lines.index(b"\n", at) + 1
        return lines[at:]

    def _damage(self, error: Exception) -> None:
        """The rest cannot be read: one malformed line that says so stands for it."""
        self._carry = f"(the file is damaged or cut off here: {error})".encode()

    def _parse(self, lines: bytes) -> RawRows:
        rows, faults = parse_lines(lines, self._line + 1, self._source)
        if self._traded:
            good = ~rows["malformed"]
            rows["tick"]["volume"][good] = self._traded.volumes(rows["tick"]["time"][good])
        self._line += len(rows)
        self.faults.update(faults)
        return rows

    def _keys(self, rows: RawRows, keep: int) -> _Ints:
        """Merge keys of the first ``keep`` rows; the row after them is known where there is one."""
        time = rows["tick"]["time"].copy()  # 0 where malformed: never raises the key
        read = np.flatnonzero(~rows["malformed"])
        ahead = read[:-1][time[read[:-1]] - time[read[1:]] > SPIKE_NS]
        for at in ahead:
            here = int(np.searchsorted(read, at))
            before = time[read[:here]].max(initial=self._key)
            if time[read[here + 1]] >= before:
                time[at] = 0
        keys: _Ints = np.maximum.accumulate(np.maximum(time[:keep], self._key))
        self._key = int(keys[-1])
        return keys


def _before_last_read(rows: RawRows) -> int:
    """Rows before the last that has a time: those whose next neighbour is known."""
    read = np.flatnonzero(~rows["malformed"])
    return int(read[-1]) if read.size else 0
