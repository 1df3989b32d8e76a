"""What gives somebody more: two people, by the table, and never for oneself."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User

from console.access.people import role_revoke
from console.access.rights import rights_read, roles_of
from console.access.role_grant import (
    desk_join_request,
    person_enable_request,
    role_grant_request,
)
from console.models import RightsVersion
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import (
    ApprovalVoidError,
    approval_approve,
    approval_reject,
    approval_request,
)
from riskctl.approvals.kinds import RequestError
from riskctl.holds import ADMIN, COMPLIANCE, RISK, SRE, TRADER
from riskctl.models import Approval
from tests.console.access.world import actor, on, somebody, two_desks
from tests.console.conftest import entries

pytestmark = pytest.mark.django_db

PRIYA, OTTO = actor("priya.admin", ADMIN), actor("otto.admin", ADMIN)
ADA, RUTH, JONAS = actor("ada.risk", RISK), actor("ruth.law", COMPLIANCE), actor("jonas.sre", SRE)
OLGA = actor("olga.fx", TRADER)
EVERYBODY = (PRIYA, OTTO, ADA, RUTH, JONAS, OLGA)


@pytest.fixture(autouse=True)
def people() -> None:
    for one in EVERYBODY:
        somebody(one.name, *one.roles)
    somebody("nina.new")


def grant(role: str, who: Actor = PRIYA, name: str = "nina.new") -> Approval:
    return role_grant_request(username=name, role=role, actor=who, reason="joins the desk")


def approve(row: Approval, who: Actor) -> Approval:
    return approval_approve(
        approval_id=row.id, digest=row.digest, actor=who, reason="known to me",
        requester_roles=roles_of(row.requested_by),
    )  # fmt: skip


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(NotAllowedError) as error:
        work()
    return error.value.code


def test_a_role_counts_once_the_second_person_has_said_so() -> None:
    row = grant(TRADER)
    assert row.subject == "person:nina.new"
    assert row.asked_in == {"person": {"active": True, "roles": [], "desks": []}}
    assert roles_of("nina.new") == frozenset()
    version = RightsVersion.objects.filter(person__username="nina.new").count()
    done = approve(row, ADA)
    assert done.result == {
        "person": "nina.new", "active": True, "roles": ["trader"], "desks": [], "conflicts": []
    }  # fmt: skip
    assert roles_of("nina.new") == {"trader"}
    assert RightsVersion.objects.get(person__username="nina.new").version == version + 1
    (entry,) = entries("role.grant")
    assert (entry["actor"], entry["object_id"]) == ("ada.risk", "nina.new")
    assert (entry["before"]["roles"], entry["after"]["roles"]) == ([], ["trader"])
    assert entry["after"]["asked_by"] == "priya.admin"


@pytest.mark.parametrize(
    ("role", "seconds"),
    [
        (TRADER, {OTTO, ADA}),
        (RISK, {OTTO, ADA}),
        (SRE, {OTTO, ADA}),
        (COMPLIANCE, {OTTO, RUTH}),
        (ADMIN, {OTTO}),
    ],
)
def test_who_may_be_the_second_for_each_role(role: str, seconds: set[Actor]) -> None:
    row = grant(role)
    for one in EVERYBODY:
        if one not in seconds:
            assert refused(partial(approve, row, one)), one.name
    assert roles_of("nina.new") == frozenset()
    for one in seconds:
        fresh = grant(role, name=somebody(f"new.{one.name}").username)
        assert approve(fresh, one).state == "executed"


def test_one_of_the_two_is_an_administrator_whoever_asks() -> None:
    lena = actor("lena.risk", RISK)
    somebody("lena.risk", RISK)
    row = grant(RISK, ADA)
    assert refused(lambda: approve(row, lena)) == "approval-needs-role"
    assert approve(row, PRIYA).state == "executed"


def test_who_may_not_even_ask() -> None:
    for one in (RUTH, ADA):
        assert refused(partial(grant, ADMIN, one)) == "grant-not-your-role"
    for one in (JONAS, OLGA):
        assert refused(partial(grant, TRADER, one)) == "approval-not-your-role"
    assert refused(lambda: grant(TRADER, actor("priya.admin", ADMIN, age_s=999))) == (
        "approval-needs-step-up"
    )
    token = Actor(
        kind="token", name="t", roles=frozenset({ADMIN}), token_scopes=frozenset({"read"})
    )
    assert refused(lambda: grant(TRADER, token)) == "approval-tokens-cannot"
    assert not Approval.objects.exists()
    denied = [one for one in entries("approval.request") if one["outcome"] == "denied"]
    assert len(denied) == 6
    assert {one["object_id"] for one in denied} == {"person:nina.new"}


def test_nobody_grants_or_approves_anything_for_themselves() -> None:
    assert refused(lambda: grant(RISK, PRIYA, "priya.admin")) == "grant-own"
    assert refused(lambda: grant(RISK, PRIYA, "PRIYA.admin")) == "grant-own"
    row = grant(SRE, PRIYA, "otto.admin")
    assert refused(lambda: approve(row, OTTO)) == "grant-own"
    assert refused(lambda: approve(row, PRIYA)) == "approval-own-request"
    assert roles_of("otto.admin") == {ADMIN}


def test_an_administrator_who_is_one_no_longer_grants_nothing() -> None:
    row = grant(TRADER)
    role_revoke(username="priya.admin", role=ADMIN, actor=OTTO)
    assert refused(lambda: approve(row, ADA)) == "approval-requester-role"


def test_it_is_void_when_the_person_has_changed_since() -> None:
    first, second = grant(TRADER), grant(SRE)
    approve(first, OTTO)
    with pytest.raises(ApprovalVoidError, match="person roles"):
        approve(second, OTTO)
    assert roles_of("nina.new") == {TRADER}


def test_two_roles_that_do_not_go_together_are_said() -> None:
    done = approve(grant(RISK, PRIYA, "olga.fx"), OTTO)
    assert done.result is not None
    assert done.result["conflicts"] == ["risk and trader: who takes risk would also approve it"]
    assert entries("role.grant")[0]["after"]["conflicts"] == done.result["conflicts"]


def test_rejected_nothing_is_granted() -> None:
    row = grant(TRADER)
    approval_reject(approval_id=row.id, actor=ADA, reason="not known to me")
    assert roles_of("nina.new") == frozenset()


# Desks --------------------------------------------------------------------------------------------


def test_a_desk_is_joined_by_two_and_shows_its_strategies_then() -> None:
    two_desks()
    approve(grant(TRADER), ADA)
    row = desk_join_request(username="nina.new", desk="fx", actor=PRIYA, reason="covers FX")
    assert rights_read("nina.new").to("view") == frozenset()
    assert approve(row, ADA).result == {
        "person": "nina.new", "active": True, "roles": ["trader"], "desks": ["fx"], "conflicts": []
    }  # fmt: skip
    assert rights_read("nina.new").to("view") == {"mom-fx", "mr-fx", "fx-shared"}
    assert entries("desk.grant")[0]["after"]["desks"] == ["fx"]
    again = desk_join_request(username="nina.new", desk="fx", actor=PRIYA, reason="again")
    with pytest.raises(RequestError, match="on fx already"):
        approve(again, ADA)


# Coming back --------------------------------------------------------------------------------------


def disabled(name: str, *roles: str) -> User:
    return somebody(name, *roles, active=False)


def test_who_comes_back_has_the_roles_and_desks_of_before() -> None:
    world = two_desks()
    on(world.crypto, disabled("gone.one", TRADER))
    row = person_enable_request(username="gone.one", actor=PRIYA, reason="back from leave")
    assert roles_of("gone.one") == frozenset()
    approve(row, ADA)
    assert roles_of("gone.one") == {TRADER}
    assert rights_read("gone.one").to("view") == {"mom-btc", "btc-shared"}
    (entry,) = entries("person.enable")
    assert (entry["before"]["active"], entry["after"]["active"]) == (False, True)


@pytest.mark.parametrize(
    ("roles", "seconds"),
    [
        ((), {OTTO, ADA, RUTH}),
        ((TRADER,), {OTTO, ADA}),
        ((COMPLIANCE,), {OTTO, RUTH}),
        ((ADMIN,), {OTTO}),
        ((TRADER, COMPLIANCE), {OTTO}),
    ],
)
def test_coming_back_takes_what_the_held_roles_take(
    roles: tuple[str, ...], seconds: set[Actor]
) -> None:
    name = disabled("gone.one", *roles).username
    row = person_enable_request(username=name, actor=PRIYA, reason="back")
    for one in set(EVERYBODY) - seconds:
        assert refused(partial(approve, row, one))
    for one in seconds:
        User.objects.filter(username=name).update(is_active=False)
        fresh = person_enable_request(username=name, actor=PRIYA, reason="back")
        assert approve(fresh, one).state == "executed"


# What cannot be asked ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "request_", "field"),
    [
        ("person:nobody", {"grant": "role", "role": "risk"}, "subject"),
        ("user:nina.new", {"grant": "role", "role": "risk"}, "subject"),
        (f"person:{'x' * 120}", {"grant": "role", "role": "risk"}, "subject"),
        ("person:nina.new", {"grant": "role", "role": "root"}, "role"),
        ("person:nina.new", {"grant": "role"}, "request"),
        ("person:nina.new", {"grant": "role", "role": "risk", "desk": "fx"}, "request"),
        ("person:nina.new", {"grant": "desk", "desk": "none"}, "desk"),
        ("person:nina.new", {"grant": "all"}, "grant"),
        ("person:nina.new", {}, "grant"),
    ],
)
def test_what_cannot_be_asked(subject: str, request_: dict[str, str], field: str) -> None:
    with pytest.raises(RequestError) as error:
        approval_request(
            kind="role-grant", subject=subject, request=request_, actor=PRIYA, reason="x"
        )
    assert error.value.field == field


def test_what_is_there_already_is_not_granted_again() -> None:
    row = grant(TRADER, PRIYA, "olga.fx")
    with pytest.raises(RequestError, match="is trader already"):
        approve(row, ADA)
    row = person_enable_request(username="olga.fx", actor=PRIYA, reason="x")
    with pytest.raises(RequestError, match="is not disabled"):
        approve(row, ADA)


def test_a_superuser_is_granted_nothing() -> None:
    User.objects.filter(username="nina.new").update(is_superuser=True)
    with pytest.raises(RequestError, match="superuser"):
        grant(TRADER)
