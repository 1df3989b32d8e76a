"""A shard in a process of its own trades on with a new size, without a restart."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import transaction

from riskctl.holds import TRADER
from riskctl.ladder import stage_set, stages_prepare
from riskctl.rungs import Rung
from tests.console.access.world import SETUP, actor, limits
from tests.strategies.desk import START, quotes
from tests.strategies.rig import RedisRig, ShardRig, wait_for
from trading.clock import NS
from trading.health import read_stages
from trading.messages import OrderIntent
from trading.models import Strategy, VenueAccount
from trading.strategies.resize import size_set

pytestmark = pytest.mark.django_db(transaction=True)

CALM = [1.15] * 30
RISE = [1.15 + 0.00005 * n for n in range(1, 12)]


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[ShardRig]:
    redis = RedisRig(tmp_path)
    account = VenueAccount.objects.create(name="paper-1", venue="One", adapter="x", address="x:1")
    Strategy.objects.create(
        key="mom-one", kind="momentum", owner="mercy.okafor", account=account, symbols=["EURUSD"],
        parameters={"fast_s": 2, "slow_s": 8, "warmup_ticks": 10}, size_notional=100_000,
    )  # fmt: skip
    stages_prepare(strategies=["mom-one"], rung="monitor", entered_by="test")
    rig = ShardRig(redis).start()
    yield rig
    rig.close()
    redis.close()


def muted(shard: ShardRig) -> str:
    said = read_stages(shard.redis.client)["signal-generator"]
    return said[0].extra.get("muted", "?") if said else "?"


def test_it_orders_by_the_size_of_now(shard: ShardRig) -> None:
    limits("mom-one", order="500000", position="500000", gross="500000")
    shard.book("paper-1")
    wait_for(lambda: muted(shard) == "mom-one: on rung monitor")
    mercy = actor("mercy.okafor", TRADER, owns=("mom-one",))
    with transaction.atomic():  # so that whoever sees the rung sees the size
        size_set(strategy="mom-one", size="50000", actor=mercy)
        stage_set(strategy="mom-one", rung=Rung.LIVE, actor=SETUP, reason="test")
    wait_for(lambda: muted(shard) == "", 20)
    shard.publish(quotes("EURUSD", CALM))
    shard.publish(quotes("EURUSD", RISE, start=START + 30 * NS))
    found = wait_for(
        lambda: [one for one in shard.intents("paper-1") if isinstance(one, OrderIntent)]
    )
    assert found[0].quantity == Decimal(43_000), "half of what it was loaded with"
    assert shard.stop() == 0
