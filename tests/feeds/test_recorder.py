"""What is recorded is what was passed on: to the byte, whatever dies or is full."""

import datetime as dt
import gzip
import hashlib
import json
import os
import resource
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from typer.testing import CliRunner

from audit.models import Entry
from console.cli.app import app
from tests.feeds.conftest import OwnRedis, Start
from tests.feeds.rig import entries, published, until
from tests.trading.test_lockstep import STRATEGIES, fingerprint, limits
from trading import streams
from trading.clock import NS
from trading.feeds.flow import NONE
from trading.feeds.ingestor import Ingestor
from trading.feeds.raw import RawBatch
from trading.feeds.reading import TickEntry
from trading.feeds.recorder import Recorder
from trading.feeds.recordings import DayFile, day_verify, file_name, recordings, sound_part
from trading.feeds.replay import Replay
from trading.feeds.simulator import Simulator
from trading.feeds.spec import FeedSpecError, parse_feed, records
from trading.feeds.traded import QUOTES, Traded
from trading.health import read_stages
from trading.housekeeping import recordings_prune
from trading.lockstep import Lockstep
from trading.ticks import Ticks, empty, no_trades
from trading.universe import UNIVERSE

MIDNIGHT = int(dt.datetime(2026, 11, 27, tzinfo=dt.UTC).timestamp()) * NS
DAY = dt.timedelta(days=1)


def entry(
    number: int, ticks: Ticks, clock_ns: int, trades: Any = None, *, wall_ns: int | None = None
) -> TickEntry:
    wall = clock_ns if wall_ns is None else wall_ns
    return TickEntry(
        f"{number}-0".encode(), ticks, clock_ns, 0, wall, "b", "s", lock=False, end=False,
        trades=no_trades() if trades is None else trades,
    )  # fmt: skip


def quote(time_ns: int, bid: int = 10**9, symbol: str = "EURUSD") -> Ticks:
    tick = empty(1)
    tick["instrument"] = UNIVERSE.by_symbol(symbol).id
    tick["time"], tick["bid"], tick["ask"] = time_ns, bid, bid + 1
    return tick


def simulated(seconds: int, start_ns: int) -> Iterator[tuple[RawBatch, TickEntry]]:
    simulator, ingestor = Simulator(7, start_ns), Ingestor()
    for number in range(1, seconds * 20 + 1):
        batch = simulator.step()
        result = ingestor.process(batch)
        yield batch, entry(number, result.ticks, batch.clock_ns, result.trades)


def lines_of(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def test_a_recorded_day_replays_as_the_same_ticks_and_the_same_orders(tmp_path: Path) -> None:
    start = MIDNIGHT - 100 * NS
    recorder = Recorder(tmp_path)
    path, passed, ends = Lockstep(STRATEGIES, limits()), [], []
    for number, (batch, told) in enumerate(simulated(95, start)):
        path.step(batch)
        recorder.take(told)
        passed.append(told.ticks)
        ends.append(batch.clock_ns)
        if number % 100 == 99:
            recorder.flush()
    assert recorder.flush() == 0
    [(day, digest)] = recorder.close_days(MIDNIGHT + 61 * NS)
    [kept] = recordings(tmp_path)
    assert (day, kept.day, kept.closed) == ("20261126", dt.date(2026, 11, 26), True)
    sums = (kept.folder / "SHA256SUMS").read_bytes()
    assert hashlib.sha256(sums).hexdigest() == digest
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=kept.folder, check=False)
    assert (checked.returncode, day_verify(kept)) == (0, [])
    again, ingestor = Replay(kept.quotes), Ingestor()
    replayed, followed = [], Lockstep(STRATEGIES, limits())
    for end in ends:
        rows = again.take(rows=10_000, until=end).rows
        batch = RawBatch(rows, end)
        replayed.append(ingestor.process(batch).ticks)
        followed.step(batch)
    one, two = np.concatenate(passed), np.concatenate(replayed)
    two["source"] = 0  # which file it came from
    assert one.tobytes() == two.tobytes()
    assert len(one) > 8_000
    assert (one["volume"] > 0).sum() > 1_000
    assert ingestor.counters()["refused"] == {}
    assert len(path.result.orders) > 20, len(path.result.orders)
    assert fingerprint(path.result) == fingerprint(followed.result)


def test_midnight_of_the_feeds_clock_begins_a_file_and_late_quotes_go_where_they_belong(
    tmp_path: Path,
) -> None:
    recorder = Recorder(tmp_path)
    recorder.take(entry(1, quote(MIDNIGHT - 1), MIDNIGHT - 1))
    recorder.take(entry(2, quote(MIDNIGHT), MIDNIGHT + 1))
    recorder.take(entry(3, quote(MIDNIGHT - NS), MIDNIGHT + 30 * NS))
    assert recorder.flush() == 3
    assert list(recorder.close_days(MIDNIGHT + 60 * NS - 1)) == []
    assert [day for day, _ in recorder.close_days(MIDNIGHT + 60 * NS)] == ["20261126"]
    recorder.take(entry(4, quote(MIDNIGHT - 2), MIDNIGHT + 61 * NS))
    assert (recorder.held, recorder.dropped) == (0, 1)
    yesterday, today = recordings(tmp_path)
    assert lines_of(yesterday.quotes[0]) == [
        "ts,symbol,bid,ask,bid_size,ask_size",
        "2026-11-26T23:59:59.999999999Z,EURUSD,1,1.000000001,,",
        "2026-11-26T23:59:59.000000Z,EURUSD,1,1.000000001,,",
    ]
    assert (today.closed, today.quotes, today.symbols) == (False, (), ("EURUSD",))


def test_what_a_predecessor_wrote_is_not_dropped_when_the_successors_disk_is_full(
    tmp_path: Path,
) -> None:
    """It died between its files and its position: its lines are read again, and are there."""
    first = Recorder(tmp_path)
    first.take(entry(1, quote(MIDNIGHT), MIDNIGHT))
    first.flush()
    (tmp_path / "position").unlink()
    full = tmp_path / "20261127" / file_name("BTCUSDT-PERP", "20261127", QUOTES)
    full.with_name(f"{full.name}.part").mkdir()
    second = Recorder(tmp_path)
    second.take(entry(1, quote(MIDNIGHT + 1, symbol="BTCUSDT-PERP"), MIDNIGHT + 1))
    second.take(entry(1, quote(MIDNIGHT), MIDNIGHT))
    second.take(entry(2, quote(MIDNIGHT + 2), MIDNIGHT + 2))
    with pytest.raises(OSError, match="directory"):
        second.flush()
    assert second.dropped == 2, "the perpetual's, and the second of EURUSD"
    assert second.flush() == 0


def test_a_replay_is_not_recorded_again(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.take(entry(1, quote(MIDNIGHT), MIDNIGHT, wall_ns=MIDNIGHT + 400 * NS))
    assert recorder.held == 0
    assert not records("replay:a.csv", 30)
    assert records("simulated", 1)
    assert not records("simulated", 0)


def test_a_member_that_was_cut_short_is_cut_off_and_nothing_is_written_twice(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.quotes.csv.gz"
    file = DayFile(path, QUOTES)
    file.append(b"one\n", b"1-0")
    file.append(b"two\n", b"2-0")
    part = path.with_name(f"{path.name}.part")
    whole = part.read_bytes()
    for cut in range(len(whole)):
        part.write_bytes(whole[:cut])
        length, position = sound_part(part)
        assert (length, position) in {(0, NONE), (length, b"1-0")}
        gzip.decompress(whole[:length])
    part.write_bytes(whole + b"\x1f\x8b\x08")
    again = DayFile(path, QUOTES)
    assert again.position == b"2-0"
    again.append(b"three\n", b"3-0")
    assert lines_of(part)[1:] == ["one", "two", "three"]


def test_a_recorder_that_is_begun_anew_goes_on_where_the_files_end(tmp_path: Path) -> None:
    first = Recorder(tmp_path)
    first.take(entry(1, quote(MIDNIGHT), MIDNIGHT))
    first.flush()
    first.take(entry(2, quote(MIDNIGHT + 1), MIDNIGHT + 1))
    first.flush()
    (tmp_path / "position").write_bytes(b"1-0")  # died between the files and this
    again = Recorder(tmp_path)
    assert again.after == b"1-0"
    for number in (2, 3):
        at = MIDNIGHT + number - 1
        again.take(entry(number, quote(at), at))
    assert again.flush() == 1
    [part] = recordings(tmp_path)[0].folder.glob("*.part")
    assert len(lines_of(part)) == 1 + 3


TIMES = st.lists(st.integers(0, 30), max_size=12).map(sorted)


@given(TIMES, TIMES, st.integers(0, 12))
def test_each_trade_is_carried_by_the_first_quote_after_it(
    traded: list[int], quoted: list[int], cut: int
) -> None:
    lines = "".join(
        f"2026-11-27T00:00:{second:02d}.000000Z,EURUSD,1.5,{number + 1},buy\n"
        for number, second in enumerate(traded)
    ).encode()
    at = np.array([MIDNIGHT + one * NS for one in quoted], dtype=np.int64)
    reader = Traded(lines)
    found = [*reader.volumes(at[:cut]), *reader.volumes(at[cut:])]
    left = [(second, number + 1) for number, second in enumerate(traded)]
    for second, volume in zip(quoted, found, strict=True):
        due = [size for when, size in left if when <= second]
        left = [one for one in left if one[0] > second]
        assert volume == sum(due) * NS
    assert reader.volumes(at[:0]).size == 0


@pytest.mark.django_db
def test_the_oldest_days_go_by_age_and_by_size_and_never_the_one_that_is_written(
    tmp_path: Path,
) -> None:
    now = dt.datetime(2026, 11, 27, 3, tzinfo=dt.UTC)
    for back in range(5):
        folder = tmp_path / f"{now - back * DAY:%Y%m%d}"
        folder.mkdir()
        (folder / "a-x.quotes.csv.gz").write_bytes(os.urandom(1_000_000))
        if back:
            (folder / "SHA256SUMS").touch()
    keep = partial(recordings_prune, folder=tmp_path, now=now, days=3)
    assert keep(most_mb=100) == ["2026-11-23"]
    assert keep(most_mb=3) == ["2026-11-24"]
    assert keep(most_mb=0) == ["2026-11-25", "2026-11-26"]
    assert [one.day.day for one in recordings(tmp_path)] == [27]
    removed = Entry.objects.filter(action="recording.remove").values_list("object_id", flat=True)
    assert sorted(removed) == [f"2026-11-{day}" for day in (23, 24, 25, 26)]


def test_a_recorded_day_is_listed_and_named_in_feed(tmp_path: Path, settings: Settings) -> None:
    settings.RECORDED = tmp_path / "recorded"
    recorder = Recorder(settings.RECORDED)
    for number, symbol in enumerate(("EURUSD", "BTCUSDT-PERP"), start=1):
        recorder.take(entry(number, quote(MIDNIGHT - 9, symbol=symbol), MIDNIGHT - 9))
        recorder.take(entry(number + 2, quote(MIDNIGHT + 9, symbol=symbol), MIDNIGHT + 9))
    recorder.flush()
    assert len(list(recorder.close_days(MIDNIGHT + 61 * NS))) == 1
    spec = parse_feed("replay:2026-11-26", "1")
    assert [path.name for path in spec.paths] == [
        "btcusdt-perp-20261126.quotes.csv.gz", "eurusd-20261126.quotes.csv.gz",
    ]  # fmt: skip
    with pytest.raises(FeedSpecError, match="2026-11-27 is no recorded day; closed are: 2026-11-2"):
        parse_feed("replay:2026-11-27", "1")
    home = {"HALTLINE_HOME": str(tmp_path)}
    said = CliRunner(env=home).invoke(app, ["replay-days", "--verify", "-o", "json"])
    one, two = json.loads(said.stdout)["days"]
    assert (said.exit_code, one["day"], one["closed"], one["symbols"]) == (
        0, "2026-11-26", True, ["BTCUSDT-PERP", "EURUSD"],
    )  # fmt: skip
    assert (two["day"], two["closed"]) == ("2026-11-27", False)
    spec.paths[0].write_bytes(b"")
    said = CliRunner(env=home).invoke(app, ["replay-days", "--verify"])
    assert (said.exit_code, spec.paths[0].name in said.stdout) == (4, True)


def recorded(home: Path) -> list[str]:
    """Every line of every file, without headers."""
    return [
        line for path in sorted(home.glob("recorded/*/*.csv.gz*")) for line in lines_of(path)[1:]
    ]


def on_stream(found: Sequence[TickEntry]) -> int:
    return sum(len(one.ticks) + len(one.trades) for one in found)


@pytest.mark.django_db(transaction=True)
def test_kill_9_and_a_full_disk_lose_what_was_not_written_and_nothing_else(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    redis, home = own_redis.client(), tmp_path / "home"
    feed = start_feed("simulated")
    first = start_feed("simulated", role="recorder")
    until(lambda: len(recorded(home)) > 100)
    first.kill()
    assert len(recorded(home)) > 100  # readable as it is
    second = start_feed("simulated", role="recorder", token=2)
    before = len(recorded(home))
    until(lambda: len(recorded(home)) > before)
    lines = len(recorded(home))
    # No file may grow: as on a full disk.
    smallest = min(one.stat().st_size for one in home.glob("recorded/*/*.part"))
    _, most = resource.prlimit(second.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(second.process.pid, resource.RLIMIT_FSIZE, (smallest, most))
    until(lambda: read_stages(redis)["recorder"][0].extra["problem"])
    fed = published(redis)
    until(lambda: published(redis) > fed + 20)  # the feed knows nothing of it
    until(lambda: Entry.objects.filter(action="recording.fail").exists())
    assert len(recorded(home)) >= lines
    resource.prlimit(second.process.pid, resource.RLIMIT_FSIZE, (most, most))
    until(lambda: Entry.objects.filter(action="recording.resume").exists())
    feed.stop()
    second.stop()
    found = recorded(home)
    [resumed] = Entry.objects.filter(action="recording.resume")
    dropped = json.loads(bytes(resumed.body))["after"]["dropped"]
    assert len(set(found)) == len(found) == on_stream(entries(redis)) - dropped
    assert published(redis) < streams.TICKS_MAXLEN
