"""/api/strategies/{id}/resume and /stage, and /api/stages."""

from typing import Any

import pytest

from riskctl.holds import Kind
from riskctl.models import Approval, HoldLift, Stage
from tests.console.api.brakes import BrakesDesk, new_hold, sent
from tests.console.api.conftest import START
from tests.console.api.test_problems import problem

pytestmark = pytest.mark.django_db(transaction=True)

RESUME = "/api/strategies/mom-eurusd/resume"
STAGE = "/api/strategies/mom-eurusd/stage"
WHY = {"reason": "mended"}


def test_a_trader_pauses_and_resumes(brakes: BrakesDesk) -> None:
    mercy = brakes.person("mercy")
    paused = sent(mercy, "/api/strategies/mom-eurusd/pause").json()["hold"]["id"]
    answer = sent(mercy, f"{RESUME}/", WHY)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["strategy"], body["mode"], body["remaining"]) == ("mom-eurusd", "ACTIVE", [])
    assert [one["hold"] for one in body["lifted"]] == [paused]
    again = sent(mercy, RESUME, WHY)
    assert (again.status_code, again.json()["lifted"], again.json()["mode"]) == (200, [], "ACTIVE")


def test_only_ones_own_pauses_on_exactly_it_and_the_rest_is_named(brakes: BrakesDesk) -> None:
    mine = new_hold(placed_by="mercy.okafor")
    others = {
        str(one.id): one.scope
        for one in (
            new_hold(placed_by="ada.nwosu"), new_hold(Kind.KILL), new_hold(scope="firm"),
            new_hold(scope="venue:paper-one"), new_hold(scope="instrument:EURUSD"),
        )
    }  # fmt: skip
    new_hold(scope="strategy:mr-btcusdt", placed_by="mercy.okafor")
    body = sent(brakes.person("mercy"), RESUME, WHY).json()
    assert [one["hold"] for one in body["lifted"]] == [str(mine.id)]
    assert {one["hold"]: one["scope"] for one in body["remaining"]} == others
    needs = {one["kind"]: one["needs"] for one in body["remaining"]}
    assert "two people" in needs["kill"]
    assert "risk, or ada.nwosu who placed it" in needs["pause"]
    assert body["mode"] == "HALTED"
    assert [one.hold_id for one in HoldLift.objects.all()] == [mine.id]


def test_nothing_liftable_says_so(brakes: BrakesDesk) -> None:
    kill = new_hold(Kind.KILL)
    body = problem(sent(brakes.person("ada"), RESUME, WHY), 409, "holds-remain")
    assert [one["hold"] for one in body["remaining"]] == [str(kill.id)]
    assert (body["lifted"], body["mode"]) == ([], "HALTED")
    assert not HoldLift.objects.exists()


def test_who_cannot_resume(brakes: BrakesDesk) -> None:
    new_hold(placed_by="script of mercy.okafor", actor_kind="token")
    for scope in ("stop", "read", "flatten", "trade-test", "export"):
        problem(sent(brakes.token(scope), RESUME, WHY), 403, "lift-tokens-cannot")
    for who in ("mercy", "tomas", "jonas", "ruth"):
        problem(sent(brakes.person(who), RESUME, WHY), 409, "holds-remain")
    assert not HoldLift.objects.exists()
    assert problem(sent(brakes.person("ada"), RESUME), 400, "body-invalid")["field"] == "reason"
    problem(sent(brakes.person("ada"), "/api/strategies/x/resume", WHY), 404, "not-found")


def stage(rung: str, strategy: str = "mom-eurusd") -> Stage:
    return Stage.objects.create(strategy=strategy, rung=rung, since=START, entered_by="test")


def test_down_at_once(brakes: BrakesDesk) -> None:
    stage("live")
    answer = sent(brakes.person("mercy"), STAGE, {"to": "monitor"})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["rung"], answer.json()["next"]) == ("monitor", "paper")
    assert Stage.objects.get().rung == "monitor"
    assert Stage.objects.get().entered_by == "mercy.okafor"
    same = sent(brakes.person("mercy"), f"{STAGE}/", {"to": "monitor"})
    assert (same.status_code, same.json()["rung"]) == (200, "monitor")
    problem(sent(brakes.person("tomas"), STAGE, {"to": "stopped"}), 403, "stage-not-your-role")
    problem(sent(brakes.token("stop"), STAGE, {"to": "stopped"}), 403, "stage-not-your-role")
    assert Stage.objects.get().rung == "monitor"


def test_up_is_asked_for_one_rung_at_a_time(brakes: BrakesDesk) -> None:
    stage("monitor")
    ada = brakes.person("ada")
    body = {"to": "live", "reason": "ready"}
    assert problem(sent(ada, STAGE, body), 400, "body-invalid")["field"] == "to"
    assert problem(sent(ada, STAGE, {"to": "paper"}), 400, "body-invalid")["field"] == "reason"
    answer = sent(ada, STAGE, {"to": "paper", "reason": "ready"})
    assert answer.status_code == 202, answer.content
    row = Approval.objects.get()
    assert (row.kind, row.subject) == ("stage-promote", "strategy:mom-eurusd")
    assert answer["Location"] == f"/api/approvals/{row.id}"
    assert Stage.objects.get().rung == "monitor"
    token = sent(brakes.token("stop"), STAGE, {"to": "paper", "reason": "ready"})
    assert token.status_code == 403


def test_stages_as_they_stand(brakes: BrakesDesk) -> None:
    def stages(query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = brakes.token("read").get(f"/api/stages{query}").json()
        return found

    none = stages()
    assert [(one["strategy"], one["rung"], one["since"]) for one in none] == [
        ("mom-eurusd", "stopped", None), ("mr-btcusdt", "stopped", None),
    ]  # fmt: skip
    stage("ramp", "mr-btcusdt")
    newest, other = stages()
    assert (newest["strategy"], newest["rung"], newest["next"]) == ("mr-btcusdt", "ramp", "live")
    assert (newest["size_factor"], other["size_factor"]) == ("1", None)
    assert [one["strategy"] for one in stages("?strategy=mom-eurusd")] == ["mom-eurusd"]
    assert len(stages("?limit=1")) == 1
    wrong = sent(brakes.person("ada"), STAGE, {"to": "moon"})
    assert "paper" in problem(wrong, 400, "body-invalid")["allowed"]
