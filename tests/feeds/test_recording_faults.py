"""A folder of recordings that is not as it should be: said, and nothing else is lost by it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis import Redis
from typer.testing import CliRunner

from audit.models import Entry
from console.cli.app import app
from tests.feeds.conftest import OwnRedis, Start
from tests.feeds.rig import until
from tests.feeds.test_recorder import MIDNIGHT, entry, lines_of, quote, recorded
from trading import streams
from trading.clock import MS, NS
from trading.feeds.recorder import DAY_NS, Recorder, RecorderLoop
from trading.feeds.recordings import DayFile, day_verify, recordings
from trading.feeds.traded import QUOTES
from trading.health import read_stages
from trading.hosting import HostContext
from trading.ticks import pack


@pytest.mark.parametrize("left", [None, 0, 20, 70], ids=["removed", "emptied", "cut", "member"])
def test_a_file_that_is_taken_away_is_begun_anew(tmp_path: Path, left: int | None) -> None:
    file = DayFile(tmp_path / "a.quotes.csv.gz", QUOTES)
    file.append(b"one\n", b"1-0")
    part = tmp_path / "a.quotes.csv.gz.part"
    first = part.stat().st_size
    assert first < 100
    file.append(b"two\n", b"2-0")
    whole = part.read_bytes()
    if left is None:
        part.unlink()
    else:
        part.write_bytes(whole[: first if left == 70 else left])
    file.append(b"three\n", b"3-0")
    file.append(b"four\n", b"4-0")
    kept = ["one"] if left == 70 else []
    assert lines_of(part) == ["ts,symbol,bid,ask,bid_size,ask_size", *kept, "three", "four"]


def test_a_file_that_cannot_be_read_drops_what_was_held_and_is_tried_again(
    tmp_path: Path,
) -> None:
    name = "eurusd-20261127.quotes.csv.gz.part"
    (tmp_path / "20261127" / name).mkdir(parents=True)
    recorder = Recorder(tmp_path)
    recorder.take(entry(1, quote(MIDNIGHT), MIDNIGHT))
    with pytest.raises(OSError, match="directory"):
        recorder.flush()
    (tmp_path / "20261127" / name).rmdir()
    recorder.take(entry(2, quote(MIDNIGHT + 1), MIDNIGHT + 1))
    assert (recorder.flush(), recorder.dropped) == (1, 1)


def test_a_day_that_cannot_be_closed_hides_none_that_was(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    for number, at in enumerate((MIDNIGHT - DAY_NS, MIDNIGHT), start=1):
        recorder.take(entry(number, quote(at), at))
    recorder.flush()
    wrong = tmp_path / "20261127" / "z.csv.gz.part"
    wrong.mkdir()
    over = MIDNIGHT + DAY_NS + 61 * NS
    days = recorder.close_days(over)
    assert next(days)[0] == "20261126"
    with pytest.raises(OSError, match="directory"):
        next(days)
    wrong.rmdir()
    assert [day for day, _ in recorder.close_days(over)] == ["20261127"]
    assert list(recorder.close_days(over)) == []
    assert [one.closed for one in recordings(tmp_path)] == [True, True]


@pytest.mark.django_db(transaction=True)
def test_a_folder_that_cannot_be_read_is_waited_for(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    position = tmp_path / "home" / "recorded" / "position"
    position.mkdir(parents=True)
    start_feed("simulated")
    recorder = start_feed("simulated", role="recorder")
    until(lambda: Entry.objects.filter(action="recording.fail").exists())
    until(lambda: read_stages(own_redis.client())["recorder"][0].extra["problem"])
    position.rmdir()
    until(lambda: Entry.objects.filter(action="recording.resume").exists())
    until(lambda: recorded(tmp_path / "home"))
    assert recorder.stop() < 5


def _publish(redis: Redis, at_ns: int) -> None:
    """One entry with a quote, taken by the stream then."""
    fields: Any = {
        "d": pack(quote(at_ns)), "clk": at_ns, "boot": 0, "wall": at_ns, "bid": "b", "s": "s",
    }  # fmt: skip
    redis.xadd(streams.TICKS, fields, id=f"{at_ns // MS}-0")


def _turn(redis: Redis, folder: Path) -> None:
    """A recorder that is begun, reads what there is, and is ended in order."""
    ctx = cast(HostContext, SimpleNamespace(lease="recorder:main", stopping=lambda _=0: False))
    RecorderLoop(ctx, redis, folder)._turn(last=True)


@pytest.mark.django_db(transaction=True)
def test_what_the_stream_had_no_more_is_told_and_named_on_its_day(
    own_redis: OwnRedis, tmp_path: Path
) -> None:
    redis, folder = own_redis.client(), tmp_path / "recorded"
    start = MIDNIGHT - 10 * NS
    for second in range(3):
        _publish(redis, start + second * NS)
    _turn(redis, folder)
    _publish(redis, start + 3 * NS)
    redis.xtrim(streams.TICKS, minid=f"{(start + 2 * NS) // MS}-0", approximate=False)
    _turn(redis, folder)
    assert not Entry.objects.filter(action="recording.gap").exists(), "the last one read is there"
    for second in (4, 5, 6, 7, 15):
        _publish(redis, start + second * NS)
    redis.xtrim(streams.TICKS, minid=f"{(start + 6 * NS) // MS}-0", approximate=False)
    _turn(redis, folder)
    redis.delete(streams.TICKS)
    _publish(redis, start + 80 * NS)
    _turn(redis, folder)
    told = [
        json.loads(bytes(one.body))["after"]
        for one in Entry.objects.filter(action="recording.gap").order_by("happened_at")
    ]
    trimmed = ("2026-11-26T23:59:53.000000Z", "2026-11-26T23:59:56.000000Z")
    emptied = ("2026-11-27T00:00:05.000000Z", "2026-11-27T00:01:10.000000Z")
    assert [(one["from"], one["to"]) for one in told] == [trimmed, emptied]
    yesterday, today = recordings(folder)
    assert (yesterday.gaps, today.gaps) == ((trimmed,), (emptied,))
    assert (yesterday.closed, day_verify(yesterday)) == (True, [])
    said = CliRunner(env={"HALTLINE_HOME": str(tmp_path)}).invoke(
        app, ["replay-days", "-o", "json"]
    )
    assert [one["gaps"] for one in json.loads(said.stdout)["days"]] == [
        [{"from": since, "to": until}] for since, until in (trimmed, emptied)
    ]
    (yesterday.folder / "GAPS").unlink()
    assert day_verify(yesterday) == ["GAPS"]
