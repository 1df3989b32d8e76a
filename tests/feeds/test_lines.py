"""Lines are read exactly, and the vectorised reader agrees with the definition on every line."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.feeds.lines import MalformedLineError, parse_line, parse_lines
from trading.universe import from_nano

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICRO = dt.timedelta(microseconds=1)
TEXT = st.text(alphabet="0123456789.,-+:TZe \r", max_size=40)
TIMES = st.one_of(
    st.integers(-(10**16), 10**16).map(lambda at: (EPOCH + MICRO * at).isoformat()),
    st.integers(-(10**16), 10**16).map(
        lambda at: (EPOCH + MICRO * at).isoformat().replace("+00:00", "Z")
    ),
    st.builds(
        "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}{}Z".format,
        st.integers(1968, 2265), st.integers(0, 13), st.integers(0, 32), st.integers(0, 25),
        st.integers(0, 61), st.integers(0, 61), st.sampled_from(["", ".", ".5", ".123456789", "5"]),
    ),
    TEXT,
)  # fmt: skip
NUMBERS = st.one_of(
    st.decimals(min_value=-10, max_value=10**10, allow_nan=False, places=9).map(str),
    st.decimals(min_value=0, max_value=10**6, allow_nan=False).map(str),
    TEXT,
    st.sampled_from(["", "0", "1.", ".5", "1..2", "1.2.3", "00012.50", "999999999.999999999", "٣"]),
)
SYMBOLS = st.sampled_from(["EURUSD", "BTCUSDT", "BTCUSDT-PERP", "EURUS", "EURUSDX", "eurusd", ""])
LINES = st.one_of(
    st.tuples(TIMES, SYMBOLS, NUMBERS, NUMBERS, NUMBERS, NUMBERS).map(",".join),
    st.tuples(TIMES, SYMBOLS, NUMBERS, NUMBERS).map(lambda parts: ",".join([*parts, "", ""])),
    TEXT,
)


def alone(line: bytes) -> tuple[tuple[int, ...], str]:
    try:
        return parse_line(line), ""
    except MalformedLineError as error:
        return (-1, 0, 0, 0, 0, 0), str(error)


@given(st.lists(LINES, max_size=12))
def test_many_lines_read_as_each_alone(lines: list[str]) -> None:
    data = [line.encode() for line in lines]
    rows, faults = parse_lines(b"".join(line + b"\n" for line in data), 7, 3)
    assert rows["line"].tolist() == list(range(7, 7 + len(lines)))
    assert set(rows["tick"]["source"].tolist()) <= {3}
    for number, (line, row) in enumerate(zip(data, rows, strict=True), start=7):
        tick = row["tick"]
        names = ("instrument", "time", "bid", "ask", "bid_size", "ask_size")
        found = tuple(int(tick[name]) for name in names)
        expected, fault = alone(line)
        assert found == expected
        assert faults.get(number, "") == fault
        assert row["malformed"] == bool(fault)


@given(
    st.decimals(min_value=0, max_value=10**9, allow_nan=False, places=9),
    st.decimals(min_value=0, max_value=10**9, allow_nan=False, places=4),
)
def test_prices_are_exact(bid: Decimal, ask: Decimal) -> None:
    line = f"2014-05-02T05:00:00.611000Z,EURUSD,{bid:f},{ask:f},,\n".encode()
    rows, faults = parse_lines(line, 2, 0)
    assert not faults
    assert from_nano(rows["tick"]["bid"][0]) == bid
    assert from_nano(rows["tick"]["ask"][0]) == ask


@given(st.integers(0, 9_214_560_000_000_000))  # to the end of 2261
def test_times_are_exact(micros: int) -> None:
    text = (EPOCH + MICRO * micros).isoformat(timespec="microseconds").replace("+00:00", "Z")
    rows, faults = parse_lines(f"{text},EURUSD,1,2,,\n".encode(), 2, 0)
    assert not faults
    assert rows["tick"]["time"][0] == micros * 1_000


def test_a_time_with_an_offset_is_the_same_moment() -> None:
    there = parse_line(b"2014-05-02T07:30:00.5+02:30,EURUSD,1,2,,")
    assert there == parse_line(b"2014-05-02T05:00:00.5Z,EURUSD,1,2,,")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"2014-05-02T05:00:00Z,EURUSD,1.3", "3 fields instead of 6"),
        (b"2014-05-02T05:00:00Z,EURSUD,1.3,1.4,,", "symbol: 'EURSUD' is not known"),
        (b"02/05/2014 05:00,EURUSD,1.3,1.4,,", "ts: '02/05/2014 05:00' is no RFC 3339 time"),
        (b"2014-02-30T05:00:00Z,EURUSD,1.3,1.4,,", "day is out of range"),
        (b"2014-05-02T05:00:00Z,EURUSD,,1.4,,", "bid: is empty"),
        (b"2014-05-02T05:00:00Z,EURUSD,1.3,1e3,,", "ask: '1e3' is no number"),
        (b"2014-05-02T05:00:00Z,EURUSD,1.3,1.0000000001,,", "ask: '1.0000000001' is no number"),
        (b"2014-05-02T05:00:00Z,EURUSD,1.3,9999999999,,", "ask: '9999999999' is too large"),
        (b"2014-05-02T05:00:00Z,EURUSD,1.3,1.4,,-5", "ask_size: '-5' is negative"),
        (b"\xff\xfe", "1 fields instead of 6"),
    ],
)
def test_a_malformed_line_names_its_field(line: bytes, says: str) -> None:
    with pytest.raises(MalformedLineError, match=re.escape(says)):
        parse_line(line)
    _, faults = parse_lines(line + b"\n", 12, 0)
    assert says in faults[12]


def test_windows_line_ends_are_read() -> None:
    rows, faults = parse_lines(b"2014-05-02T05:00:00Z,EURUSD,1.3,1.4,1,2\r\n" * 3, 2, 0)
    assert not faults
    assert rows["tick"]["ask_size"].tolist() == [2_000_000_000] * 3
