"""What the database itself refuses, whoever asks."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction

from riskctl.actors import Actor
from riskctl.approvals.kinds import KINDS
from riskctl.holds import Kind
from riskctl.models import Approval, HoldLift
from tests.approvals.people import COLIN, MERCY, RUTH, hold, person
from tests.support.people import enrolled

pytestmark = pytest.mark.django_db
NOW = dt.datetime.now(dt.UTC)
LIFE = dt.timedelta(hours=6)
"""The whole suite has been imported long before this runs."""


def made(**changes: Any) -> Approval:
    given: dict[str, Any] = {
        "id": uuid.uuid4(), "kind": "hold-lift", "subject": "hold:x", "request": {}, "asked_in": {},
        "digest": "a" * 64, "reason": "r", "requested_by": "mercy.okafor",
        "requester_roles": ["trader"], "requested_at": NOW,
        "expires_at": NOW + LIFE, **changes,
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
        ({"decided_at": NOW + LIFE}, "expired"),
        ({"request": {"other": 1}}, "never changes"),
        ({"requester_roles": ["risk"]}, "never changes"),
        ({"expires_at": NOW + 2 * LIFE}, "never changes"),
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
    two_risk = made(
        subject=f"hold:{order.id}", requested_by="ivan.petrov", requester_roles=["risk"]
    )
    update(two_risk, **DECIDED)
    with pytest.raises(DatabaseError, match="compliance and risk"):
        lift(order.id, two_risk, "ruth.adeyemi", "ivan.petrov")
    both = made(
        subject=f"hold:{order.id}", requested_by="colin.hart", requester_roles=["compliance"]
    )
    update(both, **DECIDED)
    User.objects.get(username="colin.hart").groups.clear()  # since it was carried out
    with pytest.raises(DatabaseError, match="compliance and risk"):
        lift(order.id, both, "ruth.adeyemi", "colin.hart")
    enrolled(COLIN)
    lift(order.id, both, "ruth.adeyemi", "colin.hart")


# Roles, as the tables of people have them ---------------------------------------------------------


def gone(who: Actor) -> None:
    User.objects.get(username=who.name).groups.clear()


def inactive(who: Actor) -> None:
    User.objects.filter(username=who.name).update(is_active=False)


def superuser(who: Actor) -> None:
    User.objects.filter(username=who.name).update(is_superuser=True)


def deleted(who: Actor) -> None:
    User.objects.filter(username=who.name).delete()


@pytest.mark.parametrize("lost", [gone, inactive, superuser, deleted])
@pytest.mark.parametrize("who", [MERCY, RUTH])
def test_a_role_lost_since_then_counts_for_neither(
    lost: Callable[[Actor], None], who: Actor
) -> None:
    row = made()
    lost(who)
    with pytest.raises(DatabaseError, match=f"{who.name} does not hold a role"):
        update(row, **DECIDED)
    update(row, **{**DECIDED, "state": "rejected"})  # saying no takes none


def test_a_role_gained_since_asking_counts_no_more_than_one_that_was_only_said() -> None:
    row = made(requested_by="sana.malik", requester_roles=["sre"])
    enrolled(person("sana.malik", "sre", "risk"), person("ruth.adeyemi", "trader"))
    with pytest.raises(DatabaseError, match="does not hold a role to decide"):
        update(row, **DECIDED)  # says risk, holds trader
    enrolled(person("ruth.adeyemi", "trader", "risk"))
    with pytest.raises(DatabaseError, match="must be risk"):
        update(row, **{**DECIDED, "decider_roles": ["trader"]})
    update(row, **DECIDED)


def test_whoever_is_no_person_here_decides_nothing() -> None:
    for name in ("script of ruth.adeyemi", "shell:root", "nobody"):
        with pytest.raises(DatabaseError, match="does not hold a role"):
            update(made(), **{**DECIDED, "decided_by": name})
        with pytest.raises(DatabaseError, match="does not hold a role"):
            update(made(requested_by=name), **DECIDED)


def test_a_kind_without_a_rule_is_closed() -> None:
    with pytest.raises(DatabaseError, match="no rule says who decides a party"):
        update(made(kind="party"), **DECIDED)


def test_an_hour_late_is_late_whatever_is_said() -> None:
    early = NOW - dt.timedelta(hours=1)
    row = made(requested_at=early, expires_at=early + dt.timedelta(minutes=30))
    with pytest.raises(DatabaseError, match="expired"):
        update(row, **{**DECIDED, "decided_at": early})


def rules() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, roles, needs FROM console_approval_rule")
        return {kind: (frozenset(roles), frozenset(needs)) for kind, roles, needs in cursor}


def test_the_database_and_the_table_of_kinds_say_the_same() -> None:
    said = {name: (kind.roles, kind.needs) for name, kind in KINDS.items()}
    assert rules() == said, "a kind's rule goes into console/migrations/0009_approval_roles.py"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE console_approval_rule SET needs = '{}'",
        "DELETE FROM console_approval_rule",
        "TRUNCATE console_approval_rule",
    ],
)
def test_rules_are_changed_by_migrations_only(statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="by a migration only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
