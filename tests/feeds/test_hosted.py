"""The feed as a process: killed, stopped, without Redis, without PostgreSQL."""

import gzip
import itertools
import json
import time
from collections import Counter
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis import Redis

from audit.models import Entry
from tests.feeds.builders import NS, SHARED, quote_line, quotes_file
from tests.feeds.conftest import OwnRedis, Start
from tests.feeds.rig import Gate, database_url, entries, feed_state, published, reading, until
from trading import streams
from trading.feeds.backed import BackedChecker
from trading.feeds.ingestor import Ingestor
from trading.feeds.reading import read_entry
from trading.feeds.replay import Replay
from trading.health import read_stages
from trading.models import FeedReject, FeedSession, VenueAccount
from trading.testcalls.wire import FEED, InjectPrice, PriceJudged, ask
from trading.universe import UNIVERSE, to_nano

pytestmark = pytest.mark.django_db(transaction=True)
FXCM = SHARED / "eurusd-fxcm-20140502.quotes.csv.gz"
SPOT = SHARED / "btcusdt-spot-20240808.quotes.csv.gz"
READERS = ("shard:0", "papervenue")


def good(*paths: Path) -> bytes:
    ingestor = Ingestor()
    batches = Replay(paths).batches(rows=4_096)
    return np.concatenate([ingestor.process(one).ticks for one in batches]).tobytes()


def ended(own: OwnRedis) -> bool:
    return bool(feed_state(own.client()).get("status") == "ended")


def reached(redis: Redis, entries_: int) -> bool:
    return published(redis) >= entries_


def session_saved(**fields: Any) -> FeedSession | None:
    return FeedSession.objects.filter(**fields).first()


def beginning(path: Path, count: int, folder: Path) -> tuple[Path, int]:
    """A file of the first ``count`` quotes of ``path``; how many of them are crossed."""
    with gzip.open(path, "rt") as file:
        header, *lines = (line.rstrip("\n") for line in itertools.islice(file, count + 1))
    assert len(lines) == count
    prices = (line.split(",")[2:4] for line in lines)
    crossed = sum(Decimal(bid) > Decimal(ask) for bid, ask in prices)
    return quotes_file(folder / path.name, lines, header=header), crossed


@pytest.mark.timeout(170)
def test_kill_9_in_mid_replay_loses_nothing_and_repeats_nothing(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    redis = own_redis.client()
    fxcm, crossed = beginning(FXCM, 20_000, tmp_path)
    spot, none = beginning(SPOT, 10_000, tmp_path)
    assert (crossed > 1_000, none) == (True, 0)
    spec = f"replay:{fxcm},{spot}"
    with reading(redis, *READERS):
        for token, upto in enumerate((50, 150, 250), start=1):
            feed = start_feed(spec, speed="max", token=token)
            until(partial(reached, redis, upto), seconds=40)
            feed.kill()
            assert not ended(own_redis)
        start_feed(spec, speed="max", token=4)
        until(lambda: ended(own_redis), seconds=90)
    found = entries(redis)
    assert b"".join(one.ticks.tobytes() for one in found) == good(fxcm, spot)
    assert all(one.lock for one in found)
    assert [one.end for one in found] == [False] * (len(found) - 1) + [True]
    assert max(len(one.ticks) for one in found) <= 64
    assert len({one.session for one in found}) == 1
    state = feed_state(redis)
    assert state["refused"] == {"crossed": crossed}
    assert state["read"] == state["accepted"] + crossed == 30_000
    saved = until(lambda: session_saved(ended_at__isnull=False))
    assert str(saved.id) == state["session"]
    assert saved.state["refused"] == {"crossed": crossed}
    until(lambda: FeedReject.objects.count() == 1_000)
    lines = FeedReject.objects.values_list("line", flat=True)
    assert Counter(lines).most_common(1)[0][1] == 1
    record = Counter(Entry.objects.values_list("action", "outcome"))
    assert record == {("feed.start", "done"): 4, ("feed.end", "done"): 1}


@pytest.mark.timeout(120)
def test_kill_9_while_on_the_backup_changes_nothing_and_each_turn_is_recorded_once(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    redis = own_redis.client()
    both = [n / 5 for n in range(300)]
    alone = [60 + n / 5 for n in range(1_200)]
    paths = [
        quotes_file(tmp_path / f"{name}.csv", [moving(at) for at in times])
        for name, times in (("main", both + [t for t in alone if t > 150]), ("spare", both + alone))
    ]
    backed = BackedChecker(("main", "spare"), (0, 1))
    ingestor = Ingestor(backed=backed)
    results = [ingestor.process(one) for one in Replay(paths).batches(rows=4_096)]
    turns = [turn for one in results for turn in one.turns]
    assert [turn.words.partition(":")[0] for turn in turns] == ["main to spare", "spare to main"]
    spec = f"replay:{paths[0]}|replay:{paths[1]}"
    with reading(redis, *READERS):
        for token, upto in enumerate((30, 60), start=1):
            feed = start_feed(spec, speed="max", token=token)
            until(partial(reached, redis, upto), seconds=40)
            feed.kill()
            assert not ended(own_redis)
        start_feed(spec, speed="max", token=3)
        until(lambda: ended(own_redis), seconds=60)
    found = b"".join(one.ticks.tobytes() for one in entries(redis))
    assert found == np.concatenate([one.ticks for one in results]).tobytes()
    state = feed_state(redis)
    assert state["standby"] == backed.counters()["standby"] > 0
    assert state["choices"] == backed.arbiter.standing()
    until(lambda: Entry.objects.filter(action="feed.switch").count() == 2)
    said = Entry.objects.filter(action="feed.switch").values_list("actor_kind", "actor", "reason")
    assert sorted(said) == sorted(
        ("process", "feed:main", f"EURUSD: {turn.words}") for turn in turns
    )


def test_a_disagreement_and_its_end_are_recorded(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    seconds = [n / 5 for n in range(200)]
    apart = ("1.38676", "1.38677")
    spare = [quote_line(at, "EURUSD", *apart) if 10 <= at < 20 else moving(at) for at in seconds]
    one = quotes_file(tmp_path / "main.csv", [moving(at) for at in seconds])
    two = quotes_file(tmp_path / "spare.csv", spare)
    with reading(own_redis.client(), *READERS):
        start_feed(f"replay:{one}|replay:{two}", speed="max")
        until(lambda: ended(own_redis), seconds=40)
    found = Entry.objects.filter(action__in=("feed.diverge", "feed.agree")).order_by("recorded_at")
    until(lambda: found.count() == 2)
    assert list(found.values_list("action", "object_kind", "reason")) == [
        ("feed.diverge", "feed", "EURUSD: main 1.38627/1.38628, spare 1.38676/1.38677"),
        ("feed.agree", "feed", "EURUSD: withheld for 12.0 s"),
    ]


def moving(second: float) -> str:
    """A quote that differs from the one of 0.2 s before."""
    tick = int(second * 5) % 2
    return quote_line(second, bid=f"1.3862{tick + 6}", ask=f"1.3862{tick + 7}")


def test_at_full_speed_it_waits_for_a_reader_and_says_so(
    own_redis: OwnRedis, start_feed: Start
) -> None:
    redis = own_redis.client()
    VenueAccount.objects.create(name="paper-1", venue="Paper", adapter="x", address="x")
    feed = start_feed(f"replay:{SPOT}", speed="max")
    with reading(redis, *READERS):
        waiting = until(lambda: feed_state(redis).get("status") == "waiting" and feed_state(redis))
        assert waiting["waiting_for"] == ["gateway:paper-1"]
        assert sum(len(one.ticks) > 0 for one in entries(redis)) == 4
        # The reader has lost its place: it starts at the newest entry, and is nudged.
        with reading(redis, "gateway:paper-1"):
            until(lambda: published(redis) > 50)
        stood = published(redis)
        until(lambda: feed_state(redis)["status"] == "waiting")
        assert published(redis) <= stood + 6
    assert feed.stop() < 2


def test_the_end_of_a_replay_is_said_and_the_feed_stays(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    redis = own_redis.client()
    path = quotes_file(tmp_path / "a.csv", [quote_line(0), "rub\0bish", quote_line(0.2)])
    feed = start_feed(f"replay:{path}")
    until(lambda: ended(own_redis))
    count = published(redis)
    then = feed_state(redis)["at_wall"]
    until(lambda: feed_state(redis)["at_wall"] > then + NS)
    stages = read_stages(redis)
    assert stages["feed"][0].status == "fresh"
    assert stages["data-ingestor"][0].status == "fresh"
    reject = until(FeedReject.objects.first)
    assert (reject.source, reject.line, reject.reason) == ("a.csv", 3, "malformed")
    assert reject.detail == "1 fields instead of 6: rub\N{REPLACEMENT CHARACTER}bish"
    feed.kill()
    again = start_feed(f"replay:{path}", token=2)
    later = feed_state(redis)["at_wall"]
    until(lambda: feed_state(redis)["at_wall"] > later)
    assert published(redis) == count
    quote: Any = redis.hget(streams.QUOTES, "EURUSD")
    assert json.loads(quote) == {
        "symbol": "EURUSD", "bid": "1.38626", "ask": "1.38627", "bid_size": "0", "ask_size": "0",
        "time": "2014-05-02T05:00:00.200000Z", "session": feed_state(redis)["session"],
        "seq": count,
    }  # fmt: skip
    assert again.stop() < 2


def test_a_price_put_in_is_checked_as_any_other_and_only_in_the_simulator(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    redis, at = own_redis.client(), UNIVERSE.by_symbol("EURUSD").id
    feed = start_feed("simulated")
    latest: Any = until(lambda: redis.hget(streams.QUOTES, "EURUSD"))
    bid, ask_ = (to_nano(Decimal(json.loads(latest)[name])) for name in ("bid", "ask"))
    good = ask(redis, FEED, InjectPrice(at, bid, ask_ + 10_000), PriceJudged)
    assert (good.reason, good.refused) == ("", False)
    entry: Any = redis.xrange(streams.TICKS, good.entry, good.entry)
    (tick,) = read_entry(*entry[0]).ticks
    assert (tick["instrument"], tick["bid"], tick["ask"]) == (at, bid, ask_ + 10_000)
    assert tick["time"] == good.feed_time
    for wrong, reason in (
        ((ask_ + 10_000, bid), "crossed"), ((0, ask_), "non-positive"),
        ((2 * bid, 2 * ask_), "jump"),
    ):  # fmt: skip
        judged = ask(redis, FEED, InjectPrice(at, *wrong), PriceJudged)
        assert (judged.reason, judged.entry) == (reason, "")
        until(partial(refused_of, redis, reason))
    feed.kill()
    path = quotes_file(tmp_path / "a.csv", [quote_line(s) for s in range(60)])
    start_feed(f"replay:{path}", token=2)
    judged = ask(redis, FEED, InjectPrice(at, bid, ask_), PriceJudged)
    assert judged.refused


def refused_of(redis: Redis, reason: str) -> bool:
    return bool(feed_state(redis)["refused"].get(reason))


def test_a_new_start_of_the_desk_is_a_new_session_from_the_beginning(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    redis = own_redis.client()
    path = quotes_file(tmp_path / "a.csv", [quote_line(s) for s in range(60)])
    first = start_feed(f"replay:{path}", speed="10")
    until(lambda: feed_state(redis).get("read", 0) > 3)
    one = feed_state(redis)["session"]
    until(session_saved)
    first.kill()
    start_feed(f"replay:{path}", speed="10", desk="desk-2")
    until(lambda: feed_state(redis)["session"] != one and feed_state(redis)["read"] > 3)
    found = entries(redis)
    sessions = list(dict.fromkeys(entry.session for entry in found))
    starts = [next(e for e in found if e.session == name).ticks["time"][0] for name in sessions]
    assert len(sessions) == 2
    assert starts[0] == starts[1]
    old = until(lambda: session_saved(id=one, ended_at__isnull=False))
    assert old.state["session"] == one
    reasons = Entry.objects.order_by("recorded_at").values_list("action", "reason")
    assert ("feed.end", "left open when the desk stopped") in set(reasons)


def test_the_simulator_goes_on_with_the_last_prices(own_redis: OwnRedis, start_feed: Start) -> None:
    redis = own_redis.client()
    begun = time.time_ns()
    first = start_feed("simulated")
    until(lambda: published(redis) > 40)
    seconds = first.stop()
    assert seconds < 2
    before = feed_state(redis)
    saved = until(lambda: session_saved(ended_at__isnull=False))
    assert saved.state == before
    times = np.concatenate([one.ticks["time"] for one in entries(redis)])
    assert begun <= times.min()
    assert times.max() <= time.time_ns()
    redis.flushall()  # what the database has is enough
    start_feed("simulated", desk="desk-2")
    until(lambda: published(redis) > 3)
    after = feed_state(redis)
    assert after["session"] != before["session"]
    assert set(after["last"]) <= set(before["last"])
    for symbol, values in after["last"].items():
        assert values[0] == pytest.approx(before["last"][symbol][0], rel=0.01)
    assert after["read"] == after["accepted"] + sum(after["refused"].values())


def test_without_redis_a_replay_waits_and_loses_nothing(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    path = quotes_file(tmp_path / "a.csv", [quote_line(s / 10) for s in range(500)])
    start_feed(f"replay:{path}", speed="10")
    until(lambda: published(own_redis.client()) > 10)
    before = entries(own_redis.client())
    own_redis.stop()
    time.sleep(1.5)  # the outage itself
    own_redis.start()  # empty: it keeps nothing
    redis = own_redis.client()
    until(lambda: ended(own_redis), seconds=30)
    after = entries(redis)
    times = np.concatenate([one.ticks["time"] for one in [*before, *after]])
    assert np.unique(times).size >= 490  # all but what was published between the two looks
    assert (np.diff(np.concatenate([one.ticks["time"] for one in after])) > 0).all()
    assert feed_state(redis)["accepted"] == 500
    assert len({one.session for one in [*before, *after]}) == 1


def test_without_redis_a_simulator_loses_the_quotes_of_the_outage(
    own_redis: OwnRedis, start_feed: Start
) -> None:
    start_feed("simulated")
    until(lambda: published(own_redis.client()) > 10)
    own_redis.stop()
    time.sleep(2.5)  # the outage itself
    back = time.time_ns()
    own_redis.start()
    redis = own_redis.client()
    until(lambda: published(redis) > 10)
    times = np.concatenate([one.ticks["time"] for one in entries(redis)])
    assert times.min() > back - NS
    state = feed_state(redis)
    assert state["read"] == state["accepted"] + sum(state["refused"].values())


def test_without_the_database_the_feed_runs_and_is_saved_later(
    own_redis: OwnRedis, start_feed: Start
) -> None:
    redis = own_redis.client()
    gate = Gate()
    start_feed("simulated", database=database_url(gate.port))
    until(lambda: published(redis) > 40)
    assert not FeedSession.objects.exists()
    gate.open()
    saved = until(session_saved)
    assert str(saved.id) == feed_state(redis)["session"]
    assert set(Entry.objects.values_list("action", flat=True)) == {"feed.start"}


def test_when_redis_forgot_the_feed_goes_on_from_the_database(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    redis = own_redis.client()
    path = quotes_file(tmp_path / "a.csv", [quote_line(s / 10) for s in range(500)])
    first = start_feed(f"replay:{path}", speed="10")
    saved = until(lambda: session_saved(state__read__gt=20))
    first.kill()
    saved_last = until(session_saved).state
    redis.flushall()
    start_feed(f"replay:{path}", speed="10", token=2)
    until(lambda: published(redis) > 3)
    state = feed_state(redis)
    assert state["session"] == str(saved.id)
    first_read = entries(redis)[0].ticks["time"][0]
    rows = Replay([path]).take(rows=500).rows
    assert first_read == rows["tick"]["time"][saved_last["read"]]
    assert state["read"] > saved.state["read"]


def test_a_quiet_recording_still_gives_signs_of_life(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    redis = own_redis.client()
    path = quotes_file(tmp_path / "a.csv", [quote_line(0), quote_line(59)])
    start_feed(f"replay:{path}")
    until(lambda: published(redis) >= 3)
    found = entries(redis)
    assert [len(one.ticks) for one in found] == [1, 0, 0]
    clocks = [one.clock_ns for one in found]
    assert 0.8 * NS < clocks[2] - clocks[1] < 1.5 * NS
