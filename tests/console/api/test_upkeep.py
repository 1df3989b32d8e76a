"""/api/deadman, /api/triggers, /api/maintenance and /api/regulatory."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest

from console.access.sessions import FACTOR_AT
from console.stores import redis_client
from riskctl.models import Approval, DeadMan, Hold, ScheduledHold, TriggerSetting
from tests.console.api.brakes import BrakesDesk, only_hold, sent
from tests.console.api.test_problems import problem
from tests.console.conftest import entries
from trading.triggers.publishing import PATH_KEY, WATCHDOG_KEY

pytestmark = pytest.mark.django_db(transaction=True)

DEADMAN, MAINTENANCE, REGULATORY = "/api/deadman", "/api/maintenance", "/api/regulatory"


def test_a_person_says_that_somebody_watches(brakes: BrakesDesk) -> None:
    reader = brakes.token("read")
    assert reader.get(DEADMAN).json()["state"] == "never"
    answer = sent(brakes.person("mercy"), DEADMAN)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["state"], body["confirmed_by"]) == ("armed", "mercy.okafor")
    assert body["confirmed_at"] < body["warns_at"] < body["expires_at"]
    assert reader.get(f"{DEADMAN}/").json()["confirmed_by"] == "mercy.okafor"
    assert entries("deadman.confirm")[0]["actor"] == "mercy.okafor"


@pytest.mark.parametrize("scope", ["read", "stop", "flatten", "trade-test", "export"])
def test_no_token_watches(brakes: BrakesDesk, scope: str) -> None:
    problem(sent(brakes.token(scope), DEADMAN), 403, "deadman-needs-person")
    assert not DeadMan.objects.exists()
    wrong = sent(brakes.person("ada"), DEADMAN, {"x": 1})
    assert problem(wrong, 400, "body-invalid")["field"] == "x"


def test_triggers_as_published(brakes: BrakesDesk) -> None:
    reader, client = brakes.person("ada"), redis_client()
    client.delete(PATH_KEY, WATCHDOG_KEY)
    assert reader.get("/api/triggers").json() == {"path": None, "watchdog": None}
    client.set(PATH_KEY, b'{"source": "path", "triggers": [{"name": "drawdown"}]}', ex=5)
    found = reader.get("/api/triggers/").json()
    assert found["path"]["triggers"] == [{"name": "drawdown"}]
    client.delete(PATH_KEY)


DRAWDOWN = "/api/triggers/drawdown"


def test_a_trigger_is_tightened_by_one_and_loosened_by_two(brakes: BrakesDesk) -> None:
    ada = brakes.person("ada")
    shown = ada.get(DRAWDOWN).json()
    assert (shown["threshold"], shown["origin"], shown["version"]) == ("5", "default", 0)
    why = {"reason": "a volatile week"}
    session = ada.session
    session[FACTOR_AT] -= 4000  # tightening asks for no fresh factor
    session.save()
    answer = sent(ada, DRAWDOWN, {"threshold": "4", "confirmations": 2} | why)
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert (shown["threshold"], shown["confirmations"], shown["changed_by"]) == (
        "4", 2, "ada.nwosu",
    )  # fmt: skip
    (entry,) = entries("trigger.tighten")
    assert [Decimal(entry[when]["threshold"]) for when in ("before", "after")] == [5, 4]
    problem(sent(ada, DRAWDOWN, {"threshold": "4.5"} | why), 403, "approval-needs-step-up")
    asked = sent(brakes.person("lena"), DRAWDOWN, {"threshold": "8", "window_s": 60} | why)
    assert asked.status_code == 202, asked.content
    request = asked.json()
    assert (request["kind"], request["subject"]) == ("trigger-relax", "trigger:drawdown")
    session[FACTOR_AT] += 4000
    session.save()
    done = sent(ada, f"/api/approvals/{request['id']}/approve", {"digest": request["digest"]})
    assert done.status_code == 200, done.content
    shown = brakes.token("read").get(DRAWDOWN).json()
    assert (shown["threshold"], shown["window_s"], shown["confirmations"]) == ("8", 60, 2)


def test_what_a_trigger_cannot_be_is_named(brakes: BrakesDesk) -> None:
    ada = brakes.person("ada")
    for body, field in (
        ({"threshold": "much"}, "threshold"), ({"confirmations": 0}, "confirmations"),
        ({"limit": 1}, "limit"), ({}, "request"), ({"threshold": None}, "threshold"),
    ):  # fmt: skip
        wrong = sent(ada, DRAWDOWN, {**body, "reason": "x"})
        assert problem(wrong, 400, "body-invalid")["field"] == field
    assert problem(sent(ada, DRAWDOWN, {"threshold": "4"}), 400, "body-invalid")["field"] == (
        "reason"
    )
    problem(sent(ada, "/api/triggers/moon", {"threshold": "4", "reason": "x"}), 404, "not-found")
    problem(ada.get("/api/triggers/moon"), 404, "not-found")
    dead_man = {"shadow": True, "reason": "x"}
    assert problem(sent(ada, "/api/triggers/dead-man", dead_man), 400, "body-invalid")["field"] == (
        "shadow"
    )
    assert not TriggerSetting.objects.exists()
    assert not Approval.objects.exists()


def later(**ahead: int) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(**ahead)).isoformat()


def test_maintenance_is_scheduled_and_withdrawn(brakes: BrakesDesk) -> None:
    jonas, reader = brakes.person("jonas"), brakes.token("read")
    body = {"scope": "venue:paper-1", "due_at": later(hours=2), "reason": "new disk"}
    answer = sent(jonas, MAINTENANCE, body)
    assert answer.status_code == 201, answer.content
    row = ScheduledHold.objects.get()
    shown = answer.json()
    assert (shown["id"], shown["scope"], shown["asked_by"], shown["placed"]) == (
        str(row.id), "venue:paper-1", "jonas.lindqvist", None,
    )  # fmt: skip
    assert reader.get(MAINTENANCE).json() == [shown]
    problem(sent(brakes.person("ada"), f"{MAINTENANCE}/{row.id}/withdraw"), 403,
            "maintenance-not-allowed")  # fmt: skip
    gone = sent(jonas, f"{MAINTENANCE}/{row.id}/withdraw/")
    assert gone.json()["withdrawn_by"] == "jonas.lindqvist"
    for again in (row.id, uuid.uuid4()):
        answer = sent(jonas, f"{MAINTENANCE}/{again}/withdraw")
        assert problem(answer, 400, "body-invalid")["field"] == "id"
    assert reader.get(f"{MAINTENANCE}/").json() == []
    assert len(reader.get(f"{MAINTENANCE}?status=withdrawn").json()) == 1
    assert len(reader.get(f"{MAINTENANCE}?status=all").json()) == 1
    assert reader.get(f"{MAINTENANCE}?status=placed").json() == []
    assert not Hold.objects.exists()


def test_maintenance_now(brakes: BrakesDesk) -> None:
    answer = sent(brakes.person("jonas"), MAINTENANCE, {"reason": "smoke"})
    assert answer.status_code == 200, answer.content
    assert (only_hold().kind, only_hold().scope) == ("maintenance", "firm")


def test_maintenance_that_cannot_be(brakes: BrakesDesk) -> None:
    jonas = brakes.person("jonas")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"due_at": later(hours=-1)}, "due_at"), ({"due_at": later(days=400)}, "due_at"),
        ({"due_at": "tomorrow"}, "due_at"), ({"due_at": "2030-01-01T00:00:00"}, "due_at"),
        ({"scope": "all"}, "scope"), ({"colour": 1}, "colour"),
    ]  # fmt: skip
    for body, field in wrong:
        assert problem(sent(jonas, MAINTENANCE, body), 400, "body-invalid")["field"] == field
    problem(sent(jonas, MAINTENANCE, {"scope": "venue:x"}), 404, "not-found")
    for who in ("mercy", "ada", "ruth"):
        answer = sent(brakes.person(who), MAINTENANCE, {"due_at": later(hours=1)})
        problem(answer, 403, "maintenance-not-allowed")
        problem(sent(brakes.person(who), MAINTENANCE), 403, "hold-not-yours")
    assert sent(brakes.token("stop"), MAINTENANCE).status_code == 403
    assert not ScheduledHold.objects.exists()
    assert not Hold.objects.exists()


def test_a_regulatory_hold_is_compliances(brakes: BrakesDesk) -> None:
    for who in ("mercy", "ada", "jonas"):
        problem(sent(brakes.person(who), REGULATORY), 403, "hold-not-yours")
    problem(sent(brakes.token("stop"), REGULATORY), 403, "hold-not-yours")
    answer = sent(brakes.person("ruth"), f"{REGULATORY}/", {"scope": "instrument:EURUSD"})
    assert answer.status_code == 200, answer.content
    assert (only_hold().kind, only_hold().scope) == ("regulatory", "instrument:EURUSD")
