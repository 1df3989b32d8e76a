"""Reads for pages and REST: the runbooks' fields, exact figures, and what is not known."""

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import pytest
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from riskctl.models import Heartbeat, Lease
from tests.portfolio.builders import FEED_NOON_NS, Desk, decimals, entry_fields
from trading import health, selectors, streams
from trading.clock import utc_now, wall_ns
from trading.models import Signal

pytestmark = pytest.mark.django_db


@pytest.fixture
def redis() -> Iterator[Redis]:
    client = Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS)
    _clean(client)
    yield client
    _clean(client)
    client.close()


def _clean(client: Redis) -> None:
    names = [streams.TICKS, streams.QUOTES, streams.FEED_STATE]
    client.delete(*names, *client.scan_iter(match="hl:stage:*"))


@pytest.fixture
def no_redis() -> Redis:
    return Redis(port=1, retry=Retry(NoBackoff(), 0))


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.fill("mom-eurusd", "EURUSD", "buy", "1000", "1.15240", fee="0.5")
    desk.fill("mr-gold", "XAUUSD", "buy", "2", "1280", fee="0")
    desk.fill("mr-gold", "XAUUSD", "sell", "2", "1281", fee="0")
    desk.fill("mom-btc", "BTCUSDT", "sell", "0.5", "60000", fee="15")
    return desk


def publish(redis: Redis, *ticks: tuple[str, str, str], **more: Any) -> None:
    rows = [(symbol, bid, ask, FEED_NOON_NS) for symbol, bid, ask in ticks]
    fields = entry_fields(rows, wall=wall_ns(), **more)
    redis.xadd(streams.TICKS, cast("dict[Any, Any]", fields))


def beat(redis: Redis, stage: str, instance: str, **extra: str) -> None:
    fields = {**health.StageMeter(stage, instance).fields(), **extra}
    redis.hset(health.key(stage, instance), mapping=cast("dict[Any, Any]", fields))


def trading_desk(redis: Redis) -> None:
    """Everything that a desk needs to be ready."""
    publish(
        redis, ("EURUSD", "1.15998", "1.16002"), ("XAUUSD", "1282", "1283"),
        ("GCZ3", "1286.6", "1286.7"), ("BTCUSDT", "59000", "59002"),
    )  # fmt: skip
    for account in ("paper-1", "paper-2"):
        beat(redis, "broker", account, connected="1", licence_ms="200")
        Lease.objects.create(
            name=f"gateway:{account}", role="gateway", holder="h", token=3, expires_at=utc_now(),
            renewed_at=utc_now(),
        )  # fmt: skip
    for stage in health.STAGES[:-1]:
        beat(redis, stage, "shard:0" if stage == "signal-generator" else "main")
    Heartbeat.objects.create(name="watchdog", at=utc_now())


def test_positions_have_the_runbook_s_fields(redis: Redis, desk: Desk) -> None:
    publish(redis, ("EURUSD", "1.15998", "1.16002"), ("BTCUSDT", "59000", "59002"))
    btc, eurusd, gold = selectors.positions(redis)
    assert (eurusd.symbol, eurusd.quantity) == ("EURUSD", Decimal(1000))
    assert (eurusd.entry_price, eurusd.mark_price) == (Decimal("1.1524"), Decimal("1.16"))
    assert (eurusd.unrealized_pnl, eurusd.fees) == (Decimal("7.60"), Decimal("0.5"))
    assert (btc.quantity, btc.unrealized_pnl) == decimals("-0.5", "499.5")
    assert btc.currency == "USDT"
    assert btc.notional == Decimal("-29500.5")
    assert (gold.quantity, gold.realized_pnl) == decimals(0, 2)
    assert gold.entry_price is None
    assert [one.symbol for one in selectors.positions(redis, open_only=True)] == [
        "BTCUSDT", "EURUSD",
    ]  # fmt: skip
    summary = selectors.positions_summary(redis)
    assert summary.total_unrealized_pnl == Decimal("507.1")
    assert summary.total_pnl == Decimal("507.1") + 2 - Decimal("15.5")
    assert (summary.gross_exposure, summary.net_exposure) == (
        Decimal("30660.5"), Decimal("-28340.5"),
    )  # fmt: skip
    assert (summary.open_positions, summary.unmarked) == (2, ())


def test_without_a_price_a_total_is_unknown(redis: Redis, desk: Desk) -> None:
    publish(redis, ("EURUSD", "1.15998", "1.16002"))
    summary = selectors.positions_summary(redis)
    assert summary.total_unrealized_pnl is None
    assert summary.total_realized_pnl == 2
    assert summary.marked_unrealized_pnl == Decimal("7.60")
    assert summary.unmarked == ("BTCUSDT",)


def test_without_redis_positions_are_there_but_unmarked(no_redis: Redis, desk: Desk) -> None:
    found = {one.symbol: one.unrealized_pnl for one in selectors.positions(no_redis)}
    assert found == {"BTCUSDT": None, "EURUSD": None, "XAUUSD": 0}


def test_broker_positions_are_the_newest_reading(desk: Desk) -> None:
    desk.reading("paper-1", fill_sequence=1, positions=[])
    desk.reading("paper-1")
    desk.reading("paper-2")
    found = selectors.broker_positions()
    assert [(one.account, one.symbol, one.quantity) for one in found] == [
        ("paper-1", "EURUSD", Decimal(1000)),
        ("paper-1", "XAUUSD", Decimal(0)),
        ("paper-2", "BTCUSDT", Decimal("-0.5")),
    ]
    assert (found[0].cash_flow, found[0].fees) == (Decimal("-1152.4"), Decimal("0.5"))
    assert (found[0].venue, found[0].fill_sequence) == ("Paper One", 3)
    assert len(selectors.broker_positions(account="paper-2")) == 1


def test_orders_newest_first_and_narrowed(desk: Desk) -> None:
    later = utc_now() + dt.timedelta(seconds=1)
    desk.order("w1", "mom-eurusd", "EURUSD", "5", created_at=later)
    desk.order("u1", "mom-btc", "BTCUSDT", "5", state="unknown", side="sell", created_at=later)
    assert [one.pk for one in selectors.orders()][:2] == ["w1", "u1"]
    assert [one.pk for one in selectors.orders(status="open")] == ["w1", "u1"]
    assert [one.pk for one in selectors.orders(status="unknown")] == ["u1"]
    assert selectors.orders(status="filled", account="paper-1").count() == 3
    assert selectors.orders(strategy="mr-gold", side="sell", symbol="XAUUSD").count() == 1
    with pytest.raises(ValueError, match="maybe"):
        selectors.orders(status="maybe")


def test_executions_and_signals(desk: Desk) -> None:
    found = list(selectors.executions(account="paper-1"))
    assert [one.sequence for one in found] == [3, 2, 1]
    assert found[0].order is not None
    assert found[0].order.state == "filled"
    assert selectors.executions(order="o-paper-2-1").count() == 1
    now = utc_now()
    for number in range(3):
        Signal.objects.create(
            id=f"s{number}", strategy_id="mom-btc", symbol="BTCUSDT", direction=1, score=1.5,
            confidence=0.5, horizon_s=60, price=Decimal(1), feed_time=now,
            created_at=now + dt.timedelta(seconds=number), latency_us=50,
        )  # fmt: skip
    assert [one.id for one in selectors.signals(strategy="mom-btc")] == ["s2", "s1", "s0"]
    assert selectors.signals(since=now + dt.timedelta(seconds=1)).count() == 2


def test_prices_and_freshness(redis: Redis, desk: Desk) -> None:
    assert selectors.latest_prices(redis) == []
    kept = {
        "bid": "1282", "ask": "1283", "time": "2014-05-02T11:59:50.000000Z", "session": "s1",
    }  # fmt: skip
    redis.hset(streams.QUOTES, "XAUUSD", json.dumps(kept))
    redis.set(streams.FEED_STATE, json.dumps({"spec": "replay:x", "status": "running"}))
    publish(redis, ("EURUSD", "1.15998", "1.16002"))
    eurusd, gold = selectors.latest_prices(redis)
    assert (eurusd.bid, eurusd.ask) == (Decimal("1.15998"), Decimal("1.16002"))
    assert eurusd.timestamp == dt.datetime(2014, 5, 2, 12, 0, tzinfo=dt.UTC)
    assert (eurusd.status, gold.status) == ("fresh", "late")
    freshness = selectors.data_freshness(redis)
    assert {one.symbol: one.status for one in freshness.symbols} == {
        "EURUSD": "fresh", "XAUUSD": "late", "GCZ3": "dead", "BTCUSDT": "dead",
    }  # fmt: skip
    assert (freshness.status, freshness.state, freshness.feed) == ("dead", "running", "replay:x")


def test_a_desk_that_trades(redis: Redis, desk: Desk) -> None:
    trading_desk(redis)
    status = selectors.trading_status(redis)
    assert status.mode == "ACTIVE"
    assert [one.scope for one in status.scopes] == [
        "firm", "venue:paper-1", "venue:paper-2", "strategy:mom-btc", "strategy:mom-eurusd",
        "strategy:mr-gold",
    ]  # fmt: skip
    assert {one.mode for one in status.scopes} == {"ACTIVE"}
    assert status.epoch == 6
    licence = status.licences[0]
    assert (licence.account, licence.valid, licence.remaining_ms, licence.fencing_token) == (
        "paper-1", True, 200, 3,
    )  # fmt: skip
    assert all(one.ok for one in selectors.readiness(redis)), selectors.readiness(redis)
    (reading,) = selectors.stage_health(redis, "feed")
    assert reading.status == "fresh"
    assert selectors.stage_health(redis, "nothing") == []


def test_one_gateway_without_a_licence(redis: Redis, desk: Desk) -> None:
    trading_desk(redis)
    beat(redis, "broker", "paper-2", connected="1", licence_ms="0")
    status = selectors.trading_status(redis)
    why = {one.scope: one.why for one in status.scopes}
    assert status.mode == "UNKNOWN"
    assert why["firm"] == "not known to trade: paper-2"
    assert why["strategy:mom-btc"] == "gateway paper-2 has no licence"
    assert why["strategy:mom-eurusd"] == ""
    assert not status.licences[1].valid
    assert [one.name for one in selectors.readiness(redis) if not one.ok] == ["gateway:paper-2"]


def test_a_silent_watchdog_is_not_ready(redis: Redis, desk: Desk) -> None:
    trading_desk(redis)
    Heartbeat.objects.update(at=utc_now() - dt.timedelta(seconds=4))
    (check,) = [one for one in selectors.readiness(redis) if not one.ok]
    assert (check.name, check.text) == ("watchdog", "last heartbeat 4 s ago")


def test_nothing_runs(redis: Redis, desk: Desk) -> None:
    checks = {one.name: one.text for one in selectors.readiness(redis) if not one.ok}
    assert checks == {
        **dict.fromkeys(health.STAGES, "no heartbeat"),
        "gateway:paper-1": "gateway paper-1 sent no heartbeat",
        "gateway:paper-2": "gateway paper-2 sent no heartbeat",
        "watchdog": "no heartbeat",
        "data": "no entry yet",
    }


def test_without_redis_nothing_is_known(no_redis: Redis, desk: Desk) -> None:
    assert selectors.trading_status(no_redis).mode == "UNKNOWN"
    checks = {one.name: one for one in selectors.readiness(no_redis)}
    assert checks["database"].ok
    assert not checks["redis"].ok
    assert checks["feed"].text == "not known without redis"


def test_an_empty_desk_is_unknown(redis: Redis) -> None:
    assert selectors.trading_status(redis).mode == "UNKNOWN"
    assert selectors.positions(redis) == []
    assert selectors.positions_summary(redis).total_unrealized_pnl == 0
