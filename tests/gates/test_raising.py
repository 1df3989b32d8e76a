"""A riskLimit on real money goes up in steps, each after what the step before has shown."""

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from riskctl.approvals import approval_approve, approval_request
from riskctl.conditions import PreconditionError
from riskctl.holds import Kind
from riskctl.limiting import limit_change
from riskctl.models import Approval, Limit
from tests.approvals.people import MERCY, RUTH, SANA, hold
from tests.engines.documents import document
from tests.gates.desk import DAY, KEY, GateDesk, words
from trading.engines.service import Applied, engine_apply
from trading.engines.versions import version_get
from trading.models import EngineAlert, Fill, Order, PricePoint, Strategy, VenueAccount
from trading.strategies.resize import size_raise_request

NOW = dt.datetime.now(dt.UTC)
STEP, DAYS, STOP = "step", "days at the step", "no stop since"
QUIET = "tradingStats.totalOrders < 1"
FALL, SLIP, FILLS = "drawdown at the step", "slippage", "fill rate"


def applied(risk_limit: str, **more: object) -> Applied:
    given = {"maxPositionSize": "500", **more}
    return engine_apply(text=words(riskLimit=risk_limit, **given), actor=MERCY, reason="more")


def refused(risk_limit: str) -> dict[str, str]:
    with pytest.raises(PreconditionError) as error:
        applied(risk_limit)
    return {one.name: one.text for one in error.value.items}


def approved(asked: Approval) -> Approval:
    return approval_approve(approval_id=asked.id, digest=asked.digest, actor=RUTH)


def ready(desk: GateDesk) -> None:
    """Five days of orders at 0.1 % of the firm's gross limit, well filled."""
    changed = NOW - 6 * DAY
    Limit.objects.filter(scope=f"strategy:{KEY}", kind="gross-notional").update(changed_at=changed)
    PricePoint.objects.create(symbol="EURUSD", at=changed - DAY, mid=Decimal("1.1"))
    for at in range(1, 6):
        traded(desk, NOW - at * DAY + dt.timedelta(minutes=1))


def traded(desk: GateDesk, at: dt.datetime, price: str = "1.1", quantity: int = 100) -> Order:
    row = desk.order(
        KEY, "paper-1", created_at=at, sent_at=at, ended_at=at, quantity=quantity, filled=quantity,
        filled_value=quantity * Decimal(price),
    )  # fmt: skip
    Fill.objects.create(
        account_id="paper-1", venue_fill_id=row.client_order_id, order=row, side="buy",
        sequence=desk.numbers, strategy_id=KEY, symbol="EURUSD", quantity=quantity,
        price=Decimal(price), fee=0, fee_currency="USD", venue_time=at, feed_time=at,
        recorded_at=at,
    )  # fmt: skip
    return row


def test_the_first_step_is_a_tenth_of_a_percent(desk: GateDesk) -> None:
    text = document("mom-new", instruments=["EURUSD"], account="paper-1", maxPositionSize="500",
                    riskLimit="0.2%")  # fmt: skip
    with pytest.raises(PreconditionError, match=r"at most 0\.1% in this step"):
        engine_apply(text=text, actor=RUTH, reason="new")
    first = engine_apply(text=text.replace("0.2%", "0.1%"), actor=RUTH, reason="new")
    assert first.asked is not None
    approval_approve(approval_id=first.asked.id, digest=first.asked.digest, actor=MERCY)
    assert Limit.objects.get(scope="strategy:mom-new", kind="gross-notional").value == 1_000
    on_paper = text.replace("mom-new", "mom-sim").replace("paper-1", "paper-r")
    assert engine_apply(text=on_paper, actor=RUTH, reason="simulated").asked is not None


def test_a_step_is_asked_for_with_its_measures_and_measured_again(desk: GateDesk) -> None:
    applied("0.1%")
    found = refused("1.5%")
    assert found[STEP] == ("1.5% of the firm's gross limit, from 0.1%: at most 1% in this step")
    assert list(found) == [STEP, DAYS, FILLS]
    assert found[DAYS] == "0 of 5 days with orders at the present step"
    assert not Approval.objects.exists()
    ready(desk)
    asked = applied("1%").asked
    assert asked is not None
    frozen = {one["name"]: one for one in asked.asked_in["conditions"]}
    assert list(frozen) == [STEP, DAYS, STOP, FALL, SLIP, FILLS]
    assert all(one["met"] for one in frozen.values())
    assert Decimal(frozen[FALL]["evidence"]["most"]) == Decimal("0.05")
    hold(Kind.KILL, "instrument:EURUSD", by=SANA)
    with pytest.raises(PreconditionError, match="no stop since: kill on instrument:EURUSD"):
        approved(asked)
    asked.refresh_from_db()
    assert (asked.state, limit_of()) == ("pending", Decimal(1_000))


def limit_of() -> Decimal:
    return Limit.objects.get(scope=f"strategy:{KEY}", kind="gross-notional").value


def test_what_was_measured_well_is_carried_out_and_begins_the_next_step(desk: GateDesk) -> None:
    applied("0.1%")
    ready(desk)
    tried = engine_apply(
        text=words(riskLimit="0.5%", maxPositionSize="500"), actor=MERCY, dry_run=True
    )
    assert [one.met for one in tried.conditions] == [True] * 6
    asked = applied("0.5%").asked
    assert asked is not None
    done = approved(asked)
    assert limit_of() == 5_000
    assert (done.result or {})["conditions"][0]["name"] == STEP
    assert DAYS in refused("1%")
    applied("0.2%")
    assert limit_of() == 2_000


def stopped(desk: GateDesk) -> None:
    hold(Kind.BREAKER, "firm", age_s=3_600)


def fallen(desk: GateDesk) -> None:
    """500 held at 1.1; worth 60 USD less for a minute: 6 % of a gross limit of 1,000."""
    PricePoint.objects.create(symbol="EURUSD", at=NOW - dt.timedelta(hours=2), mid=Decimal("0.98"))


def unpriced(desk: GateDesk) -> None:
    traded(desk, NOW - 8 * DAY)
    PricePoint.objects.all().delete()


def few_days(desk: GateDesk) -> None:
    Order.objects.filter(created_at__lt=NOW - 4 * DAY).update(state="denied", sent_at=None)


def unfilled(desk: GateDesk) -> None:
    for _ in range(2):
        ended(desk, "expired")


def ended(desk: GateDesk, state: str, **more: Any) -> None:
    """An order that filled nothing."""
    moments = {"created_at": NOW, "sent_at": NOW, "ended_at": NOW}
    desk.order(KEY, "paper-1", state=state, **moments, **more)


def rang(name: str, condition: str = "riskMetrics.pnl < 0") -> Callable[[GateDesk], None]:
    def ring(_: GateDesk) -> None:
        EngineAlert.objects.create(
            id=uuid.uuid4(), engine=KEY, alert=name, severity="warning", condition=condition,
            version=1, values={}, began_at=NOW - DAY, ended_at=NOW,
        )  # fmt: skip

    return ring


SPOILS: dict[str, tuple[Callable[[GateDesk], None], str, list[str]]] = {
    "nothing": (lambda _: None, "", []),
    "stopped": (stopped, "", [STOP]),
    "fallen": (fallen, "", [FALL]),
    "unpriced": (unpriced, "", [FALL]),
    "few days": (few_days, "", [DAYS]),
    "unfilled, which no alert says": (unfilled, "tradingStats.totalOrders < 1", [FILLS]),
    "unfilled, and its alert was quiet": (unfilled, "tradingStats.fillRate < 0.0001", [FILLS]),
    "its alert rang": (rang("Fills"), "", [FILLS]),
    "its budget was spent": (rang("Fills"), "tradingStats.avgSlippage > 0.5", [SLIP]),
    "another alert": (rang("Other"), "", []),
    "one that is called otherwise now": (
        rang("Dear fills", "tradingStats.avgSlippage > 0.5"),
        "tradingStats.avgSlippage > 0.5",
        [SLIP],
    ),
    "one that is no more": (
        rang("Poor", "tradingStats.successRate < 0.9"),
        "tradingStats.totalOrders < 1",
        [FILLS],
    ),
    "one on its budget": (rang("Spent", "tradingStats.slippageBudgetUsed > 100%"), "", [SLIP]),
    "one that nobody can read": (rang("Old", "c"), "", [SLIP, FILLS]),
}


@pytest.mark.parametrize("name", SPOILS)
def test_each_measure_alone_keeps_the_step(desk: GateDesk, name: str) -> None:
    spoil, condition, closed = SPOILS[name]
    text = words(riskLimit="0.1%", maxPositionSize="500")
    text = text.replace("tradingStats.successRate < 0.95", condition) if condition else text
    engine_apply(text=text, actor=MERCY, reason="first")
    ready(desk)
    spoil(desk)
    tried = engine_apply(text=text.replace("0.1%", "1%"), actor=MERCY, dry_run=True)
    found = {one.name: one.text for one in tried.conditions if not one.met}
    assert list(found) == closed, found


def dear(desk: GateDesk) -> None:
    """A sixth of it at 100 bp."""
    traded(desk, NOW, price="1.111")


BUDGET = "spec:\n  execution: {slippageBudget: BUDGET}\n"
STOOD: dict[str, tuple[list[tuple[str, str, dt.timedelta]], list[str]]] = {
    "within its budget": ([("20bp", QUIET, 9 * DAY)], []),
    "over its budget, without an alert": ([("2.5bp", QUIET, 9 * DAY)], [SLIP]),
    "its budget was widened meanwhile": (
        [("2.5bp", QUIET, 9 * DAY), ("20bp", QUIET, DAY)],
        [SLIP],
    ),
    "its alert was taken away before it rang": (
        [("20bp", "tradingStats.avgSlippage > 5", 9 * DAY), ("20bp", QUIET, DAY)],
        [SLIP],
    ),
    "its alert on fills was widened": (
        [
            ("20bp", "tradingStats.fillRate < 99% and tradingStats.totalOrders > 6", 9 * DAY),
            ("20bp", "tradingStats.fillRate < 1%", DAY),
        ],
        [FILLS],
    ),
    "all that was before the step": (
        [("1bp", "tradingStats.successRate < 100%", 9 * DAY), ("20bp", QUIET, 8 * DAY)],
        [],
    ),
}


@pytest.mark.parametrize("name", STOOD)
def test_what_any_version_of_the_step_asked_of_its_fills_is_asked(
    desk: GateDesk, name: str
) -> None:
    versions, closed = STOOD[name]
    base = words(riskLimit="0.1%", maxPositionSize="500")
    for budget, condition, age in versions:
        text = base.replace("tradingStats.successRate < 0.95", condition)
        text = text.replace("spec:\n", BUDGET.replace("BUDGET", budget))
        desk.version(text, age=age)
    ready(desk)
    dear(desk)
    for _ in range(19):
        traded(desk, NOW, quantity=1)
    ended(desk, "expired")
    tried = engine_apply(text=text.replace("0.1%", "1%"), actor=MERCY, dry_run=True)
    found = {one.name: one.text for one in tried.conditions if not one.met}
    assert list(found) == closed, found


def test_quotes_that_are_taken_back_keep_no_market_maker_from_its_step(desk: GateDesk) -> None:
    Strategy.objects.filter(key=KEY).update(kind="market-making", parameters={})
    more = {"type": "market-making", "parameters": None, "maxPositionSize": "500"}
    text = words(riskLimit="0.1%", **more).replace("tradingStats.successRate < 0.95", QUIET)
    engine_apply(text=text, actor=MERCY, reason="first")
    ready(desk)
    quote = {"time_in_force": "gtc", "post_only": True}
    Order.objects.update(**quote)
    for _ in range(20):
        ended(desk, "cancelled", **quote)

    def unmet() -> dict[str, str]:
        tried = engine_apply(text=text.replace("0.1%", "1%"), actor=MERCY, dry_run=True)
        return {one.name: one.text for one in tried.conditions if not one.met}

    assert "5 bought and 0 sold" in unmet()[FILLS]
    Order.objects.filter(pk=traded(desk, NOW).pk).update(side="sell", **quote)
    assert unmet() == {}
    ended(desk, "expired")
    assert unmet() == {FILLS: "0.0% filled of what was to fill at once, at least 95%"}


def test_the_limit_itself_goes_by_the_same_steps(desk: GateDesk) -> None:
    def asked(value: str, scope: str = f"strategy:{KEY}") -> Approval:
        row = limit_change(
            scope=scope, kind="gross-notional", value=value, actor=RUTH, reason="by hand"
        ).asked
        assert row is not None
        return row

    row = asked("50000")
    with pytest.raises(PreconditionError, match="at most 1% in this step"):
        approval_approve(approval_id=row.id, digest=row.digest, actor=MERCY)
    assert limit_of() == 1_000
    firm = asked("2000000", "firm")
    assert "conditions" not in firm.asked_in
    VenueAccount.objects.filter(name="paper-1").update(live=False)
    row = asked("60000")
    approval_approve(approval_id=row.id, digest=row.digest, actor=MERCY)
    assert limit_of() == 60_000


def test_a_size_beyond_its_limits_raises_the_gross_limit_by_the_same_steps(desk: GateDesk) -> None:
    """Its document says 0.1 % and 333.33 a symbol: six times the size is six times the limit."""
    applied("0.1%")

    def asked(size: str) -> Approval:
        return size_raise_request(strategy=KEY, size=size, actor=MERCY, reason="more")

    def size() -> Decimal:
        return Decimal(Strategy.objects.get(key=KEY).size_notional)

    row, before = asked("5000"), size()
    assert [one["met"] for one in row.asked_in["conditions"]] == [False, False, True, True, True,
                                                                  False]  # fmt: skip
    with pytest.raises(PreconditionError, match=r"at most 1% in this step.*days at the step"):
        approved(row)
    assert (size(), limit_of()) == (before, Decimal(1_000))
    ready(desk)
    done = approved(asked("2000"))
    assert (size(), limit_of()) == (Decimal(2_000), Decimal("6000.07"))
    assert {one["met"] for one in (done.result or {})["conditions"]} == {True}
    applied("0.1%")
    VenueAccount.objects.filter(name="paper-1").update(live=False)
    row = asked("5000")
    assert "conditions" not in row.asked_in
    approved(row)
    assert size() == 5_000


def test_whatever_set_its_limit_it_begins_small(desk: GateDesk) -> None:
    desk.passed()
    desk.ladder()
    desk.gross("1000.01")
    with pytest.raises(PreconditionError, match="first step"):
        desk.climb()
    desk.gross("1000")
    desk.climb()
    desk.gross("9000")
    desk.on(KEY, "paper", since_s=1_000)
    desk.climb()
    assert desk.rung() == "ramp"


def test_a_request_by_hand_is_measured_all_the_same(desk: GateDesk) -> None:
    """Asked as REST lets anybody of its roles ask: it stays pending."""
    version = applied("0.1%").version
    assert version is not None
    with pytest.raises(PreconditionError):
        applied("1%")
    latest = engine_apply(text=words(riskLimit="1%", maxPositionSize="500"), actor=MERCY,
                          dry_run=True)  # fmt: skip
    wanted = {one.name: one.wanted for one in latest.raises}
    asked = approval_request(
        kind="engine-apply", subject=f"strategy:{KEY}", actor=MERCY, reason="by hand",
        request={"version": 2, "digest": version_get(KEY, 2).digest, "settings": wanted},
    )  # fmt: skip
    with pytest.raises(PreconditionError, match="days at the step"):
        approved(asked)
