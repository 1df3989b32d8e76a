"""Acknowledgements and entries as readers see them."""

import numpy as np

from tests.feeds.builders import NS
from trading.feeds.flow import NONE, Window, order_of
from trading.feeds.reading import TickEntry, feed_now, read_entries, read_entry
from trading.ticks import empty, pack


def test_a_window_opens_when_every_reader_has_acknowledged() -> None:
    window = Window(["shard:0", "papervenue"], size=2)
    window.sent(b"5-0")
    window.sent(b"5-1")
    assert not window.open
    assert window.waiting_for() == ["shard:0", "papervenue"]
    window.acked("shard:0", b"5-1")
    assert window.waiting_for() == ["papervenue"]
    window.acked("papervenue", b"5-0")
    assert window.open
    assert window.outstanding == 1


def test_an_acknowledgement_is_of_everything_before() -> None:
    window = Window(["a"], size=3)
    for number in range(3):
        window.sent(b"10-%d" % number)
    window.acked("a", b"10-2")
    assert window.outstanding == 0
    window.acked("a", b"9-0")
    window.sent(b"11-0")
    assert window.outstanding == 1


def test_who_acknowledges_ahead_is_not_waited_for() -> None:
    window = Window(["a"], size=1)
    window.acked("a", b"20-0")
    window.sent(b"19-0")
    assert window.open


def test_strangers_and_rubbish_change_nothing() -> None:
    window = Window(["a"], size=1)
    window.sent(b"1-0")
    window.acked("b", b"9-0")
    window.acked("a", b"soon")
    assert not window.open
    assert order_of(b"soon") == order_of(NONE) == (0, 0)


def test_without_readers_nothing_is_waited_for() -> None:
    window = Window([], size=1)
    window.sent(b"1-0")
    assert window.open


def fields(**more: bytes) -> dict[bytes, bytes]:
    ticks = empty(2)
    ticks["time"] = [1, 2]
    return {
        b"d": pack(ticks), b"clk": b"7000000000", b"boot": b"3", b"wall": b"100000000000",
        b"bid": b"abc", b"s": b"one", **{name.encode(): value for name, value in more.items()},
    }  # fmt: skip


def test_an_entry_is_read_back() -> None:
    entry = read_entry(b"1-1", fields())
    assert entry.ticks["time"].tolist() == [1, 2]
    assert (entry.clock_ns, entry.published_boot, entry.boot_id) == (7 * NS, 3, "abc")
    assert (entry.session, entry.lock, entry.end) == ("one", False, False)
    last = read_entry(b"1-2", fields(lock=b"1", end=b"1", d=b""))
    assert last.lock
    assert last.end
    assert len(last.ticks) == 0
    reply = [(b"hl:ticks", [(b"1-1", fields()), (b"1-2", fields())])]
    assert [one.id for one in read_entries(reply)] == [b"1-1", b"1-2"]
    assert read_entries(None) == []


def test_feed_time_runs_on_at_the_feeds_speed() -> None:
    entry = read_entry(b"1-1", fields())
    later = 102 * NS
    assert feed_now(entry, later, 1.0) == 9 * NS
    assert feed_now(entry, later, 10.0) == 27 * NS
    assert feed_now(entry, later, None) == 7 * NS
    assert feed_now(entry, 99 * NS, 1.0) == 7 * NS
    assert feed_now(read_entry(b"1-1", fields(end=b"1")), later, 1.0) == 7 * NS
    assert isinstance(entry, TickEntry)
    assert isinstance(entry.ticks, np.ndarray)
