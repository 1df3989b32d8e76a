"""The access review as the server draws it: alerts, findings, signing, and who may see it."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings
from redis import Redis

from console.access.escalation import escalations_notice, escalations_set_up
from console.access.roles import roles_reconcile
from console.models import AccessReview, Authenticator, Escalation
from riskctl.actors import system_actor
from riskctl.models import Approval
from tests.pages.conftest import open_session

START = system_actor("desk start")


def person(name: str, role: str) -> User:
    first, last = (part.title() for part in name.split("."))
    user = User.objects.create(username=name, first_name=first, last_name=last)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    Authenticator.objects.create(user=user, name="authenticator", confirmed=True)
    return user


@pytest.fixture(autouse=True)
def _settled(mercy: User, redis: Redis) -> None:
    roles_reconcile(actor=START)
    for name, role in (("ruth.adeyemi", "compliance"), ("priya.raman", "administrator"),
                       ("lena.fischer", "risk"), ("jonas.lindqvist", "sre")):  # fmt: skip
        person(name, role)
    escalations_notice()
    escalations_set_up(actor=START, note="set up")


def client_of(name: str, settings: Settings) -> Client:
    client = Client()
    user = User.objects.get(username=name)
    client.cookies[settings.SESSION_COOKIE_NAME] = open_session(user)
    return client


def words(answer: object) -> str:
    html = answer.content.decode()  # type: ignore[attr-defined]
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("name", ["ruth.adeyemi", "priya.raman", "lena.fischer"])
def test_reviewers_see_who_can_do_what(name: str, settings: Settings) -> None:
    said = words(client_of(name, settings).get("/access-review"))
    assert "overdue never signed off" in said
    assert "Mercy Okafor mercy.okafor active trader" in said
    assert "None Every role, permission, flag and token that was gained is accounted for" in said


@pytest.mark.parametrize("name", ["mercy.okafor", "jonas.lindqvist"])
@pytest.mark.parametrize(
    "path", ["/access-review", "/access-review/6b1f1a9e-8f5d-4a86-9d0c-51f3c2a1a001"]
)
def test_nobody_else_does_and_no_way_leads_there(name: str, path: str, settings: Settings) -> None:
    client = client_of(name, settings)
    assert client.get(path).status_code == 403
    assert 'href="/access-review"' not in client.get("/").content.decode()


def test_a_gain_that_nothing_accounts_for_is_shown_and_acknowledged(settings: Settings) -> None:
    User.objects.get(username="mercy.okafor").groups.add(Group.objects.get(name="risk"))
    row = Escalation.objects.latest("id")
    priya = client_of("priya.raman", settings)
    said = words(priya.get("/access-review"))
    assert "critical M. Okafor role: risk" in said
    assert "Roles that do not go together mercy.okafor risk and trader" in said
    counted = priya.get("/").content.decode()
    assert re.search(
        r'href="/access-review"[^<]*>Access review <b class="nav-count"[^>]*>1<', counted
    )
    path = f"/access-review/alerts/{row.pk}/acknowledge"
    assert client_of("lena.fischer", settings).post(path, {"note": "x"}).status_code == 403
    assert priya.post(path, {"note": ""}).status_code == 400
    assert priya.post(path, {"note": "a mistake"}).status_code == 303
    said = words(priya.get("/access-review"))
    assert "P. Raman: a mistake" in said
    assert "critical M. Okafor" not in said


def test_who_gained_is_told_that_somebody_else_looks(settings: Settings) -> None:
    User.objects.get(username="priya.raman").groups.add(Group.objects.get(name="compliance"))
    said = words(client_of("priya.raman", settings).get("/access-review"))
    assert "yours: somebody else looks" in said


def test_risk_sees_alerts_and_does_not_acknowledge_them(settings: Settings) -> None:
    User.objects.get(username="mercy.okafor").groups.add(Group.objects.get(name="risk"))
    said = words(client_of("lena.fischer", settings).get("/access-review"))
    assert "an administrator or compliance acknowledges" in said


def test_it_is_prepared_signed_and_kept(settings: Settings) -> None:
    ruth, lena = client_of("ruth.adeyemi", settings), client_of("lena.fischer", settings)
    refused = lena.post("/access-review/prepare", {"reason": "q"})
    assert refused.status_code == 403
    assert not AccessReview.objects.exists()
    assert ruth.post("/access-review/prepare", {"reason": ""}).status_code == 400
    asked = ruth.post("/access-review/prepare", {"reason": "the quarter's"})
    assert asked.status_code == 303
    row = Approval.objects.get(kind="access-review")
    assert asked["Location"] == f"/approvals/{row.id}"
    shown = words(lena.get(asked["Location"]))
    assert "Sign off access review" in shown
    done = lena.post(f"/approvals/{row.id}/approve", {"digest": row.digest})
    assert done.status_code == 303
    review = AccessReview.objects.get()
    assert review.signed_by == "lena.fischer"
    said = words(ruth.get("/access-review"))
    assert "signed off" in said
    assert "overdue" not in said
    kept = words(ruth.get(f"/access-review/{review.id}"))
    assert "prepared by R. Adeyemi · signed by L. Fischer" in kept
    assert "is what was kept" in kept


def test_a_review_that_is_not_there_is_said(settings: Settings) -> None:
    path = "/access-review/6b1f1a9e-8f5d-4a86-9d0c-51f3c2a1a001"
    assert client_of("ruth.adeyemi", settings).get(path).status_code == 404


def test_a_watch_that_is_off_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.pages.review.unwatched", lambda: ["auth_user"])
    said = words(client_of("ruth.adeyemi", settings).get("/access-review"))
    assert "Not watched: gains of privilege in auth_user are not seen" in said
