"""Recorded quotes or bars as the feed's raw rows, all of them, in the order of their times.

Quotes are read by the feed's own replay. Of a bar two quotes are made, its open at its beginning
and its close a second before its end, each about a spread and while its market was open; high and
low are left out, because nobody knows which came first.
"""

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trading.backtest.hours import in_session
from trading.clock import NS
from trading.feeds import raw
from trading.feeds.files import is_header, open_file
from trading.feeds.raw import Place, RawRows
from trading.feeds.replay import Replay
from trading.universe import UNIVERSE, UnknownInstrumentError, to_nano

BARS = "ts,symbol,open,high,low,close,volume"
_CHUNK = 100_000
_LEAST_NS = 2 * NS


class DataError(ValueError):
    """The files are no data for a backtest; the message names the file and what to do."""


@dataclass(frozen=True, slots=True)
class DataFile:
    name: str
    sha256: str
    lines: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """``rows`` in the order in which they are played; ``faults`` of those that are malformed."""

    rows: RawRows
    faults: dict[Place, str]
    files: tuple[DataFile, ...]


@dataclass(slots=True)
class _Bars:
    """Prices in nano, times in ns, one entry a bar."""

    instruments: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    opens: list[int] = field(default_factory=list)
    closes: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)


def load(
    paths: Sequence[Path],
    *,
    spread_bp: Decimal,
    since_ns: int | None = None,
    until_ns: int | None = None,
) -> Recorded:
    """``since_ns`` and ``until_ns`` cut by the rows' times. Raises DataError."""
    kinds = {path: _kind(path) for path in paths}
    if len(set(kinds.values())) > 1:
        raise DataError("quotes and bars cannot be mixed: give files of one kind")
    if kinds[paths[0]] == "quotes":
        rows, faults = _quotes(paths)
    else:
        rows, faults = _of_bars(paths, spread_bp)
    times = rows["clock"]
    kept = np.ones(len(rows), dtype=bool)
    if since_ns is not None:
        kept &= times >= since_ns
    if until_ns is not None:
        kept &= times < until_ns
    rows = rows[kept]
    if not (~rows["malformed"]).any():
        raise DataError(f"{paths[0].name}: no quote of a known symbol lies in that time")
    return Recorded(rows, faults, tuple(_file(path) for path in paths))


def _kind(path: Path) -> str:
    try:
        with open_file(path) as lines:
            first = lines.readline(400)
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: {error}: give a readable CSV file, plain or gzip") from None
    if is_header(first):
        return "quotes"
    if first.strip() == BARS.encode():
        return "bars"
    raise DataError(
        f"{path.name}: line 1 is neither ts,symbol,bid,ask,bid_size,ask_size nor {BARS}"
    )


def _file(path: Path) -> DataFile:
    digest, lines = hashlib.sha256(), 0
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    with open_file(path) as file:
        lines = sum(1 for _ in file)
    return DataFile(path.name, digest.hexdigest(), lines)


def _quotes(paths: Sequence[Path]) -> tuple[RawRows, dict[Place, str]]:
    feed = Replay(paths)
    try:
        batches = list(feed.batches(rows=_CHUNK))
    finally:
        feed.close()
    faults: dict[Place, str] = {}
    for one in batches:
        faults |= one.faults
    return np.concatenate([one.rows for one in batches] or [raw.empty(0)]), faults


def _of_bars(paths: Sequence[Path], spread_bp: Decimal) -> tuple[RawRows, dict[Place, str]]:
    made: list[RawRows] = []
    faults: dict[Place, str] = {}
    for source, path in enumerate(paths):
        bars = _read(path)
        faults |= {(source, line): text for line, text in bars.faults.items()}
        made += [_rows(bars, source, spread_bp), _bad(bars, source)]
    rows = np.concatenate(made)
    order = np.argsort(rows["clock"], kind="stable")
    return rows[order], faults


def _read(path: Path) -> _Bars:
    found = _Bars()
    with open_file(path) as file, io.TextIOWrapper(file, "utf-8", errors="replace") as text:
        reader = csv.reader(text)
        next(reader)
        for line, fields in enumerate(reader, 2):
            try:
                instrument, at, opened, closed = _bar(fields)
            except ValueError as error:
                found.faults[line] = str(error)
                continue
            found.instruments.append(instrument)
            found.times.append(at)
            found.opens.append(opened)
            found.closes.append(closed)
            found.lines.append(line)
    return found


def _bar(fields: list[str]) -> tuple[int, int, int, int]:
    """Instrument, time, open and close. Raises ValueError saying which field is wrong."""
    if len(fields) != 7:
        raise ValueError(f"{len(fields)} fields instead of 7")
    try:
        instrument = UNIVERSE.by_symbol(fields[1]).id
    except UnknownInstrumentError:
        raise ValueError(f"symbol: {fields[1][:40]!r} is not known") from None
    try:
        moment = dt.datetime.fromisoformat(fields[0])
        prices = [Decimal(one) for one in fields[2:6]]
        whole = [to_nano(one) for one in prices]
    except (ValueError, InvalidOperation, OverflowError) as error:
        raise ValueError(f"no time, or no price of nine decimals at most: {error}") from None
    if moment.tzinfo is None:
        raise ValueError("ts: must have its zone, e.g. a Z at its end")
    opened, high, low, closed = whole
    if not 0 < low <= min(opened, closed) <= max(opened, closed) <= high < 4_600_000_000 * NS:
        raise ValueError("open and close must lie between low and high, and above 0")
    at = (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) * 1_000
    return instrument, at, opened, closed


def _rows(bars: _Bars, source: int, spread_bp: Decimal) -> RawRows:
    rows = raw.empty(2 * len(bars.times))
    if not len(rows):
        return rows
    tick = rows["tick"]
    times = np.array(bars.times, dtype=np.int64)
    numbers = np.array(bars.instruments, dtype=np.int32)
    ends = times + _length(times, numbers) - NS
    for number in np.unique(numbers):
        of = numbers == number
        times[of], ends[of] = in_session(UNIVERSE.by_id(int(number)).market, times[of], ends[of])
    for part, at, mids in ((0, times, bars.opens), (1, ends, bars.closes)):
        own = slice(part, None, 2)
        tick["instrument"][own], tick["time"][own] = numbers, at
        bid, ask = _about(np.array(mids, dtype=np.int64), numbers, spread_bp)
        tick["bid"][own], tick["ask"][own] = bid, ask
        rows["line"][own] = bars.lines
    tick["source"] = source
    rows["clock"] = tick["time"]
    return rows


def _bad(bars: _Bars, source: int) -> RawRows:
    """Malformed lines, counted at the time of the bar before them."""
    rows = raw.empty(len(bars.faults))
    rows["line"] = list(bars.faults)
    rows["malformed"] = True
    rows["tick"]["instrument"], rows["tick"]["source"] = -1, source
    if bars.times:
        before = np.searchsorted(bars.lines, rows["line"]) - 1
        rows["clock"] = np.array(bars.times, dtype=np.int64)[np.maximum(before, 0)]
    return rows


_Ints = npt.NDArray[np.int64]


def _length(times: _Ints, numbers: npt.NDArray[np.int32]) -> int:
    """How long a bar is: the least step between two of one instrument."""
    steps = [np.diff(np.unique(times[numbers == one])) for one in np.unique(numbers)]
    found = [int(one.min()) for one in steps if len(one)]
    if not found:
        raise DataError("of every instrument two bars are needed at least, to know their length")
    return max(min(found), _LEAST_NS)


def _about(mids: _Ints, numbers: npt.NDArray[np.int32], spread_bp: Decimal) -> tuple[_Ints, _Ints]:
    """Bid and ask about ``mids``: the spread rounded outwards to price steps."""
    steps = np.array([to_nano(one.tick_size) for one in UNIVERSE.instruments], dtype=np.int64)
    step = steps[numbers]
    half = np.ceil(mids * float(spread_bp) / 20_000).astype(np.int64)
    bid = (mids - half) // step * step
    return np.maximum(bid, step), -(-(mids + half) // step) * step


def symbols_in(rows: RawRows) -> Iterator[str]:
    for ident in np.unique(rows["tick"]["instrument"][~rows["malformed"]]):
        yield UNIVERSE.by_id(int(ident)).symbol
