"""/api/tokens: by people, for people; a secret is answered once and kept nowhere."""

import datetime as dt
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from console.models import ApiToken, KeptAnswer
from riskctl.models import Approval
from tests.console.api.conftest import with_both_factors
from tests.console.conftest import entries, person, whole_record

pytestmark = pytest.mark.django_db(transaction=True)

READS = {"name": "nightly", "scopes": ["read"], "days": 30}
STOPS = {**READS, "scopes": ["read", "stop"], "reason": "stops at the close"}


def at(user: User, *, age_s: int = 0) -> Client:
    return with_both_factors(Client(raise_request_exception=False), user, age_s=age_s)


def sent(client: Client, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(path, json.dumps(body or {}), "application/json", headers=headers)


def works(text: str) -> bool:
    answer = Client(headers={"Authorization": f"Bearer {text}"}).get("/api/orders")
    return bool(answer.status_code == 200)


def test_a_token_that_reads_is_made_at_once(mercy: User) -> None:
    answer = sent(at(mercy), "/api/tokens", {**READS, "networks": ["127.0.0.1"]})
    body = answer.json()
    assert (answer.status_code, body["state"], body["owner"]) == (201, "good", "mercy.okafor")
    assert body["networks"] == ["127.0.0.1/32"]
    assert works(body["token"])
    assert answer["Cache-Control"] == "no-store"
    (listed,) = at(mercy).get("/api/tokens").json()
    assert "token" not in listed
    assert listed["last_used_from"] == "127.0.0.1"


def test_a_key_repeats_the_answer_without_the_secret(mercy: User) -> None:
    client = at(mercy)
    first = sent(client, "/api/tokens", READS, key="k").json()
    again = sent(client, "/api/tokens", READS, key="k").json()
    assert (again["id"], again["token"]) == (first["id"], None)
    assert ApiToken.objects.count() == 1
    kept = json.dumps(list(KeptAnswer.objects.values_list("body", flat=True)))
    assert first["token"] not in kept + whole_record()


@pytest.mark.parametrize(
    ("change", "field"),
    [({"name": ""}, "name"), ({"name": "/"}, "name"), ({"scopes": "read"}, "scopes"),
     ({"scopes": []}, "scopes"), ({"scopes": ["lift"]}, "scopes"), ({"days": 0}, "days"),
     ({"days": 400}, "days"), ({"networks": ["x"]}, "networks"), ({"networks": "x"}, "networks"),
     ({"role": "risk"}, "role"), ({"scopes": ["stop", "export"]}, "scopes")],
)  # fmt: skip
def test_what_cannot_be_made_names_the_field(
    mercy: User, change: dict[str, Any], field: str
) -> None:
    answer = sent(at(mercy), "/api/tokens", READS | change)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert not ApiToken.objects.exists()
    assert not Approval.objects.exists()


def test_what_does_more_is_asked_for_approved_and_collected(mercy: User) -> None:
    ada = at(person("ada.nwosu", "risk"))
    mine = at(mercy)
    asked = sent(mine, "/api/tokens", STOPS)
    assert asked.status_code == 202
    assert asked["Location"] == f"/api/approvals/{asked.json()['id']}"
    assert not ApiToken.objects.exists()
    path = f"/api/approvals/{asked.json()['id']}/approve"
    done = sent(ada, path, {"digest": asked.json()["digest"]})
    assert done.status_code == 200, done.content
    assert "hl_" not in done.content.decode()
    (token,) = mine.get("/api/tokens").json()
    assert (token["state"], token["approval"]) == ("to collect", asked.json()["id"])
    collect = f"/api/tokens/{token['id']}/collect"
    assert sent(ada, collect).json()["code"] == "token-not-yours"
    text = sent(mine, collect).json()["token"]
    assert works(text)
    again = sent(mine, collect)
    assert (again.status_code, again.json()["code"]) == (409, "token-collected")


def test_rotation_by_rest(mercy: User) -> None:
    client = at(mercy)
    old = sent(client, "/api/tokens", READS).json()
    path = f"/api/tokens/{old['id']}/rotate"
    assert sent(client, path).json()["field"] == "overlap_hours"
    assert sent(client, path, {"overlap_hours": 25}).json()["field"] == "overlap_hours"
    new = sent(client, path, {"overlap_hours": 1}).json()
    assert works(old["token"])
    assert works(new["token"])
    newer = sent(client, path, {"overlap_hours": 0}).json()
    assert (works(old["token"]), works(new["token"]), works(newer["token"])) == (
        False, False, True,
    )  # fmt: skip
    assert newer["version"] == 2


def test_making_collecting_and_rotating_take_a_fresh_factor_and_revoking_none(mercy: User) -> None:
    token = sent(at(mercy), "/api/tokens", READS).json()
    stale = at(mercy, age_s=301)
    for path, body in (
        ("/api/tokens", {**READS, "name": "other"}),
        (f"/api/tokens/{token['id']}/rotate", {"overlap_hours": 1}),
        (f"/api/tokens/{token['id']}/collect", {}),
    ):
        answer = sent(stale, path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "token-needs-step-up")
    answer = sent(stale, f"/api/tokens/{token['id']}/revoke", {"reason": "leaked"})
    assert (answer.status_code, answer.json()["state"]) == (200, "revoked")
    assert not works(token["token"])


def test_others_see_and_revoke_nothing_but_administrators(mercy: User, tomas: User) -> None:
    token = sent(at(mercy), "/api/tokens", READS).json()
    stranger, admin = at(tomas), at(person("priya.raman", "administrator"))
    assert stranger.get("/api/tokens").json() == []
    for query in ("mercy.okafor", "all"):
        answer = stranger.get("/api/tokens", {"owner": query})
        assert (answer.status_code, answer.json()["code"]) == (403, "token-not-yours")
    revoke = f"/api/tokens/{token['id']}/revoke"
    assert sent(stranger, revoke).json()["code"] == "token-not-yours"
    assert works(token["token"])
    assert [one["id"] for one in admin.get("/api/tokens?owner=all").json()] == [token["id"]]
    assert admin.get("/api/tokens").json() == []
    assert sent(admin, revoke, {"reason": "left"}).json()["revoked_by"] == "priya.raman"
    assert not works(token["token"])
    assert entries("token.revoke")[-1]["actor"] == "priya.raman"


def test_no_token_sees_makes_rotates_or_revokes_tokens(mercy: User) -> None:
    now = dt.datetime.now(dt.UTC)
    token = sent(at(mercy), "/api/tokens", READS).json()
    ApiToken.objects.update(scopes=ApiToken.Scope.values, expires_at=now + dt.timedelta(days=1))
    script = Client(headers={"Authorization": f"Bearer {token['token']}"})
    before = ApiToken.objects.values("digest", "version", "revoked_at").get()
    answers = [
        script.get("/api/tokens"),
        sent(script, "/api/tokens", {**READS, "name": "x"}),
        *(sent(script, f"/api/tokens/{token['id']}/{verb}", {"overlap_hours": 0}
               if verb == "rotate" else {}) for verb in ("rotate", "collect", "revoke")),
    ]  # fmt: skip
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(403, "people-only")] * 5
    assert ApiToken.objects.values("digest", "version", "revoked_at").get() == before


def test_a_token_that_is_none_is_404(mercy: User) -> None:
    answer = sent(at(mercy), "/api/tokens/999999/revoke")
    assert (answer.status_code, answer.json()["code"]) == (404, "token-not-there")
