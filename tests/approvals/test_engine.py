"""One request from asking to its end: who may, what is bound, what is left when it fails."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from audit.models import Entry
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import (
    ApprovalVoidError,
    RequestError,
    approval_approve,
    approval_reject,
    approval_request,
    approval_withdraw,
    approvals_expire,
)
from riskctl.approvals.kinds import paths_check
from riskctl.approvals.startup import executors_check
from riskctl.conditions import Condition, PreconditionError
from riskctl.models import Approval
from tests.approvals import people
from tests.approvals.people import (
    ADA,
    COLIN,
    IVAN,
    MERCY,
    RUTH,
    SANA,
    SHELL,
    TOKEN,
    WATCHDOG,
    executions,
    person,
    stale,
)

pytestmark = pytest.mark.django_db


def ask(actor: Actor = MERCY, **more: Any) -> Approval:
    given = {"kind": people.WATCHED, "subject": "thing:1", "request": {"size": "3"}, **more}
    return approval_request(**{"actor": actor, "reason": "the feed is back", **given})


def approve(row: Approval, actor: Actor = RUTH, **more: Any) -> Approval:
    return approval_approve(
        **{"approval_id": row.id, "digest": row.digest, "actor": actor, "reason": "seen", **more}
    )


def code_of(refused: pytest.ExceptionInfo[NotAllowedError]) -> str:
    return refused.value.code


def actions(outcome: str = "done") -> list[str]:
    rows = Entry.objects.filter(object_kind="approval", outcome=outcome)
    return list(rows.order_by("recorded_at", "happened_at").values_list("action", flat=True))


def test_asked_approved_and_carried_out_once_with_its_story_in_the_record() -> None:
    row = ask()
    assert (row.state, len(row.digest)) == ("pending", 64)
    assert row.expires_at - row.requested_at == dt.timedelta(minutes=30)
    assert row.asked_in == people.STATE
    done = approve(row)
    assert (done.state, done.decided_by) == ("executed", RUTH.name)
    assert (done.result or {})["did"] == "thing:1"
    assert executions() == 1
    assert sorted(actions()) == ["approval.execute", "approval.request"]
    with pytest.raises(NotAllowedError) as refused:
        approve(row, IVAN)
    assert code_of(refused) == "approval-decided"
    assert executions() == 1


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (MERCY, "approval-own-request"),
        (person("Mercy.OKAFOR", "risk"), "approval-own-request"),
        (stale(RUTH), "approval-needs-step-up"),
        (person("ruth.adeyemi", "risk", age_s=None), "approval-needs-step-up"),
        (TOKEN, "approval-tokens-cannot"),
        (SHELL, "approval-shells-cannot"),
        (WATCHDOG, "approval-people-only"),
        (COLIN, "approval-not-your-role"),
        (ADA, "approval-not-your-role"),
        (SANA, "approval-needs-role"),  # trader and SRE: nobody of risk
    ],
)
def test_who_cannot_approve(who: Actor, code: str) -> None:
    row = ask()
    with pytest.raises(NotAllowedError) as refused:
        approve(row, who)
    assert code_of(refused) == code
    row.refresh_from_db()
    assert (row.state, row.decided_by, executions()) == ("pending", "", 0)
    denied = Entry.objects.get(action="approval.approve", outcome="denied")
    assert denied.actor == who.name
    assert code.encode() in bytes(denied.body)


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (stale(MERCY), "approval-needs-step-up"),
        (TOKEN, "approval-tokens-cannot"),
        (SHELL, "approval-shells-cannot"),
        (WATCHDOG, "approval-people-only"),
        (COLIN, "approval-not-your-role"),
    ],
)
def test_who_cannot_ask(who: Actor, code: str) -> None:
    with pytest.raises(NotAllowedError) as refused:
        ask(who)
    assert code_of(refused) == code
    assert not Approval.objects.exists()
    assert actions("denied") == ["approval.request"]


def test_a_role_lost_since_asking_no_longer_counts() -> None:
    row = ask(RUTH)
    with pytest.raises(NotAllowedError) as refused:
        approve(row, SANA, requester_roles=frozenset({"sre"}))
    assert code_of(refused) == "approval-requester-role"
    with pytest.raises(NotAllowedError) as refused:
        approve(row, MERCY, requester_roles=frozenset())
    assert code_of(refused) == "approval-requester-role"
    assert approve(row, MERCY, requester_roles=frozenset({"risk"})).state == "executed"


def test_what_was_shown_is_what_is_approved() -> None:
    row, other = ask(), ask(request={"size": "4"})
    with pytest.raises(NotAllowedError) as refused:
        approve(row, digest=other.digest)
    assert code_of(refused) == "approval-digest-differs"
    assert executions() == 0


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("kind", {"kind": "no-such"}),
        ("reason", {"reason": " "}),
    ],
)
def test_a_request_that_cannot_be_asked_names_its_field(
    field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(RequestError) as refused:
        ask(**changes)
    assert refused.value.field == field


def test_it_is_void_when_what_it_rests_on_changed_and_says_what() -> None:
    row = ask()
    people.STATE["breaks"] = ["a break"]  # shown, but not what it rests on
    people.STATE["quantities"] = {"paper-1": {"EURUSD": "90"}}
    with pytest.raises(ApprovalVoidError) as void:
        approve(row)
    assert void.value.changed == ("quantities paper-1 EURUSD was 100, is 90",)
    row.refresh_from_db()
    assert (row.state, executions()) == ("void", 0)
    assert "was 100, is 90" in row.decision_reason
    assert "approval.void" in actions()


def test_a_change_of_what_is_only_shown_does_not_make_it_void() -> None:
    row = ask()
    people.STATE["breaks"] = ["a break"]
    assert approve(row).state == "executed"


def test_a_stranger_cannot_end_a_request_by_trying() -> None:
    row = ask()
    people.STATE["quantities"] = {}
    with pytest.raises(NotAllowedError) as refused:
        approve(row, COLIN)
    assert code_of(refused) == "approval-not-your-role"
    row.refresh_from_db()
    assert row.state == "pending"


def test_unmet_preconditions_leave_it_pending_and_nothing_half_done() -> None:
    row = ask()
    people.MISSING.append(Condition("reconciled", False, "paper-1: never", {"account": "paper-1"}))
    with pytest.raises(PreconditionError) as missing:
        approve(row)
    assert [one.name for one in missing.value.items] == ["reconciled"]
    row.refresh_from_db()
    assert (row.state, row.decided_by, row.result, executions()) == ("pending", "", None, 0)
    assert actions("failed") == ["approval.approve"]
    people.MISSING.clear()
    assert approve(row).state == "executed"
    assert executions() == 1


def test_an_executor_that_refuses_or_breaks_leaves_it_pending() -> None:
    row = ask()
    people.REFUSAL.append(NotAllowedError("hold-already-lifted", "it is"))
    with pytest.raises(NotAllowedError) as refused:
        approve(row)
    assert code_of(refused) == "hold-already-lifted"
    people.REFUSAL[:] = [ZeroDivisionError("a fault")]
    with pytest.raises(ZeroDivisionError):
        approve(row)
    row.refresh_from_db()
    assert (row.state, executions()) == ("pending", 0)


def test_rejecting_needs_no_step_up_and_ends_it() -> None:
    row = ask()
    with pytest.raises(NotAllowedError) as refused:
        approval_reject(approval_id=row.id, actor=MERCY, reason="no")
    assert code_of(refused) == "approval-own-request"
    assert approval_reject(approval_id=row.id, actor=stale(RUTH), reason="no").state == "rejected"
    with pytest.raises(NotAllowedError) as refused:
        approve(row, IVAN)
    assert code_of(refused) == "approval-decided"


def test_only_who_asked_withdraws() -> None:
    row = ask()
    for other in (RUTH, TOKEN):
        with pytest.raises(NotAllowedError):
            approval_withdraw(approval_id=row.id, actor=other)
    assert approval_withdraw(approval_id=row.id, actor=stale(MERCY)).state == "withdrawn"
    assert executions() == 0


def test_what_is_overdue_expires_by_the_schedule_and_by_a_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = ask()
    assert approvals_expire(now=row.expires_at - dt.timedelta(seconds=1)) == []
    assert approvals_expire(now=row.expires_at) == [row.id]
    assert approvals_expire(now=row.expires_at) == []
    row.refresh_from_db()
    assert (row.state, row.decided_by) == ("expired", "approvals")
    late = ask()
    monkeypatch.setattr("riskctl.approvals.engine.database_now", lambda: late.expires_at)
    with pytest.raises(NotAllowedError) as refused:
        approve(late)
    assert code_of(refused) == "approval-expired"
    late.refresh_from_db()
    assert (late.state, executions()) == ("expired", 0)


def test_an_unknown_request_is_unknown() -> None:
    with pytest.raises(NotAllowedError) as refused:
        approval_approve(approval_id=uuid.uuid4(), digest="", actor=RUTH)
    assert code_of(refused) == "approval-unknown"


def test_a_path_that_leads_nowhere_is_named_at_start() -> None:
    paths_check({"good": "riskctl.lifting.lift_execute"})
    with pytest.raises(ImproperlyConfigured, match=r"bad: .*no_such.*; worse: .*not callable"):
        paths_check({"bad": "riskctl.no_such.thing", "worse": "riskctl.lifting.APPROVAL"})


def test_every_path_of_the_table_leads_to_something() -> None:
    executors_check()
