"""Alert conditions on today's books: they begin, stay and end; what is not known ends nothing."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import yaml

from riskctl.actors import system_actor
from riskctl.models import Limit, Stage
from tests.console.api.conftest import new_fill, new_order, new_position
from tests.console.conftest import entries
from tests.engines.documents import BASE
from trading.engines.alerting import alert_states, engine_alerts_keep, values_read
from trading.engines.conditions import NAMES, holds, parse
from trading.engines.reading import read_engine
from trading.engines.versions import version_store
from trading.models import EngineAlert, EngineVersion, PnlPoint, Strategy, VenueAccount

pytestmark = pytest.mark.django_db

NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
KEY = "mom-fx"
D = Decimal


@pytest.fixture
def strategy() -> Strategy:
    account = VenueAccount.objects.create(name="paper-1", venue="One", adapter="x", address="x:1")
    row = Strategy.objects.create(
        key=KEY, kind="momentum", owner="olga.fx", account=account, symbols=["EURUSD"],
        size_notional=D(1000),
    )  # fmt: skip
    Limit.objects.create(scope=f"strategy:{KEY}", kind="gross-notional", value=D(1000))
    return row


def stored(*alerts: tuple[str, str]) -> None:
    spec: dict[str, Any] = {
        **BASE["spec"],
        "alerts": [{"name": n, "condition": c, "severity": "critical"} for n, c in alerts],
    }
    text = yaml.safe_dump({**BASE, "spec": spec})
    version_store(config=read_engine(text), text=text, actor=system_actor("test"), reason="")


def ended(strategy: Strategy, number: int, **facts: Any) -> Any:
    given = {"ended_at": NOON, "sent_at": NOON, "created_at": NOON - dt.timedelta(hours=1)}
    return new_order(strategy, number, **given | facts)


def books(strategy: Strategy) -> None:
    """Three orders ended, one of them unfilled, one refused; a round trip that won; a PnL line."""
    buy = ended(strategy, 1, filled=D(10_000), filled_value=D("11523.5"), send_to_answer_us=4_000)
    sell = ended(strategy, 2, side="sell", filled=D(10_000), filled_value=D("11524.00"))
    ended(strategy, 3, state="expired", filled=D(0))
    ended(strategy, 4, state="denied", filled=D(0), sent_at=None)
    for number, order, price in ((1, buy, "1.15235"), (2, sell, "1.1524")):
        new_fill(order, number, price=D(price), recorded_at=NOON - dt.timedelta(minutes=9 - number))
    new_position(strategy, "0", "0")
    for minutes, realised in ((30, "0"), (20, "100"), (0, "40")):
        at = NOON - dt.timedelta(minutes=minutes)
        PnlPoint.objects.create(
            strategy=strategy, at=at, feed_time=at, realised=D(realised), unrealised=D(0),
            fees=D(0), gross=D(250), net=D(-50),
        )  # fmt: skip


def test_slippage_is_measured_against_the_latest_documents_budget(strategy: Strategy) -> None:
    books(strategy)
    document = {**BASE, "spec": {**BASE["spec"], "execution": {"slippageBudget": "0.5bp"}}}
    text = yaml.safe_dump(document)
    version_store(config=read_engine(text), text=text, actor=system_actor("test"), reason="")
    found = values_read(KEY, NOON)
    spent, slipped = (found[f"tradingStats.{one}"] for one in ("slippageBudgetUsed", "avgSlippage"))
    assert spent is not None
    assert slipped is not None
    assert spent == slipped / D("0.5") < 0
    assert holds(parse("tradingStats.slippageBudgetUsed > 100%"), found) is False


def test_every_name_has_its_value_from_the_books(strategy: Strategy) -> None:
    books(strategy)
    found = values_read(KEY, NOON)
    assert set(found) == set(NAMES)
    assert found == {
        "tradingStats.successRate": D(2) / 3,
        "tradingStats.fillRate": pytest.approx(D(2) / 3, abs=D("1e-9")),
        "tradingStats.rejectionRate": D("0.25"),
        "tradingStats.avgSlippage": pytest.approx(D("-0.2170"), abs=D("0.0001")),
        "tradingStats.slippageBudgetUsed": None,
        "tradingStats.hitRatio": D(1),
        "tradingStats.totalOrders": D(4),
        "tradingStats.totalTrades": D(2),
        "riskMetrics.pnl": D(40),
        "riskMetrics.drawdown": pytest.approx(D(60) / 1100, abs=D("1e-12")),
        "riskMetrics.grossExposure": D(250),
        "riskMetrics.netExposure": D(-50),
        "riskMetrics.utilization": D("0.25"),
        "latency.orderToAnswer": D(4),
    }


@pytest.mark.parametrize(("rehearses", "trades"), [(False, 3), (True, 2)])
def test_what_another_account_holds_ends_no_trip_and_paper_is_no_trade_on_a_real_rung(
    strategy: Strategy, *, rehearses: bool, trades: int
) -> None:
    books(strategy)
    other = VenueAccount.objects.create(name="other", venue="V", adapter="x", address="x:1")
    if rehearses:
        VenueAccount.objects.filter(name=strategy.account_id).update(rehearsal=other)
    Stage.objects.create(strategy=KEY, rung="live", since=NOON, entered_by="x")
    order = ended(strategy, 5, client_order_id="other-5", account_id="other")
    new_fill(order, 1, recorded_at=NOON - dt.timedelta(minutes=1))
    new_position(strategy, "10000", "11524", account_id="other")
    found = values_read(KEY, NOON)
    assert found["tradingStats.hitRatio"] == 1
    assert found["tradingStats.totalTrades"] == trades


def test_without_a_trade_only_counts_are_known(strategy: Strategy) -> None:
    found = values_read(KEY, NOON)
    assert {name for name, value in found.items() if value is not None} == {
        "tradingStats.totalOrders", "tradingStats.totalTrades",
    }  # fmt: skip


def test_an_alert_begins_and_ends_once_and_is_recorded(strategy: Strategy) -> None:
    stored(("Fills", "tradingStats.successRate < 0.95"), ("Loss", "riskMetrics.pnl < -5"))
    assert engine_alerts_keep(now=NOON) == []
    assert [one.on for one in alert_states(now=NOON)] == [None, None]
    books(strategy)
    (begun,) = engine_alerts_keep(now=NOON)
    assert (begun.alert, begun.severity, begun.version) == ("Fills", "critical", 1)
    assert begun.values["tradingStats.successRate"].startswith("0.666")
    assert engine_alerts_keep(now=NOON + dt.timedelta(seconds=10)) == []
    tomorrow = NOON + dt.timedelta(days=1)  # nothing traded yet: not known, and no all-clear
    assert engine_alerts_keep(now=tomorrow) == []
    for number in range(10, 80):
        ended(strategy, number, filled=D(10_000), filled_value=D(11_524))
    (over,) = engine_alerts_keep(now=NOON)
    assert (over.id, over.ended_at) == (begun.id, NOON)
    (entry,) = entries("engine.alert-begin")
    assert entry["reason"] == "Fills: tradingStats.successRate < 0.95"
    assert len(entries("engine.alert-end")) == 1


def test_an_alert_that_a_newer_document_drops_is_over(strategy: Strategy) -> None:
    stored(("Many", "tradingStats.totalOrders >= 0"))
    assert len(engine_alerts_keep(now=NOON)) == 1
    stored(("Other", "tradingStats.totalOrders >= 1"))
    (over,) = engine_alerts_keep(now=NOON)
    assert (over.alert, over.ended_at) == ("Many", NOON)
    assert not EngineAlert.objects.filter(ended_at=None).exists()


def test_a_document_that_cannot_be_read_ends_nothing(strategy: Strategy) -> None:
    stored(("Many", "tradingStats.totalOrders >= 0"))
    (begun,) = engine_alerts_keep(now=NOON)
    EngineVersion.objects.create(
        name=KEY, number=2, text="a: 1", document={}, digest="d" * 64, made_by="olga.fx",
        made_at=NOON,
    )  # fmt: skip
    assert engine_alerts_keep(now=NOON + dt.timedelta(seconds=10)) == []
    begun.refresh_from_db()
    assert begun.ended_at is None
