"""/api/break-glass: leave by two, use by one, review by another."""

import uuid
from typing import Any

import pytest

from riskctl.holds import Kind
from riskctl.models import BreakGlass, Hold, HoldLift
from tests.console.api.brakes import BrakesDesk, new_hold, sent
from tests.console.api.test_problems import problem
from tests.console.conftest import entries
from tests.support.desks import on_no_desk

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/break-glass"
ASK = {"people": ["ada.nwosu"], "scopes": ["strategy:mom-eurusd"], "hours": 8, "reason": "night"}
WRITTEN = {"root_cause": "the feed lagged", "rollback": "v3", "reason": "alone"}


@pytest.fixture(autouse=True)
def _every_condition_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lifting a kill asks of feeds and books is tested in tests.resume."""
    monkeypatch.setattr("trading.resume.preconditions.kill_conditions", lambda *_: [])


def leave(brakes: BrakesDesk) -> dict[str, Any]:
    brakes.person("ada")
    answer = sent(brakes.person("ada"), PATH, ASK)
    assert answer.status_code == 202, answer.content
    asked = answer.json()
    problem(
        sent(brakes.person("ada"), f"/api/approvals/{asked['id']}/approve",
             {"digest": asked["digest"]}),
        403, "approval-own-request",
    )  # fmt: skip
    done = sent(
        brakes.person("lena"), f"/api/approvals/{asked['id']}/approve", {"digest": asked["digest"]}
    )
    assert done.status_code == 200, done.content
    rows: list[dict[str, Any]] = brakes.token("read").get(PATH).json()
    return rows[0]


def used(brakes: BrakesDesk, hold: Hold) -> dict[str, Any]:
    path = f"/api/holds/{hold.id}/break-glass"
    shown = brakes.person("ada").get(path).json()
    answer = sent(brakes.person("ada"), path, {**WRITTEN, "digest": shown["digest"]})
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_leave_use_and_review(brakes: BrakesDesk) -> None:
    hold = new_hold(Kind.KILL)
    path = f"/api/holds/{hold.id}/break-glass"
    shown = brakes.person("ada").get(path).json()
    assert shown["leave"] is None
    off = sent(brakes.person("ada"), path, {**WRITTEN, "digest": shown["digest"]})
    problem(off, 403, "break-glass-off")
    given = leave(brakes)
    assert (given["people"], given["scopes"]) == (ASK["people"], ASK["scopes"])
    assert brakes.person("ada").get(path).json()["leave"]["id"] == given["id"]
    other = sent(brakes.person("lena"), path, {**WRITTEN, "digest": shown["digest"]})
    problem(other, 403, "break-glass-off")
    body = used(brakes, hold)
    assert (body["person"], body["scope"], body["verdict"], body["size_factor"]) == (
        "ada.nwosu", "strategy:mom-eurusd", "", "0.25",
    )  # fmt: skip
    assert HoldLift.objects.get().second == ""
    keep = f"{PATH}/uses/{body['id']}/keep"
    problem(sent(brakes.person("ada"), keep, {"reason": "fine"}), 403, "break-glass-own")
    assert problem(sent(brakes.person("lena"), keep), 400, "body-invalid")["field"] == "reason"
    kept = sent(brakes.person("lena"), keep, {"reason": "books and receipt are right"})
    assert (kept.json()["verdict"], kept.json()["reviewed_by"]) == ("kept", "lena.fischer")
    problem(sent(brakes.person("ruth"), keep, {"reason": "x"}), 409, "break-glass-reviewed")
    reader = brakes.person("ruth")
    assert [one["id"] for one in reader.get(f"{PATH}/uses?status=kept").json()] == [body["id"]]
    assert reader.get(f"{PATH}/uses?status=waiting").json() == []
    for name in ("break-glass.use", "break-glass.keep"):
        assert {one["action"] for one in entries(name)} == {name}


def test_a_reviewer_holds_it_again_at_every_gateway(brakes: BrakesDesk) -> None:
    leave(brakes)
    body = used(brakes, new_hold(Kind.KILL))
    answer = sent(brakes.person("jonas"), f"{PATH}/uses/{body['id']}/return", {"reason": "odd"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["verdict"] == "returned"
    back = Hold.objects.get(lift=None)
    assert (str(back.id), back.kind, back.scope) == (
        answer.json()["returned"], "kill", "strategy:mom-eurusd",
    )  # fmt: skip
    assert str(back.id) in brakes.told()


def test_leave_is_ended_at_once(brakes: BrakesDesk) -> None:
    given = leave(brakes)
    path = f"{PATH}/{given['id']}/end"
    problem(sent(brakes.person("mercy"), path), 403, "break-glass-not-your-role")
    ended = sent(brakes.person("jonas"), path, {"reason": "all are in"}).json()
    assert ended["ended_by"] == "jonas.lindqvist"
    problem(sent(brakes.person("ada"), path), 409, "break-glass-ended")
    problem(sent(brakes.person("ada"), f"{PATH}/{uuid.uuid4()}/end"), 404, "break-glass-unknown")


@pytest.mark.parametrize("scope", ["read", "stop", "flatten", "trade-test", "export"])
def test_no_token_does_any_of_it(brakes: BrakesDesk, scope: str) -> None:
    client, hold = brakes.token(scope), new_hold(Kind.KILL)
    problem(sent(client, PATH, ASK), 403, "approval-tokens-cannot")
    given = leave(brakes)
    path = f"/api/holds/{hold.id}/break-glass"
    digest = brakes.person("ada").get(path).json()["digest"]
    problem(sent(client, path, {**WRITTEN, "digest": digest}), 403, "break-glass-tokens-cannot")
    problem(sent(client, f"{PATH}/{given['id']}/end"), 403, "break-glass-not-your-role")
    body = used(brakes, hold)
    problem(
        sent(client, f"{PATH}/uses/{body['id']}/keep", {"reason": "x"}), 403,
        "break-glass-tokens-cannot",
    )  # fmt: skip
    assert BreakGlass.objects.get().ended_at is None


def test_what_cannot_be_asked(brakes: BrakesDesk) -> None:
    ada = brakes.person("ada")
    for change, field in (
        ({"hours": 13}, "hours"), ({"hours": "8"}, "hours"), ({"people": ["nobody"]}, "people"),
        ({"people": "ada.nwosu"}, "people"), ({"scopes": ["firm"]}, "scopes"),
        ({"scopes": ["instrument:EURUSD"]}, "scopes"), ({"reason": ""}, "reason"),
    ):  # fmt: skip
        answer = sent(ada, PATH, {**ASK, **change})
        assert problem(answer, 400, "body-invalid")["field"] == field
    wide = new_hold(Kind.KILL, "firm")
    problem(ada.get(f"/api/holds/{wide.id}/break-glass"), 403, "break-glass-scope")


def test_a_trader_of_another_desk_sees_nothing_of_it(brakes: BrakesDesk) -> None:
    hold, tomas = new_hold(Kind.KILL), brakes.person("tomas")
    on_no_desk("tomas.brandt")
    problem(tomas.get(f"/api/holds/{hold.id}/break-glass"), 403,
            "scope-not-yours")  # fmt: skip
    leave(brakes)
    used(brakes, hold)
    assert tomas.get(f"{PATH}/uses").json() == []
    assert len(brakes.person("mercy").get(f"{PATH}/uses").json()) == 1
