"""Alert conditions on today's books: they begin, stay and end; what is not known ends nothing."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import yaml
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskctl.actors import system_actor
from riskctl.models import Limit, Stage
from tests.console.api.conftest import new_fill, new_order, new_position
from tests.console.conftest import entries
from tests.engines.documents import BASE
from trading.engines import alerting, values
from trading.engines.alerting import alert_states, engine_alerts_keep
from trading.engines.conditions import NAMES, holds, parse
from trading.engines.reading import read_engine
from trading.engines.values import values_read
from trading.engines.versions import version_store
from trading.models import EngineAlert, EngineVersion, PnlPoint, Strategy, VenueAccount
from trading.portfolio.results import Change, Trips
from trading.selectors.execution import Asked
from trading.universe import UNIVERSE

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


def stored(*alerts: tuple[str, str], name: str = KEY) -> None:
    spec: dict[str, Any] = {
        **BASE["spec"],
        "alerts": [{"name": n, "condition": c, "severity": "critical"} for n, c in alerts],
    }
    text = yaml.safe_dump({**BASE, "metadata": {"name": name}, "spec": spec})
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


@pytest.mark.parametrize(("rung", "orders", "share"), [("live", 1, "1"), ("paper", 11, "0.09")])
def test_paper_orders_are_none_of_a_real_rung(
    strategy: Strategy, rung: str, orders: int, share: str
) -> None:
    """On the day of a climb: what went well on paper hides no refusal of the real venue."""
    paper = VenueAccount.objects.create(name="paper", venue="V", adapter="x", address="x:1")
    VenueAccount.objects.filter(name=strategy.account_id).update(rehearsal=paper)
    Stage.objects.create(strategy=KEY, rung=rung, since=NOON, entered_by="x")
    for number in range(10):
        ended(strategy, number, account_id="paper", filled=D(10_000), filled_value=D("11523.5"),
              send_to_answer_us=1_000)  # fmt: skip
    ended(strategy, 10, state="rejected", filled=D(0))
    found = values_read(KEY, NOON)
    assert found["tradingStats.totalOrders"] == orders
    assert found["tradingStats.rejectionRate"] == pytest.approx(D(share), abs=D("0.001"))
    on_paper = rung == "paper"
    assert found["tradingStats.successRate"] == (1 if on_paper else None)
    assert found["latency.orderToAnswer"] == (1 if on_paper else None)
    refused = parse("tradingStats.rejectionRate > 50%")
    assert holds(refused, found) is not on_paper


FILLS = st.lists(
    st.tuples(
        st.sampled_from(["paper-1", "other"]), st.sampled_from(["EURUSD", "ESZ6"]),
        st.integers(-4, 4).filter(bool), st.integers(1, 9), st.sampled_from([0, 12]),
    ),
    max_size=14,
)  # fmt: skip
HELD = st.fixed_dictionaries(
    {(account, symbol): st.integers(-3, 3)
     for account in ("paper-1", "other") for symbol in ("EURUSD", "ESZ6")}
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=FILLS, held=HELD)
def test_round_trips_are_the_portfolio_s(
    strategy: Strategy, made: list[tuple[str, str, int, int, int]], held: dict[tuple[str, str], int]
) -> None:
    """Summed up in the database they are those that it follows fill by fill."""
    trips = Trips({(KEY, "/".join(book)): D(quantity) for book, quantity in held.items()})
    with transaction.atomic():
        VenueAccount.objects.get_or_create(name="other", venue="V", adapter="x", address="x:1")
        for number, (account, symbol, quantity, price, fee) in enumerate(made, 1):
            new_fill(
                ended(strategy, number, account_id=account, symbol=symbol), number, symbol=symbol,
                account_id=account, side="buy" if quantity > 0 else "sell", fee=D(fee),
                quantity=D(abs(quantity)), price=D(price), recorded_at=NOON,
            )  # fmt: skip
            value = D(quantity * price) * UNIVERSE.by_symbol(symbol).multiplier
            trips.take(Change((KEY, f"{account}/{symbol}"), D(quantity), value, D(fee)))
        for (account, symbol), opened in held.items():
            moved = sum(one[2] for one in made if one[:2] == (account, symbol))
            new_position(strategy, str(opened + moved), "0", account_id=account, symbol=symbol)
        found = values_read(KEY, NOON)
        transaction.set_rollback(True)
    done = trips.rows().get(KEY)
    assert found["tradingStats.hitRatio"] == (D(done.won) / done.ended if done else None)
    assert found["tradingStats.totalTrades"] == len(made)


def test_what_no_condition_names_is_not_read(strategy: Strategy) -> None:
    books(strategy)
    stored(("Refused", "tradingStats.rejectionRate > 2%"))
    with CaptureQueriesContext(connection) as asked:
        assert [one.on for one in alert_states(now=NOON)] == [True]
    read = " ".join(one["sql"] for one in asked)
    assert "trading_order" in read
    assert "trading_fill" not in read
    assert "trading_pnlpoint" not in read


def test_an_engine_that_is_slow_or_broken_silences_no_other(
    strategy: Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"a-slow": "tradingStats.fillRate", "b-broken": "tradingStats.slippageBudgetUsed"}
    many = ("Many", "tradingStats.totalOrders >= 0")
    for name, figure in others.items():
        stored((f"of {name}", f"{figure} < 2"), many, name=name)
    broken = {"spec": {"execution": {"slippageBudget": "much"}}}  # of code that took it
    EngineVersion.objects.create(
        name="b-broken", number=2, text=EngineVersion.objects.get(name="b-broken").text,
        document=broken, digest="d" * 64, made_by="olga.fx", made_at=NOON,
    )  # fmt: skip
    stored(many)

    def slow(asked: Asked) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(60)")
        return []

    monkeypatch.setattr(values, "fill_rates", slow)
    monkeypatch.setattr(alerting, "LONGEST_S", 0.3)
    for round_ in range(3):  # whichever is looked at first
        now = NOON + dt.timedelta(seconds=alerting.ROUND_S * round_)
        EngineAlert.objects.all().delete()
        begun = {(one.engine, one.alert) for one in engine_alerts_keep(now=now)}
        assert begun == {(name, "Many") for name in (*others, KEY)}
    states = alert_states(now=NOON)
    known = {one.engine: (one.on, dict(one.values)) for one in states if one.alert.name != "Many"}
    assert known == {name: (None, {figure: None}) for name, figure in others.items()}
    assert {one.on for one in states if one.alert.name == "Many"} == {True}
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("30s",)


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
