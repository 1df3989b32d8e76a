"""Limits: lowered at once by one, raised by two, never by who looked at another version."""

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from audit.models import Entry
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import RequestError, approval_approve
from riskctl.limiting import LimitMovedError, limit_change, limit_tighten
from riskctl.models import Approval, Limit
from riskctl.reading import READING_SQL, reading_of
from riskctl.rules import Exposure, OrderFacts, order_denial
from tests.approvals.people import (
    COLIN,
    EVERYBODY,
    IVAN,
    MERCY,
    RUTH,
    SANA,
    SHELL,
    TOKEN,
    TOMAS,
    WATCHDOG,
    stale,
)
from tests.console.conftest import entries
from tests.support.people import enrolled

D = Decimal
Recorded = Callable[[str], list[dict[str, Any]]]
OWN, FIRM = "strategy:mom-one", "firm"
VALUES = {
    (FIRM, "order-notional"): 1_000_000, (FIRM, "gross-notional"): 5_000_000,
    (FIRM, "price-collar"): 100, ("account:paper-1", "gross-notional"): 3_000_000,
    ("account:paper-1", "order-rate"): 100, (OWN, "order-notional"): 1000,
    (OWN, "position-notional"): 2000, (OWN, "gross-notional"): 3000, (OWN, "open-orders"): 20,
    (OWN, "order-rate"): 50,
}  # fmt: skip


@pytest.fixture
def recorded(db: None) -> Recorded:
    return entries


@pytest.fixture
def limits(db: None) -> None:
    for (scope, kind), value in VALUES.items():
        Limit.objects.create(scope=scope, kind=kind, value=value)


def row(kind: str = "order-notional", scope: str = OWN) -> Limit:
    return Limit.objects.get(scope=scope, kind=kind)


def tighten(value: Any, who: Actor = MERCY, kind: str = "order-notional", **more: Any) -> Limit:
    given = {"scope": OWN, "reason": "thin market", **more}
    return limit_tighten(kind=kind, value=value, actor=who, **given)


def facts(**more: Any) -> OrderFacts:
    given: dict[str, Any] = {
        "account": "paper-1", "strategy": "mom-one", "notional": D(900), "distance_bp": D(1),
        "position": Exposure(D(0), D(900)), "strategy_gross": Exposure(D(0), D(900)),
        "account_gross": Exposure(D(0), D(900)), "open_orders": 0, "account_open_orders": 0,
        "strategy_rate": 0, "account_rate": 0, **more,
    }  # fmt: skip
    return OrderFacts(**given)


def as_a_gateway_reads() -> Any:
    """The limits of the next reading, about 80 ms away."""
    with connection.cursor() as cursor:
        cursor.execute(READING_SQL, {"lease": "gateway:paper-1", "holder": "h", "known": []})
        return reading_of(0, cursor.fetchone()).limits


@pytest.mark.parametrize("who", [MERCY, RUTH, stale(RUTH), stale(MERCY), SHELL])
def test_it_is_lowered_at_once_by_one_without_a_second_factor(
    limits: None, recorded: Recorded, who: Actor
) -> None:
    assert order_denial(facts(), as_a_gateway_reads()) is None
    done = tighten("800", who)
    assert (done.value, done.version, done.changed_by) == (D(800), 2, who.name)
    denial = order_denial(facts(), as_a_gateway_reads())
    assert denial is not None
    assert denial.code == "ORDER_NOTIONAL"
    (entry,) = recorded("limit.tighten")
    assert entry["before"] == {"value": "1000", "version": 1, "changed_by": ""}
    assert entry["after"] == {"value": "800", "version": 2, "changed_by": who.name}
    assert (entry["actor"], entry["object_id"]) == (who.name, "strategy:mom-one/order-notional")


@pytest.mark.parametrize("who", [TOMAS, SANA, COLIN, TOKEN, WATCHDOG])
def test_nobody_else_lowers_it(limits: None, recorded: Recorded, who: Actor) -> None:
    with pytest.raises(NotAllowedError) as refused:
        tighten("800", who)
    assert refused.value.code == "limit-not-yours"
    assert row().value == 1000
    (entry,) = recorded("limit.tighten")
    assert (entry["outcome"], entry["actor"]) == ("denied", who.name)


def test_a_trader_lowers_nothing_above_own_strategies(limits: None) -> None:
    for scope, kind in ((FIRM, "gross-notional"), ("account:paper-1", "order-rate")):
        with pytest.raises(NotAllowedError, match="risk or its own trader"):
            tighten("1", kind=kind, scope=scope)
        assert tighten("1", RUTH, kind, scope=scope).value == 1


def test_lowering_never_raises(limits: None) -> None:
    with pytest.raises(NotAllowedError) as refused:
        tighten("1000.00000001", RUTH)
    assert refused.value.code == "limit-loosens"
    same = tighten("1000", RUTH)
    assert (same.version, Entry.objects.filter(action="limit.tighten", outcome="done").count()) == (
        1, 0,
    )  # fmt: skip


def test_who_looked_at_another_version_is_refused(limits: None) -> None:
    tighten("900", version=1)
    for change in (tighten, lambda value, **more: limit_change(
        scope=OWN, kind="order-notional", value=value, actor=RUTH, reason="r", **more
    )):  # fmt: skip
        with pytest.raises(LimitMovedError, match="at version 2, not 1"):
            change("800", version=1)
    assert tighten("800", version=2).version == 3


def test_more_takes_two_people_one_of_them_risk(limits: None, recorded: Recorded) -> None:
    enrolled(*EVERYBODY)
    asked = limit_change(
        scope=OWN, kind="order-notional", value="2500.50", actor=MERCY, reason="room", version=1
    ).asked
    assert asked is not None
    assert (asked.state, asked.asked_in) == ("pending", {"value": "1000", "version": 1})
    assert row().value == 1000
    with pytest.raises(NotAllowedError, match="who asked cannot approve"):
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=MERCY)
    approval_approve(approval_id=asked.id, digest=asked.digest, actor=RUTH)
    assert (row().value, row().version, row().changed_by) == (D("2500.50"), 2, RUTH.name)
    (entry,) = recorded("limit.raise")
    assert entry["before"]["value"] == "1000"
    assert (entry["after"]["value"], entry["after"]["asked_by"]) == ("2500.5", MERCY.name)


def test_a_trader_asks_only_for_own_strategies(limits: None) -> None:
    with pytest.raises(NotAllowedError, match="risk or its own trader"):
        limit_change(scope=FIRM, kind="gross-notional", value="9e6", actor=MERCY, reason="r")
    with pytest.raises(NotAllowedError, match="risk or its own trader"):
        limit_change(scope=OWN, kind="order-rate", value="90", actor=TOMAS, reason="r")
    assert not Approval.objects.exists()


def test_a_stale_factor_lowers_and_does_not_ask_for_more(limits: None) -> None:
    def change(value: str) -> object:
        return limit_change(
            scope=OWN, kind="order-rate", value=value, actor=stale(RUTH), reason="r"
        ).asked

    assert change("40") is None
    with pytest.raises(NotAllowedError) as refused:
        change("60")
    assert refused.value.code == "approval-needs-step-up"


def test_the_first_of_what_trading_waits_for_takes_two(limits: None) -> None:
    enrolled(*EVERYBODY)
    row().delete()
    with pytest.raises(NotAllowedError) as refused:
        tighten("500", RUTH)
    assert refused.value.code == "limit-loosens"
    asked = limit_change(scope=OWN, kind="order-notional", value="500", actor=RUTH, reason="r")
    assert asked.asked is not None
    assert asked.asked.asked_in == {"value": None, "version": 0}
    approval_approve(approval_id=asked.asked.id, digest=asked.asked.digest, actor=IVAN)
    assert (row().value, row().version) == (D(500), 1)


def test_the_first_of_what_nothing_waits_for_tightens(limits: None) -> None:
    assert order_denial(facts(distance_bp=D(60)), as_a_gateway_reads()) is None
    assert tighten("50", kind="price-collar").version == 1
    denial = order_denial(facts(distance_bp=D(60)), as_a_gateway_reads())
    assert denial is not None
    assert denial.code == "PRICE_COLLAR"


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("value", {"value": "x"}),
        ("value", {"value": 800}),
        ("value", {"value": "-1"}),
        ("value", {"value": "NaN"}),
        ("value", {"value": "1e30"}),
        ("value", {"value": "0.000000001"}),
        ("value", {"value": "7.5", "kind": "open-orders"}),
        ("kind", {"kind": "moon"}),
        ("kind", {"scope": FIRM, "kind": "open-orders"}),
        ("scope", {"scope": "planet:x"}),
        ("scope", {"scope": "strategy:"}),
    ],
)
def test_what_cannot_be_names_its_field(limits: None, field: str, change: dict[str, Any]) -> None:
    given: dict[str, Any] = {
        "scope": OWN, "kind": "order-notional", "value": "800", "actor": RUTH, "reason": "r",
    }  # fmt: skip
    for service in (limit_tighten, limit_change):
        with pytest.raises(RequestError) as refused:
            service(**{**given, **change})
        assert refused.value.field == field


@pytest.fixture
def threads() -> Iterator[list[threading.Thread]]:
    running: list[threading.Thread] = []
    yield running
    for one in running:
        one.join(30)


@pytest.mark.django_db(transaction=True)
def test_of_eight_at_once_on_one_version_one_is_done(threads: list[threading.Thread]) -> None:
    Limit.objects.create(scope=OWN, kind="order-notional", value=1000)
    start, found = threading.Barrier(8), ["?"] * 8

    def run(number: int, act: Callable[[], object]) -> None:
        start.wait(30)
        try:
            act()
            found[number] = "done"
        except NotAllowedError as error:
            found[number] = error.code
        finally:
            connection.close()

    for n in range(8):
        value = str(900 - n)
        threads.append(
            threading.Thread(target=run, args=(n, lambda v=value: tighten(v, version=1)))
        )
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert sorted(found) == ["done", *["limit-moved"] * 7]
    assert row().version == 2
