"""A shard in a process of its own takes new rungs within about a second and trades on."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from django.db import transaction

from riskctl.actors import system_actor
from riskctl.ladder import stage_demote, stage_set, stages_prepare
from riskctl.rungs import Rung
from tests.strategies.desk import START, quotes
from tests.strategies.rig import RedisRig, ShardRig, database_url, wait_for
from trading.clock import NS
from trading.health import StageReading, read_stages
from trading.messages import OrderIntent
from trading.models import Signal, Strategy, VenueAccount

pytestmark = pytest.mark.django_db(transaction=True)

CALM = [1.15] * 30
RISE = [1.15 + 0.00005 * n for n in range(1, 12)]
WATCH = system_actor("test")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisRig]:
    rig = RedisRig(tmp_path)
    yield rig
    rig.close()


@pytest.fixture
def shard(redis: RedisRig) -> Iterator[ShardRig]:
    rehearsal = VenueAccount.objects.create(name="paper-r", venue="R", adapter="x", address="x:1")
    account = VenueAccount.objects.create(
        name="paper-1", venue="One", adapter="x", address="x:1", rehearsal=rehearsal
    )
    for key in ("mom-one", "mom-two"):
        Strategy.objects.create(
            key=key, kind="momentum", owner="mercy.okafor", account=account, symbols=["EURUSD"],
            parameters={"fast_s": 2, "slow_s": 8, "warmup_ticks": 10}, size_notional=100_000,
        )  # fmt: skip
    stages_prepare(strategies=["mom-two"], rung="monitor", entered_by="test")
    rig = ShardRig(redis).start()  # mom-one has no row: it stands nowhere
    yield rig
    rig.close()


def put(key: str, rung: Rung, factor: str = "1") -> None:
    with transaction.atomic():
        stage_set(strategy=key, rung=rung, actor=WATCH, reason="test", factor=Decimal(factor))


def muted(shard: ShardRig) -> str:
    found = shard.redis.client
    said: list[StageReading] = read_stages(found)["signal-generator"]
    return said[0].extra.get("muted", "?") if said else "?"


def orders(shard: ShardRig, account: str) -> list[OrderIntent]:
    return [one for one in shard.intents(account) if isinstance(one, OrderIntent)]


def test_it_takes_each_rung_where_it_is_and_keeps_its_prices(shard: ShardRig) -> None:
    shard.book("paper-1")
    shard.book("paper-r")
    shard.publish(quotes("EURUSD", CALM))
    shard.publish(quotes("EURUSD", RISE, start=START + 30 * NS))
    wait_for(lambda: set(Signal.objects.values_list("strategy_id", flat=True)) == {"mom-two"})
    assert muted(shard) in ("?", "mom-one: on rung stopped; mom-two: on rung monitor")
    put("mom-two", Rung.PAPER)
    wait_for(lambda: muted(shard) == "mom-one: on rung stopped", 20)
    shard.book("paper-r")
    shard.publish(quotes("EURUSD", [1.151], start=START + 42 * NS))
    rehearsed = wait_for(lambda: orders(shard, "paper-r"))[0]
    assert (rehearsed.strategy, rehearsed.account) == ("mom-two", "paper-r")
    assert rehearsed.quantity == Decimal(86_000)
    put("mom-two", Rung.RAMP, "0.25")
    wait_for(lambda: _ordered_on_ramp(shard), 20)
    assert {one.strategy for one in orders(shard, "paper-1")} == {"mom-two"}
    assert orders(shard, "paper-1")[0].quantity < Decimal(22_000)
    stage_demote(strategy="mom-two", to="stopped", actor=WATCH)
    wait_for(lambda: muted(shard) == "mom-one: on rung stopped; mom-two: on rung stopped", 20)
    assert shard.stop() == 0


def _ordered_on_ramp(shard: ShardRig) -> bool:
    """Whether an order came on the real account, once its book has been told again."""
    shard.book("paper-1")
    shard.publish(quotes("EURUSD", [1.151], start=_next(shard)))
    return bool(orders(shard, "paper-1"))


def _next(shard: ShardRig) -> int:
    seen = read_stages(shard.redis.client)["indicator-engine"]
    return START + (60 + (seen[0].total if seen else 0)) * NS


def test_while_the_database_hangs_it_trades_on_and_takes_the_rung_later(shard: ShardRig) -> None:
    put("mom-two", Rung.LIVE)
    wait_for(lambda: muted(shard) == "mom-one: on rung stopped", 20)
    with psycopg.connect(database_url()) as blocker:
        blocker.execute("LOCK TABLE riskctl_stage IN ACCESS EXCLUSIVE MODE")
        shard.book("paper-1")
        shard.publish(quotes("EURUSD", CALM))
        shard.publish(quotes("EURUSD", RISE, start=START + 30 * NS))
        order = wait_for(lambda: orders(shard, "paper-1"))[0]
        assert order.created_boot - order.tick_boot < NS
    put("mom-two", Rung.MONITOR)
    wait_for(lambda: "mom-two: on rung monitor" in muted(shard), 20)
