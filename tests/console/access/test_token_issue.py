"""A token that does more than read: asked for by its owner, agreed to by the right other person."""

import dataclasses
import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connections

from console.access import token_issue
from console.access.rights import roles_of
from console.access.token_issue import AGREES, COLLECT_WITHIN
from console.access.token_wish import Wanted, wanted
from console.access.tokens import name_free, token_ask, token_collect
from console.models import ApiToken
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import ApprovalVoidError, RequestError, approval_approve, approval_request
from riskctl.models import Approval
from tests.console.conftest import entries, person, whole_record

pytestmark = pytest.mark.django_db(transaction=True)

ROLES = ("trader", "risk", "sre", "compliance", "administrator")


@pytest.fixture
def people(transactional_db: None) -> dict[str, Actor]:
    """One person of each role, and a second risk manager, all with a fresh factor."""
    found = {}
    for role in (*ROLES, "risk-2"):
        name = f"{role}.person"
        person(name, role.removesuffix("-2"))
        found[role] = Actor(
            kind="person", name=name, roles=roles_of(name), factor_age_s=5.0, source="192.0.2.1"
        )
    return found


def wish(*scopes: str) -> Wanted:
    return wanted(name="script", scopes=["read", *scopes], networks=["10.0.0.0/8"], days=30)


def approved(row: Approval, actor: Actor) -> Approval:
    return approval_approve(
        approval_id=row.id, digest=row.digest, actor=actor,
        requester_roles=roles_of(row.requested_by),
    )  # fmt: skip


def ask(actor: Actor, *scopes: str) -> Approval:
    return token_ask(actor=actor, wish=wish(*scopes), reason="stops at the close")


@pytest.mark.parametrize("scope", [one for one in ApiToken.Scope.values if one != "read"])
@pytest.mark.parametrize("role", ROLES)
def test_who_agrees_to_which_scope(people: dict[str, Actor], scope: str, role: str) -> None:
    asker = people["risk-2" if role == "trader" else "trader"]
    row = ask(asker, scope)
    if people[role].roles & AGREES[scope]:
        assert approved(row, people[role]).state == "executed"
        token = ApiToken.objects.get()
        assert (token.owner.get_username(), set(token.scopes)) == (asker.name, {"read", scope})
        assert (token.digest, token.networks, token.approval) == (None, ["10.0.0.0/8"], row.id)
    else:
        with pytest.raises(NotAllowedError):
            approved(row, people[role])
        assert not ApiToken.objects.exists()
        row.refresh_from_db()
        assert row.state == "pending"


def test_every_scope_beyond_reading_says_who_agrees() -> None:
    assert set(AGREES) == set(ApiToken.Scope.values) - {"read"}


@pytest.mark.parametrize("role", ROLES)
def test_any_role_asks_for_its_own_and_nobody_agrees_to_their_own(
    people: dict[str, Actor], role: str
) -> None:
    row = ask(people[role], "stop")
    assert row.subject == f"token:{people[role].name}/script"
    with pytest.raises(NotAllowedError) as refused:
        approved(row, people[role])
    assert refused.value.code == "approval-own-request"
    assert not ApiToken.objects.exists()


def test_two_agree_to_each_others_tokens_at_the_same_moment(
    people: dict[str, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is the other's owner: neither waits for a row that the other keeps."""
    pairs = [("risk", "risk-2"), ("risk-2", "risk")]
    rows = [(ask(people[asks], "stop"), people[agrees]) for asks, agrees in pairs]
    both = threading.Barrier(2, timeout=20)

    def met(owner: User, name: str) -> None:
        both.wait()
        name_free(owner, name)

    def agree(row: Approval, who: Actor) -> str:
        try:
            return str(approved(row, who).state)
        finally:
            connections.close_all()

    monkeypatch.setattr(token_issue, "name_free", met)
    with ThreadPoolExecutor(2) as callers:
        assert list(callers.map(lambda one: agree(*one), rows)) == ["executed", "executed"]
    assert ApiToken.objects.count() == 2


def test_nothing_secret_is_made_before_its_owner_collects(people: dict[str, Actor]) -> None:
    row = approved(ask(people["trader"], "stop"), people["risk"])
    token = ApiToken.objects.get()
    assert (row.result or {})["token"] == token.pk
    assert (token.digest, token.previous_digest) == (None, None)
    assert token.collect_until is not None
    left = token.collect_until - dt.datetime.now(dt.UTC)
    assert dt.timedelta(0) < left <= COLLECT_WITHIN
    found = token_collect(token_id=token.pk, actor=people["trader"])
    row.refresh_from_db()
    for kept in (whole_record(), repr(vars(row)), repr(vars(ApiToken.objects.get()))):
        assert found.text.partition(".")[0] not in kept
    issued, collected = entries("token.issue")[0], entries("token.collect")[0]
    assert issued["actor"] == "risk.person"
    assert issued["after"]["asked_by"] == "trader.person"
    assert issued["correlation_id"] == collected["correlation_id"] == str(row.id)


def test_a_token_for_somebody_else_is_never_made(people: dict[str, Actor]) -> None:
    """Risk asks in a trader's name, and the trader agrees: nothing comes of it."""
    row = approval_request(
        kind="token-issue", subject="token:trader.person/script",
        request=wish("stop").request(), actor=people["risk"], reason="x",
    )  # fmt: skip
    with pytest.raises(NotAllowedError) as refused:
        approved(row, people["trader"])
    assert refused.value.code == "token-not-yours"
    assert not ApiToken.objects.exists()


def test_it_is_void_when_its_owner_changed_meanwhile(people: dict[str, Actor]) -> None:
    row = ask(people["trader"], "stop")
    User.objects.get(username="trader.person").groups.add(Group.objects.get(name="sre"))
    with pytest.raises(ApprovalVoidError):
        approved(row, people["risk"])
    row.refresh_from_db()
    assert (row.state, ApiToken.objects.count()) == ("void", 0)


def test_an_owner_who_left_gets_none(people: dict[str, Actor]) -> None:
    row = ask(people["trader"], "stop")
    User.objects.filter(username="trader.person").update(is_active=False)
    with pytest.raises(NotAllowedError):
        approved(row, people["risk"])
    assert not ApiToken.objects.exists()


def test_the_same_name_twice_is_refused_at_the_second(people: dict[str, Actor]) -> None:
    first, second = ask(people["trader"], "stop"), ask(people["trader"], "flatten")
    approved(first, people["risk"])
    with pytest.raises(RequestError) as refused:
        approved(second, people["risk"])
    assert refused.value.field == "name"
    assert ApiToken.objects.count() == 1


def test_asking_and_agreeing_take_a_fresh_factor(people: dict[str, Actor]) -> None:
    with pytest.raises(NotAllowedError, match="second factor"):
        ask(dataclasses.replace(people["trader"], factor_age_s=400.0), "stop")
    row = ask(people["trader"], "stop")
    with pytest.raises(NotAllowedError, match="second factor"):
        approved(row, dataclasses.replace(people["risk"], factor_age_s=400.0))
    assert not ApiToken.objects.exists()


def test_no_token_asks_for_another(people: dict[str, Actor]) -> None:
    actor = Actor(
        kind="token", name="t of risk.person", token_scopes=frozenset(ApiToken.Scope.values)
    )
    with pytest.raises(NotAllowedError) as refused:
        ask(actor, "stop")
    assert refused.value.code == "approval-tokens-cannot"


@pytest.mark.parametrize(
    ("subject", "request_", "field"),
    [("token:trader.person", {"scopes": ["stop"], "days": 1}, "name"),
     ("token:nobody.here/x", {"scopes": ["stop"], "days": 1}, "subject"),
     ("strategy:x", {"scopes": ["stop"], "days": 1}, "subject"),
     ("token:trader.person/x", {"scopes": ["read"], "days": 1}, "scopes"),
     ("token:trader.person/x", {"scopes": ["lift"], "days": 1}, "scopes"),
     ("token:trader.person/x", {"days": 1}, "scopes"),
     ("token:trader.person/x", {"scopes": ["stop"]}, "days"),
     ("token:trader.person/x", {"scopes": ["stop"], "days": 1, "roles": []}, "roles"),
     ("token:trader.person/x", {"scopes": ["stop"], "days": 1, "networks": ["x"]}, "networks")],
)  # fmt: skip
def test_what_cannot_be_asked_names_the_field(
    people: dict[str, Actor], subject: str, request_: dict[str, Any], field: str
) -> None:
    actor = people["risk" if "nobody" in subject else "trader"]
    with pytest.raises(RequestError) as refused:
        approval_request(
            kind="token-issue", subject=subject, request=request_, actor=actor, reason="x"
        )
    assert refused.value.field == field
    assert not Approval.objects.exists()
