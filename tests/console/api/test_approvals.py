"""/api/approvals: asked, shown, decided by another."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from console.access.sessions import FACTOR_AT
from riskctl.models import Approval, Limit
from tests.console.api.brakes import BrakesDesk, sent
from tests.console.api.test_problems import problem
from tests.console.conftest import entries
from tests.support.desks import on_no_desk

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/approvals"


@pytest.fixture
def asking(brakes: BrakesDesk) -> dict[str, Any]:
    """Raising the firm's gross limit from 100 to 200."""
    Limit.objects.create(scope="firm", kind="gross-notional", value=100)
    return {
        "kind": "limit-raise", "subject": "limit:firm/gross-notional",
        "request": {"value": "200"}, "reason": "more room", "operator": "m.okafor",
    }  # fmt: skip


def value() -> int:
    return int(Limit.objects.get().value)


def asked(brakes: BrakesDesk, asking: dict[str, Any], who: str = "ada") -> dict[str, Any]:
    answer = sent(brakes.person(who), PATH, asking)
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    assert answer["Location"] == f"{PATH}/{body['id']}"
    return body


def test_two_people_raise_a_limit(brakes: BrakesDesk, asking: dict[str, Any]) -> None:
    body = asked(brakes, asking)
    reader = brakes.token("read")
    assert reader.get(f"{PATH}/{body['id']}/").json() == body
    assert (body["status"], body["asked_in"], body["requester_roles"]) == (
        "pending", {"value": "100", "version": 1}, ["risk"],
    )  # fmt: skip
    assert value() == 100
    answer = sent(brakes.person("lena"), f"{PATH}/{body['id']}/approve", {"digest": body["digest"]})
    assert answer.status_code == 200, answer.content
    done = answer.json()
    assert (done["status"], done["decided_by"]) == ("executed", "lena.fischer")
    assert done["result"]["value"] == "200"
    assert value() == 200
    assert entries("approval.execute")[0]["actor"] == "lena.fischer"
    again = sent(brakes.person("lena"), f"{PATH}/{body['id']}/approve", {"digest": body["digest"]})
    problem(again, 409, "approval-decided")


def test_who_cannot_approve(brakes: BrakesDesk, asking: dict[str, Any]) -> None:
    body = asked(brakes, asking)
    path, digest = f"{PATH}/{body['id']}/approve", {"digest": body["digest"]}
    problem(sent(brakes.person("ada"), path, digest), 403, "approval-own-request")
    problem(sent(brakes.person("ruth"), path, digest), 403, "approval-not-your-role")
    lena = brakes.person("lena")
    problem(sent(lena, path, {"digest": "0" * 64}), 409, "approval-digest-differs")
    assert problem(sent(lena, path, {}), 400, "body-invalid")["field"] == "digest"
    session = lena.session
    session[FACTOR_AT] -= 301
    session.save()
    problem(sent(lena, path, digest), 403, "approval-needs-step-up")
    assert value() == 100
    denied = {one["reason"] for one in entries("access.deny")}
    assert {"approval-own-request", "approval-needs-step-up"} <= denied


def test_a_requester_who_lost_the_role_counts_no_more(
    brakes: BrakesDesk, asking: dict[str, Any]
) -> None:
    body = asked(brakes, asking)
    User.objects.get(username="ada.nwosu").groups.set([Group.objects.get_or_create(name="sre")[0]])
    answer = sent(brakes.person("lena"), f"{PATH}/{body['id']}/approve", {"digest": body["digest"]})
    problem(answer, 403, "approval-requester-role")
    assert value() == 100


def test_what_changed_since_makes_it_void(brakes: BrakesDesk, asking: dict[str, Any]) -> None:
    body = asked(brakes, asking)
    Limit.objects.update(value=150)
    path, digest = f"{PATH}/{body['id']}/approve", {"digest": body["digest"]}
    for key in ({}, {"Idempotency-Key": "k"}):
        answer = sent(brakes.person("lena"), path, digest, **key)
        problem(answer, 409, "approval-decided" if key else "approval-void")
    assert Approval.objects.get().state == "void"
    assert value() == 150


def test_void_is_kept_under_a_key_too(brakes: BrakesDesk, asking: dict[str, Any]) -> None:
    body = asked(brakes, asking)
    Limit.objects.update(value=150)
    path = f"{PATH}/{body['id']}/approve"
    answer = sent(
        brakes.person("lena"), path, {"digest": body["digest"]}, **{"Idempotency-Key": "k"}
    )
    problem(answer, 409, "approval-void")
    assert Approval.objects.get().state == "void"


@pytest.mark.parametrize("scope", ["read", "stop", "flatten", "trade-test", "export"])
def test_no_token_asks_or_decides(
    brakes: BrakesDesk, asking: dict[str, Any], scope: str
) -> None:  # fmt: skip
    client = brakes.token(scope)
    problem(sent(client, PATH, asking), 403, "approval-tokens-cannot")
    body = asked(brakes, asking)
    for what, given in (
        ("approve", {"digest": body["digest"]}), ("reject", {"reason": "x"}), ("withdraw", {}),
    ):  # fmt: skip
        answer = sent(client, f"{PATH}/{body['id']}/{what}", given)
        problem(answer, 403, "approval-tokens-cannot")
    assert Approval.objects.get().state == "pending"


def test_no_is_said_by_another_and_taken_back_by_oneself(
    brakes: BrakesDesk, asking: dict[str, Any]
) -> None:
    one, other = asked(brakes, asking), asked(brakes, asking)
    ada, lena = brakes.person("ada"), brakes.person("lena")
    path = f"{PATH}/{one['id']}"
    problem(sent(ada, f"{path}/reject", {"reason": "x"}), 403, "approval-own-request")
    assert problem(sent(lena, f"{path}/reject"), 400, "body-invalid")["field"] == "reason"
    assert sent(lena, f"{path}/reject/", {"reason": "too much"}).json()["status"] == "rejected"
    problem(sent(lena, f"{PATH}/{other['id']}/withdraw"), 403, "approval-not-yours")
    assert sent(ada, f"{PATH}/{other['id']}/withdraw").json()["status"] == "withdrawn"
    reader = brakes.token("read")
    assert [r["id"] for r in reader.get(f"{PATH}?status=pending").json()] == []
    assert [r["id"] for r in reader.get(f"{PATH}?status=rejected").json()] == [one["id"]]
    assert [r["id"] for r in reader.get(PATH).json()] == [other["id"], one["id"]]
    assert len(reader.get(f"{PATH}?kind=hold-lift").json()) == 0
    page = reader.get(f"{PATH}?limit=1")
    rest = reader.get(page["Link"].split(">")[0][1:])
    assert [r["id"] for r in (*page.json(), *rest.json())] == [other["id"], one["id"]]


def test_requests_about_others_desks_are_not_there(
    brakes: BrakesDesk, asking: dict[str, Any]
) -> None:
    Limit.objects.create(scope="strategy:mr-btcusdt", kind="gross-notional", value=100)
    firm = asked(brakes, asking)
    other = asked(brakes, {**asking, "subject": "limit:strategy:mr-btcusdt/gross-notional"})
    trigger = asked(
        brakes,
        {"kind": "trigger-relax", "subject": "trigger:drawdown", "request": {}, "reason": "r"},
    )
    mercy, jonas = brakes.person("mercy"), brakes.person("jonas")
    on_no_desk("mercy.okafor")

    def seen(client: Client) -> set[str]:
        return {one["id"] for one in client.get(PATH).json()}

    assert seen(mercy) == {firm["id"]}
    assert seen(brakes.token("read")) == {firm["id"]}, "a token sees what its owner sees"
    assert seen(jonas) == {firm["id"], other["id"], trigger["id"]}
    for path, given in ((other["id"], None), (f"{other['id']}/reject", {"reason": "no"})):
        answer = sent(mercy, f"{PATH}/{path}", given) if given else mercy.get(f"{PATH}/{path}")
        problem(answer, 403, "approval-not-yours-to-see")
    assert Approval.objects.get(id=other["id"]).state == "pending"


def test_requests_that_cannot_be_asked(brakes: BrakesDesk, asking: dict[str, Any]) -> None:
    ada = brakes.person("ada")
    for change, field in (
        ({"kind": "party"}, "kind"), ({"subject": "limit:firm/x"}, "subject"),
        ({"subject": ""}, "subject"), ({"request": "200"}, "request"),
        ({"request": {"value": 200}}, "value"), ({"reason": ""}, "reason"),
        ({"colour": 1}, "colour"),
    ):  # fmt: skip
        assert problem(sent(ada, PATH, {**asking, **change}), 400, "body-invalid")["field"] == field
    problem(sent(brakes.person("ruth"), PATH, asking), 403, "approval-not-your-role")
    problem(sent(ada, f"{PATH}/{uuid.uuid4()}/approve", {"digest": "x"}), 404, "approval-unknown")
    problem(brakes.token("read").get(f"{PATH}/{uuid.uuid4()}"), 404, "not-found")
    assert not Approval.objects.exists()
