"""Up one rung by two people once measured, down at once by one or by itself."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from audit.models import Entry
from riskctl.actors import Actor, NotAllowedError, system_actor
from riskctl.approvals import ApprovalVoidError, RequestError, approval_approve, approval_request
from riskctl.conditions import PreconditionError
from riskctl.holds import Kind
from riskctl.ladder import (
    ladder_bounds,
    ramp_factor,
    stage_demote,
    stage_of,
    stage_promote_request,
    stages_prepare,
)
from riskctl.models import Approval, Limit, Stage, TriggerFiring
from riskctl.rungs import Rung
from tests.approvals.people import (
    COLIN,
    MERCY,
    RUTH,
    SANA,
    SHELL,
    TOKEN,
    TOMAS,
    hold,
    stale,
)
from tests.resume.desk import RestartDesk, ago, healthy
from trading.resume.promotion import stages_fall


def ask(to: str, who: Actor = MERCY, strategy: str = "mom-one") -> Approval:
    return stage_promote_request(strategy=strategy, to=to, actor=who, reason="measured")


def approve(asked: Approval, who: Actor = RUTH) -> Approval:
    return approval_approve(approval_id=asked.id, digest=asked.digest, actor=who)


def missing(asked: Approval) -> list[str]:
    before = Stage.objects.get(strategy="mom-one").rung
    with pytest.raises(PreconditionError) as error:
        approve(asked)
    assert Stage.objects.get(strategy="mom-one").rung == before
    return [one.name for one in error.value.items]


def test_from_the_ground_to_live_one_rung_at_a_time(desk: RestartDesk) -> None:
    desk.rehearse()
    desk.on("mom-one", "stopped", since_s=10)
    approve(ask("monitor"))
    asked = ask("paper")
    assert missing(asked) == ["time", "signals"]
    desk.on("mom-one", "monitor", since_s=301)
    desk.signal("mom-one", at=ago(10))
    approve(asked)
    asked = ask("ramp")
    assert missing(asked) == ["time", "fills", "drawdown"]
    desk.on("mom-one", "paper", since_s=901)
    desk.fill("mom-one", "paper-1")  # not where it rehearses
    assert missing(asked) == ["fills", "drawdown"]
    desk.fill("mom-one", "paper-r")
    approve(asked)
    stage = Stage.objects.get(strategy="mom-one")
    assert (stage.rung, stage.size_factor, stage.entered_by) == ("ramp", Decimal("0.25"), RUTH.name)
    asked = ask("live")
    assert missing(asked) == ["time", "fills", "slippage"]
    desk.on("mom-one", "ramp", since_s=1_801)
    desk.fill("mom-one", "paper-1", "1.1001")
    done = approve(asked)
    stage.refresh_from_db()
    assert (stage.rung, stage.size_factor) == ("live", Decimal(1))
    assert [one["name"] for one in (done.result or {})["conditions"]] == [
        "time", "fills", "warnings", "rejections", "slippage", "holds",
    ]  # fmt: skip
    moves = Entry.objects.filter(action="stage.enter", object_id="mom-one", actor=RUTH.name)
    assert moves.count() == 4


@pytest.mark.parametrize("to", ["ramp", "live", "monitor", "stopped", "moon"])
def test_no_rung_is_skipped(desk: RestartDesk, to: str) -> None:
    desk.on("mom-one", "monitor", since_s=10_000)
    with pytest.raises(RequestError, match="to: "):
        ask(to)
    with pytest.raises(RequestError, match="one rung at a time"):
        approval_request(
            kind="stage-promote", subject="strategy:mom-one", actor=MERCY, reason="r",
            request={"strategy": "mom-one", "from": "monitor", "to": "live"},
        )  # fmt: skip


def test_a_request_that_says_it_stands_elsewhere_moves_nothing(desk: RestartDesk) -> None:
    desk.on("mom-one", "monitor", since_s=10_000)
    lie = {"strategy": "mom-one", "from": "ramp", "to": "live"}
    asked = approval_request(
        kind="stage-promote", subject="strategy:mom-one", actor=MERCY, reason="r", request=lie
    )
    with pytest.raises(NotAllowedError) as error:
        approve(asked)
    assert error.value.code == "stage-moved"
    with pytest.raises(RequestError, match="must name rev-two"):
        approval_request(
            kind="stage-promote", subject="strategy:rev-two", actor=RUTH, reason="r", request=lie
        )


def test_it_is_void_when_it_moved_or_its_limits_or_version_changed(desk: RestartDesk) -> None:
    desk.on("mom-one", "stopped", since_s=10)
    changes: list[Callable[[], object]] = [
        lambda: desk.on("mom-one", "monitor", since_s=1),
        lambda: Limit.objects.filter(scope="strategy:mom-one").update(value=7),
    ]
    for change in changes:
        asked = ask(str(Rung.MONITOR) if stage_of("mom-one") is Rung.STOPPED else "paper")
        change()
        with pytest.raises(ApprovalVoidError):
            approve(asked)


def test_a_hold_lets_it_climb_to_paper_and_no_further(desk: RestartDesk) -> None:
    desk.rehearse()
    hold(Kind.PAUSE, "instrument:EURUSD")
    desk.on("mom-one", "monitor", since_s=400)
    desk.signal("mom-one", at=ago(10))
    approve(ask("paper"))
    desk.on("mom-one", "paper", since_s=1_000)
    desk.fill("mom-one", "paper-r")
    assert missing(ask("ramp")) == ["holds"]


def test_denials_by_holds_and_hand_overs_are_not_the_strategys(desk: RestartDesk) -> None:
    desk.rehearse()
    desk.on("mom-one", "paper", since_s=1_000)
    desk.fill("mom-one", "paper-r")
    for code in ("HELD", "NO_LICENCE", "STAGE"):
        desk.order("mom-one", "paper-r", state="denied", reason_code=code)
    desk.order("mom-one", "paper-r", state="denied", reason_code="PRICE_COLLAR")
    assert missing(ask("ramp")) == ["rejections"]
    conditions = {one["name"]: one for one in ask("ramp").asked_in["conditions"]}
    assert conditions["rejections"]["evidence"]["orders"] == 2


def test_without_a_rehearsal_account_paper_cannot_be_left(desk: RestartDesk) -> None:
    desk.on("mom-one", "paper", since_s=1_000)
    assert missing(ask("ramp")) == ["rehearsal", "fills", "drawdown"]


@pytest.mark.parametrize(("who", "code"), [(TOMAS, "stage-not-your-role"),
                                           (COLIN, "approval-not-your-role"),
                                           (TOKEN, "approval-tokens-cannot"),
                                           (SHELL, "approval-shells-cannot"),
                                           (stale(RUTH), "approval-needs-step-up")])  # fmt: skip
def test_who_cannot_ask_for_a_step_up(desk: RestartDesk, who: Actor, code: str) -> None:
    desk.on("mom-one", "stopped", since_s=10)
    with pytest.raises(NotAllowedError) as error:
        ask("monitor", who)
    assert error.value.code == code


def test_every_step_up_takes_two_and_one_of_risk(desk: RestartDesk) -> None:
    desk.on("mom-one", "stopped", since_s=10)
    for asked, who in ((ask("monitor"), SANA), (ask("monitor", RUTH), RUTH)):
        with pytest.raises(NotAllowedError):
            approve(asked, who)
    assert stage_of("mom-one") is Rung.STOPPED


# Down ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [MERCY, stale(MERCY), RUTH, SANA, SHELL, system_actor("watchdog")])
def test_down_at_once_by_one_without_step_up_or_reason(desk: RestartDesk, who: Actor) -> None:
    assert stage_demote(strategy="mom-one", to="ramp", actor=who) is Rung.RAMP
    assert Stage.objects.get(strategy="mom-one").size_factor == Decimal("0.25")
    assert stage_demote(strategy="mom-one", to="stopped", actor=who) is Rung.STOPPED
    assert Stage.objects.get(strategy="mom-one").size_factor == 1
    assert Entry.objects.filter(action="stage.enter", actor=who.name).count() == 2


def test_a_demotion_raises_nothing(desk: RestartDesk) -> None:
    desk.on("mom-one", "monitor", since_s=50)
    since = Stage.objects.get(strategy="mom-one").since
    for to in ("live", "ramp", "monitor"):
        assert stage_demote(strategy="mom-one", to=to, actor=RUTH) is Rung.MONITOR
    assert Stage.objects.get(strategy="mom-one").since == since
    assert stage_demote(strategy="unknown", to="monitor", actor=RUTH) is Rung.STOPPED
    assert not Stage.objects.filter(strategy="unknown").exists()


def test_others_take_nothing_down(desk: RestartDesk) -> None:
    for who in (TOMAS, COLIN, Actor(kind="anonymous", name="?")):
        with pytest.raises(NotAllowedError) as error:
            stage_demote(strategy="mom-one", to="stopped", actor=who)
        assert error.value.code == "stage-not-your-role"
    assert stage_of("mom-one") is Rung.LIVE
    assert Entry.objects.filter(action="stage.demote", outcome="denied").count() == 3


def firing(scope: str, **more: Any) -> None:
    given = {"trigger": "strategy-drawdown", "level": "warning", "value": 4, "threshold": 5,
             "source": "path", "shadow": False, "happened_at": ago(5), **more}  # fmt: skip
    TriggerFiring.objects.create(id=uuid.uuid4(), scope=scope, **given)


def test_the_ladder_takes_down_by_itself_what_its_measures_no_longer_hold(
    desk: RestartDesk,
) -> None:
    desk.on("mom-one", "ramp", since_s=600)
    desk.on("rev-two", "ramp", since_s=600)
    assert stages_fall() == []
    firing("firm")  # a warning of everybody
    firing("strategy:rev-two", shadow=True)
    firing("strategy:rev-two", happened_at=ago(700))
    assert stages_fall() == []
    firing("strategy:mom-one")
    fallen = stages_fall()
    assert [(one.strategy, one.was, one.fall.to) for one in fallen] == [
        ("mom-one", Rung.RAMP, Rung.MONITOR)
    ]
    assert stage_of("mom-one") is Rung.MONITOR
    assert stage_of("rev-two") is Rung.RAMP
    assert stages_fall() == []
    entry = Entry.objects.get(action="stage.enter", actor="ladder")
    assert (entry.actor_kind, entry.object_id) == ("trigger", "mom-one")
    assert "strategy-drawdown" in entry.reason


def test_a_live_strategy_that_is_refused_too_often_goes_back_to_ramp(desk: RestartDesk) -> None:
    for _ in range(18):
        desk.order("mom-one", "paper-1")
    for _ in range(3):
        desk.order("mom-one", "paper-1", state="rejected", reason_code="MARGIN")
    assert [one.fall.to for one in stages_fall()] == [Rung.RAMP]
    desk.vitals(healthy(phase="dead"))  # what Redis says takes nobody down
    assert stages_fall() == []


# Setting up ---------------------------------------------------------------------------------------


def test_a_desk_that_is_set_up_keeps_what_is_there(desk: RestartDesk) -> None:
    desk.on("mom-one", "monitor", since_s=10)
    made = stages_prepare(strategies=["mom-one", "new"], rung="live", entered_by="desk_prepare")
    assert made == ["new"]
    assert (stage_of("mom-one"), stage_of("new")) == (Rung.MONITOR, Rung.LIVE)
    assert stages_prepare(strategies=["mom-one", "new"], entered_by="x") == []


def test_times_and_factor_come_from_settings_and_bad_ones_are_refused() -> None:
    with override_settings(LADDER_MINUTES={"ramp": "0.5"}, LADDER_RAMP_FACTOR="0.1"):
        assert ladder_bounds()[Rung.RAMP].minutes == Decimal("0.5")
        assert ramp_factor() == Decimal("0.1")
    with override_settings(LADDER_RAMP_FACTOR="1.5"), pytest.raises(ValueError, match="at most 1"):
        ramp_factor()


def test_a_ramp_gets_what_was_asked_for_and_never_more_than_is_set_now(
    desk: RestartDesk,
) -> None:
    desk.rehearse()
    desk.on("mom-one", "paper", since_s=1_000)
    desk.fill("mom-one", "paper-r")
    asked = ask("ramp")
    with override_settings(LADDER_RAMP_FACTOR="0.1"):
        approve(asked)
    assert Stage.objects.get(strategy="mom-one").size_factor == Decimal("0.1")
