"""A recorded day with a new level in it replays as the ticks that passed."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from pytest_django import Settings

from tests.feeds.builders import quote_line, quotes_file, raw_rows
from tests.feeds.conftest import OwnRedis, Start
from tests.feeds.rig import entries, feed_state, reading, until
from tests.feeds.test_recorder import MIDNIGHT, entry
from trading.clock import NS
from trading.feeds.backed import BackedChecker
from trading.feeds.ingestor import Ingestor
from trading.feeds.raw import RawBatch
from trading.feeds.recorder import Recorder
from trading.feeds.replay import Replay
from trading.feeds.spec import parse_feed
from trading.ticks import Ticks

START = MIDNIGHT - 100 * NS
MIDS = [270] * 5 + [240] * 8  # 11 % down, more than AAPL may jump


def recorded_day(folder: Path) -> Ticks:
    """What passed, and was recorded."""
    quotes = [
        ("AAPL", START + at * NS, mid * NS, mid * NS + NS // 100, START + at * NS)
        for at, mid in enumerate(MIDS)
    ]
    result = Ingestor().process(RawBatch(raw_rows(quotes), quotes[-1][1]))
    recorder = Recorder(folder)
    recorder.take(entry(1, result.ticks, result.clock_ns))
    recorder.flush()
    list(recorder.close_days(MIDNIGHT + 61 * NS))
    return result.ticks


@pytest.mark.django_db(transaction=True)
def test_a_new_level_that_was_believed_is_believed_again(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    passed, redis = recorded_day(tmp_path / "home" / "recorded"), own_redis.client()
    assert len(passed) == len(MIDS) - 2
    with reading(redis, "shard:0", "papervenue"):
        start_feed("replay:2026-11-26", speed="max")
        until(lambda: feed_state(redis).get("status") == "ended")
    found = np.concatenate([one.ticks for one in entries(redis)])
    assert found.tobytes() == passed.tobytes()
    assert feed_state(redis)["refused"] == {}


def test_it_is_of_days_alone_that_jumps_are_not_judged_again(
    tmp_path: Path, settings: Settings
) -> None:
    settings.RECORDED = tmp_path / "recorded"
    passed = recorded_day(settings.RECORDED)
    other = quotes_file(tmp_path / "a.csv", [quote_line(0)])
    day = f"replay:{dt.date(2026, 11, 26)}"
    assert parse_feed(day, "1").recorded == (True,)
    assert parse_feed(f"{day},{other}", "1").recorded == (False,)
    spec = parse_feed(f"{day} | replay:{other}", "1")
    assert spec.recorded == (True, False)
    batch = Replay(spec.paths[:1]).take(rows=100)
    for recorded, count in ((spec.recorded, len(passed)), ((), len(passed) - 2)):
        backed = BackedChecker(spec.sources, spec.of, recorded=recorded)
        assert len(Ingestor(backed=backed).process(batch).ticks) == count
    wrong = batch.rows.copy()
    wrong["tick"]["bid"] *= -1
    assert set(Ingestor(recorded=True).process(RawBatch(wrong, 0)).codes.tolist()) == {2}
