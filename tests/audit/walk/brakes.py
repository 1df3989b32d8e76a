"""The services of the brakes and of strategies: how each is brought to the point, and called."""

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from riskctl.approvals import (
    approval_approve,
    approval_reject,
    approval_request,
    approval_withdraw,
    approvals_expire,
)
from riskctl.breakglass import breakglass_keep, breakglass_return, breakglass_returns
from riskctl.deadman import deadman_confirm, deadman_prepare
from riskctl.glass_leave import leave_ask, leave_end
from riskctl.holds import Kind
from riskctl.ladder import stage_demote, stages_prepare
from riskctl.lifting import hold_lift
from riskctl.limiting import limit_change, limit_tighten
from riskctl.models import Approval, Limit
from riskctl.schedule import maintenance_place_due, maintenance_schedule, maintenance_withdraw
from riskctl.triggers.changing import trigger_change
from riskctl.triggers.records import Fired, fired_save
from riskctl.triggers.settings import (
    trigger_relax_execute,
    trigger_tighten,
    triggers_shadow_execute,
)
from tests.approvals.people import COLIN, EVERYBODY, IVAN, MERCY, RUTH, SANA, hold, person
from tests.backtest.files import one_month
from tests.engines.documents import document
from tests.resume.desk import RestartDesk
from tests.riskctl.test_breakglass import leave, on_ramp, use
from tests.support.people import enrolled
from tests.triggers.test_settings import OTHER, firing, pending
from trading.backtest.keeping import backtest_keep
from trading.engines.service import engine_apply, engine_patch
from trading.models import Strategy
from trading.strategies.resize import size_raise_request, size_set

Call = Callable[[], object]
Arrange = Callable[[pytest.MonkeyPatch], Call]
CASES: dict[str, Arrange] = {}
OWN = "strategy:mom-one"
OWNER = person("mercy.okafor", "trader", owns=("mom-one",))


def case(*names: str) -> Callable[[Arrange], Arrange]:
    """Arranges for services, of which the call that is returned goes through each."""

    def keep(arrange: Arrange) -> Arrange:
        CASES[" ".join(names)] = arrange
        return arrange

    return keep


def desk(monkeypatch: pytest.MonkeyPatch) -> RestartDesk:
    enrolled(*EVERYBODY)
    return RestartDesk(monkeypatch)


def asked(value: str = "200000") -> Approval:
    return approval_request(
        kind="limit-raise", subject=f"limit:{OWN}/gross-notional", request={"value": value},
        actor=MERCY, reason="room",
    )  # fmt: skip


@case("riskctl.approvals.engine.approval_request")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return asked


@case(
    "riskctl.approvals.engine.approval_approve", "riskctl.approvals.limits.limit_raise",
    "riskctl.approvals.limits.limit_raise_execute",
)  # fmt: skip
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    row = asked()
    return lambda: approval_approve(approval_id=row.id, digest=row.digest, actor=RUTH)


@case("riskctl.approvals.engine.approval_reject")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    row = asked()
    return lambda: approval_reject(approval_id=row.id, actor=RUTH, reason="no")


@case("riskctl.approvals.engine.approval_withdraw")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    row = asked()
    return lambda: approval_withdraw(approval_id=row.id, actor=MERCY)


@case("riskctl.approvals.engine.approvals_expire")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    row = asked()
    return lambda: approvals_expire(now=row.expires_at + dt.timedelta(seconds=1))


@case("riskctl.limiting.limit_tighten")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return lambda: limit_tighten(
        scope=OWN, kind="gross-notional", value="50000", actor=OWNER, reason="thin"
    )


@case("riskctl.limiting.limit_change")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return lambda: limit_change(
        scope=OWN, kind="gross-notional", value="300000", actor=OWNER, reason="room"
    )


@case("riskctl.glass_leave.leave_ask")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return lambda: leave_ask(
        people=[RUTH.name], scopes=[OWN], hours=8, actor=RUTH, reason="the night shift is one"
    )


@case("riskctl.glass_leave.leave_execute")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    row = leave_ask(people=[RUTH.name], scopes=[OWN], hours=8, actor=RUTH, reason="one at night")
    return lambda: approval_approve(
        approval_id=row.id, digest=row.digest, actor=IVAN, reason="agreed"
    )


@case("riskctl.glass_leave.leave_end")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    row = leave()
    return lambda: leave_end(leave_id=row.id, actor=RUTH)


def broken_glass(patch: pytest.MonkeyPatch) -> Any:
    there = desk(patch)
    row = on_ramp(there)
    leave()
    return row


@case("riskctl.breakglass.breakglass_use")
def _(patch: pytest.MonkeyPatch) -> Call:
    row = broken_glass(patch)
    return lambda: use(row)


@case("riskctl.breakglass.breakglass_keep")
def _(patch: pytest.MonkeyPatch) -> Call:
    used = use(broken_glass(patch))
    return lambda: breakglass_keep(use_id=used.id, actor=COLIN, reason="books are right")


@case("riskctl.breakglass.breakglass_return")
def _(patch: pytest.MonkeyPatch) -> Call:
    used = use(broken_glass(patch))
    return lambda: breakglass_return(use_id=used.id, actor=IVAN, place=lambda **_: None)


@case("riskctl.breakglass.breakglass_returns")
def _(patch: pytest.MonkeyPatch) -> Call:
    used = use(broken_glass(patch))
    return lambda: breakglass_returns(now=used.until, place=lambda **_: None)


@case("riskctl.deadman.deadman_confirm")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return lambda: deadman_confirm(actor=SANA)


@case("riskctl.deadman.deadman_prepare")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return lambda: deadman_prepare(confirmed_by="desk start")


@case("riskctl.ladder.stages_prepare")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return lambda: stages_prepare(strategies=["mom-one", "new"], entered_by="desk start")


@case("riskctl.ladder.stage_demote")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return lambda: stage_demote(strategy="mom-one", to="ramp", actor=RUTH, reason="slipping")


@case("riskctl.lifting.hold_lift")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    deadman_confirm(actor=SANA)
    row = hold(Kind.PAUSE, by=OWNER)
    return lambda: hold_lift(hold_id=row.id, actor=OWNER, reason="mended")


def planned() -> Any:
    return maintenance_schedule(
        scope="venue:paper-1", due_at=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
        reason="new switch", actor=SANA,
    )  # fmt: skip


@case("riskctl.schedule.maintenance_schedule")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return planned


@case("riskctl.schedule.maintenance_withdraw")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    row = planned()
    return lambda: maintenance_withdraw(scheduled_id=row.id, actor=SANA)


@case("riskctl.schedule.maintenance_place_due")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    row = planned()
    type(row).objects.update(due_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    return lambda: maintenance_place_due(place=lambda **_: None)


@case("riskctl.triggers.records.fired_save")
def _(_patch: pytest.MonkeyPatch) -> Call:
    one = Fired(firing(), uuid.uuid4(), "", "hold effective after 12 ms")
    return lambda: fired_save(fired=[one, Fired(firing(id=uuid.uuid4(), level="warning"))])


@case("riskctl.triggers.settings.trigger_tighten")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return lambda: trigger_tighten(name="drawdown", actor=RUTH, threshold="4", reason="volatile")


@case("riskctl.triggers.changing.trigger_change")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return lambda: trigger_change(
        name="drawdown", request={"threshold": "9"}, actor=RUTH, reason="a calm week"
    )


@case("riskctl.triggers.settings.trigger_relax_execute")
def _(_patch: pytest.MonkeyPatch) -> Call:
    enrolled(OTHER, RUTH)
    row = pending("trigger-relax", "trigger:drawdown", {"threshold": "8"})
    return lambda: trigger_relax_execute(approval=row, actor=OTHER)


@case("riskctl.triggers.settings.triggers_shadow_execute")
def _(_patch: pytest.MonkeyPatch) -> Call:
    row = pending("triggers-shadow", "triggers", {"shadow": True})
    return lambda: triggers_shadow_execute(approval=row, actor=OTHER)


@case("trading.strategies.resize.size_set")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    return lambda: size_set(strategy="mom-one", size="20000", actor=OWNER, reason="calm")


@case("trading.strategies.resize.size_raise_request")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    Strategy.objects.filter(key="mom-one").update(size_notional=Decimal(10_000))
    return lambda: size_raise_request(
        strategy="mom-one", size="60000", actor=OWNER, reason="larger book"
    )


def said(**strategy: str) -> str:
    """Beside the firm's limits, a document that lowers what mom-one may."""
    Limit.objects.update_or_create(
        scope="firm", kind="gross-notional", defaults={"value": Decimal(1_000_000)}
    )
    return document("mom-one", **{"riskLimit": "0.1%", "maxPositionSize": "900", **strategy})


@case("trading.engines.service.engine_apply", "trading.engines.versions.version_store")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    text = said()
    return lambda: engine_apply(text=text, actor=OWNER, reason="carefully")


@case("trading.engines.service.engine_patch")
def _(patch: pytest.MonkeyPatch) -> Call:
    desk(patch)
    engine_apply(text=said(), actor=OWNER, reason="carefully")
    less = {"spec": {"strategy": {"riskLimit": "0.05%"}}}
    return lambda: engine_patch(name="mom-one", patch=less, actor=OWNER, reason="less")


@case("trading.backtest.keeping.backtest_keep")
def _(_patch: pytest.MonkeyPatch) -> Call:
    done = one_month()
    return lambda: backtest_keep(done=done, actor=OWNER, reason="a first look")
