"""/api/metrics/performance: of strategies, instruments, accounts and the firm, from the fills."""

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from riskctl.actors import system_actor
from riskctl.models import Limit
from tests.console.api.conftest import new_fill, new_order, new_position
from tests.engines.documents import BASE
from tests.support.desks import on_no_desk
from trading.engines.reading import read_document
from trading.engines.versions import version_store
from trading.histograms import bucket_of
from trading.housekeeping import housekeeping_run
from trading.models import LatencyHistogram, PricePoint, Strategy

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
    unknown = day["mr-btcusdt"]  # what it held then has no price of then
    assert (unknown["pnl"], unknown["drawdown"], unknown["drawdown_pct"]) == (None, None, None)
    assert mine["drawdown"] == "-1.5"  # what buying again cost: 1 over the mid, and a fee


def test_thirty_days_begin_with_a_price_where_the_market_was_closed_then(
    caller: Client, strategy: Strategy
) -> None:
    """The last price before the long weekend in which the period begins is older than that."""
    day = 24 * 60
    new_position(strategy, "1000", "10000")
    for ago, mid in ((34.5 * day, "10"), (29.9 * day, "10.2"), (1, "10.5")):
        PricePoint.objects.create(symbol="EURUSD", at=minutes_ago(ago), mid=D(mid))
    housekeeping_run()
    mine = found(caller, "?period=30d")["mom-eurusd"]
    assert (mine["pnl"], mine["drawdown"]) == ("500", "0")


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


def measured(stage: str, instance: str, ago: float, *microseconds: int) -> None:
    """Over the ten minutes that ended so many minutes ago."""
    counts = Counter(bucket_of(one * 1000) for one in microseconds)
    LatencyHistogram.objects.create(
        stage=stage, instance=instance, began_at=minutes_ago(ago + 10), ended_at=minutes_ago(ago),
        counts=counts, total=len(microseconds),
    )  # fmt: skip


def test_latencies_are_of_the_period_and_of_the_slowest_that_serves(
    caller: Client, desk: None
) -> None:
    measured("risk-manager", "paper-1", 5, *[300] * 98, 500, 500)
    measured("risk-manager", "paper-1", 90, *[9_000] * 100)
    measured("risk-manager", "paper-2", 1, 700)
    measured("risk-manager", "nobody's", 1, 70_000)
    measured("indicator-engine", "shard:0", 1, 800)
    rows = found(caller)
    assert at_most(rows["mom-eurusd"]["risk_check"], 300, 300, 500)
    assert at_most(rows["mr-btcusdt"]["risk_check"], 700, 700, 700)
    assert at_most(rows["mom-eurusd"]["market_data"], 800, 800, 800)
    assert at_most(found(caller, "?by=firm")["firm"]["risk_check"], 700, 700, 700)
    day = found(caller, "?by=venue&period=24h")["paper-1"]
    assert at_most(day["risk_check"], 500, 9_000, 9_000)
    LatencyHistogram.objects.all().delete()
    assert found(caller)["mom-eurusd"]["risk_check"] is None


def at_most(said: dict[str, float], *wanted: int) -> bool:
    """Two in a hundred too high, and never too low."""
    return all(
        of <= one <= of * 1.02 + 1
        for one, of in zip((said["p50_us"], said["p95_us"], said["p99_us"]), wanted, strict=True)
    )


def test_what_was_ordered_and_never_filled_was_judged_all_the_same(
    caller: Client, strategy: Strategy
) -> None:
    new_order(strategy, 1, state="denied", created_at=minutes_ago(2), ended_at=minutes_ago(2))
    measured("risk-manager", strategy.account_id, 1, 250)
    for by, name in (("strategy", strategy.key), ("venue", strategy.account_id)):
        assert at_most(found(caller, f"?by={by}")[name]["risk_check"], 250, 250, 250)


def test_who_did_nothing_made_nothing_and_that_is_known(
    caller: Client, strategy: Strategy, other: Strategy
) -> None:
    measured("indicator-engine", "shard:0", 1, 800)
    for by, names in (
        ("strategy", {"mom-eurusd", "mr-btcusdt"}), ("venue", {"paper-1", "paper-2"}),
        ("firm", {"firm"}), ("instrument", set()),
    ):  # fmt: skip
        rows = found(caller, f"?by={by}")
        assert set(rows) == names, by
        for one in rows.values():
            assert (one["pnl"], one["turnover"], one["drawdown"]) == ("0", "0", "0")
            assert (one["hit_ratio"], one["sharpe"], one["fill_rate"]) == (None, None, None)
            assert at_most(one["market_data"], 800, 800, 800)
    strategy.kind, strategy.second_account = "arbitrage", other.account
    strategy.save()
    assert set(found(caller, "?by=venue&account=paper-2")) == {"paper-2"}
    assert set(found(caller, "?by=venue&strategy=mom-eurusd")) == {"paper-1", "paper-2"}
    on_no_desk("mercy.okafor")
    assert set(found(caller)) == {"mom-eurusd"}


def in_part(caller: Client, query: str) -> dict[str, tuple[bool, bool]]:
    """By name: whether it is in part, and whether a percentage is told."""
    rows = found(caller, f"?period=1h&{query}")
    return {key: (one["in_part"], one["drawdown_pct"] is not None) for key, one in rows.items()}


def test_a_part_of_the_firm_or_of_an_account_stands_against_no_capital(
    caller: Client, desk: None, strategy: Strategy, other: Strategy
) -> None:
    for scope in ("firm", "account:paper-1", "account:paper-2", "strategy:mr-btcusdt"):
        Limit.objects.create(scope=scope, kind="gross-notional", value=D(100_000))
    whole, part = (False, True), (True, False)
    assert in_part(caller, "by=firm") == {"firm": whole}
    assert in_part(caller, "by=venue") == {"paper-1": whole, "paper-2": whole}
    assert in_part(caller, "by=firm&strategy=mom-eurusd") == {"firm": part}
    assert in_part(caller, "symbol=EURUSD") == {"mom-eurusd": part}
    other.symbols = ["BTCUSDT", "EURUSD"]
    other.save()
    on_no_desk("mercy.okafor")
    assert in_part(caller, "by=firm") == {"firm": part}
    assert in_part(caller, "by=strategy") == {"mom-eurusd": whole}
    assert in_part(caller, "by=venue") == {"paper-1": whole}
    assert in_part(caller, "by=instrument") == {"EURUSD": (True, False)}
    other.kind, other.second_account = "arbitrage", strategy.account
    other.save()
    assert in_part(caller, "by=venue") == {"paper-1": part}
    other.account.rehearsal = strategy.account
    other.account.save()
    Strategy.objects.filter(key=other.key).update(second_account=None)
    assert in_part(caller, "by=venue") == {"paper-1": part}
