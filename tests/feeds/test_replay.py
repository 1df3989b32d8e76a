"""Replay: files merged by their times, malformed lines reported, continued without loss."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feeds.builders import quote_line, quotes_file
from trading.feeds import files, raw
from trading.feeds.ingestor import Ingestor
from trading.feeds.raw import RawBatch, RawRows
from trading.feeds.replay import Replay


def rows_of(batches: list[RawBatch]) -> RawRows:
    return np.concatenate([raw.empty(0), *(batch.rows for batch in batches)])


def whole(paths: list[Path], rows: int = 10_000) -> RawRows:
    return rows_of(list(Replay(paths).batches(rows=rows)))


def places(rows: RawRows) -> list[tuple[int, int]]:
    return list(zip(rows["tick"]["source"].tolist(), rows["line"].tolist(), strict=True))


def test_files_keep_their_relative_times(tmp_path: Path) -> None:
    euro = quotes_file(tmp_path / "a.csv.gz", [quote_line(s) for s in (0, 2, 4)])
    coin = quotes_file(tmp_path / "b.csv", [quote_line(s, "BTCUSDT") for s in (1, 2, 3)])
    rows = whole([euro, coin])
    assert places(rows) == [(0, 2), (1, 2), (0, 3), (1, 3), (1, 4), (0, 4)]
    assert (np.diff(rows["tick"]["time"]) >= 0).all()
    assert (rows["clock"] == rows["tick"]["time"]).all()


def test_a_malformed_line_is_reported_with_its_number_and_the_replay_goes_on(
    tmp_path: Path,
) -> None:
    lines = [quote_line(0), "rubbish", quote_line(1, "NOSUCH"), "", quote_line(2)]
    ingestor = Ingestor()
    result = ingestor.process(Replay([quotes_file(tmp_path / "a.csv", lines)]).take(rows=100))
    assert len(result.ticks) == 2
    assert [(one.line, one.reason) for one in result.rejects] == [
        (3, "malformed"), (4, "malformed"), (5, "malformed"),
    ]  # fmt: skip
    assert "NOSUCH" in result.rejects[1].detail
    assert ingestor.counters() == {
        "read": 5, "accepted": 2, "standby": 0, "refused": {"malformed": 3}, "gaps": 0,
    }  # fmt: skip


def test_a_line_out_of_order_stays_where_it_was_recorded(tmp_path: Path) -> None:
    one = quotes_file(tmp_path / "a.csv", [quote_line(s) for s in (0, 5, 3, 6)])
    other = quotes_file(tmp_path / "b.csv", [quote_line(s, "BTCUSDT") for s in (4, 7)])
    rows = whole([one, other])
    assert places(rows) == [(0, 2), (1, 2), (0, 3), (0, 4), (0, 5), (1, 3)]
    codes = Ingestor().process(RawBatch(rows, 0)).codes
    assert codes.tolist() == [0, 0, 0, 5, 0, 0]


def test_one_wrong_time_far_ahead_does_not_spoil_the_rest(tmp_path: Path) -> None:
    wrong = quote_line(2).replace("2014", "2041")
    path = quotes_file(tmp_path / "a.csv", [quote_line(0), quote_line(1), wrong, quote_line(3)])
    rows = whole([path])
    assert Ingestor().process(RawBatch(rows, 0)).codes.tolist() == [0, 0, 5, 0]


def test_a_damaged_file_is_replayed_up_to_the_damage(tmp_path: Path) -> None:
    path = quotes_file(tmp_path / "a.csv.gz", [quote_line(s / 10) for s in range(20_000)])
    path.write_bytes(path.read_bytes()[:-20_000])
    replay = Replay([path])
    batches = list(replay.batches(rows=5_000))
    rows = rows_of(batches)
    assert rows["malformed"].sum() == 1
    assert rows["malformed"][-1]
    assert "damaged or cut off" in next(iter(batches[-1].faults.values()))
    assert 1_000 < len(rows) < 20_000
    assert Replay([path], replay.state()).ended


def test_the_last_line_needs_no_newline(tmp_path: Path) -> None:
    path = quotes_file(tmp_path / "a.csv", [quote_line(0), quote_line(1)])
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert len(whole([path])) == 2


def test_a_batch_spans_what_it_may(tmp_path: Path) -> None:
    replay = Replay([quotes_file(tmp_path / "a.csv", [quote_line(s) for s in (0, 1, 2, 3, 9)])])
    assert [len(one.rows) for one in replay.batches(rows=64, span_ns=2 * 10**9)] == [3, 1, 1]


SECONDS = st.lists(st.integers(0, 59), max_size=25)


@given(first=SECONDS, second=SECONDS, chunk=st.integers(1, 400), cuts=st.lists(st.integers(1, 9)))
def test_order_and_continuation_do_not_depend_on_chunks(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[int],
    second: list[int],
    chunk: int,
    cuts: list[int],
) -> None:
    folder = tmp_path_factory.mktemp("replay")
    paths = [
        quotes_file(folder / f"{name}.csv", [quote_line(s) if s % 7 else "bad" for s in seconds])
        for name, seconds in (("a", first), ("b", second))
    ]
    expected = whole(paths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "CHUNK", chunk)
        found, state = [], None
        for count in cuts:
            # Each cut is a process that died and was started again.
            replay = Replay(paths, state)
            found.append(replay.take(rows=count))
            state = replay.state()
        found += list(Replay(paths, state).batches(rows=5))
    assert rows_of(found).tobytes() == expected.tobytes()
    faults = {place for batch in found for place in batch.faults}
    assert faults == set(places(expected[expected["malformed"]]))


def test_gzip_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    path = quotes_file(tmp_path / "a.csv", [quote_line(0)])
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert len(whole([path])) == 1
