"""Settings in the database: tightened by one, loosened by two, every change in the record."""

import datetime as dt
import json
import threading
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError

from audit.models import Entry
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import approval_approve, approval_request
from riskctl.holds import Kind, Mode
from riskctl.models import Approval, Hold, HoldLift, Limit, TriggerFiring, TriggerSetting
from riskctl.triggers.config import read_environment
from riskctl.triggers.evaluate import BREACH, Firing, Moment
from riskctl.triggers.inforce import SettingError
from riskctl.triggers.keeper import BrakesKeeper, known_read, lifted_read
from riskctl.triggers.records import Fired, fired_save
from riskctl.triggers.settings import (
    database_now,
    shadow_approved,
    trigger_relax_execute,
    trigger_tighten,
    triggers_in_force,
    triggers_shadow_execute,
)
from tests.support.people import enrolled

D = Decimal
RISK = Actor(kind="person", name="ada.nwosu", roles=frozenset({"risk"}), factor_age_s=10)
OTHER = Actor(kind="person", name="lena.fischer", roles=frozenset({"risk"}), factor_age_s=10)
TRADER = Actor(kind="person", name="mercy.okafor", roles=frozenset({"trader"}), factor_age_s=10)
TOKEN = Actor(kind="token", name="script", roles=frozenset({"risk"}))
EMPTY = read_environment({})

pytestmark = pytest.mark.django_db


def pending(kind: str, subject: str, request: dict[str, Any]) -> Approval:
    """A request as it stands before anybody decided."""
    now = database_now()
    return Approval.objects.create(
        id=uuid.uuid4(), kind=kind, subject=subject, request=request, asked_in={},
        digest="0" * 64, reason="too tight for the open", requested_by=RISK.name,
        requested_at=now, expires_at=now + dt.timedelta(hours=1),
    )  # fmt: skip


def approved(kind: str, subject: str, request: dict[str, Any]) -> Approval:
    """Asked for by one and approved by another, as on the page."""
    enrolled(RISK, OTHER)
    asked = approval_request(
        kind=kind, subject=subject, request=request, actor=RISK, reason="too tight for the open"
    )
    return approval_approve(approval_id=asked.id, digest=asked.digest, actor=OTHER)


def bodies(action: str) -> list[dict[str, Any]]:
    return [json.loads(bytes(row.body)) for row in Entry.objects.filter(action=action)]


def test_tightening_is_in_force_at_once_and_recorded() -> None:
    trigger_tighten(name="drawdown", actor=RISK, threshold="4", reason="volatile week")
    row = trigger_tighten(name="drawdown", actor=OTHER, threshold="3.5", confirmations=2)
    assert (row.threshold, row.confirmations, row.version) == (D("3.5"), 2, 2)
    assert (row.changed_by, row.cooldown_s) == ("lena.fischer", 1800)
    found = triggers_in_force(EMPTY).settings["drawdown"]
    assert (found.threshold, found.confirmations, found.version) == (D("3.5"), 2, 2)
    first, second = sorted(bodies("trigger.tighten"), key=lambda one: one["after"]["version"])
    assert [D(first[when]["threshold"]) for when in ("before", "after")] == [5, 4]
    assert (first["before"]["version"], first["after"]["version"]) == (0, 1)
    assert (first["actor"], first["reason"]) == ("ada.nwosu", "volatile week")
    assert D(second["before"]["threshold"]) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": "6"}, {"confirmations": 9}, {"cooldown_s": 99_999}, {"warn_at": "1"},
        {"shadow": True}, {"threshold": "4", "confirmations": 4},
    ],
)  # fmt: skip
def test_loosening_takes_two_people(change: dict[str, Any]) -> None:
    with pytest.raises(NotAllowedError, match="takes two people") as caught:
        trigger_tighten(name="drawdown", actor=RISK, **change)
    assert caught.value.code == "trigger-loosens"
    assert not TriggerSetting.objects.exists()


def test_a_breaker_is_not_made_to_hold_shorter_by_one() -> None:
    """Its cool-down is how long it holds at least; of a kill it is only when it fires again."""
    for seconds in (60, 99_999):
        with pytest.raises(NotAllowedError, match=r"^cooldown_s: .*takes two people"):
            trigger_tighten(name="volatility", actor=RISK, cooldown_s=seconds)
    assert trigger_tighten(name="drawdown", actor=RISK, cooldown_s=60).cooldown_s == 60
    approved("trigger-relax", "trigger:volatility", {"cooldown_s": 60})
    assert TriggerSetting.objects.get(name="volatility").cooldown_s == 60


@pytest.mark.parametrize("actor", [TRADER, TOKEN])
def test_only_people_of_risk_tighten(actor: Actor) -> None:
    with pytest.raises(NotAllowedError):
        trigger_tighten(name="drawdown", actor=actor, threshold="4")
    assert not TriggerSetting.objects.exists()


def test_what_cannot_be_names_its_field() -> None:
    with pytest.raises(SettingError, match=r"^name: "):
        trigger_tighten(name="drawdwon", actor=RISK, threshold="4")
    with pytest.raises(SettingError, match=r"^threshold: "):
        trigger_tighten(name="drawdown", actor=RISK, threshold="-4")


def test_an_approval_loosens_and_names_both_people() -> None:
    trigger_tighten(name="drawdown", actor=RISK, threshold="4")
    asked = approved("trigger-relax", "trigger:drawdown", {"threshold": "8", "confirmations": 5})
    assert asked.result is not None
    assert D(asked.result["after"]["threshold"]) == 8
    row = TriggerSetting.objects.get(name="drawdown")
    assert (row.threshold, row.confirmations, row.version) == (D(8), 5, 2)
    [body] = bodies("trigger.relax")
    assert (body["actor"], body["on_behalf_of"]) == ("lena.fischer", "ada.nwosu")
    assert body["correlation_id"] == str(asked.id)
    assert (D(body["before"]["threshold"]), D(body["after"]["threshold"])) == (D(4), D(8))


def test_a_request_rests_on_the_setting_it_was_asked_in() -> None:
    asked = approval_request(
        kind="trigger-relax", subject="trigger:drawdown", request={"threshold": "8"}, actor=RISK,
        reason="too tight",
    )  # fmt: skip
    trigger_tighten(name="drawdown", actor=RISK, threshold="2")
    with pytest.raises(NotAllowedError, match="changed since"):
        approval_approve(approval_id=asked.id, digest=asked.digest, actor=OTHER)
    assert TriggerSetting.objects.get(name="drawdown").threshold == 2


@pytest.mark.parametrize(
    ("subject", "request_"),
    [
        ("trigger:nothing", {"threshold": "8"}),
        ("limit:firm", {"threshold": "8"}),
        ("trigger:drawdown", {"threshold": "much"}),
        ("trigger:drawdown", {}),
    ],
)
def test_what_cannot_be_loosened_so_stays(subject: str, request_: dict[str, Any]) -> None:
    asked = pending("trigger-relax", subject, request_)
    with pytest.raises(NotAllowedError):
        trigger_relax_execute(approval=asked, actor=OTHER)
    assert not TriggerSetting.objects.exists()


def test_shadow_takes_the_wish_and_two_people_and_ends_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wish = read_environment({"EMERGENCY_STOP_ENABLED": "false"})
    assert not triggers_in_force(wish).shadow
    assert "two people" in triggers_in_force(wish).warnings[0]
    pending("triggers-shadow", "triggers", {})
    assert not triggers_in_force(wish).shadow
    approved("triggers-shadow", "triggers", {"hours": 2})
    assert triggers_in_force(wish).shadow
    assert not triggers_in_force(EMPTY).shadow
    [body] = bodies("triggers.shadow")
    assert (body["actor"], body["on_behalf_of"]) == ("lena.fischer", "ada.nwosu")
    after = database_now() + dt.timedelta(hours=2)
    monkeypatch.setattr("riskctl.triggers.settings.database_now", lambda: after)
    assert not shadow_approved()
    assert not triggers_in_force(wish).shadow


@pytest.mark.parametrize("hours", [0, 25, "2", True])
def test_shadow_has_its_longest_time(hours: Any) -> None:
    asked = pending("triggers-shadow", "triggers", {"hours": hours})
    with pytest.raises(NotAllowedError, match=r"^hours: "):
        triggers_shadow_execute(approval=asked, actor=OTHER)


def hold(trigger: str, scope: str) -> Hold:
    return Hold.objects.create(
        id=uuid.uuid4(), scope=scope, kind=Kind.BREAKER, mode=Mode.HALTED, cancels=True, reason="x",
        placed_by=trigger, actor_kind="trigger", placed_at=database_now(),
    )  # fmt: skip


def test_the_latest_lift_of_each_trigger_and_scope_is_known() -> None:
    lifted = {}
    for trigger, scope in (("drawdown", "firm"), ("drawdown", "strategy:x"), ("margin", "firm")):
        for second in range(2):
            one = hold(trigger, scope)
            HoldLift.objects.create(
                hold=one, lifted_by="ada.nwosu", reason="x",
                lifted_at=database_now() + dt.timedelta(seconds=second),
            )  # fmt: skip
            lifted[trigger, scope] = str(one.id)
    still = hold("pnl-move", "firm")
    assert lifted_read() == lifted
    Limit.objects.create(scope="firm", kind="gross-notional", value=D(5))
    known = known_read(EMPTY)
    assert known.held == {still.scope}
    assert known.limits == {("firm", "gross-notional"): D(5)}
    assert known.dead_man is None


def firing(**changes: Any) -> Firing:
    values: dict[str, Any] = {
        "id": uuid.uuid4(), "trigger": "drawdown", "scope": "firm", "level": BREACH,
        "value": D("6.25"), "threshold": D(5), "shadow": False, "source": "path", "detail": "",
        "at": Moment(1, 1_700_000_000_123_456_000),
    }  # fmt: skip
    return Firing(**{**values, **changes})


def test_a_firing_is_written_once_with_its_own_time() -> None:
    one = Fired(firing(), uuid.uuid4(), "", "hold effective after 12 ms")
    fired_save(fired=[one])
    fired_save(fired=[one, Fired(firing(level="warning"))])
    row = TriggerFiring.objects.get(level="breach")
    assert row.happened_at == dt.datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=dt.UTC)
    assert (row.value, row.threshold, row.hold) == (D("6.25"), D(5), one.hold)
    [body] = bodies("trigger.breach")
    assert body["happened_at"].startswith("2023-11-14T22:13:20.123456")
    assert (body["actor_kind"], body["actor"], body["object_id"]) == ("trigger", "drawdown", "firm")
    assert body["reason"] == "Drawdown: 6.25 %, threshold 5"
    assert TriggerFiring.objects.count() == Entry.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_keeper_reads_again_when_asked_and_writes_what_fired() -> None:
    keeper = BrakesKeeper({})
    assert keeper.in_force.settings["drawdown"].threshold == 5
    keeper.start()
    try:
        assert keeper.fresh(5)
        trigger_tighten(name="drawdown", actor=RISK, threshold="4")
        assert keeper.fresh(5)
        assert keeper.in_force.settings["drawdown"].threshold == 4
        keeper.record(Fired(firing()))
        assert keeper.fresh(5)
        assert keeper.queued == 0
        assert TriggerFiring.objects.count() == 1
        keeper.record(Fired(firing()))
    finally:
        keeper.stop(5)
    assert TriggerFiring.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_fired_without_the_database_is_written_later_with_its_own_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away, tried = threading.Event(), threading.Event()
    away.set()

    def save(*, fired: Sequence[Fired]) -> None:
        if away.is_set():
            tried.set()
            raise OperationalError("the server closed the connection")
        fired_save(fired=fired)

    monkeypatch.setattr("riskctl.triggers.keeper.fired_save", save)
    keeper = BrakesKeeper({})
    keeper.start()
    try:
        keeper.record(Fired(firing()))
        assert tried.wait(5)
        assert not keeper.fresh(0.1)
        assert keeper.queued == 1
        away.clear()
        assert keeper.fresh(5)
        assert keeper.queued == 0
    finally:
        keeper.stop(5)
    row = TriggerFiring.objects.get()
    assert row.happened_at.year == 2023
    assert row.recorded_at - row.happened_at > dt.timedelta(days=365)
