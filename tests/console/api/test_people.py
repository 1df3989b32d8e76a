"""/api/people, /api/roles, /api/desks."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from console.access.rights import roles_of
from console.models import Desk
from riskctl.models import Approval
from tests.console.api.brakes import sent
from tests.console.api.conftest import with_both_factors
from tests.console.conftest import entries, person, whole_record

pytestmark = pytest.mark.django_db

MERCY = "/api/people/mercy.okafor"
NEW = {"username": "nina.new", "first_name": "Nina", "last_name": "New"}


@pytest.fixture
def client_of() -> Callable[..., Client]:
    def make(name: str, role: str, **more: Any) -> Client:
        user = User.objects.filter(username=name).first() or person(name, role)
        return with_both_factors(Client(), user, **more)

    return make


@pytest.fixture
def priya(client_of: Callable[..., Client], mercy: User) -> Client:
    return client_of("priya.raman", "administrator")


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    return body


# Reading -----------------------------------------------------------------------------------------


def test_people_as_they_are(priya: Client) -> None:
    found = priya.get("/api/people").json()
    assert [one["username"] for one in found] == ["mercy.okafor", "priya.raman"]
    assert found[0] == priya.get(MERCY).json() | {"last_sign_in": found[0]["last_sign_in"]}
    assert found[0] == {
        "username": "mercy.okafor", "name": "mercy.okafor", "active": True, "superuser": False,
        "roles": ["trader"], "desks": ["floor"], "last_sign_in": None,
        "factors": ["authenticator"], "conflicts": [],
    }  # fmt: skip
    refused(priya.get("/api/people/nobody"), 404, "person-unknown")


def test_roles_are_for_everybody_to_read(caller: Client, client_of: Callable[..., Client]) -> None:
    for client in (caller, client_of("jonas.lindqvist", "sre")):
        rows = {one["name"]: one for one in client.get("/api/roles").json()}
        assert list(rows) == ["trader", "risk", "sre", "compliance", "administrator"]
        assert rows["trader"]["permissions"] == []
        assert rows["administrator"]["second"] == ["administrator"]


@pytest.mark.parametrize(
    ("role", "status"),
    [("administrator", 200), ("risk", 200), ("compliance", 200), ("sre", 403), ("trader", 403)],
)
def test_who_reads_people_and_desks(
    mercy: User,
    client_of: Callable[..., Client],
    new_token: Callable[..., str],
    role: str,
    status: int,
) -> None:
    browser = client_of("some.one", role)
    text = new_token("read", owner=User.objects.get(username="some.one"))
    script = Client(headers={"Authorization": f"Bearer {text}"})
    for client in (browser, script):
        for path in ("/api/people", MERCY, "/api/desks"):
            answer = client.get(path)
            assert answer.status_code == status, path
    denied = [one["after"]["code"] for one in entries("access.deny")]
    assert denied == (["people-not-your-role"] * 6 if status == 403 else [])


def test_desks_with_their_people(priya: Client) -> None:
    (one,) = priya.get("/api/desks").json()
    assert one == {
        "key": "floor", "title": "Floor", "rights": ["view"], "strategies": [],
        "people": ["mercy.okafor", "priya.raman"],
    }  # fmt: skip


# Writing -----------------------------------------------------------------------------------------


def test_somebody_is_invited_and_the_password_is_told_once(priya: Client) -> None:
    answer = sent(priya, "/api/people", NEW, **{"Idempotency-Key": "k-1"})
    assert answer.status_code == 201, answer.content
    assert answer["Location"] == "/api/people/nina.new"
    password = answer.json()["password"]
    assert User.objects.get(username="nina.new").check_password(password)
    again = refused(sent(priya, "/api/people", NEW, **{"Idempotency-Key": "k-1"}), 400,
                    "body-invalid")  # fmt: skip
    assert again["field"] == "username"
    assert password not in whole_record()


def test_who_invites_nobody(priya: Client, client_of: Callable[..., Client]) -> None:
    for role in ("trader", "risk", "sre", "compliance"):
        refused(sent(client_of(f"a.{role}", role), "/api/people", NEW), 403, "people-not-your-role")
    stale = client_of("priya.raman", "administrator", age_s=900)
    refused(sent(stale, "/api/people", NEW), 403, "security-needs-step-up")
    assert not User.objects.filter(username="nina.new").exists()


def test_disabled_at_once_and_back_by_two(
    priya: Client, caller: Client, client_of: Callable[..., Client]
) -> None:
    mercys = client_of("mercy.okafor", "trader")
    assert mercys.get("/api/stages").status_code == 200
    answer = sent(priya, f"{MERCY}/disable", {"reason": "left"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["active"] is False
    assert mercys.get("/api/stages").status_code == 401
    assert caller.get("/api/stages").status_code == 401
    asked = sent(priya, f"{MERCY}/enable", {"reason": "is back"})
    assert asked.status_code == 202, asked.content
    row = Approval.objects.get()
    assert asked["Location"] == f"/api/approvals/{row.id}"
    ada = client_of("ada.nwosu", "risk")
    done = sent(ada, f"/api/approvals/{row.id}/approve", {"digest": row.digest})
    assert done.status_code == 200, done.content
    assert caller.get("/api/stages").status_code == 200


def test_a_role_by_two_and_away_by_one(
    priya: Client, client_of: Callable[..., Client]
) -> None:  # fmt: skip
    asked = sent(priya, f"{MERCY}/grant", {"role": "sre", "reason": "on call"})
    assert asked.status_code == 202, asked.content
    row = Approval.objects.get()
    refused(sent(priya, f"/api/approvals/{row.id}/approve", {"digest": row.digest}), 403,
            "approval-own-request")  # fmt: skip
    ada = client_of("ada.nwosu", "risk")
    assert sent(ada, f"/api/approvals/{row.id}/approve", {"digest": row.digest}).status_code == 200
    assert roles_of("mercy.okafor") == {"trader", "sre"}
    refused(sent(ada, f"{MERCY}/revoke", {"role": "sre"}), 403, "people-not-your-role")
    gone = sent(priya, f"{MERCY}/revoke", {"role": "sre", "reason": "no longer"})
    assert gone.json()["roles"] == ["trader"]
    assert roles_of("mercy.okafor") == {"trader"}


def test_a_desk_by_two_and_off_by_one(priya: Client, client_of: Callable[..., Client]) -> None:
    Desk.objects.create(key="fx", title="FX", rights=["view"])
    asked = sent(priya, f"{MERCY}/grant", {"desk": "fx", "reason": "covers"})
    assert asked.status_code == 202, asked.content
    row = Approval.objects.get()
    ada = client_of("ada.nwosu", "risk")
    assert sent(ada, f"/api/approvals/{row.id}/approve", {"digest": row.digest}).status_code == 200
    assert priya.get(MERCY).json()["desks"] == ["floor", "fx"]
    assert sent(priya, f"{MERCY}/revoke", {"desk": "fx"}).json()["desks"] == ["floor"]


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("grant", {"reason": "x"}, "role"),
        ("grant", {"role": "sre", "desk": "floor", "reason": "x"}, "role"),
        ("grant", {"role": "root", "reason": "x"}, "role"),
        ("grant", {"desk": "none", "reason": "x"}, "desk"),
        ("grant", {"role": "sre"}, "reason"),
        ("enable", {}, "reason"),
        ("revoke", {}, "role"),
        ("revoke", {"desk": "none"}, "desk"),
    ],
)
def test_what_cannot_be_asked(priya: Client, verb: str, body: dict[str, str], field: str) -> None:
    assert refused(sent(priya, f"{MERCY}/{verb}", body), 400, "body-invalid")["field"] == field
    assert not Approval.objects.exists()


def test_tokens_change_nobody(priya: Client, new_token: Callable[..., str]) -> None:
    owner = User.objects.get(username="priya.raman")
    text = new_token("read", "stop", owner=owner)
    script = Client(headers={"Authorization": f"Bearer {text}"})
    for verb, body in (("disable", {}), ("revoke", {"role": "trader"})):
        refused(sent(script, f"{MERCY}/{verb}", body), 403, "people-tokens-cannot")
    for verb, body in (("grant", {"role": "sre", "reason": "x"}), ("enable", {"reason": "x"})):
        refused(sent(script, f"{MERCY}/{verb}", body), 403, "approval-tokens-cannot")
    refused(sent(script, "/api/people", NEW), 403, "people-tokens-cannot")
    assert roles_of("mercy.okafor") == {"trader"}
