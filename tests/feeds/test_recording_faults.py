"""A folder of recordings that is not as it should be: said, and nothing else is lost by it."""

from pathlib import Path

import pytest

from audit.models import Entry
from tests.feeds.conftest import OwnRedis, Start
from tests.feeds.rig import until
from tests.feeds.test_recorder import MIDNIGHT, entry, lines_of, quote, recorded
from trading.clock import NS
from trading.feeds.recorder import DAY_NS, Recorder
from trading.feeds.recordings import DayFile, recordings
from trading.feeds.traded import QUOTES
from trading.health import read_stages


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
