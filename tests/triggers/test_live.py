"""Both evaluations against real PostgreSQL and Redis: quick, independent, one hold, and shown."""

import datetime as dt
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import pytest
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from riskctl.deadman import deadman_prepare
from riskctl.leases import leases_lay
from riskctl.models import DeadMan, Limit, TriggerFiring
from riskctl.triggers.settings import database_now
from tests.portfolio.builders import FEED_NOON_NS, Desk, entry_fields
from tests.triggers.builders import FakePlacing
from trading import health, streams
from trading.clock import NS, wall_ns
from trading.portfolio.keeper import BooksKeeper
from trading.portfolio.loop import PortfolioLoop
from trading.triggers.path import PathTriggers
from trading.triggers.publishing import PATH_KEY, WATCHDOG_KEY, triggers_now
from trading.triggers.watch import WatchdogTriggers
from trading.universe import UNIVERSE

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal
WITHIN_S = 1.0


class Placed:
    """Stands for hold_place: when each hold was placed."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, dict[str, Any]]] = []
        self._changed = threading.Condition()

    def __call__(self, **asked: Any) -> FakePlacing:
        with self._changed:
            self.calls.append((time.monotonic(), asked))
            self._changed.notify_all()
        return FakePlacing(asked)

    def of(self, trigger: str) -> list[tuple[float, dict[str, Any]]]:
        return [one for one in self.calls if one[1]["actor"].name == trigger]


@pytest.fixture
def redis() -> Iterator[Redis]:
    client = Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS)
    _clean(client)
    yield client
    _clean(client)
    client.close()


def _clean(client: Redis) -> None:
    keys = [
        streams.TICKS, streams.ORDERS, streams.QUOTES, streams.FEED_STATE, PATH_KEY, WATCHDOG_KEY,
        *client.scan_iter(match="hl:stage:*"),
    ]  # fmt: skip
    client.delete(*keys)


@pytest.fixture
def desk() -> Desk:
    """A strategy that is long 100,000 EURUSD at 1.15, with capital of 200,000."""
    desk = Desk()
    desk.fill("mom-eurusd", "EURUSD", "buy", "100000", "1.15000", fee="0")
    for scope in ("firm", "strategy:mom-eurusd"):
        Limit.objects.create(scope=scope, kind="gross-notional", value=D(200_000))
    deadman_prepare(confirmed_by="desk start")
    return desk


class Prices:
    """Publishes EURUSD ten times a second; ``mid`` is what a test wants it to be."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.mid = D("1.15")
        self._count = 0

    def publish(self) -> None:
        self._count += 1
        clock = FEED_NOON_NS + self._count * NS // 10
        bid, ask = str(self.mid - D("0.00001")), str(self.mid + D("0.00001"))
        fields = entry_fields([("EURUSD", bid, ask, clock)], clock=clock, wall=wall_ns())
        self._redis.xadd(streams.TICKS, cast("dict[Any, Any]", fields))


@pytest.fixture
def prices(redis: Redis) -> Prices:
    prices = Prices(redis)
    prices.publish()
    return prices


def steps(prices: Prices, step: Any, *, seconds: float, until: Any = lambda: False) -> None:
    """Step ten times a second, publishing before each, until ``until()``."""
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        prices.publish()
        step()
        time.sleep(0.1)  # the cadence of the loops themselves


@pytest.fixture
def path(redis: Redis, desk: Desk, prices: Prices) -> Iterator[tuple[PortfolioLoop, Placed]]:
    placed, keeper = Placed(), BooksKeeper()
    triggers = PathTriggers(UNIVERSE, placed)
    keeper.start()
    triggers.start()
    yield PortfolioLoop(redis, keeper, UNIVERSE, triggers), placed
    triggers.stop(5)
    keeper.stop(5)


@pytest.fixture
def watchdog(redis: Redis, desk: Desk, prices: Prices) -> Iterator[tuple[WatchdogTriggers, Placed]]:
    placed = Placed()
    triggers = WatchdogTriggers(redis, UNIVERSE, placed)
    triggers.start()
    yield triggers, placed
    triggers.stop()


def judged(redis: Redis, source: str, name: str, scope: str) -> dict[str, Any]:
    """One trigger as published; {} when it is not."""
    body = triggers_now(redis)[source] or {"triggers": []}
    found = (one for one in body["triggers"] if (one["name"], one["scope"]) == (name, scope))
    return next(found, {})


def warm(prices: Prices, step: Any, redis: Redis, source: str) -> None:
    """Until the first prices are history."""
    steps(
        prices, step, seconds=20,
        until=lambda: judged(redis, source, "strategy-stop-loss", STRATEGY).get("state") == "ok",
    )  # fmt: skip
    steps(prices, step, seconds=1)


STRATEGY = "strategy:mom-eurusd"


def test_the_path_holds_within_a_second_of_the_breach(
    path: tuple[PortfolioLoop, Placed], prices: Prices, redis: Redis
) -> None:
    loop, placed = path
    warm(prices, loop.step, redis, "path")
    assert placed.calls == []
    prices.mid = D("1.12")  # 3,000 of 200,000
    began = time.monotonic()
    steps(prices, loop.step, seconds=5, until=lambda: placed.of("strategy-stop-loss"))
    [(at, asked)] = placed.of("strategy-stop-loss")
    assert at - began < WITHIN_S
    assert asked["scope"] == STRATEGY
    steps(prices, loop.step, seconds=3, until=TriggerFiring.objects.filter(
        trigger="strategy-stop-loss"
    ).exists)  # fmt: skip
    row = TriggerFiring.objects.get(trigger="strategy-stop-loss", level="breach")
    assert (row.source, row.hold, row.value) == ("path", asked["hold_id"], D("1.5"))


def test_values_thresholds_and_distances_are_published(
    path: tuple[PortfolioLoop, Placed], prices: Prices, redis: Redis
) -> None:
    loop, _ = path
    warm(prices, loop.step, redis, "path")
    prices.mid = D("1.149")
    steps(
        prices, loop.step, seconds=5,
        until=lambda: judged(redis, "path", "strategy-stop-loss", STRATEGY)["value"] != "0",
    )  # fmt: skip
    one = judged(redis, "path", "strategy-stop-loss", STRATEGY)
    assert (one["value"], one["threshold"], one["share"]) == ("0.05", "1", "0.05")
    assert (one["state"], one["unit"], one["kind"], one["mode"]) == (
        "ok", "% of capital", "kill", "HALTED",
    )  # fmt: skip
    assert "fees" in one["formula"]
    first = triggers_now(redis)["path"]
    assert first is not None
    steps(prices, loop.step, seconds=1)
    second = triggers_now(redis)["path"]
    assert second is not None
    assert second["as_of"] > first["as_of"]


def test_the_watchdog_sees_it_by_itself_and_makes_it_the_same_hold(
    path: tuple[PortfolioLoop, Placed],
    watchdog: tuple[WatchdogTriggers, Placed],
    prices: Prices,
    redis: Redis,
) -> None:
    (loop, by_path), (triggers, by_watchdog) = path, watchdog

    def both() -> None:
        loop.step()
        triggers.step()

    warm(prices, both, redis, "watchdog")
    prices.mid = D("1.12")
    name = "strategy-stop-loss"
    steps(prices, both, seconds=10, until=lambda: by_path.of(name) and by_watchdog.of(name))
    assert by_path.of(name)[0][1]["hold_id"] == by_watchdog.of(name)[0][1]["hold_id"]
    assert judged(redis, "watchdog", name, STRATEGY)["state"] == "breach"
    assert health.read_stages(redis)["watchdog"][0].status == "fresh"


def test_the_watchdog_places_the_dead_mans_hold_and_warns_before(
    watchdog: tuple[WatchdogTriggers, Placed], prices: Prices, redis: Redis
) -> None:
    triggers, placed = watchdog
    for minutes, level in ((95, "warning"), (121, "breach")):
        DeadMan.objects.update(confirmed_at=database_now() - dt.timedelta(minutes=minutes))
        rows = TriggerFiring.objects.filter(trigger="dead-man", level=level)
        began = time.monotonic()
        steps(prices, triggers.step, seconds=15, until=rows.exists)
        assert rows.count() == 1
        assert time.monotonic() - began < 4
        assert len(placed.of("dead-man")) == (level == "breach")
    [(_, asked)] = placed.of("dead-man")
    assert (str(asked["kind"]), asked["scope"]) == ("dead-man", "firm")
    assert D(judged(redis, "watchdog", "dead-man", "firm")["value"]) >= 121


def test_a_watchdog_without_redis_judges_the_books_on(desk: Desk) -> None:
    leases_lay(names=["feed:main"])
    Limit.objects.filter(scope="firm").update(value=D(50_000))
    placed = Placed()
    nowhere = Redis(
        host="127.0.0.1", port=1, socket_timeout=0.2, socket_connect_timeout=0.2,
        retry=Retry(NoBackoff(), 0),
    )  # fmt: skip
    triggers = WatchdogTriggers(nowhere, UNIVERSE, placed)
    triggers.start()
    try:
        end = time.monotonic() + 15
        while not placed.of("gross-exposure"):
            assert time.monotonic() < end
            triggers.step()
            time.sleep(0.1)  # its own cadence
    finally:
        triggers.stop()
