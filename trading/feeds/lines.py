"""Lines of a quotes file, read exactly: ``ts,symbol,bid,ask,bid_size,ask_size``.

``parse_line`` is the definition. ``parse_lines`` gives the same for many lines at once in numpy
and hands every line that is not of the plain form to ``parse_line``.

A time is RFC 3339 with at most nine decimals. Prices and sizes are plain decimals with at most
nine decimals and below 4.6e9, so that they are exact as whole numbers of 1e-9. An empty size is
0: unknown. A line that breaks this is malformed.
"""

import datetime as dt
import re

import numpy as np
import numpy.typing as npt

from trading.clock import NS
from trading.feeds import raw
from trading.feeds.raw import RawRows
from trading.universe import UNIVERSE, UnknownInstrumentError

HEADER = "ts,symbol,bid,ask,bid_size,ask_size"
FIELDS = HEADER.split(",")
LARGEST = 4_600_000_000 * NS
"""Bid + ask must fit into 64 bits."""

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_NUMBER = re.compile(r"([+-]?)(\d{1,20})(?:\.(\d{1,9}))?", re.ASCII)
_YEARS = range(1970, 2262)  # what int64 nanoseconds hold
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_BYTES_SHOWN = 80

_Bytes = npt.NDArray[np.uint8]
_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


class MalformedLineError(ValueError):
    """The line is no quote; the message says which field and why."""


def parse_line(line: bytes) -> tuple[int, int, int, int, int, int]:
    """Instrument id, time ns, bid, ask, bid size, ask size in nano. Raises MalformedLineError."""
    text = line.removesuffix(b"\r").decode("utf-8", "backslashreplace")
    fields = text.split(",")
    if len(fields) != len(FIELDS):
        raise MalformedLineError(f"{len(fields)} fields instead of {len(FIELDS)}: {_short(text)}")
    try:
        instrument = UNIVERSE.by_symbol(fields[1]).id
    except UnknownInstrumentError:
        raise MalformedLineError(f"symbol: {_short(fields[1])!r} is not known") from None
    time = _time(fields[0])
    bid, ask = _number("bid", fields[2]), _number("ask", fields[3])
    sizes = [_size(name, text) for name, text in zip(FIELDS[4:], fields[4:], strict=True)]
    return instrument, time, bid, ask, sizes[0], sizes[1]


def _time(text: str) -> int:
    found = _TIME.fullmatch(text)
    if not found:
        raise MalformedLineError(f"ts: {_short(text)!r} is no RFC 3339 time")
    *parts, fraction, sign, hours, minutes = found.groups()
    year, month, day, hour, minute, second = map(int, parts)
    try:
        moment = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError as error:
        raise MalformedLineError(f"ts: {_short(text)!r}: {error}") from None
    seconds = (moment - _EPOCH) // dt.timedelta(seconds=1)
    if sign:
        seconds -= int(f"{sign}1") * (int(hours) * 3600 + int(minutes) * 60)
    if year not in _YEARS or seconds < 0:
        raise MalformedLineError(f"ts: {_short(text)!r} is not between 1970 and 2261")
    return seconds * NS + int((fraction or "0").ljust(9, "0"))


def _number(name: str, text: str) -> int:
    found = _NUMBER.fullmatch(text)
    if not text:
        raise MalformedLineError(f"{name}: is empty")
    if not found:
        raise MalformedLineError(f"{name}: {_short(text)!r} is no number of at most nine decimals")
    sign, whole, fraction = found.groups()
    value = int(whole) * NS + int((fraction or "0").ljust(9, "0"))
    if value >= LARGEST:
        raise MalformedLineError(f"{name}: {_short(text)!r} is too large")
    return -value if sign == "-" else value


def _size(name: str, text: str) -> int:
    if not text:
        return 0
    value = _number(name, text)
    if value < 0:
        raise MalformedLineError(f"{name}: {_short(text)!r} is negative")
    return value


def _short(text: str) -> str:
    return text if len(text) <= _BYTES_SHOWN else text[:_BYTES_SHOWN] + "…"


def parse_lines(data: bytes, first_line: int, source: int) -> tuple[RawRows, dict[int, str]]:
    """Whole lines (each ending in a newline), numbered from ``first_line``, of file ``source``.

    Returns one raw row a line, and line number -> fault of those that are malformed. The rows'
    clock is left 0.
    """
    buf: _Bytes = np.frombuffer(data, dtype=np.uint8)
    ends: _Ints = np.flatnonzero(buf == 10)
    starts = np.empty_like(ends)
    starts[:1], starts[1:] = 0, ends[:-1] + 1
    rows = raw.empty(len(ends))
    rows["line"] = np.arange(first_line, first_line + len(ends))
    tick = rows["tick"]
    tick["source"], tick["instrument"] = source, -1
    plain = _plain_rows(buf, starts, ends, rows)
    faults: dict[int, str] = {}
    for at in np.flatnonzero(~plain):
        row = tick[at]
        try:
            values = parse_line(data[starts[at] : ends[at]])
        except MalformedLineError as error:
            faults[first_line + int(at)] = str(error)
            rows["malformed"][at] = True
            row["instrument"], row["time"], row["bid"], row["ask"] = -1, 0, 0, 0
            row["bid_size"], row["ask_size"] = 0, 0
        else:
            (
                row["instrument"], row["time"], row["bid"], row["ask"],
                row["bid_size"], row["ask_size"],
            ) = values  # fmt: skip
    return rows, faults


def _plain_rows(buf: _Bytes, starts: _Ints, ends: _Ints, rows: RawRows) -> _Bools:
    """Fill the rows of plain lines; returns which were. Others may be left half filled."""
    commas: _Ints = np.flatnonzero(buf == 44)
    upto = np.searchsorted(commas, ends)
    count = np.diff(upto, prepend=0)
    plain: _Bools = (count == len(FIELDS) - 1) & (ends - starts < 200)
    lines = np.flatnonzero(plain)
    if not lines.size:
        return plain
    cuts = commas[(upto[lines] - (len(FIELDS) - 1))[:, None] + np.arange(len(FIELDS) - 1)]
    left = np.column_stack([starts[lines], cuts + 1])
    right = np.column_stack([cuts, ends[lines]])
    tick = rows["tick"]
    instrument = _symbols(buf, left[:, 1], right[:, 1])
    time, good = times(buf, left[:, 0], right[:, 0])
    good &= instrument >= 0
    tick["instrument"][lines], tick["time"][lines] = instrument, time
    for column, name in enumerate(FIELDS[2:], start=2):
        value, read = decimals(buf, left[:, column], right[:, column])
        if column >= 4:
            read |= left[:, column] == right[:, column]
        tick[name][lines] = value
        good &= read
    plain[lines] = good
    return plain


def _symbols(buf: _Bytes, left: _Ints, right: _Ints) -> _Ints:
    """Instrument ids; -1 where the symbol is none. Shape as ``left``."""
    found = np.full(len(left), -1, dtype=np.int64)
    width = right - left
    open_rows = np.flatnonzero((width > 0) & (width <= 24))
    while open_rows.size:
        at = open_rows[0]
        name = buf[left[at] : right[at]]
        same = width[open_rows] == len(name)
        for offset, letter in enumerate(name):
            # Reading past a shorter field is harmless: its width differs already.
            same &= buf[np.minimum(left[open_rows] + offset, len(buf) - 1)] == letter
        symbol = name.tobytes().decode("latin-1")
        if symbol in UNIVERSE:
            found[open_rows[same]] = UNIVERSE.by_symbol(symbol).id
        open_rows = open_rows[~same]
    return found


def decimals(buf: _Bytes, left: _Ints, right: _Ints) -> tuple[_Ints, _Bools]:
    """Unsigned decimals as nano, and which could be read (the others' values are 0)."""
    width = right - left
    # Eighteen digits fit into 64 bits whatever they are.
    good = (width > 0) & (width <= 19)
    value = np.zeros(len(left), dtype=np.int64)
    decimals = np.full(len(left), -1, dtype=np.int64)  # -1: no point yet
    for offset in range(int(width[good].max(initial=0))):
        inside = offset < width
        letter = buf[np.minimum(left + offset, len(buf) - 1)]
        digit = letter - np.uint8(48)  # wraps round below "0"
        is_digit = inside & (digit < 10)
        value = np.where(is_digit, value * 10 + digit, value)
        decimals += is_digit & (decimals >= 0)
        point = inside & (letter == 46) & (decimals < 0) & (offset > 0)
        decimals[point] = 0
        good &= is_digit | point | ~inside
    good &= (decimals != 0) & (decimals <= 9)
    whole = width - np.where(decimals > 0, decimals + 1, 0)
    good &= whole <= 9  # below 1e9: more is for parse_line to judge
    shift = np.where(good, 9 - np.maximum(decimals, 0), 0)
    return np.where(good, value, 0) * 10**shift, good


_DAYS_BEFORE = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], dtype=np.int64)
_DAYS_IN = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)


def times(buf: _Bytes, left: _Ints, right: _Ints) -> tuple[_Ints, _Bools]:
    """``YYYY-MM-DDTHH:MM:SS[.f]Z`` as ns since the epoch, and which could be read."""
    width = right - left
    good = (width >= 20) & (width <= 30)
    safe = np.where(good, left, 0)
    if len(buf) < 30:
        return np.zeros(len(left), dtype=np.int64), np.zeros(len(left), dtype=bool)
    safe = np.minimum(safe, len(buf) - 20)
    for offset, letter in ((4, 45), (7, 45), (10, 84), (13, 58), (16, 58)):
        good &= buf[safe + offset] == letter
    good &= buf[right - 1] == 90
    year, month, day, hour, minute = (
        _digits(buf, safe, offset, count, good)
        for offset, count in ((0, 4), (5, 2), (8, 2), (11, 2), (14, 2))
    )
    good &= _digits(buf, safe, 17, 2, good) < 60
    good &= (width == 20) | (buf[safe + 19] == 46)
    seconds, read = decimals(buf, safe + 17, np.where(good, right - 1, safe + 17))
    good &= read & (year >= 1970) & (year <= 2261) & (hour < 24) & (minute < 60)
    good &= (month >= 1) & (month <= 12) & (day >= 1)
    at = np.clip(month, 1, 12) - 1
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    good &= day <= _DAYS_IN[at] + (leap & (month == 2))
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - 719_162
    days += _DAYS_BEFORE[at] + (leap & (month > 2)) + day - 1
    time = ((days * 24 + hour) * 60 + minute) * (60 * NS) + seconds
    return np.where(good, time, 0), good


def _digits(buf: _Bytes, left: _Ints, offset: int, count: int, good: _Bools) -> _Ints:
    """The number in ``count`` digits; ``good`` is cleared in place where one is no digit."""
    value = np.zeros(len(left), dtype=np.int64)
    for place in range(offset, offset + count):
        digit = (buf[left + place] - np.uint8(48)).astype(np.int64)
        good &= digit < 10
        value = value * 10 + digit
    return value
