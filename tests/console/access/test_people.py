"""Inviting, disabling, taking away: one administrator, at once, and never oneself."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from console.access.people import (
    desk_leave,
    people_read,
    person_create,
    person_disable,
    person_read,
    role_revoke,
)
from console.access.rights import rights_read, roles_of
from console.access.sessions import Standing, person_of_key
from console.models import ApiToken, Enrolment, RightsVersion
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.kinds import RequestError
from riskctl.holds import ADMIN, COMPLIANCE, RISK, SRE, TRADER
from tests.console.access.world import actor, on, somebody, two_desks
from tests.console.conftest import entries, signed_in, whole_record

pytestmark = pytest.mark.django_db

PRIYA = actor("priya.admin", ADMIN)
STALE = actor("priya.admin", ADMIN, age_s=3600.0)
NEW = {"username": "nina.new", "first_name": "Nina", "last_name": "New"}


@pytest.fixture(autouse=True)
def priya() -> User:
    return somebody("priya.admin", ADMIN)


def create(who: Actor = PRIYA, **facts: Any) -> Any:
    given: dict[str, Any] = {**NEW, **facts}
    return person_create(**given, actor=who)


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(NotAllowedError) as error:
        work()
    return error.value.code


# Coming ------------------------------------------------------------------------------------------


def test_who_is_made_has_no_role_and_an_initial_password() -> None:
    invited = create(email="nina@desk.example")
    user = User.objects.get(username="nina.new")
    assert user.check_password(invited.password)
    assert (user.get_full_name(), user.email) == ("Nina New", "nina@desk.example")
    assert not user.is_superuser
    assert not user.is_staff
    assert roles_of("nina.new") == frozenset()
    until = Enrolment.objects.get(user=user).initial_until
    assert until is not None
    assert until > timezone.now()
    assert [one["actor"] for one in entries("person.create")] == ["priya.admin"]
    assert len(entries("person.invite")) == 1
    assert invited.password not in whole_record()


@pytest.mark.parametrize("role", [TRADER, RISK, SRE, COMPLIANCE])
def test_only_administrators_make_people(role: str) -> None:
    assert refused(lambda: create(actor("some.one", role))) == "people-not-your-role"
    assert not User.objects.filter(username="nina.new").exists()
    (entry,) = entries("person.create")
    assert (entry["outcome"], entry["after"]["code"]) == ("denied", "people-not-your-role")


def test_making_somebody_asks_for_a_fresh_factor() -> None:
    assert refused(lambda: create(STALE)) == "security-needs-step-up"
    assert not User.objects.filter(username="nina.new").exists()


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"username": "Nina"}, "username"), ({"username": ""}, "username"),
        ({"username": ".nina"}, "username"), ({"username": "nina new"}, "username"),
        ({"username": "shell:root"}, "username"), ({"username": "n" * 61}, "username"),
        ({"first_name": " "}, "first_name"), ({"last_name": "x\x00"}, "last_name"),
        ({"last_name": "x" * 151}, "last_name"), ({"email": "no address"}, "email"),
    ],
)  # fmt: skip
def test_what_makes_no_person(facts: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as error:
        create(**facts)
    assert error.value.field == field


def test_a_name_is_taken_whatever_its_case() -> None:
    User.objects.create(username="Nina.New")
    with pytest.raises(RequestError, match="taken"):
        create()


# Disabling ---------------------------------------------------------------------------------------


def test_who_is_disabled_has_nothing_left_at_once(browser: Client, mercy: User) -> None:
    signed_in(browser, mercy)
    key = str(browser.session.session_key)
    assert person_of_key(key).standing is Standing.FACTOR
    found = person_disable(username="mercy.okafor", actor=STALE, reason="left the firm")
    assert not found.active
    assert person_of_key(key).standing is not Standing.FACTOR
    assert roles_of("mercy.okafor") == frozenset()
    assert browser.get("/").status_code == 302
    (entry,) = entries("person.disable")
    assert (entry["actor"], entry["reason"]) == ("priya.admin", "left the firm")
    assert (entry["before"]["active"], entry["after"]["active"]) == (True, False)
    assert entries("session.end")
    person_disable(username="mercy.okafor", actor=PRIYA)
    assert len(entries("person.disable")) == 1, "it is so already"


def test_tokens_of_who_is_disabled_are_refused(caller: Client) -> None:
    assert caller.get("/api/stages").status_code == 200
    person_disable(username="mercy.okafor", actor=PRIYA)
    assert caller.get("/api/stages").status_code == 401


# Taking away -------------------------------------------------------------------------------------


def test_a_role_is_taken_at_once_and_open_sockets_are_told() -> None:
    somebody("olga.fx", TRADER, RISK)
    found = role_revoke(username="olga.fx", role=RISK, actor=STALE, reason="trades now")
    assert found.roles == (TRADER,)
    assert roles_of("olga.fx") == {TRADER}
    assert RightsVersion.objects.get(person__username="olga.fx").version == 1
    (entry,) = entries("role.revoke")
    assert (entry["before"]["roles"], entry["after"]["roles"]) == (["risk", "trader"], ["trader"])
    role_revoke(username="olga.fx", role=RISK, actor=PRIYA)
    assert len(entries("role.revoke")) == 1, "it is gone already"
    with pytest.raises(RequestError, match="none of trader"):
        role_revoke(username="olga.fx", role="root", actor=PRIYA)


def test_tokens_that_were_agreed_to_for_a_role_end_with_it() -> None:
    olga = somebody("olga.fx", TRADER, RISK)
    ends = timezone.now() + dt.timedelta(days=1)
    for name, scopes in (("reads", ["read"]), ("stops", ["read", "stop"])):
        ApiToken.objects.create(name=name, owner=olga, scopes=scopes, expires_at=ends)
    role_revoke(username="olga.fx", role=RISK, actor=PRIYA)
    living = ApiToken.objects.filter(revoked_at=None)
    assert [one.name for one in living] == ["reads"]
    (entry,) = entries("token.revoke")
    assert (entry["actor"], entry["reason"]) == ("priya.admin", "risk was taken away")


def test_a_desk_is_left_at_once_with_what_it_gave() -> None:
    world = two_desks()
    on(world.fx, somebody("nina.fx", TRADER))
    assert rights_read("nina.fx").to("view")
    found = desk_leave(username="nina.fx", desk="fx", actor=STALE)
    assert found.desks == ()
    assert rights_read("nina.fx").to("view") == frozenset()
    assert entries("desk.leave")[0]["before"]["desks"] == ["fx"]
    with pytest.raises(RequestError, match="there are: crypto, fx"):
        desk_leave(username="nina.fx", desk="none", actor=PRIYA)


@pytest.mark.parametrize("role", [TRADER, RISK, SRE, COMPLIANCE])
def test_only_an_administrator_takes_away_and_the_refusal_is_recorded(role: str) -> None:
    two_desks()
    somebody("olga.fx", TRADER)
    who = actor("some.one", role)
    for action, work in (
        ("person.disable", lambda: person_disable(username="olga.fx", actor=who)),
        ("role.revoke", lambda: role_revoke(username="olga.fx", role=TRADER, actor=who)),
        ("desk.leave", lambda: desk_leave(username="olga.fx", desk="fx", actor=who)),
    ):
        assert refused(work) == "people-not-your-role"
        (entry,) = entries(action)
        assert (entry["outcome"], entry["object_id"]) == ("denied", "olga.fx")
    assert roles_of("olga.fx") == {TRADER}


def test_nobody_does_it_to_themselves_so_one_administrator_is_left() -> None:
    two_desks()
    for work in (
        lambda: person_disable(username="Priya.Admin", actor=PRIYA),
        lambda: role_revoke(username="priya.admin", role=ADMIN, actor=PRIYA),
        lambda: desk_leave(username="priya.admin", desk="fx", actor=PRIYA),
    ):
        assert refused(work) == "people-oneself"
    assert roles_of("priya.admin") == {ADMIN}


def test_tokens_take_nothing_away() -> None:
    token = Actor(
        kind="token", name="t", roles=frozenset({ADMIN}), token_scopes=frozenset({"stop"})
    )
    somebody("olga.fx", TRADER)
    assert refused(lambda: person_disable(username="olga.fx", actor=token)) == (
        "people-tokens-cannot"
    )


def test_who_is_not_there() -> None:
    name = f"no.{uuid.uuid4().hex[:8]}"
    assert refused(lambda: person_disable(username=name, actor=PRIYA)) == "person-unknown"
    assert refused(lambda: person_read(name)) == "person-unknown"


# Reading -----------------------------------------------------------------------------------------


def test_everybody_with_roles_desks_and_what_should_not_be_together(mercy: User) -> None:
    world = two_desks()
    olga = somebody("olga.fx", TRADER, RISK, "friends")
    on(world.fx, olga)
    found = {one.username: one for one in people_read()}
    assert list(found) == sorted(found)
    one = found["olga.fx"]
    assert (one.roles, one.desks, one.active) == (("risk", "trader"), ("fx",), True)
    assert [it.roles for it in one.conflicts] == [{TRADER, RISK}]
    assert one.factors == ()
    assert one.last_sign_in is None
    assert found["mercy.okafor"].factors == ("authenticator",)
    assert not found["mercy.okafor"].conflicts
    assert one == person_read("olga.fx")
