"""Volumes of a recording, from the file of trades that lies beside one of quotes."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from trading.feeds.lines import decimals, times

_Ints = npt.NDArray[np.int64]
_COMMAS = 4
QUOTES, TRADES = "quotes", "trades"
TRADES_HEADER = "ts,symbol,price,size,side"


def trades_beside(quotes: Path) -> Path:
    """Where the trades of a file of quotes lie, if there are any."""
    return quotes.with_name(quotes.name.replace(f".{QUOTES}.", f".{TRADES}."))


class Traded:
    """What was traded, in the order in which it was recorded; a quote carries it since the last.

    ``lines`` are those of the file, without its header; one that is no trade carries nothing.
    """

    def __init__(self, lines: bytes, since_ns: int = 0) -> None:
        buf = np.frombuffer(lines, dtype=np.uint8)
        ends = np.flatnonzero(buf == ord("\n"))
        starts = np.concatenate([[0], ends[:-1] + 1]) if ends.size else ends
        commas = np.flatnonzero(buf == ord(","))
        upto = np.searchsorted(commas, ends)
        whole = np.diff(upto, prepend=0) == _COMMAS
        cuts = commas[(upto[whole] - _COMMAS)[:, None] + np.arange(_COMMAS)]
        time, timed = times(buf, starts[whole], cuts[:, 0])
        size, sized = decimals(buf, cuts[:, 2] + 1, cuts[:, 3])
        good = timed & sized
        self._time: _Ints = np.maximum.accumulate(time[good])
        self._sum: _Ints = np.concatenate([[0], np.cumsum(size[good])])
        self._given = int(np.searchsorted(self._time, since_ns, side="right"))

    def volumes(self, at: _Ints) -> _Ints:
        """Of quotes of these times, in their order: what was traded up to each, given once."""
        upto = np.maximum.accumulate(np.searchsorted(self._time, at, side="right"))
        upto = np.maximum(upto, self._given)
        before = np.concatenate([[self._given], upto[:-1]]).astype(np.int64)
        self._given = int(upto[-1]) if upto.size else self._given
        found: _Ints = self._sum[upto] - self._sum[before]
        return found


def read_traded(path: Path, data: bytes, since_ns: int) -> Traded:
    """Of a whole file. Raises ValueError when it is none of trades."""
    header, _, lines = data.partition(b"\n")
    if header.strip() != TRADES_HEADER.encode():
        raise ValueError(f"{path} is no file of trades: its first line is {header[:60]!r}")
    return Traded(lines, since_ns)
