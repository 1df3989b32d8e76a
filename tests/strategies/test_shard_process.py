"""The hosted shard: a real process, a real Redis, a real PostgreSQL."""

import datetime as dt
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from riskctl.ladder import stages_prepare
from tests.strategies.desk import START, quotes
from tests.strategies.rig import RedisRig, ShardRig, database_url, wait_for
from trading import health, streams
from trading.clock import NS
from trading.messages import OrderIntent, Side
from trading.models import Signal, Strategy, VenueAccount
from trading.strategies.loader import StrategyError, load_strategies, spec_of
from trading.testcalls.wire import AskSignals, SignalsNow, ask
from trading.universe import UNIVERSE

pytestmark = pytest.mark.django_db(transaction=True)

CALM = [1.15] * 30
RISE = [1.15 + 0.00005 * n for n in range(1, 12)]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisRig]:
    rig = RedisRig(tmp_path)
    yield rig
    rig.close()


@pytest.fixture
def shard(redis: RedisRig) -> Iterator[ShardRig]:
    make_strategy("mom-one")
    make_strategy("mom-broken", parameters={"fast_s": -1})
    make_strategy("mom-elsewhere", shard=1)
    rig = ShardRig(redis).start()
    yield rig
    rig.close()


def make_strategy(key: str, **changes: object) -> Strategy:
    account, _ = VenueAccount.objects.get_or_create(
        name="paper-1", defaults={"venue": "Paper One", "adapter": "x", "address": "x:1"}
    )
    given: dict[str, object] = {
        "key": key,
        "kind": "momentum",
        "owner": "mercy.okafor",
        "account": account,
        "symbols": ["EURUSD"],
        "parameters": {"fast_s": 2, "slow_s": 8, "warmup_ticks": 10},
        "size_notional": Decimal(100_000),
        "shard": 0,
        **changes,
    }
    stages_prepare(strategies=[key], entered_by="test")
    return Strategy.objects.create(**given)


def first_intent(shard: ShardRig) -> OrderIntent:
    order = wait_for(shard.intents)[0]
    assert isinstance(order, OrderIntent)
    return order


def test_it_trades_writes_signals_shows_its_pulse_and_stops_when_told(shard: ShardRig) -> None:
    shard.book()
    shard.publish(quotes("EURUSD", CALM))
    shard.publish(quotes("EURUSD", RISE, start=START + 30 * NS))
    order = first_intent(shard)
    assert (order.strategy, order.side, order.quantity) == ("mom-one", Side.BUY, Decimal(86000))
    assert (order.shard, order.shard_token) == ("shard:0", 1)
    assert 0 < order.created_boot - order.tick_boot < NS
    signal = wait_for(lambda: Signal.objects.filter(pk=order.correlation_id).first())
    assert (signal.strategy_id, signal.direction) == ("mom-one", 1)
    assert 0 < signal.latency_us < 1_000_000
    assert signal.spread == Decimal("0.00002")
    (now,) = ask(shard.redis.client, "shard:0", AskSignals("EURUSD"), SignalsNow).signals
    assert (now.strategy, now.warm) == ("mom-one", True)
    assert now.signal is not None
    assert (now.signal.direction, now.signal.price) == (1, Decimal("1.15055"))
    assert ask(shard.redis.client, "shard:0", AskSignals("BTCUSDT"), SignalsNow).signals == []
    assert not Signal.objects.filter(pk=now.signal.id).exists()
    stages = wait_for(lambda: _pulse(shard))
    assert stages["indicator-engine"][0].total == 41
    assert stages["signal-generator"][0].status == "fresh"
    judged = wait_for(lambda: Signal.objects.filter(pk=signal.pk, outcome="hit").first())
    assert judged.outcome_price > signal.price
    assert (judged.outcome_time - signal.feed_time).total_seconds() == signal.horizon_s
    assert shard.stop() == 0


def _pulse(shard: ShardRig) -> dict[str, list[health.StageReading]] | None:
    stages = health.read_stages(shard.redis.client)
    seen = stages["indicator-engine"]
    return stages if seen and seen[0].total >= 41 and stages["signal-generator"] else None


def test_a_strategy_that_cannot_run_is_named_and_left_out() -> None:
    unfit = make_strategy("mom-broken", parameters={"fast_s": -1})
    with pytest.raises(StrategyError, match=r"mom-broken: parameters: fast_s must be .* not -1"):
        spec_of(unfit, UNIVERSE)
    for changes, words in (
        ({"symbols": ["EURUSD", "XXX"]}, "symbols: XXX not in the universe"),
        ({"symbols": []}, "symbols must be a list"),
        ({"parameters": [1]}, "parameters must be an object"),
        ({"size_notional": Decimal(0)}, "size_notional must be above 0"),
        ({"kind": "scalping", "parameters": {}}, "kind 'scalping' is unknown"),
    ):
        with pytest.raises(StrategyError, match=words):
            spec_of(Strategy(**{**_plain(), **changes}), UNIVERSE)
    make_strategy("mom-b")
    make_strategy("mom-a", size_notional=Decimal(1))
    assert [one.key for one in load_strategies(0, UNIVERSE)] == ["mom-a", "mom-b"]


def _plain() -> dict[str, object]:
    return {
        "key": "k", "kind": "momentum", "account_id": "paper-1", "symbols": ["EURUSD"],
        "parameters": {}, "size_notional": Decimal(100_000),
    }  # fmt: skip


def test_entries_of_a_feed_in_lock_step_are_acknowledged_after_their_intents(
    shard: ShardRig,
) -> None:
    shard.book()
    calm = shard.publish(quotes("EURUSD", CALM), lock=True, age_ns=60 * NS)
    rise = shard.publish(quotes("EURUSD", RISE, start=START + 30 * NS), lock=True, age_ns=60 * NS)
    wait_for(lambda: shard.acks()[-2:] == [calm, rise])
    assert len(shard.intents()) == 1  # already there, and age does not matter in lock-step


def test_entries_published_more_than_a_second_ago_are_not_traded_on(shard: ShardRig) -> None:
    shard.book()
    shard.publish(quotes("EURUSD", CALM), age_ns=3 * NS)
    shard.publish(quotes("EURUSD", RISE, start=START + 30 * NS), age_ns=2 * NS)
    wait_for(Signal.objects.count)
    assert shard.intents() == []
    shard.publish(quotes("EURUSD", [1.151], start=START + 42 * NS))
    assert first_intent(shard).side is Side.BUY


def test_a_database_that_hangs_does_not_hold_up_orders(shard: ShardRig) -> None:
    shard.book()
    with psycopg.connect(database_url()) as blocker:
        blocker.execute("LOCK TABLE trading_signal IN ACCESS EXCLUSIVE MODE")
        shard.publish(quotes("EURUSD", CALM))
        shard.publish(quotes("EURUSD", RISE, start=START + 30 * NS))
        order = first_intent(shard)
        assert order.created_boot - order.tick_boot < NS
        # Another trade while the writer is stuck in the database.
        shard.publish(quotes("EURUSD", RISE[::-1] * 2, start=START + 45 * NS))
        wait_for(lambda: _judged(shard) >= 63)
    wait_for(lambda: Signal.objects.filter(pk=order.correlation_id).exists(), 15)


def _judged(shard: ShardRig) -> int:
    seen = health.read_stages(shard.redis.client)["indicator-engine"]
    return seen[0].total if seen else 0


def test_after_redis_was_away_it_goes_on_once_the_gateway_has_spoken(shard: ShardRig) -> None:
    shard.book()
    shard.publish(quotes("EURUSD", CALM))
    wait_for(lambda: _judged(shard) >= 30)
    shard.redis.stop()
    shard.redis.start()
    wait_for(shard.acks)
    shard.publish(quotes("EURUSD", RISE, start=START + 30 * NS))
    wait_for(lambda: _judged(shard) >= 41)
    assert shard.intents() == []
    shard.book()
    shard.publish(quotes("EURUSD", [1.151], start=START + 42 * NS))
    assert first_intent(shard).side is Side.BUY


def test_bad_entries_and_messages_are_counted_and_passed_by(shard: ShardRig) -> None:
    client = shard.redis.client
    client.xadd(streams.TICKS, {"d": b"xyz"})
    client.xadd(streams.ORDERS, {"m": b"{}"})
    shard.book()
    shard.publish(quotes("EURUSD", CALM))
    shard.publish(quotes("EURUSD", RISE, start=START + 30 * NS))
    first_intent(shard)
    stage = wait_for(lambda: _pulse(shard))["indicator-engine"][0]
    assert (stage.errors_5m, stage.last_error) == (1, "bad-entry")


def test_killed_it_comes_back_under_a_new_token_and_orders_once(shard: ShardRig) -> None:
    shard.book()
    shard.publish(quotes("EURUSD", CALM))
    wait_for(lambda: _judged(shard) >= 30)
    shard.close()
    shard.redis.client.delete(streams.ACKS)
    again = ShardRig(shard.redis, token=2).start()
    try:
        again.publish(quotes("EURUSD", CALM, start=START + 60 * NS))
        again.publish(quotes("EURUSD", RISE, start=START + 90 * NS))
        order = first_intent(again)  # the book was among the gateway's last messages
        assert order.shard_token == 2
        time.sleep(0.3)  # a second order would have followed at once
        assert len(again.intents()) == 1
    finally:
        again.close()


def test_strategies_change_without_a_restart(shard: ShardRig) -> None:
    """Other parameters, a new strategy and an instrument that is left out, within moments."""
    shard.book()
    shard.publish(quotes("EURUSD", CALM))
    shard.publish(quotes("EURUSD", RISE, start=START + 30 * NS))
    assert first_intent(shard).strategy == "mom-one"
    pid = shard.process.pid
    Strategy.objects.filter(key="mom-one").update(
        parameters={"fast_s": 2, "slow_s": 8, "warmup_ticks": 100_000}, symbols=["EURUSD", "GBPUSD"]
    )
    make_strategy("mom-two", symbols=["GBPUSD"])
    wait_for(lambda: "strategies=2" in _log(shard) or '"strategies": 2' in _log(shard), 20)
    shard.book()
    at = START + 60 * NS
    for symbol in ("EURUSD", "GBPUSD"):
        shard.publish(quotes(symbol, CALM, start=at))
        shard.publish(quotes(symbol, RISE, start=at + 30 * NS))
    wait_for(lambda: Signal.objects.filter(strategy="mom-two").exists(), 20)
    made = [one for one in shard.intents() if isinstance(one, OrderIntent)]
    assert {one.strategy for one in made if one.symbol == "GBPUSD"} == {"mom-two"}
    signals = Signal.objects.filter(strategy="mom-one", feed_time__gte=_moment(at))
    assert not signals.exists()  # it warms up anew, and for a hundred thousand ticks
    before = _taken(shard)
    Strategy.objects.filter(key="mom-two").update(symbols=["EURUSD"])
    wait_for(lambda: _taken(shard) > before, 20)
    assert shard.process.poll() is None
    assert shard.process.pid == pid
    assert shard.stop() == 0


def _taken(shard: ShardRig) -> int:
    """How often it says to have taken strategies as they are now."""
    return _log(shard).count("takes strategies as they are now")


def _log(shard: ShardRig) -> str:
    return (shard.redis.folder / "shard.log").read_text()


def _moment(ns: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ns / NS, dt.UTC)
