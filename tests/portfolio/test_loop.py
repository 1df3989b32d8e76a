"""The hosted loop as a process of its own, against real PostgreSQL and Redis."""

import contextlib
import datetime as dt
import json
import os
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import psutil
import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

from riskctl.models import Heartbeat, Lease
from tests.feeds.rig import until
from tests.portfolio.builders import FEED_NOON_NS, Desk, entry_fields
from tests.portfolio.relay import Relay, relay
from tests.support.processes import Started, start_python
from tests.support.roles import application_url
from trading import health, streams
from trading.clock import NS, utc_now, wall_ns
from trading.models import LatencyHistogram, PnlPoint, Position, Signal

pytestmark = pytest.mark.django_db(transaction=True)

PROJECT = Path(__file__).parents[2]
SOON_S = 15.0

Frame = dict[str, Any]


@pytest.fixture
def redis() -> Iterator[Redis]:
    client = Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS)
    _clean(client)
    yield client
    _clean(client)
    client.close()


def _clean(client: Redis) -> None:
    keys = [streams.TICKS, streams.ORDERS, streams.QUOTES, streams.FEED_STATE]
    for pattern in ("hl:stage:*", "hl:frame:*"):
        keys += list(client.scan_iter(match=pattern))
    client.delete(*keys)


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.fill("mom-eurusd", "EURUSD", "buy", "1000", "1.15240", fee="0.5")
    Heartbeat.objects.create(name="watchdog", at=utc_now())
    Lease.objects.create(
        name="gateway:paper-1", role="gateway", holder="h:1:2", token=4, expires_at=utc_now(),
        renewed_at=utc_now(),
    )  # fmt: skip
    return desk


@contextlib.contextmanager
def portfolio(**environ: str) -> Iterator[Started]:
    own = {"DATABASE_URL": application_url()}
    child = start_python(
        "-m", "tests.portfolio.child", env={**os.environ, **own, **environ}, stdin=True
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait(5)


def stop(child: Started) -> int:
    """As a host does: the stop descriptor ends. A host waits three seconds, a busy machine more."""
    assert child.stdin is not None
    child.stdin.close()
    return child.wait(8)


def publish(redis: Redis, *ticks: tuple[str, str, str], at_s: float = 0, **more: str) -> None:
    time_ns = FEED_NOON_NS + int(at_s * NS)
    rows = [(symbol, bid, ask, time_ns) for symbol, bid, ask in ticks]
    fields = entry_fields(rows, clock=time_ns, wall=wall_ns(), **more)
    redis.xadd(streams.TICKS, cast("dict[Any, Any]", fields))


def beat(redis: Redis) -> None:
    """Heartbeats of the gateway and the shard of the desk."""
    extra = {"connected": "1", "licence_ms": "180"}
    for stage, instance, more in (
        ("broker", "paper-1", extra), ("signal-generator", "shard:0", {}),
    ):  # fmt: skip
        fields = {**health.StageMeter(stage, instance).fields(), **more}
        redis.hset(health.key(stage, instance), mapping=cast("dict[Any, Any]", fields))


def latest(redis: Redis, topic: str = "desk") -> Frame | None:
    raw = cast("bytes | None", redis.get(streams.frame_key(topic)))
    return None if raw is None else cast("Frame", json.loads(raw))


def frame_with(
    redis: Redis, wanted: Callable[[Frame], object], topic: str = "desk", seconds: float = SOON_S
) -> Frame:
    """The first frame that is as wanted; waits at most ``seconds`` for it."""
    end = time.monotonic() + seconds
    frame = latest(redis, topic)
    while frame is None or not wanted(frame):
        assert time.monotonic() < end, frame
        time.sleep(0.02)
        frame = latest(redis, topic)
    return frame


def strategy(frame: Frame, key: str = "mom-eurusd") -> Frame:
    return next((one for one in frame["strategies"] if one["key"] == key), {})


def test_prices_fills_and_heartbeats_reach_the_frame(redis: Redis, desk: Desk) -> None:
    publish(redis, ("EURUSD", "1.15998", "1.16002"))
    with portfolio() as child:
        frame = frame_with(redis, lambda one: strategy(one).get("unrealised") == "7.60")
        assert strategy(frame)["pnl"] == "7.10"
        assert strategy(frame)["state"] == "UNKNOWN"
        assert strategy(frame, "mom-btc")["why"].endswith("no price for BTCUSDT yet")

        publish(redis, ("EURUSD", "1.16098", "1.16102"), at_s=1)
        frame = frame_with(redis, lambda one: strategy(one)["unrealised"] == "8.60")

        desk.fill("mom-eurusd", "EURUSD", "sell", "600", "1.16000", fee="0.25")
        redis.xadd(streams.ORDERS, {"m": "{}"})
        begun = time.monotonic()
        frame = frame_with(redis, lambda one: strategy(one)["fills"] == 2)
        assert time.monotonic() - begun < 0.9  # by the hint, not by the reading of every second
        assert strategy(frame)["realised"] == "4.56"
        assert strategy(frame)["position"][0]["quantity"] == "400"

        now = utc_now()
        Signal.objects.create(
            id="s1", strategy_id="mom-eurusd", symbol="EURUSD", direction=-1, score=2.0,
            confidence=0.6, horizon_s=60, price=Decimal("1.16"), feed_time=now, created_at=now,
            latency_us=90,
        )  # fmt: skip
        desk.order("open-1", "mom-eurusd", "EURUSD", "1000")
        frame = frame_with(redis, lambda one: strategy(one)["last_signal"])
        assert strategy(frame)["last_signal"]["direction"] == -1
        frame = frame_with(redis, lambda one: strategy(one)["orders_open"] == 1)

        beat(redis)
        frame = frame_with(redis, lambda one: strategy(one)["state"] == "ACTIVE")
        pipeline = frame_with(redis, lambda one: one["gateways"][0]["connected"], "pipeline")
        assert pipeline["gateways"][0]["state"] == "licensed"
        assert pipeline["gateways"][0]["fencing_token"] == 4
        assert [one["name"] for one in pipeline["services"]] == ["database", "redis", "watchdog"]
        assert {one["symbol"] for one in pipeline["feeds"]} >= {"EURUSD", "BTCUSDT"}
        assert stop(child) == 0


def test_frames_come_five_times_a_second_in_order(redis: Redis, desk: Desk) -> None:
    pubsub = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    pubsub.subscribe(streams.FRAMES)
    with portfolio() as child:
        first = frame_with(redis, lambda one: one["strategies"])["seq"]
        seen: dict[str, list[int]] = {"desk": [], "pipeline": []}
        cpu = psutil.Process(child.pid).cpu_times()
        begun = time.monotonic()
        while (took := time.monotonic() - begun) < 3:
            publish(redis, ("EURUSD", "1.15998", "1.16002"), at_s=took)
            message = pubsub.get_message(timeout=0.02)
            if message is not None:
                frame = json.loads(message["data"])
                # A channel is one for all databases of a server: leave out other desks'.
                if first <= frame["seq"] < first + 100:
                    seen[frame["topic"]].append(frame["seq"])
        spent = psutil.Process(child.pid).cpu_times()
        busy = (spent.user + spent.system - cpu.user - cpu.system) / took
    pubsub.close()
    for numbers in seen.values():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert 10 <= len(numbers) <= 17
    print(f"{busy:.3f} of a core")
    assert busy < 0.25, f"{busy:.3f} of a core"


def test_a_killed_loop_is_followed_by_one_that_goes_on(redis: Redis, desk: Desk) -> None:
    publish(redis, ("EURUSD", "1.15998", "1.16002"))
    with portfolio() as child:
        before = frame_with(redis, lambda one: strategy(one).get("pnl") == "7.10")
        child.kill()
        child.wait(5)
    with portfolio():
        after = frame_with(redis, lambda one: one["seq"] > before["seq"] + 50)
        assert after["as_of"] > before["as_of"]
        frame_with(redis, lambda one: strategy(one).get("pnl") == "7.10")


def test_a_quiet_symbol_has_its_price_at_once_after_a_restart(redis: Redis, desk: Desk) -> None:
    kept = {
        "symbol": "EURUSD", "bid": "1.15998", "ask": "1.16002", "bid_size": "1", "ask_size": "1",
        "time": "2014-05-02T11:59:58.000000Z", "session": "s1", "seq": 1,
    }  # fmt: skip
    redis.hset(streams.QUOTES, "EURUSD", json.dumps(kept))
    redis.hset(streams.QUOTES, "SPY", json.dumps({**kept, "symbol": "SPY", "session": "old"}))
    publish(redis, ("XAUUSD", "1282", "1283"))
    with portfolio():
        frame = frame_with(redis, lambda one: strategy(one).get("unrealised") == "7.60")
        assert strategy(frame)["data_age_ms"] >= 2_000
        pipeline = frame_with(redis, lambda one: one["feeds"], "pipeline")
        assert "SPY" not in {one["symbol"] for one in pipeline["feeds"]}


def test_the_line_of_the_day_is_written(redis: Redis, desk: Desk) -> None:
    yesterday = utc_now() - dt.timedelta(days=1)
    PnlPoint.objects.create(
        strategy_id="mom-eurusd", at=yesterday, feed_time=yesterday,
        realised=Decimal(2), unrealised=Decimal(0), fees=Decimal(0), gross=Decimal(0),
        net=Decimal(0),
    )  # fmt: skip
    publish(redis, ("EURUSD", "1.15998", "1.16002"))
    with portfolio():
        frame = frame_with(redis, lambda one: len(strategy(one).get("line", [])) > 0)
        assert strategy(frame)["pnl"] == "5.10"  # 7.10 since the books began, 2.00 of it before
        assert strategy(frame)["line"][-1] == "5.10"
        publish(redis, ("EURUSD", "1.16098", "1.16102"), at_s=1)
        frame_with(redis, lambda one: strategy(one)["line"][-1] == "6.10")
    points = PnlPoint.objects.filter(strategy="mom-eurusd").order_by("-at")
    assert points[0].unrealised == Decimal("8.60")
    assert points[0].gross == Decimal("1161.00")
    # Strategies without a price have no point; flat ones have one of zero.
    assert PnlPoint.objects.filter(strategy="mom-btc").exists()


def test_latencies_that_stages_publish_are_kept(redis: Redis, desk: Desk) -> None:
    meter = health.StageMeter("risk-manager", "paper-1")
    meter.observe(250_000)
    redis.hset(health.key("risk-manager", "paper-1"), mapping=meter.fields())
    publish(redis, ("EURUSD", "1.15998", "1.16002"))
    with portfolio():
        until(lambda: LatencyHistogram.objects.filter(instance="paper-1").exists(), seconds=SOON_S)
    assert LatencyHistogram.objects.get(instance="paper-1").total == 1


@pytest.fixture
def database() -> Iterator[Relay]:
    values = connection.settings_dict
    with relay((values["HOST"] or "127.0.0.1", int(values["PORT"] or 5432))) as one:
        yield one


@pytest.fixture
def stream(redis: Redis) -> Iterator[Relay]:
    kwargs = redis.connection_pool.connection_kwargs
    target = (kwargs["path"], 0) if "path" in kwargs else (kwargs["host"], int(kwargs["port"]))
    with relay(target) as one:
        yield one


@pytest.mark.parametrize("failure", ["freeze", "cut"])
def test_without_the_database_frames_go_on_and_say_so(
    redis: Redis, desk: Desk, database: Relay, failure: str
) -> None:
    publish(redis, ("EURUSD", "1.15998", "1.16002"))
    with portfolio(DATABASE_URL=application_url(database.port)) as child:
        frame_with(redis, lambda one: strategy(one).get("unrealised") == "7.60")
        getattr(database, failure)()
        publish(redis, ("EURUSD", "1.16098", "1.16102"), at_s=1)
        frame = frame_with(redis, lambda one: strategy(one)["unrealised"] == "8.60")
        assert frame["books"]["as_of"] < frame["as_of"]
        frame_with(redis, lambda one: one["books"]["status"] == "late")
        Position.objects.update(fills=9)
        database.mend()
        frame_with(redis, lambda one: one["books"]["status"] == "fresh")
        frame_with(redis, lambda one: strategy(one)["fills"] == 9)
        assert stop(child) == 0


def test_a_hanging_database_does_not_hold_up_the_stop(
    redis: Redis, desk: Desk, database: Relay
) -> None:
    with portfolio(DATABASE_URL=application_url(database.port)) as child:
        frame_with(redis, lambda one: one["strategies"])
        database.freeze()
        frame_with(redis, lambda one: one["books"]["status"] == "late")
        assert stop(child) == 0


def relayed(url: str, port: int) -> str:
    """The same server, its password and database, through a relay's port."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl()


def test_without_redis_it_waits_and_goes_on(redis: Redis, desk: Desk, stream: Relay) -> None:
    publish(redis, ("EURUSD", "1.15998", "1.16002"))
    with portfolio(REDIS_URL=relayed(settings.REDIS_URL, stream.port)) as child:
        before = frame_with(redis, lambda one: strategy(one).get("unrealised") == "7.60")
        stream.cut()
        time.sleep(1.0)
        last = latest(redis)
        assert last is not None
        assert last["seq"] <= before["seq"] + 4
        publish(redis, ("EURUSD", "1.16098", "1.16102"), at_s=1)
        stream.mend()
        frame_with(redis, lambda one: strategy(one)["unrealised"] == "8.60", seconds=5)
        stream.cut()
        assert stop(child) == 0
