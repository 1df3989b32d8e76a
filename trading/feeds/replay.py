"""Recorded quotes of one or several files, merged by their recorded times.

The order is that of (key, file, line), key being the latest time the file has shown so far: it
does not depend on chunks, on speed or on how often the replay was stopped and continued.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trading.feeds import raw
from trading.feeds.files import FileReader
from trading.feeds.raw import Place, RawBatch, RawRows

_Ints = npt.NDArray[np.int64]
_NO_KEYS: _Ints = np.zeros(0, dtype=np.int64)


@dataclass
class _Source:
    reader: FileReader
    rows: RawRows = field(default_factory=lambda: raw.empty(0))
    keys: _Ints = field(default_factory=lambda: _NO_KEYS)

    def fill(self, faults: dict[Place, str], source: int) -> None:
        """Hold at least one row, unless the file has ended."""
        while not self.rows.size and not self.reader.ended:
            self.rows, self.keys = self.reader.take_chunk()
            faults.update({(source, line): text for line, text in self.reader.faults.items()})

    def cut(self, count: int) -> tuple[RawRows, _Ints]:
        rows, keys = self.rows[:count], self.keys[:count]
        self.rows, self.keys = self.rows[count:], self.keys[count:]
        return rows, keys


class Replay:
    """Merged rows of ``paths``. ``state`` goes back into the constructor to continue after it.

    Raises OSError (from ``take`` or the constructor) when a file cannot be opened.
    """

    def __init__(self, paths: Sequence[Path], state: dict[str, Any] | None = None) -> None:
        self._lines = list(state["lines"]) if state else [1] * len(paths)
        self._keys_at = list(state["keys"]) if state else [0] * len(paths)
        if len(self._lines) != len(paths):
            raise ValueError("the state is of another number of files")
        self.clock_ns = max(self._keys_at)
        self._sources = [
            _Source(FileReader(path, number, line=line, key=key))
            for number, (path, line, key) in enumerate(
                zip(paths, self._lines, self._keys_at, strict=True)
            )
        ]
        self._faults: dict[Place, str] = {}
        self._rows = raw.empty(0)
        self._keys = _NO_KEYS
        self._fill()

    @property
    def ended(self) -> bool:
        """Nothing is left."""
        return not self._rows.size

    def next_time(self) -> int | None:
        """Merge key (ns) of the next row; None at the end. 0 where no time was read yet."""
        return int(self._keys[0]) if self._keys.size else None

    def take(self, *, rows: int, until: int | None = None, span_ns: int | None = None) -> RawBatch:
        """The next rows: at most ``rows``, with keys to ``until``, over at most ``span_ns``."""
        if self._keys.size and span_ns is not None:
            limit = int(self._keys[0]) + span_ns
            until = limit if until is None else min(until, limit)
        while len(self._keys) < rows and (until is None or self._keys[-1:].max(initial=0) <= until):
            if not self._fill():
                break
        count = min(rows, len(self._keys))
        if until is not None:
            count = int(np.searchsorted(self._keys[:count], until, side="right"))
        taken, keys = self._rows[:count], self._keys[:count]
        self._rows, self._keys = self._rows[count:], self._keys[count:]
        if count:
            taken["clock"] = keys
            self.clock_ns = int(keys[-1])
            self._move(taken, keys)
        faults = self._faults_of(taken) if self._faults else {}
        if not self._rows.size:
            self._fill()
        return RawBatch(taken, self.clock_ns, faults)

    def batches(self, *, rows: int, span_ns: int | None = None) -> Iterator[RawBatch]:
        """All that is left, batch by batch."""
        while not self.ended:
            yield self.take(rows=rows, span_ns=span_ns)

    def state(self) -> dict[str, Any]:
        """Last line taken of each file, and the key reached there."""
        return {"lines": list(self._lines), "keys": list(self._keys_at)}

    def close(self) -> None:
        for source in self._sources:
            source.reader.close()

    def _move(self, taken: RawRows, keys: _Ints) -> None:
        for number in range(len(self._sources)):
            mine = np.flatnonzero(taken["tick"]["source"] == number)
            if mine.size:
                self._lines[number] = int(taken["line"][mine[-1]])
                self._keys_at[number] = int(keys[mine[-1]])

    def _faults_of(self, taken: RawRows) -> dict[Place, str]:
        bad = taken[taken["malformed"]]
        places = zip(bad["tick"]["source"].tolist(), bad["line"].tolist(), strict=True)
        return {place: self._faults.pop(place) for place in places}

    def _fill(self) -> bool:
        """Merge what is surely next: up to where a file needs its next chunk. False at the end."""
        for number, source in enumerate(self._sources):
            source.fill(self._faults, number)
        unfinished = [
            (int(source.keys[-1]), number)
            for number, source in enumerate(self._sources)
            if source.rows.size and not source.reader.ended
        ]
        pieces = []
        for number, source in enumerate(self._sources):
            count = len(source.keys)
            if unfinished:
                horizon, first = min(unfinished)
                # Of equal keys the lower file goes first, so higher ones wait for its next chunk.
                side: Any = "right" if number <= first else "left"
                count = int(np.searchsorted(source.keys, horizon, side=side))
            if count:
                pieces.append(source.cut(count))
        if not pieces:
            return False
        keys = np.concatenate([piece[1] for piece in pieces])
        rows = np.concatenate([piece[0] for piece in pieces])
        order = np.argsort(keys, kind="stable")
        # What is merged now comes after all that was merged before.
        self._keys = np.concatenate([self._keys, keys[order]])
        self._rows = np.concatenate([self._rows, rows[order]])
        return True
