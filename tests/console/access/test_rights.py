"""From a request to an Actor: roles of people, scopes of tokens, leave to stop that is carried."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpResponse
from django.test import Client, RequestFactory

from console.access import capability
from console.access.rights import actor_of, factor_age_s, owns_of, page_actor, roles_of
from console.access.sessions import FACTOR_AT, person_of_key
from console.api.authentication import _BEARER, token_digest, token_text
from console.models import ApiToken
from riskctl.holds import OWN, STOP_TOKEN, TRADER
from tests.console.conftest import signed_in
from trading.liquidation.service import may_flatten
from trading.models import Strategy, VenueAccount

pytestmark = pytest.mark.django_db


@pytest.fixture
def owned(mercy: User) -> None:
    account = VenueAccount.objects.create(
        name="paper-1", venue="Paper One", adapter="none", address="127.0.0.1:1"
    )
    for key, owner in (("mom-one", "mercy.okafor"), ("rev-two", "tomas.brandt")):
        Strategy.objects.create(
            key=key, kind="momentum", owner=owner, account=account, symbols=["EURUSD"],
            size_notional=1,
        )  # fmt: skip


def request_of(browser: Client) -> Any:
    request = RequestFactory(headers={"X-Request-ID": "r-1"}).get("/")
    request.session = browser.session
    return request


def test_a_person_has_roles_strategies_and_a_factor_of_some_age(
    browser: Client, mercy: User, owned: None
) -> None:
    signed_in(browser, mercy)
    actor = page_actor(request_of(browser))
    assert (actor.kind, actor.name) == ("person", "mercy.okafor")
    assert actor.roles == {"trader"}
    assert actor.owns == {"mom-one"}
    assert actor.factor_age_s is not None
    assert 0 <= actor.factor_age_s < 60
    assert actor.stepped_up
    assert (actor.source, actor.request_id) == ("127.0.0.1", "r-1")
    assert actor.standings("strategy:mom-one") == {TRADER, OWN}
    assert actor.standings("strategy:rev-two") == {TRADER}


@pytest.mark.parametrize(
    ("ago", "stepped_up"), [(0, True), (270, True), (301, False), (-3_600, False), (None, False)]
)
def test_only_a_fresh_factor_steps_up(
    browser: Client, mercy: User, ago: int | None, stepped_up: bool
) -> None:
    signed_in(browser, mercy)
    session = browser.session
    session[FACTOR_AT] = None if ago is None else int(time.time()) - ago
    session.save()
    behind = person_of_key(str(session.session_key))
    request = request_of(browser)
    assert behind.user is not None or ago is None
    assert actor_of(request, behind).stepped_up is stepped_up


def test_a_session_without_a_factor_has_no_age() -> None:
    assert factor_age_s(SessionBase()) is None


def test_roles_are_of_people_who_may_sign_in(mercy: User) -> None:
    mercy.groups.add(Group.objects.get_or_create(name="risk")[0])
    assert roles_of("mercy.okafor") == {"trader", "risk"}
    assert roles_of("nobody") == frozenset() == owns_of("nobody")
    mercy.is_active = False
    mercy.save()
    assert roles_of("mercy.okafor") == frozenset()


@pytest.mark.parametrize("scope", list(ApiToken.Scope))
def test_a_token_has_no_roles_whoever_owns_it(
    new_token: Callable[..., str], mercy: User, owned: None, scope: str
) -> None:
    mercy.groups.set([Group.objects.get_or_create(name=name)[0] for name in ("risk", "sre")])
    new_token(scope)
    actor = actor_of(RequestFactory().post("/"), ApiToken.objects.get())
    assert (actor.kind, actor.name) == ("token", "script of mercy.okafor")
    assert (actor.roles, actor.owns, actor.factor_age_s) == (frozenset(), frozenset(), None)
    assert actor.on_behalf_of == "mercy.okafor"
    assert actor.standings("strategy:mom-one") == ({STOP_TOKEN} if scope == "stop" else set())
    assert may_flatten(actor) is (scope == "flatten")
    claimed = actor_of(RequestFactory().post("/"), ApiToken.objects.get(), claimed="t.brandt")
    assert claimed.on_behalf_of == "t.brandt"


# Capabilities ------------------------------------------------------------------------------------


def token(**facts: Any) -> str:
    given: dict[str, Any] = {
        "name": "demo stop of ada.nwosu", "owner": "ada.nwosu", "scopes": ("read", "stop"),
        "expires_at": int(time.time()) + 60,
    }  # fmt: skip
    return capability.token_with(facts.pop("bare", token_text()), **given | facts)


def test_a_token_carries_leave_to_stop() -> None:
    text = token()
    found = capability.of_token(text)
    assert found is not None
    actor = actor_of(RequestFactory().post("/"), found)
    assert (actor.kind, actor.name) == ("token", "demo stop of ada.nwosu")
    assert (actor.roles, actor.factor_age_s) == (frozenset(), None)
    assert actor.token_scopes == {"read", "stop"}
    assert actor.on_behalf_of == "ada.nwosu"
    assert _BEARER.fullmatch(f"Bearer {text}")
    assert len(token_digest(text)) == 32


def test_it_is_worth_nothing_elsewhere_altered_or_later(settings: Any) -> None:
    text = token()
    bare, _, carried = text.partition(".")
    for other in (
        f"{token_text()}.{carried}", f"{bare}.{carried[:-1]}", f"{bare}.x{carried}", bare,
        f"{bare}.", f"{bare}.{carried}{carried}", ".", "", f"{bare}." + "x" * 5_000,
        token(expires_at=int(time.time())),
    ):  # fmt: skip
        assert capability.of_token(other) is None, other
    assert capability.of_cookie({capability.cookie_name(): carried}) is None
    settings.SECRET_KEY = "another installation's key, of fifty characters or more"
    assert capability.of_token(text) is None


def test_a_browser_carries_what_its_person_could_stop(owned: None) -> None:
    response = HttpResponse()
    capability.give_cookie(response, name="mercy.okafor", roles={"trader"}, owns={"mom-one"})
    morsel = response.cookies[capability.cookie_name()]
    assert morsel["httponly"]
    assert morsel["samesite"] == "Strict"
    found = capability.of_cookie({capability.cookie_name(): morsel.value})
    assert found is not None
    actor = actor_of(RequestFactory().post("/"), found)
    assert (actor.kind, actor.name) == ("person", "mercy.okafor")
    assert actor.roles == {"trader"}
    assert actor.standings("strategy:mom-one") == {TRADER, OWN}
    assert not actor.stepped_up
    assert capability.of_token(f"{token_text()}.{morsel.value}") is None
    capability.drop_cookie(response)
    assert response.cookies[capability.cookie_name()].value == ""
