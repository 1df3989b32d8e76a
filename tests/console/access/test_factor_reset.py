"""Resetting somebody's factors: two administrators, neither of them that person."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from console.access.enrolment import person_invite
from console.access.factors import has_factor
from console.access.factors.recovery import codes_left, codes_renew
from console.models import PasskeyChallenge
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import (
    ApprovalVoidError,
    RequestError,
    approval_approve,
    approval_request,
)
from riskctl.models import Approval
from tests.console.access.authenticator import SecurityKey, registered
from tests.console.conftest import PASSWORD, entries, give_password, person, signed_in

pytestmark = pytest.mark.django_db

BOSSES = ("priya.raman", "omar.said")


def boss(name: str, age_s: float = 10) -> Actor:
    return Actor("person", name, roles=frozenset({"administrator"}), factor_age_s=age_s)


@pytest.fixture
def bosses(db: None) -> tuple[Actor, Actor]:
    for name in BOSSES:
        person(name, "administrator")
    return boss(BOSSES[0]), boss(BOSSES[1])


def ask(actor: Actor, subject: str = "person:mercy.okafor", **request: object) -> Approval:
    return approval_request(
        kind="factor-reset", subject=subject, request=request, actor=actor, reason="lost the phone"
    )


def approve(row: Approval, actor: Actor) -> Approval:
    return approval_approve(approval_id=row.id, digest=row.digest, actor=actor)


def test_two_administrators_take_everything_and_the_person_enrols_anew(
    desk_browser: Client, mercy: User, bosses: tuple[Actor, Actor]
) -> None:
    registered(mercy, SecurityKey())
    codes_renew(mercy)
    row = ask(bosses[0])
    done = approve(row, bosses[1])
    assert done.state == "executed"
    assert (has_factor(mercy), codes_left(mercy)) == (False, 0)
    assert not PasskeyChallenge.objects.exists()
    assert desk_browser.get("/")["Location"].startswith("/sign-in"), "their sessions ended"
    entry = entries("factor.reset")[-1]
    assert (entry["actor"], entry["after"]["asked_by"]) == ("omar.said", "priya.raman")
    assert len(entry["before"]["factors"]) == 2
    again = Client()
    assert give_password(again, mercy)["Location"] == "/enrol"
    with pytest.raises(NotAllowedError) as refused:
        person_invite(user=mercy, actor=bosses[0])
    assert refused.value.code == "person-enrolled", "one administrator alone cannot go on from here"


def test_the_password_too_when_it_was_asked_for(mercy: User, bosses: tuple[Actor, Actor]) -> None:
    approve(ask(bosses[0], password=True), bosses[1])
    assert give_password(Client(), mercy).status_code == 403
    fresh = User.objects.get(pk=mercy.pk)
    invitation = person_invite(user=fresh, actor=bosses[1])
    assert give_password(Client(), fresh, invitation.password)["Location"] == "/enrol/password"


def test_nobody_alone_and_nobody_for_themselves(mercy: User, bosses: tuple[Actor, Actor]) -> None:
    first, second = bosses
    with pytest.raises(NotAllowedError) as refused:
        approve(ask(first), first)
    assert refused.value.code == "approval-own-request"
    for subject in ("person:priya.raman", "person:PRIYA.RAMAN"):
        with pytest.raises(NotAllowedError) as refused:
            ask(first, subject)
        assert refused.value.code == "factor-reset-own"
    row = ask(second, "person:priya.raman")
    with pytest.raises(NotAllowedError) as refused:
        approve(row, first)
    assert refused.value.code == "factor-reset-own"
    assert has_factor(User.objects.get(username="priya.raman"))
    assert has_factor(mercy)


@pytest.mark.parametrize("role", ["trader", "risk", "sre", "compliance"])
def test_no_other_role_asks_or_approves(
    mercy: User, bosses: tuple[Actor, Actor], role: str
) -> None:
    other = Actor("person", "somebody.else", roles=frozenset({role}), factor_age_s=1)
    with pytest.raises(NotAllowedError) as refused:
        ask(other)
    assert refused.value.code == "approval-not-your-role"
    with pytest.raises(NotAllowedError):
        approve(ask(bosses[0]), other)
    assert has_factor(mercy)


def test_it_takes_fresh_factors(mercy: User, bosses: tuple[Actor, Actor]) -> None:
    for stale in (boss(BOSSES[0], 301), boss(BOSSES[0], float("inf"))):
        with pytest.raises(NotAllowedError) as refused:
            ask(stale)
        assert refused.value.code == "approval-needs-step-up"
    with pytest.raises(NotAllowedError):
        approve(ask(bosses[0]), boss(BOSSES[1], 301))
    assert has_factor(mercy)


def test_it_is_void_when_the_factors_changed_since(
    mercy: User, bosses: tuple[Actor, Actor]
) -> None:
    row = ask(bosses[0])
    registered(mercy, SecurityKey(), "found it")
    with pytest.raises(ApprovalVoidError):
        approve(row, bosses[1])
    assert has_factor(mercy)


@pytest.mark.parametrize(
    ("subject", "request_", "field"),
    [
        ("person:nobody.here", {}, "subject"),
        ("mercy.okafor", {}, "subject"),
        ("person:" + "x" * 140, {}, "subject"),
        ("person:mercy.okafor", {"password": "yes"}, "password"),
    ],
)
def test_what_cannot_be_asked(
    mercy: User, bosses: tuple[Actor, Actor], subject: str, request_: dict[str, object], field: str
) -> None:
    with pytest.raises(RequestError) as refused:
        ask(bosses[0], subject, **request_)
    assert refused.value.field == field


def test_through_the_pages(mercy: User, bosses: tuple[Actor, Actor]) -> None:
    users = [User.objects.get(username=name) for name in BOSSES]
    asks, decides = (signed_in(Client(), user) for user in users)
    assert "mercy.okafor" in asks.get("/security/reset?person=mercy.okafor").content.decode()
    assert asks.post("/security/reset", {"person": "mercy.okafor"}).status_code == 400
    own = {"person": BOSSES[0], "reason": "mine"}
    assert asks.post("/security/reset", own).status_code == 403
    posted = {"person": "mercy.okafor", "reason": "called her"}
    there = asks.post("/security/reset", posted)["Location"]
    page = decides.get(there).content.decode()
    assert "mercy.okafor" in page
    row = Approval.objects.get()
    answer = decides.post(f"{there}/approve", {"digest": row.digest, "reason": "saw her"})
    assert answer.status_code == 303
    assert not has_factor(mercy)
    assert PASSWORD not in page
