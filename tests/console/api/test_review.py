"""Access reviews and alerts by REST."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from console.access.escalation import escalations_notice, escalations_set_up
from console.access.roles import roles_reconcile
from console.models import AccessReview, Escalation
from riskctl.actors import system_actor
from riskctl.models import Approval
from tests.console.api.conftest import with_both_factors
from tests.console.conftest import person

pytestmark = pytest.mark.django_db
START = system_actor("desk start")


@pytest.fixture
def ruth(mercy: User) -> Client:
    """Compliance, after both factors; nothing is unexplained but what a test does."""
    roles_reconcile(actor=START)
    return client_of("ruth.adeyemi", "compliance")


def client_of(name: str, role: str) -> Client:
    browser = Client(raise_request_exception=False)
    made = with_both_factors(browser, person(name, role))
    escalations_notice()
    escalations_set_up(actor=START, note="set up")
    return made


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def test_it_says_who_can_do_what_and_when_the_next_is_due(ruth: Client) -> None:
    said = ruth.get("/api/access-review").json()
    assert {one["username"] for one in said["people"]} == {"mercy.okafor", "ruth.adeyemi"}
    assert said["overdue"] is True
    assert said["last_signed_at"] is None
    assert said["alerts_open"] == 0
    assert said["unwatched"] == []


def test_it_is_prepared_and_signed_by_two(ruth: Client) -> None:
    ada = client_of("ada.nwosu", "risk")
    made = post(ruth, "/api/access-review", reason="the quarter's")
    assert made.status_code == 201, made.content
    review = made.json()
    asked = Approval.objects.get(id=review["approval"])
    path = f"/api/approvals/{asked.id}/approve"
    assert post(ruth, path, digest=asked.digest).status_code == 403
    assert post(ada, path, digest=asked.digest).status_code == 200
    kept = ada.get(f"/api/access-reviews/{review['id']}").json()
    assert (kept["prepared_by"], kept["signed_by"]) == ("ruth.adeyemi", "ada.nwosu")
    assert kept["intact"] is True
    assert kept["report"]["people"]
    assert ruth.get("/api/access-review").json()["overdue"] is False
    assert [one["id"] for one in ruth.get("/api/access-reviews").json()] == [review["id"]]


def test_the_same_key_prepares_it_once(ruth: Client) -> None:
    headers = {"Idempotency-Key": "one"}
    body = json.dumps({"reason": "q"})
    first, second = (
        ruth.post("/api/access-review", body, content_type="application/json", headers=headers)
        for _ in range(2)
    )
    assert first.json() == second.json()
    assert AccessReview.objects.count() == 1


def test_a_gain_that_nothing_accounts_for_is_an_alert_until_it_is_acknowledged(
    ruth: Client, mercy: User
) -> None:
    mercy.groups.add(Group.objects.get(name="risk"))
    (alert,) = ruth.get("/api/access-alerts?status=open").json()
    assert (alert["kind"], alert["who"], alert["what"]) == ("role", "mercy.okafor", "risk")
    assert alert["explained"] is False
    path = f"/api/access-alerts/{alert['id']}/acknowledge"
    assert post(ruth, path).json()["field"] == "note"
    done = post(ruth, path, note="by mistake, taken back")
    assert done.status_code == 200, done.content
    assert done.json()["acknowledged_by"] == "ruth.adeyemi"
    assert ruth.get("/api/access-alerts?status=open").json() == []
    assert alert["id"] in [one["id"] for one in ruth.get("/api/access-alerts?status=all").json()]
    assert post(ruth, path, note="again").json()["code"] == "escalation-acknowledged"


@pytest.mark.parametrize(
    "path", ["/api/access-review", "/api/access-reviews", "/api/access-alerts"]
)
def test_traders_and_tokens_see_nothing_of_it(
    path: str, browser: Client, mercy: User, new_token: Callable[..., str]
) -> None:
    answer = with_both_factors(browser, mercy).get(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "review-not-your-role")
    token = Client(headers={"Authorization": f"Bearer {new_token()}"}).get(path)
    assert (token.status_code, token.json()["code"]) == (403, "people-only")


def test_what_is_not_there_is_said(ruth: Client) -> None:
    missing = "00000000-0000-4000-8000-000000000000"
    assert ruth.get(f"/api/access-reviews/{missing}").status_code == 404
    answer = post(ruth, "/api/access-alerts/999999/acknowledge", note="x")
    assert answer.json()["code"] == "escalation-unknown"


def test_the_command_says_it_and_ends_with_one_while_something_is_due(
    ruth: Client, mercy: User, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("access_review")
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "mercy.okafor: active; trader; factor" in said.out
    assert "the review is overdue" in said.err
    AccessReview.objects.create(
        id="6b1f1a9e-8f5d-4a86-9d0c-51f3c2a1a001", prepared_at=dt.datetime.now(dt.UTC),
        prepared_by="ruth.adeyemi", report={}, digest="", material="",
        signed_at=dt.datetime.now(dt.UTC), signed_by="ada.nwosu",
    )  # fmt: skip
    call_command("access_review", "--output", "json")
    facts = json.loads(capsys.readouterr().out)
    assert facts["overdue"] is False
    mercy.groups.add(Group.objects.get(name="risk"))
    with pytest.raises(SystemExit):
        call_command("access_review", "--output", "json")
    said = capsys.readouterr()
    assert json.loads(said.out)["alerts_open"] == 1
    assert "1 gains of privilege" in said.err
    assert Escalation.objects.latest("id").who == "mercy.okafor"
