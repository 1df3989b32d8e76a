"""What the database itself refuses, whoever asks."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from riskctl.holds import Kind
from riskctl.models import Approval, HoldLift
from tests.approvals.people import hold

pytestmark = pytest.mark.django_db
NOW = dt.datetime.now(dt.UTC)


def made(**changes: Any) -> Approval:
    given: dict[str, Any] = {
        "id": uuid.uuid4(), "kind": "hold-lift", "subject": "hold:x", "request": {}, "asked_in": {},
        "digest": "a" * 64, "reason": "r", "requested_by": "mercy.okafor",
        "requester_roles": ["trader"], "requested_at": NOW,
        "expires_at": NOW + dt.timedelta(minutes=30), **changes,
    }  # fmt: skip
    return Approval.objects.create(**given)


DECIDED: dict[str, Any] = {
    "state": "executed",
    "decided_by": "ruth.adeyemi",
    "decider_roles": ["risk"],
    "decided_at": NOW,
}


def update(row: Approval, **changes: Any) -> None:
    with transaction.atomic():
        Approval.objects.filter(id=row.id).update(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decided_by": "mercy.okafor"}, "who asked cannot approve"),
        ({"decided_by": "Mercy.Okafor"}, "who asked cannot approve"),
        ({"decided_by": ""}, "somebody decides"),
        ({"decider_roles": ["sre"]}, "must be risk"),
        ({"decided_at": NOW + dt.timedelta(minutes=30)}, "expired"),
        ({"request": {"other": 1}}, "never changes"),
        ({"requester_roles": ["risk"]}, "never changes"),
        ({"expires_at": NOW + dt.timedelta(days=1)}, "never changes"),
    ],
)
def test_an_execution_that_breaks_the_rule_of_two(changes: dict[str, Any], words: str) -> None:
    row = made()
    with pytest.raises(DatabaseError, match=words):
        update(row, **{**DECIDED, **changes})
    update(row, **DECIDED)
    update(row, result={"done": True})


def test_what_was_decided_stays_decided() -> None:
    row = made()
    update(row, state="rejected", decided_by="ruth.adeyemi", decided_at=NOW)
    tries: list[dict[str, Any]] = [
        DECIDED, {"state": "pending"}, {"decision_reason": "other"}, {"result": {}},
    ]  # fmt: skip
    for changes in tries:
        with pytest.raises(DatabaseError, match="rejected already"):
            update(row, **changes)
    done = made()
    update(done, **DECIDED)
    update(done, result={"a": 1})
    with pytest.raises(DatabaseError, match="executed already"):
        update(done, result={"a": 2})
    with pytest.raises(DatabaseError, match="are kept"), transaction.atomic():
        Approval.objects.filter(id=row.id).delete()


def test_a_request_begins_undecided() -> None:
    tries: list[dict[str, Any]] = [
        DECIDED, {"result": {}}, {"digest": "x"}, {"requested_by": ""}, {"expires_at": NOW},
    ]  # fmt: skip
    for changes in tries:
        with pytest.raises(DatabaseError, match="approval"), transaction.atomic():
            made(**changes)


def lift(row_id: uuid.UUID, approval: Approval | None, by: str, second: str) -> None:
    with transaction.atomic():
        HoldLift.objects.create(
            hold_id=row_id, lifted_by=by, second=second, reason="r",
            approval=approval.id if approval else None,
        )  # fmt: skip


def test_a_kill_without_an_executed_approval_of_its_own_stays() -> None:
    kill, other = hold(), hold()
    row = made(subject=f"hold:{kill.id}")
    tries = ((None, "ruth.adeyemi", "mercy.okafor"), (row, "ruth.adeyemi", "mercy.okafor"))
    for approval, by, second in tries:
        with pytest.raises(DatabaseError, match="two people"):
            lift(kill.id, approval, by, second)
    update(row, **DECIDED)
    wrong = ((other.id, "ruth.adeyemi", "mercy.okafor"), (kill.id, "ruth.adeyemi", "ivan"),
             (kill.id, "ivan", "mercy.okafor"))  # fmt: skip
    for hold_id, by, second in wrong:
        with pytest.raises(DatabaseError, match="two people"):
            lift(hold_id, row, by, second)
    lift(kill.id, row, "ruth.adeyemi", "mercy.okafor")
    assert not HoldLift.objects.filter(hold_id=other.id).exists()


def test_a_regulatory_hold_takes_compliance_and_risk() -> None:
    order = hold(Kind.REGULATORY, "firm")
    two_risk = made(subject=f"hold:{order.id}", requester_roles=["risk"])
    update(two_risk, **DECIDED)
    with pytest.raises(DatabaseError, match="compliance and risk"):
        lift(order.id, two_risk, "ruth.adeyemi", "mercy.okafor")
    both = made(subject=f"hold:{order.id}", requester_roles=["compliance"])
    update(both, **DECIDED)
    lift(order.id, both, "ruth.adeyemi", "mercy.okafor")
