"""Lifting through the pages: alone where one may, by two people what a kill stopped."""

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from pytest_django import Settings
from redis import Redis

from console.access.sessions import FACTOR_AT
from riskctl.holds import RULES, Kind
from riskctl.models import Approval, GatewayRegister, Heartbeat, Hold, HoldLift, Limit, Stage
from riskctl.rules import REQUIRED, account_scope, strategy_scope
from tests.pages.conftest import open_session
from tests.pages.web import Visit, Visitor
from tests.portfolio.builders import entry_fields
from trading import streams
from trading.clock import wall_ns
from trading.models import Reconciliation, Strategy, VenueReading

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

As = Callable[[User], Visit]
KEY = "mom-eurusd"


def hold_on(scope: str = f"strategy:{KEY}", kind: Kind = Kind.KILL, **changes: Any) -> Hold:
    rule = RULES[kind]
    values: dict[str, Any] = {
        "id": uuid.uuid4(), "scope": scope, "kind": kind, "mode": rule.mode,
        "cancels": rule.cancels, "reason": "quotes crossing", "placed_by": "mercy.okafor",
        "actor_kind": "person",
        "placed_at": dt.datetime.now(dt.UTC) - dt.timedelta(seconds=60),
    }  # fmt: skip
    return Hold.objects.create(**{**values, **changes})


@pytest.fixture
def healthy(books: list[Strategy], redis: Redis) -> Iterator[None]:
    """All that lifting a kill looks at: limits, gateways, venue readings, prices."""
    now = dt.datetime.now(dt.UTC)
    scopes = {"firm": "firm"} | {account_scope(f"paper-{n}"): "account" for n in (1, 2)}
    scopes |= {strategy_scope(one.key): "strategy" for one in books}
    for scope, level in scopes.items():
        for kind in REQUIRED[level]:
            Limit.objects.create(scope=scope, kind=kind, value=1_000_000)
    Heartbeat.objects.create(name="watchdog", at=now + dt.timedelta(hours=1))
    for name in ("paper-1", "paper-2"):
        GatewayRegister.objects.create(
            account=name, address="127.0.0.1:1", place="here", pid=1, start_ticks=1, token=1,
            journal=uuid.uuid4(), registered_at=now,
        )  # fmt: skip
        VenueReading.objects.create(account_id=name, taken_at=now, fill_sequence=0, positions=[],
                                    open_orders=[], balances=[])  # fmt: skip
        Reconciliation.objects.create(account_id=name, at=now, agrees=True, compared={},
                                      asked_by="schedule")  # fmt: skip
    redis.delete(streams.TICKS, streams.QUOTES)
    clock = wall_ns()
    fields: dict[Any, Any] = entry_fields(
        [("EURUSD", "1.1", "1.2", clock)], clock=clock, wall=clock
    )
    redis.xadd(streams.TICKS, fields)
    redis.set(streams.FEED_STATE, json.dumps({"status": "running"}), ex=60)
    yield
    redis.delete(streams.TICKS, streams.FEED_STATE)


def fill(page: Visitor, **fields: str) -> None:
    for name, text in fields.items():
        _fill(page, name, text)


def _fill(page: Visitor, name: str, text: str) -> None:
    page.do(lambda at: at.locator(f"main [name={name}]").fill(text))


def test_two_people_lift_a_kill_in_two_browsers(
    visit_as: As, mercy: User, ada: User, healthy: None
) -> None:
    hold = hold_on()
    asking = visit_as(mercy)(f"/holds/{hold.id}")
    asking.wait_for_state("live")
    assert asking.violations() == []
    assert asking.count(".conditions [data-met=no]") == 0
    fill(asking, root_cause="own fills not netted", rollback="to v17", reason="netted now")
    asking.press_button("Ask a second person to lift it")
    asking.wait_for_address("**/approvals/**", 8)
    asked = Approval.objects.get()
    assert "Not yours to decide" not in asking.text("aside")
    assert asking.count("aside form") == 1, "who asked can only withdraw"
    assert asking.text("aside form") == "Withdraw your request"
    assert asking.violations() == []

    deciding = visit_as(ada)("/approvals")
    deciding.do(lambda at: at.get_by_role("link", name=f"Lift kill on {KEY}").click())
    deciding.wait_for_address(f"**/approvals/{asked.id}", 8)
    assert asked.digest[:16] in deciding.text(".digest")
    assert "still true" in deciding.text(".digest")
    assert "own fills not netted" in deciding.text("main")
    assert deciding.violations() == []
    fill(deciding, reason="replayed, agrees")
    deciding.press_button("Approve and carry out")
    deciding.wait("document.querySelector('.said')?.textContent.includes('Executed')")
    lift = HoldLift.objects.get(hold=hold)
    assert (lift.second, lift.lifted_by) == ("mercy.okafor", "ada.nwosu")
    assert Stage.objects.get(strategy=KEY).rung == "monitor", "it starts low"
    assert "M. Okafor and A. Nwosu" in visit_as(ada)(f"/holds/{hold.id}").text("#receipt")
    assert (asking.complaints, deciding.complaints) == ([], [])


def test_what_is_not_met_is_named_and_nothing_is_lifted(
    visit_as: As, mercy: User, ada: User, healthy: None
) -> None:
    hold = hold_on()
    asking = visit_as(mercy)(f"/holds/{hold.id}")
    fill(asking, root_cause="x", rollback="y", reason="z")
    asking.press_button("Ask a second person to lift it")
    asking.wait_for_address("**/approvals/**", 8)
    Heartbeat.objects.update(at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=30))
    deciding = visit_as(ada)(f"/approvals/{Approval.objects.get().id}")
    assert "watchdog" in deciding.text(".conditions [data-met=no]")
    deciding.press_button("Approve and carry out")
    deciding.wait("document.querySelector('[role=alert]') !== null")
    assert "the watchdog's heartbeat is over 3 s old" in deciding.text("[role=alert]")
    assert not HoldLift.objects.exists()
    assert Approval.objects.get().state == "pending"


def test_a_change_since_it_was_asked_is_shown_and_voids_it(
    visit_as: As, mercy: User, ada: User, healthy: None
) -> None:
    hold = hold_on()
    asking = visit_as(mercy)(f"/holds/{hold.id}")
    fill(asking, root_cause="x", rollback="y", reason="z")
    asking.press_button("Ask a second person to lift it")
    asking.wait_for_address("**/approvals/**", 8)
    Limit.objects.filter(scope=strategy_scope(KEY)).update(value=5)
    deciding = visit_as(ada)(f"/approvals/{Approval.objects.get().id}")
    assert "changed since it was asked" in deciding.text(".digest")
    assert deciding.count("tr.changed") >= 1
    deciding.press_button("Approve and carry out")
    deciding.wait("document.querySelector('[role=alert]') !== null")
    assert Approval.objects.get().state == "void"
    assert not HoldLift.objects.exists()


def test_a_pause_is_lifted_by_who_placed_it(visit_as: As, mercy: User, books: object) -> None:
    hold = hold_on(kind=Kind.PAUSE)
    page = visit_as(mercy)(f"/holds/{hold.id}")
    fill(page, reason="rolled over")
    page.press_button("Lift this hold")
    page.wait("document.querySelector('.said')?.textContent.includes('Lifted')")
    assert HoldLift.objects.get().lifted_by == "mercy.okafor"
    assert page.violations() == []


def test_who_may_not_lift_is_told_who_does(visit_as: As, tomas: User, books: object) -> None:
    page = visit_as(tomas)(f"/holds/{hold_on().id}")
    assert "Not yours to lift" in page.text("main")
    assert "two people: a trader, risk or SRE" in page.text("main")
    assert page.count("main form[action$=lift]") == 0


def client_of(user: User, settings: Settings, *, factor_age_s: int = 0) -> Client:
    client, key = Client(), open_session(user)
    if factor_age_s:
        store = SessionStore(key)
        store[FACTOR_AT] -= factor_age_s
        store.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client


def test_lifting_by_who_may_not_is_refused_and_says_so(
    tomas: User, settings: Settings, books: object, redis: Redis
) -> None:
    hold = hold_on(kind=Kind.PAUSE)
    answer = client_of(tomas, settings).post(f"/holds/{hold.id}/lift", {"reason": "let me"})
    assert answer.status_code == 403
    assert "a pause is lifted by risk" in answer.content.decode().lower()
    assert not HoldLift.objects.exists()


def test_an_old_second_factor_is_asked_for_again(
    ada: User, settings: Settings, books: object, redis: Redis
) -> None:
    hold = hold_on(kind=Kind.REDUCE_ONLY)
    client = client_of(ada, settings, factor_age_s=400)
    html = client.get(f"/holds/{hold.id}").content.decode()
    assert f"/sign-in/factor?next=%2Fholds%2F{hold.id}" in html
    answer = client.post(f"/holds/{hold.id}/lift", {"reason": "over"})
    assert answer.status_code == 403
    assert not HoldLift.objects.exists()


def test_a_stage_goes_down_at_once_and_up_by_request(
    mercy: User, settings: Settings, books: object, redis: Redis
) -> None:
    client = client_of(mercy, settings)
    path = f"/strategies/{KEY}/stage"
    assert client.post(path, {"to": "monitor", "reason": "odd"}).status_code == 303
    assert Stage.objects.get(strategy=KEY).rung == "monitor"
    answer = client.post(path, {"to": "paper", "reason": "well again"})
    assert answer["Location"] == f"/approvals/{Approval.objects.get().id}"
    assert client.post(path, {"to": "orbit", "reason": "x"}).status_code == 400
    assert client.post("/strategies/mr-btcusdt/stage", {"to": "monitor"}).status_code == 403


def test_a_person_rejects_with_a_reason_and_who_asked_withdraws(
    mercy: User, ada: User, settings: Settings, healthy: None
) -> None:
    hold = hold_on()
    said = {"root_cause": "x", "rollback": "y", "reason": "z"}
    asks, decides = client_of(mercy, settings), client_of(ada, settings)
    first = asks.post(f"/holds/{hold.id}/lift", said)["Location"]
    assert decides.post(f"{first}/reject", {"reason": "not yet"}).status_code == 303
    second = asks.post(f"/holds/{hold.id}/lift", said)["Location"]
    assert asks.post(f"{second}/approve", {"digest": ""}).status_code == 403
    assert asks.post(f"{second}/withdraw").status_code == 303
    assert [one.state for one in Approval.objects.order_by("requested_at")] == [
        "rejected", "withdrawn",
    ]  # fmt: skip
    assert "not yet" in decides.get(first).content.decode()


def test_what_is_not_there_is_not_found(
    mercy: User, settings: Settings, books: object, redis: Redis
) -> None:
    client, nobody = client_of(mercy, settings), uuid.uuid4()
    for path in (
        f"/holds/{nobody}", f"/holds/{nobody}/receipt", f"/approvals/{nobody}", "/holds/x",
    ):  # fmt: skip
        assert client.get(path).status_code == 404
