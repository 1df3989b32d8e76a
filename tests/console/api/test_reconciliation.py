"""/api/reconcile/generate-report and /api/reconciliations."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.console.api.conftest import START, new_reading, quoted
from tests.console.conftest import entries, signed_in
from trading.models import Break, Reconciliation, Strategy
from trading.reconciliation.service import reconcile_run

pytestmark = pytest.mark.django_db

REPORT = "/api/reconcile/generate-report"
RUNS = "/api/reconciliations"


@pytest.fixture
def broken(strategy: Strategy) -> Strategy:
    """10,000 EURUSD at the venue of which our books know nothing."""
    reading = new_reading(strategy, "10000", 0)
    reading.taken_at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    reading.save()
    return strategy


def invalid(answer: Any, field: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"], body["field"]) == (400, "body-invalid", field)
    return body


@pytest.mark.parametrize("path", [REPORT, f"{REPORT}/"])
def test_a_report_as_the_runbook_asks_for_it(caller: Client, broken: Strategy, path: str) -> None:
    """curl -X POST …: no body, no content type."""
    quoted("EURUSD", "1.1998", "1.2002")
    answer = caller.generic("POST", path)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["agrees"], body["asked_by"]) == (False, "script of mercy.okafor")
    (account,) = body["accounts"]
    row = Break.objects.get()
    assert account["breaks"] == [
        {
            "id": str(row.pk), "account": "paper-1", "what": "position", "key": "EURUSD",
            "ours": "0", "theirs": "10000", "value": "12000",
            "first_seen": account["breaks"][0]["first_seen"],
            "last_seen": account["breaks"][0]["last_seen"], "accepted": None,
        }
    ]  # fmt: skip
    assert account["compared"] == {
        "positions": 1, "orders": 0, "fills": 0, "cash": 0, "fill_sequence": 0,
    }  # fmt: skip
    assert (account["account"], account["why"], account["last_agreed"]) == ("paper-1", "", None)
    assert account["id"] == Reconciliation.objects.get().pk
    (entry,) = entries("reconciliation.run")
    assert (entry["actor_kind"], entry["actor"], entry["request_id"]) == (
        "token", "script of mercy.okafor", answer["X-Request-ID"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data"],
)
def test_a_body_is_json_whatever_it_is_called(
    caller: Client, broken: Strategy, other: Strategy, content_type: str
) -> None:
    sent = json.dumps({"account": "paper-1", "operator": "m.okafor"})
    answer = caller.generic("POST", REPORT, sent, content_type=content_type)
    assert [one["account"] for one in answer.json()["accounts"]] == ["paper-1"]
    (entry,) = entries("reconciliation.run")
    assert (entry["on_behalf_of"], entry["object_id"]) == ("m.okafor", "paper-1")


def test_a_person_asks_from_a_browser(desk_browser: Client, broken: Strategy) -> None:
    answer = desk_browser.post(REPORT, {}, content_type="application/json")
    assert answer.json()["asked_by"] == "mercy.okafor"
    assert entries("reconciliation.run")[0]["actor_kind"] == "person"


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_page_from_elsewhere_cannot(mercy: User, broken: Strategy, content_type: str) -> None:
    browser = signed_in(Client(enforce_csrf_checks=False), mercy)
    browser.handler.enforce_csrf_checks = True
    answer = browser.generic("POST", REPORT, "{}", content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf-failed")
    assert not Reconciliation.objects.exists()


def test_who_may_not(new_token: Callable[..., str], broken: Strategy) -> None:
    stop = Client(headers={"Authorization": f"Bearer {new_token('stop')}"})
    assert stop.post(REPORT).json()["code"] == "scope-missing"
    assert Client().post(REPORT).status_code == 401
    assert not Reconciliation.objects.exists()


def test_wrong_bodies_are_named(caller: Client, strategy: Strategy) -> None:
    def sent(body: str) -> Any:
        return caller.generic("POST", REPORT, body, content_type="application/json")

    assert invalid(sent('{"acount": "x"}'), "acount")["allowed"] == ["account", "operator"]
    assert invalid(sent('{"account": "paper-9"}'), "account")["allowed"] == ["paper-1"]
    assert invalid(sent('{"account": 7}'), "account")["allowed"] == "text, 0 to 40 characters"
    assert invalid(sent(f'{{"operator": "{"x" * 151}"}}'), "operator")["status"] == 400
    for body in ("{", "[]", '"x"', "a=b", "[" * 100_000, "\xff"):
        assert sent(body).json()["code"] == "body-malformed"
    assert caller.generic("POST", f"{REPORT}?now=1").json()["field"] == "now"
    assert not Reconciliation.objects.exists()


def test_only_asking_is_done_there(caller: Client) -> None:
    answer = caller.get(REPORT)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    answer = caller.post(RUNS)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


def test_runs_newest_first(caller: Client, broken: Strategy, other: Strategy) -> None:
    assert caller.get(RUNS).json() == []
    for number in range(3):
        reconcile_run(asked_by=f"run {number}", account="paper-1", mids=dict)
    reconcile_run(asked_by="schedule", account="paper-2", mids=dict)
    rows = caller.get(f"{RUNS}?account=paper-1").json()
    assert [one["asked_by"] for one in rows] == ["run 2", "run 1", "run 0"]
    assert (rows[0]["account"], rows[0]["agrees"], rows[0]["why"]) == ("paper-1", False, "")
    assert rows[0]["breaks"] == ["position:EURUSD"]
    assert rows[0]["compared"]["positions"] == 1
    (stale,) = caller.get(f"{RUNS}?account=paper-2").json()
    assert stale["why"] == "no reading of the venue yet"

    answer = caller.get(f"{RUNS}?account=paper-1&limit=2")
    rest = caller.get(answer["Link"].split(">")[0][1:])
    assert [one["id"] for one in (*answer.json(), *rest.json())] == [one["id"] for one in rows]
    assert "Link" not in rest.headers


def test_a_run_kept_without_counts_is_shown(caller: Client, strategy: Strategy) -> None:
    Reconciliation.objects.create(
        account_id="paper-1", at=START, agrees=True, compared={}, asked_by="schedule"
    )
    (row,) = caller.get(f"{RUNS}/").json()
    assert (row["why"], row["compared"]["orders"]) == ("", 0)
