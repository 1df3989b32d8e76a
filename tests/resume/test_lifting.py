"""Who lifts which kind, with what; and that a lift ends one hold and no other."""

import datetime as dt
import time
import uuid
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from redis import RedisError

from audit.models import Entry
from riskctl.actors import Actor, NotAllowedError, shell_actor, system_actor
from riskctl.approvals import RequestError, approval_approve
from riskctl.conditions import PreconditionError
from riskctl.holds import RULES, SYSTEM, Kind
from riskctl.lifting import Lifted, hold_lift, lift_request
from riskctl.models import Approval, DeadMan, Hold, HoldLift, TriggerFiring, TriggerSetting
from riskctl.selectors import open_holds
from riskctl.triggers.evaluate import Evaluator, Moment, Reading
from tests.approvals.people import (
    ADA,
    COLIN,
    IVAN,
    MERCY,
    NIA,
    RUTH,
    SANA,
    SHELL,
    TOKEN,
    TOMAS,
    WATCHDOG,
    hold,
    person,
    stale,
)
from tests.resume.desk import RestartDesk, ago
from tests.triggers.builders import plain_settings
from trading.models import Reconciliation
from trading.triggers.publishing import published

pytestmark = pytest.mark.usefixtures("desk")

EVERYBODY = (MERCY, TOMAS, RUTH, SANA, COLIN, ADA, TOKEN, SHELL, WATCHDOG)


def lift(row: Hold, who: Actor, approval: Approval | None = None) -> Lifted:
    return hold_lift(hold_id=row.id, actor=who, reason="mended", approval=approval)


def refused(row: Hold, who: Actor) -> str:
    with pytest.raises(NotAllowedError) as error:
        lift(row, who)
    assert not HoldLift.objects.filter(hold=row).exists()
    return error.value.code


@pytest.fixture(autouse=True)
def _conditions_met(desk: RestartDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may is one question, what must be true another: that is asked further down."""
    monkeypatch.setattr("trading.resume.preconditions.readiness", lambda _client: [])
    judging(monkeypatch, {"path": None, "watchdog": evaluated(Decimal(1))})
    DeadMan.objects.create(confirmed_at=ago(1), confirmed_by=SANA.name)


def evaluated(value: Decimal | None, *, age_s: float = 0) -> dict[str, Any]:
    """As a source publishes it: volatility of the strategy's scope, and nothing else."""
    in_force, wall_ns = plain_settings(), time.time_ns() - int(age_s * 1e9)
    evaluator = Evaluator("watchdog", in_force)
    now = Moment(1, wall_ns)
    evaluator.take([Reading("volatility", "strategy:mom-one", value, 1)], now)
    body = published("watchdog", evaluator.standings(now), in_force, now, queued=0)
    return dict(msgspec.json.decode(body))


def judging(monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]) -> None:
    monkeypatch.setattr("trading.resume.preconditions.triggers_now", lambda _client: said)


def placed(kind: Kind) -> Hold:
    by = WATCHDOG if RULES[kind].placed_by == {SYSTEM} else MERCY
    return hold(kind, by=by, age_s=7_200)


LIFTERS = {
    Kind.PAUSE: {MERCY.name, RUTH.name},  # Mercy placed it
    Kind.BREAKER: {RUTH.name},
    Kind.DEAD_MAN: {RUTH.name},
    Kind.MAINTENANCE: {SANA.name},
    Kind.REDUCE_ONLY: {RUTH.name},
    Kind.RECOVERY: {RUTH.name},
    Kind.KILL: set(),
    Kind.REGULATORY: set(),
}


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_is_lifted_by_its_people_and_nobody_else(kind: Kind) -> None:
    for who in EVERYBODY:
        row = placed(kind)
        try:
            lift(row, who)
            done = True
        except NotAllowedError:
            done = False
        assert done == (who.name in LIFTERS[kind]), f"{who.name} and a {kind}"
        assert HoldLift.objects.filter(hold=row).exists() == done


@pytest.mark.parametrize("kind", list(Kind))
def test_tokens_shells_and_programs_lift_nothing_whatever_roles_they_carry(kind: Kind) -> None:
    row = placed(kind)
    every = frozenset({"trader", "risk", "sre", "compliance", "administrator"})
    dressed = Actor(kind="token", name="t", roles=every, factor_age_s=1.0)
    scoped = Actor(kind="person", name="t", roles=every, factor_age_s=1.0,
                   token_scopes=frozenset({"read"}))  # fmt: skip
    shell = shell_actor("root")
    assert refused(row, dressed) == "lift-tokens-cannot"
    assert refused(row, scoped) == "lift-tokens-cannot"
    assert refused(row, shell) == "lift-shells-cannot"
    assert refused(row, system_actor("watchdog")) == "lift-people-only"
    for who in (dressed, scoped, shell):
        with pytest.raises(NotAllowedError):
            lift_request(hold_id=row.id, actor=who, reason="r", root_cause="c", rollback="v1")
    denied = Entry.objects.filter(action="hold.lift", outcome="denied", object_id=str(row.id))
    assert denied.count() == 4


@pytest.mark.parametrize(
    ("kind", "who"),
    [(kind, COLIN if kind is Kind.REGULATORY else RUTH) for kind in Kind if RULES[kind].step_up],
)
def test_what_raises_risk_asks_for_a_fresh_factor(kind: Kind, who: Actor) -> None:
    assert refused(placed(kind), stale(who)) == "lift-needs-step-up"


def test_a_pause_and_a_maintenance_ask_for_none() -> None:
    assert lift(placed(Kind.PAUSE), stale(RUTH)).by == RUTH.name
    assert lift(placed(Kind.MAINTENANCE), stale(SANA)).by == SANA.name


def test_who_placed_a_pause_lifts_it_only_while_it_may_place_one() -> None:
    row = hold(Kind.PAUSE, by=MERCY)
    assert refused(row, person(MERCY.name, "trader")) == "lift-not-your-role"  # owns it no more
    assert refused(row, person(MERCY.name, "compliance")) == "lift-not-your-role"
    assert lift(row, MERCY).by == MERCY.name
    other = hold(Kind.PAUSE, by=Actor(kind="token", name=MERCY.name))
    assert refused(other, MERCY) == "lift-not-your-role"


def test_lifting_one_hold_touches_no_other() -> None:
    kept = [hold(Kind.PAUSE), hold(Kind.KILL), hold(Kind.PAUSE, "firm")]
    gone = hold(Kind.PAUSE)
    lift(gone, RUTH)
    assert {one.id for one in open_holds()} == {str(row.id) for row in kept}
    assert refused_again(gone) == "hold-already-lifted"


def refused_again(row: Hold) -> str:
    with pytest.raises(NotAllowedError) as error:
        lift(row, RUTH)
    return error.value.code


def test_a_hold_nobody_knows_and_a_lift_without_a_reason() -> None:
    with pytest.raises(NotAllowedError) as error:
        hold_lift(hold_id=uuid.uuid4(), actor=RUTH, reason="r")
    assert error.value.code == "hold-unknown"
    with pytest.raises(RequestError, match="reason: say why"):
        hold_lift(hold_id=hold(Kind.PAUSE).id, actor=RUTH, reason=" ")


def test_two_people_means_an_approval_that_is_being_carried_out() -> None:
    row, other = hold(), hold()
    assert refused(row, RUTH) == "lift-needs-two"
    asked = lift_request(
        hold_id=row.id, actor=MERCY, reason="r", root_cause="a bad feed", rollback="v1"
    )
    for approval, who, target in ((asked, RUTH, row), (asked, RUTH, other)):
        with pytest.raises(NotAllowedError) as error:
            lift(target, who, approval)
        assert error.value.code == "lift-not-approved"
    asked.state = Approval.State.EXECUTED  # in memory only: the database says pending
    asked.decided_by = RUTH.name
    with pytest.raises(NotAllowedError) as error:
        lift(row, RUTH, asked)
    assert error.value.code == "lift-not-approved"
    assert not HoldLift.objects.exists()


def test_what_one_person_lifts_is_not_asked_for_and_a_request_names_what_is_missing() -> None:
    with pytest.raises(RequestError, match="lifted by one person"):
        lift_request(hold_id=hold(Kind.PAUSE).id, actor=RUTH, reason="r")
    row = hold()
    for cause, field in (("", "root_cause"), ("x", "rollback")):
        with pytest.raises(RequestError) as error:
            lift_request(hold_id=row.id, actor=RUTH, reason="r", root_cause=cause)
        assert error.value.field == field


def test_a_trader_asks_only_for_an_own_strategy() -> None:
    own, other = hold(), hold(scope="strategy:rev-two")
    given: dict[str, Any] = {"reason": "r", "root_cause": "c", "rollback": "v1"}
    assert lift_request(hold_id=own.id, actor=MERCY, **given).state == "pending"
    with pytest.raises(NotAllowedError) as error:
        lift_request(hold_id=other.id, actor=MERCY, **given)
    assert error.value.code == "lift-not-your-role"


def test_a_regulatory_hold_takes_compliance_and_risk_one_each() -> None:
    row = hold(Kind.REGULATORY, "firm", by=COLIN)
    two_risk = lift_request(hold_id=row.id, actor=RUTH, reason="r")
    with pytest.raises(NotAllowedError) as error:
        approval_approve(approval_id=two_risk.id, digest=two_risk.digest, actor=IVAN)
    assert error.value.code == "lift-needs-roles"
    asked = lift_request(hold_id=row.id, actor=COLIN, reason="r")
    assert asked.state == "pending"
    done = approval_approve(approval_id=asked.id, digest=asked.digest, actor=NIA)
    assert done.state == "executed"
    found = HoldLift.objects.get(hold=row)
    assert (found.lifted_by, found.second) == ("nia.both", COLIN.name)


def test_a_breaker_is_lifted_after_its_time_once_clear_and_enters_monitor(
    desk: RestartDesk,
) -> None:
    row = hold(Kind.BREAKER, by=system_actor("volatility", kind="trigger"), age_s=100)
    setting = {"threshold": 3, "confirmations": 3, "warn_at": 1, "changed_by": "x"}
    TriggerSetting.objects.create(name="volatility", cooldown_s=120, changed_at=ago(1), **setting)
    assert missing(row) == ["time over"]
    TriggerSetting.objects.update(cooldown_s=60)
    again = {"trigger": "volatility", "scope": row.scope, "level": "breach", "value": 4,
             "threshold": 3, "source": "path", "shadow": False}  # fmt: skip
    TriggerFiring.objects.create(id=uuid.uuid4(), happened_at=ago(30), **again)
    assert missing(row) == ["condition clear"]
    TriggerSetting.objects.update(cooldown_s=15)
    desk.on("rev-two", "live", since_s=5_000)
    assert lift(row, RUTH).rungs == {"mom-one": "monitor"}
    entry = Entry.objects.get(action="stage.enter", object_id="mom-one", actor=RUTH.name)
    assert b'"rung":"monitor"' in bytes(entry.body)


def test_a_breaker_stays_while_nobody_judges_what_tripped_it_or_it_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = hold(Kind.BREAKER, by=system_actor("volatility", kind="trigger"), age_s=7_200)
    for path, watchdog in (
        (None, None),
        (None, evaluated(Decimal(1), age_s=6)),
        (None, evaluated(None)),
        (evaluated(Decimal(1)), evaluated(Decimal(3))),
    ):
        judging(monkeypatch, {"path": path, "watchdog": watchdog})
        assert missing(row) == ["judged now"]

    def away(_client: object) -> None:
        raise RedisError("no answer")

    monkeypatch.setattr("trading.resume.preconditions.triggers_now", away)
    assert missing(row) == ["judged now"]
    judging(monkeypatch, {"path": evaluated(Decimal("2.4")), "watchdog": None})
    lift(row, RUTH)


def test_a_gateways_own_breaker_waits_for_books_that_agree(desk: RestartDesk) -> None:
    by = system_actor("gateway:paper-1#4")
    row = hold(Kind.BREAKER, "venue:paper-1", by=by, age_s=400)
    desk.reconcile("paper-1", at=ago(500))
    Reconciliation.objects.filter(at__gt=ago(450)).delete()
    assert missing(row) == ["reconciled"]
    desk.reconcile("paper-1")
    lift(row, RUTH)


def missing(row: Hold) -> list[str]:
    with pytest.raises(PreconditionError) as error:
        lift(row, RUTH)
    assert not HoldLift.objects.filter(hold=row).exists()
    return [one.name for one in error.value.items]


def test_a_dead_mans_hold_waits_for_a_person_to_confirm() -> None:
    row = hold(Kind.DEAD_MAN, "firm", by=WATCHDOG, age_s=60)
    DeadMan.objects.update(confirmed_at=ago(61))
    assert missing(row) == ["confirmed"]
    DeadMan.objects.update(confirmed_at=ago(59))
    assert lift(row, RUTH).rungs == {}


def test_a_recovery_hold_waits_for_gateways_and_books(desk: RestartDesk) -> None:
    row = hold(Kind.RECOVERY, "venue:paper-1", by=WATCHDOG, age_s=60)
    desk.reconcile("paper-1", at=ago(90))
    assert missing(row) == ["reconciled"]
    desk.reconcile("paper-1")
    lift(row, RUTH)


def test_the_conditions_found_are_in_the_record() -> None:
    row = hold(Kind.DEAD_MAN, "firm", by=WATCHDOG, age_s=60)
    lift(row, RUTH)
    body = bytes(Entry.objects.get(action="hold.lift", object_id=str(row.id)).body)
    assert b'"name":"confirmed"' in body
    assert SANA.name.encode() in body


def test_maintenance_waits_for_a_desk_that_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the real readiness, of a desk of which nothing runs
    row = hold(Kind.MAINTENANCE, "firm", by=SANA, age_s=int(dt.timedelta(hours=1).seconds))
    with pytest.raises(PreconditionError) as error:
        lift(row, SANA)
    assert "ready: watchdog" not in [one.name for one in error.value.items]  # it beats
    assert "ready: feed" in [one.name for one in error.value.items]
