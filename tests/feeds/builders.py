"""Quotes files and raw rows for the tests of the feeds."""

import gzip
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from trading.feeds import raw
from trading.feeds.lines import HEADER
from trading.feeds.raw import RawRows
from trading.universe import UNIVERSE

REPO = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("HALTLINE_SHARED_DATA", REPO.parent / "shared" / "data"))
NS = 1_000_000_000
BASE = 1_399_000_000 * NS  # 2014-05-02T03:06:40Z


def quotes_file(path: Path, lines: Iterable[str], *, header: str = HEADER) -> Path:
    """Write a quotes file; gzip when its name says so."""
    data = "".join(f"{line}\n" for line in (header, *lines)).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def quote_line(
    second: float, symbol: str = "EURUSD", bid: str = "1.38626", ask: str = "1.38627"
) -> str:
    """A line at ``second`` of 2014-05-02T05:00."""
    minutes, rest = divmod(second, 60)
    return f"2014-05-02T05:{int(minutes):02d}:{rest:09.6f}Z,{symbol},{bid},{ask},,"


def raw_rows(quotes: Sequence[tuple[str, int, int, int, int]]) -> RawRows:
    """Rows of (symbol, time ns, bid nano, ask nano, clock ns)."""
    rows = raw.empty(len(quotes))
    for row, (symbol, time, bid, ask, clock) in zip(rows, quotes, strict=True):
        tick = row["tick"]
        tick["instrument"] = UNIVERSE.by_symbol(symbol).id
        tick["time"], tick["bid"], tick["ask"] = time, bid, ask
        row["clock"] = clock
    rows["line"] = range(1, len(quotes) + 1)
    return rows
