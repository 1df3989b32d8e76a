"""Whether data flow, read from a real Redis; what it does not say is not healthy."""

import json
import uuid
from collections.abc import Iterator

import pytest
from django.test import override_settings
from redis import Redis

from tests.strategies.desk import quotes
from trading import clock, streams
from trading.health import StageMeter, key
from trading.resume.vitals import Vitals, vitals_read
from trading.ticks import pack


@pytest.fixture
def redis() -> Iterator[Redis]:
    client = Redis.from_url(streams.redis_url())
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


def publish(redis: Redis, *, age_s: float = 0.0) -> None:
    ticks = quotes("EURUSD", [1.1], start=clock.wall_ns())
    redis.xadd(
        streams.TICKS,
        {
            "d": pack(ticks), "clk": int(ticks["time"][-1]), "boot": clock.boot_ns(),
            "wall": clock.wall_ns() - int(age_s * clock.NS), "bid": "b", "s": uuid.uuid4().hex,
        },
    )  # fmt: skip


def beat(redis: Redis, stage: str, shard: str, errors: int) -> None:
    meter = StageMeter(stage, shard)
    for _ in range(errors):
        meter.error("late")
    redis.hset(key(stage, shard), mapping=meter.fields())


def test_an_empty_or_absent_redis_is_not_healthy(redis: Redis) -> None:
    empty = vitals_read()
    assert empty.phase == "waiting"
    assert empty.stale(["EURUSD"]) == ["EURUSD"]
    assert empty.errors == {}
    with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
        away = vitals_read()
    assert "Redis does not answer" in away.why
    assert away.stale(["EURUSD"]) == ["EURUSD"]


def test_prices_that_flow_are_fresh_and_errors_are_those_of_the_shard(redis: Redis) -> None:
    publish(redis)
    beat(redis, "signal-generator", "shard:0", 0)
    beat(redis, "indicator-engine", "shard:0", 2)
    beat(redis, "signal-generator", "shard:1", 0)
    seen = vitals_read()
    assert (seen.phase, dict(seen.errors)) == ("running", {0: 2, 1: 0})
    assert seen.stale(["EURUSD"]) == []
    assert seen.stale(["XAUUSD"]) == ["XAUUSD"]


@pytest.mark.parametrize(
    ("kind", "missing"), [("ccxt", True), ("simulated", True), ("", True), ("replay", False)]
)
def test_what_was_never_quoted_is_not_fresh_but_on_a_recording(
    redis: Redis, kind: str, missing: bool
) -> None:
    publish(redis)
    redis.set(streams.FEED_STATE, json.dumps({"kind": kind, "status": "running"}))
    seen = vitals_read()
    assert seen.phase == "running"
    assert seen.stale(["EURUSD", "XAUUSD"]) == (["XAUUSD"] if missing else [])
    assert seen.stale(["XAUUSD"]) == ["XAUUSD"]


def test_a_silent_feed_is_not_healthy(redis: Redis) -> None:
    publish(redis, age_s=31)
    seen = vitals_read()
    assert seen.phase == "dead"
    assert seen.stale(["EURUSD"]) == ["EURUSD"]


def test_an_old_price_is_stale_while_others_are_fresh() -> None:
    seen = Vitals(phase="running", ages={"EURUSD": "late", "XAUUSD": "stale"})
    assert seen.stale(["EURUSD", "XAUUSD"]) == ["XAUUSD"]
    assert Vitals(phase="ended", ages={"EURUSD": "fresh"}).stale(["EURUSD"]) == ["EURUSD"]
