"""/api/metrics/performance: of strategies, instruments, accounts and the firm, from the fills."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from console.stores import redis_client
from riskctl.actors import system_actor
from riskctl.models import Limit
from tests.console.api.conftest import new_fill, new_order, new_position
from tests.engines.documents import BASE
from tests.support.desks import on_no_desk
from trading.engines.reading import read_document
from trading.engines.versions import version_store
from trading.health import StageMeter, key
from trading.models import PricePoint, Strategy

pytestmark = pytest.mark.django_db

D = Decimal


def minutes_ago(minutes: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)


def traded(strategy: Strategy, number: int, side: str, price: str, ago: float, **more: Any) -> None:
    """1000 at ``price``, against a mid of 10, with a fee of 0.5; filled 20 ms after it was sent."""
    at = minutes_ago(ago)
    order = new_order(
        strategy, number, side=side, quantity=1000, filled=1000, filled_value=1000 * D(price),
        reference_price=D(10), created_at=at, sent_at=at, ended_at=at, symbol=strategy.symbols[0],
    )  # fmt: skip
    given = {"quantity": D(1000), "price": D(price), "fee": D("0.5"),
             "recorded_at": at + dt.timedelta(milliseconds=20)}  # fmt: skip
    new_fill(order, number, **given | more)


@pytest.fixture
def desk(strategy: Strategy, other: Strategy) -> None:
    """One strategy bought two hours ago, sold half an hour ago at a gain, and bought again; another
    holds what it had. Mids are of two hours ago and of now."""
    traded(strategy, 1, "buy", "9.9", 120)
    traded(strategy, 2, "sell", "10.2", 30)
    traded(strategy, 3, "buy", "10.001", 20)
    new_position(strategy, "1000", "10001")
    new_position(other, "2", "100")
    for symbol, prices in (("EURUSD", ("10", "10.5")), ("BTCUSDT", ("60000", "60100"))):
        for ago, mid in zip((119, 0.01), prices, strict=True):
            PricePoint.objects.create(symbol=symbol, at=minutes_ago(ago), mid=D(mid))
    Limit.objects.create(scope="strategy:mom-eurusd", kind="gross-notional", value=D(100_000))


def found(caller: Client, query: str = "") -> dict[str, Any]:
    answer = caller.get(f"/api/metrics/performance{query}")
    assert answer.status_code == 200, answer.content
    return {one["name"]: one for one in answer.json()}


def test_money_is_what_the_fills_and_mids_say(caller: Client, desk: None) -> None:
    hour = found(caller)
    mine = hour["mom-eurusd"]
    # Held 1000 at 10, sold at 10.2, bought at 10.001, worth 10.5; two fees.
    assert D(mine["pnl"]) == 1000 * (D("10.5") - 10 + D("10.2") - D("10.001")) - 1
    assert (mine["fees"], mine["turnover"], mine["fills"]) == ("1", "20201", 2)
    assert (mine["trips"], mine["hit_ratio"]) == (0, None)  # entered before the period
    assert mine["sharpe_step_s"] == 60
    assert D(hour["mr-btcusdt"]["pnl"]) == 2 * 100
    day = found(caller, "?period=24h")
    # Two hours ago nothing was held: bought at 9.9, and no mid was known yet.
    gained = D("10.2") - D("9.9") + D("10.5") - D("10.001")
    assert D(day["mom-eurusd"]["pnl"]) == 1000 * gained - D("1.5")
    assert (day["mom-eurusd"]["trips"], day["mom-eurusd"]["hit_ratio"]) == (1, "1")
    assert day["mr-btcusdt"]["pnl"] is None  # what it held then has no price of then


def test_sharpe_is_told_of_twenty_steps_that_moved_and_of_no_fewer(
    caller: Client, strategy: Strategy
) -> None:
    """A minute of luck, annualised, would be a figure that nobody should see."""
    traded(strategy, 1, "buy", "10", 59.5)
    new_position(strategy, "1000", "10000")
    for ago in range(58, 34, -1):
        mid = D(10) + D(ago % 3) / 10
        PricePoint.objects.create(symbol="EURUSD", at=minutes_ago(ago + 0.5), mid=mid)
        mine = found(caller)["mom-eurusd"]
        assert mine["sharpe"] is None or ago < 40, ago
    assert mine["sharpe"] is not None


def test_each_way_of_looking_sums_up_the_same(caller: Client, desk: None) -> None:
    whole = D(found(caller, "?by=firm")["firm"]["pnl"])
    for by in ("strategy", "instrument", "venue"):
        rows = found(caller, f"?by={by}")
        assert sum(D(one["pnl"]) for one in rows.values()) == whole, by
        assert len(rows) == 2
    assert set(found(caller, "?symbol=EURUSD&by=venue")) == {"paper-1"}
    assert found(caller, "?account=paper-2")["mr-btcusdt"]["fills"] == 0
    on_no_desk("mercy.okafor")
    assert set(found(caller)) == {"mom-eurusd"}


def test_orders_stand_against_arrival_and_against_the_budget(
    caller: Client, desk: None, strategy: Strategy
) -> None:
    mine = found(caller)["mom-eurusd"]
    # Sold 2 % over the mid, bought 1 bp over it.
    assert D(mine["slippage_bp"]) == pytest.approx(D("-99.5"), abs=D("0.0001"))
    assert (mine["fill_rate"], mine["orders"], mine["budget_bp"]) == ("1", 2, None)
    assert mine["order_to_fill"]["p99_ms"] == pytest.approx(20, abs=0.01)
    spec = {**BASE["spec"], "execution": {"slippageBudget": "4bp"}}
    text, config = read_document({**BASE, "metadata": {"name": "mom-eurusd"}, "spec": spec})
    version_store(config=config, text=text, actor=system_actor("tests"), reason="")
    mine = found(caller)["mom-eurusd"]
    assert (mine["budget_bp"], D(mine["budget_used"])) == ("4", D(mine["slippage_bp"]) / 4)
    assert found(caller, "?by=firm")["firm"]["budget_bp"] is None


def test_latencies_are_those_of_the_processes_that_serve_it(caller: Client, desk: None) -> None:
    for stage, instance, microseconds in (
        ("risk-manager", "paper-1", 300), ("risk-manager", "paper-2", 900),
        ("indicator-engine", "shard:0", 700),
    ):  # fmt: skip
        meter = StageMeter(stage, instance)
        meter.observe(microseconds * 1000)
        redis_client().hset(key(stage, instance), mapping=meter.fields())
    rows = found(caller)
    assert rows["mom-eurusd"]["risk_check"] == dict.fromkeys(("p50_us", "p95_us", "p99_us"), 300.0)
    assert rows["mr-btcusdt"]["risk_check"]["p99_us"] == 900.0
    assert rows["mom-eurusd"]["market_data"]["p95_us"] == 700.0
    assert found(caller, "?by=firm")["firm"]["risk_check"]["p99_us"] == 900.0
