"""/api/holds, the receipt of one, and lifting one."""

import json
import uuid
from typing import Any

import pytest

from audit.canonical import canonical_bytes
from audit.signing import signature_holds
from console.access.sessions import FACTOR_AT
from riskctl.desk import brakes_desk
from riskctl.holdrows import step_statements
from riskctl.holds import Kind, Mode
from riskctl.models import Approval, DeadMan, Hold, HoldLift
from riskctl.receipts import receipt_read, steps_unsound
from tests.console.api.brakes import BrakesDesk, lifted, new_hold, sent
from tests.console.api.test_problems import problem
from tests.console.conftest import entries

pytestmark = pytest.mark.django_db(transaction=True)

WHY = {"reason": "mended"}


def ids(answer: Any) -> list[str]:
    return [one["id"] for one in answer.json()]


def step(hold: Hold, name: str, account: str = "", part: str = "", **facts: Any) -> None:
    """A step as a gateway or a caller writes it, a second after the one before."""
    wall_ns = int(hold.placed_at.timestamp()) * 10**9 + next(_NUMBERS) * 10**9
    desk = brakes_desk()
    connection = desk.connection()
    for sql, values in step_statements(
        hold_id=str(hold.id), name=name, part=part, account=account, wall_ns=wall_ns,
        facts=facts, actor="gateway:test", signer=desk.signer,
    ):  # fmt: skip
        connection.execute(sql.encode(), values)
    desk.give_back(connection)


_NUMBERS = iter(range(1, 10_000))


# The list ----------------------------------------------------------------------------------------


def test_open_holds_newest_first(brakes: BrakesDesk) -> None:
    reader = brakes.person("ada")
    old, over, new = (new_hold(scope=f"venue:paper-{n}", age_s=60 - n) for n in (1, 2, 3))
    lifted(over.id)
    assert ids(reader.get("/api/holds")) == [str(new.id), str(old.id)]
    assert ids(reader.get("/api/holds/?status=open")) == [str(new.id), str(old.id)]
    assert ids(reader.get("/api/holds?status=lifted")) == [str(over.id)]
    assert ids(reader.get("/api/holds?status=all")) == [str(new.id), str(over.id), str(old.id)]
    assert ids(reader.get("/api/holds?scope=venue:paper-1")) == [str(old.id)]
    assert ids(reader.get("/api/holds?kind=kill")) == []


def test_a_hold_as_it_is_written(brakes: BrakesDesk) -> None:
    hold = new_hold(Kind.KILL, "firm", on_behalf_of="m.okafor", request_id="r-1")
    step(hold, "effective")
    lifted(hold.id)
    (body,) = brakes.token("read").get("/api/holds?status=all").json()
    assert body["effective_at"].endswith("Z")
    assert body["lift"]["lifted_by"] == "lena.fischer"
    assert body["lift"]["second"] == "ada.nwosu"
    wanted = {
        "id": str(hold.id), "scope": "firm", "kind": "kill", "mode": "HALTED", "cancels": True,
        "protective_too": False, "reason": "because", "placed_by": "ada.nwosu",
        "actor_kind": "person", "on_behalf_of": "m.okafor", "request_id": "r-1",
        "status": "lifted",
    }  # fmt: skip
    assert {name: body[name] for name in wanted} == wanted
    assert "two people" in body["lift_needs"]


def test_pages_of_holds(brakes: BrakesDesk) -> None:
    reader = brakes.token("read")
    at = new_hold(age_s=50).placed_at
    for _ in range(4):
        new_hold(placed_at=at)
    seen, address = [], "/api/holds?limit=2"
    while address:
        answer = reader.get(address)
        seen += ids(answer)
        address = answer.headers.get("Link", "").split(">")[0].removeprefix("<http://testserver")
    assert len(seen) == len(set(seen)) == 5


def test_queries_that_are_none(brakes: BrakesDesk) -> None:
    reader = brakes.token("read")
    cursor = "WyIyMDI2LTExLTIxVDA5OjMwOjAxKzAwOjAwIiwicGFwZXItMSJd"  # of orders
    for query, field in (
        ("status=done", "status"), ("scope=all", "scope"), ("kind=stop", "kind"),
        ("limit=0", "limit"), (f"cursor={cursor}", "cursor"), ("colour=red", "colour"),
    ):  # fmt: skip
        assert problem(reader.get(f"/api/holds?{query}"), 400, "query-invalid")["field"] == field
    problem(brakes.token("stop").get("/api/holds"), 403, "scope-missing")
    problem(reader.post("/api/holds"), 405, "method-not-allowed")


# The receipt -------------------------------------------------------------------------------------


def test_a_receipt_grows_step_by_step(brakes: BrakesDesk) -> None:
    hold, reader = new_hold(Kind.KILL, "firm"), brakes.token("read")

    def receipt() -> dict[str, Any]:
        found: dict[str, Any] = reader.get(f"/api/holds/{hold.id}").json()
        return found

    def waits_for() -> list[tuple[str, str]]:
        return [(one["what"], one["account"]) for one in receipt()["unproven"]]

    both = [("none-open", "paper-1"), ("none-open", "paper-2")]
    assert receipt()["status"] == "latched"
    assert waits_for() == [("gateway", "paper-1"), ("gateway", "paper-2"), *both]
    step(hold, "acknowledged", "paper-1", in_flight=["o-1"], token=3)
    assert waits_for() == [("gateway", "paper-2"), *both]
    step(hold, "expired", "paper-2", ms_since_commit=481)
    step(hold, "effective", latched_us=700, effective_us=1400, in_flight=["o-1"])
    body = receipt()
    assert (body["status"], body["in_flight"]) == ("effective", ["o-1"])
    assert [(one["account"], one["proof"]) for one in body["gateways"]] == [
        ("paper-1", "acknowledged"), ("paper-2", "expired"),
    ]  # fmt: skip
    assert body["decided_at"] < body["latched_at"] < body["effective_at"]
    assert waits_for() == both
    step(hold, "cancel-confirmed", "paper-1", "o-2", order="o-2", filled="0")
    step(hold, "still-open", "paper-1", "1", orders=["o-3"], count=1)
    assert receipt()["cancelled"]["count"] == 1
    assert [one["orders"] for one in receipt()["still_open"]] == [["o-3"]]
    step(hold, "none-open", "paper-1", readings=2)
    step(hold, "none-open", "paper-2", readings=2)
    assert (waits_for(), receipt()["still_open"]) == ([], [])
    assert [one["account"] for one in receipt()["none_open"]] == ["paper-1", "paper-2"]
    step(hold, "unclosable", "paper-1", "x", positions=[{"symbol": "XYZ", "why": "no lot"}])
    step(hold, "flat", "paper-2", "w", fill_sequence=9)
    body = receipt()
    assert [one["step"] for one in body["flattening"]] == ["unclosable", "flat"]
    assert [one["account"] for one in body["flat"]] == ["paper-2"]
    assert body["lift"] is None
    lifted(hold.id)
    assert receipt()["lift"]["second"] == "ada.nwosu"
    assert len(receipt()["steps"]) == 9


def test_a_pause_waits_for_no_sweep_and_a_lifted_hold_for_nothing(brakes: BrakesDesk) -> None:
    pause, kill = new_hold(), new_hold(Kind.KILL)
    reader = brakes.token("read")
    whats = {one["what"] for one in reader.get(f"/api/holds/{pause.id}").json()["unproven"]}
    assert whats == {"gateway"}
    lifted(kill.id)
    assert reader.get(f"/api/holds/{kill.id}").json()["unproven"] == []


def test_signatures_hold_and_only_for_what_was_signed(brakes: BrakesDesk) -> None:
    hold, other = new_hold(Kind.KILL, "firm"), new_hold(Kind.KILL, "firm")
    step(hold, "acknowledged", "paper-1")
    step(hold, "effective")
    pem = brakes_desk().signer.public_pem
    body = brakes.token("read").get(f"/api/holds/{hold.id}/").json()
    for one in body["steps"]:
        said = one["signed"].encode()
        assert signature_holds(pem, said, bytes.fromhex(one["signature"]))
        assert not signature_holds(pem, said + b" ", bytes.fromhex(one["signature"]))
        assert json.loads(said)["hold"] == str(hold.id)
    signature = bytes.fromhex(body.pop("signature"))
    body.pop("key_id")
    assert signature_holds(pem, canonical_bytes(body), signature)
    receipt = receipt_read(hold.id)
    assert receipt is not None
    assert steps_unsound(receipt, pem) == []
    receipt.steps[0].row.signature = bytes(64)
    receipt.steps[1].said["hold"] = str(other.id)  # type: ignore[index]
    assert set(steps_unsound(receipt, pem)) == {one.row.id for one in receipt.steps}


def test_a_hold_that_is_none(brakes: BrakesDesk) -> None:
    reader = brakes.token("read")
    problem(reader.get(f"/api/holds/{uuid.uuid4()}"), 404, "not-found")
    problem(reader.get("/api/holds/7"), 404, "not-found")
    ada = brakes.person("ada")
    for path, code in ((str(uuid.uuid4()), "hold-unknown"), ("7", "not-found")):
        problem(sent(ada, f"/api/holds/{path}/lift", WHY), 404, code)


# Lifting -----------------------------------------------------------------------------------------


def test_a_pause_is_lifted_and_no_other_hold(brakes: BrakesDesk) -> None:
    hold, other = new_hold(), new_hold()
    answer = sent(brakes.person("ada"), f"/api/holds/{hold.id}/lift/", WHY)
    assert answer.status_code == 200
    assert answer.json()["hold"] == str(hold.id)
    assert [one.hold_id for one in HoldLift.objects.all()] == [hold.id]
    assert not HoldLift.objects.filter(hold_id=other.id).exists()
    again = sent(brakes.person("ada"), f"/api/holds/{hold.id}/lift", WHY)
    problem(again, 409, "hold-already-lifted")
    assert entries("hold.lift")[0]["actor"] == "ada.nwosu"


@pytest.mark.parametrize("scope", ["read", "stop", "flatten", "trade-test", "export"])
def test_no_token_lifts(brakes: BrakesDesk, scope: str) -> None:
    client = brakes.token(scope)
    two = {"reason": "x", "root_cause": "y", "rollback": "z"}
    for kind, body in ((Kind.PAUSE, WHY), (Kind.KILL, two)):
        hold = new_hold(kind, placed_by="script of mercy.okafor", actor_kind="token")
        answer = sent(client, f"/api/holds/{hold.id}/lift", body)
        problem(answer, 403, "lift-tokens-cannot")
    assert not HoldLift.objects.exists()
    assert not Approval.objects.exists()
    assert {one["outcome"] for one in entries("hold.lift")} == {"denied"}


def test_a_kill_opens_a_request(brakes: BrakesDesk) -> None:
    hold, ada = new_hold(Kind.KILL), brakes.person("ada")
    path = f"/api/holds/{hold.id}/lift"
    for missing in ("root_cause", "rollback"):
        body = {"reason": "x", "root_cause": "y", "rollback": "z"}
        del body[missing]
        assert problem(sent(ada, path, body), 400, "body-invalid")["field"] == missing
    answer = sent(ada, path, {"reason": "mended", "root_cause": "a bug", "rollback": "to 1.0"})
    assert answer.status_code == 202, answer.content
    row = Approval.objects.get()
    assert answer["Location"] == f"/api/approvals/{row.id}"
    body = answer.json()
    assert (body["status"], body["kind"], body["subject"]) == (
        "pending", "hold-lift", f"hold:{hold.id}",
    )  # fmt: skip
    assert (body["digest"], body["requested_by"]) == (row.digest, "ada.nwosu")
    assert not HoldLift.objects.exists()


def test_what_is_not_so_yet_is_listed(brakes: BrakesDesk) -> None:
    hold = new_hold(Kind.DEAD_MAN, "firm", actor_kind="trigger", placed_by="dead-man")
    answer = sent(brakes.person("ada"), f"/api/holds/{hold.id}/lift", WHY)
    body = problem(answer, 409, "preconditions-not-met")
    (condition,) = body["conditions"]
    assert (condition["name"], condition["met"]) == ("confirmed", False)
    assert "confirm" in condition["text"]
    sent(brakes.person("ada"), "/api/deadman")
    assert DeadMan.objects.exists()
    answer = sent(brakes.person("ada"), f"/api/holds/{hold.id}/lift", WHY)
    assert answer.status_code == 200, answer.content


def test_a_factor_of_hours_ago_does_not_lift(brakes: BrakesDesk) -> None:
    hold, ada = new_hold(Kind.REDUCE_ONLY, mode=Mode.REDUCE_ONLY), brakes.person("ada")
    session = ada.session
    session[FACTOR_AT] -= 301
    session.save()
    problem(sent(ada, f"/api/holds/{hold.id}/lift", WHY), 403, "lift-needs-step-up")
    session[FACTOR_AT] += 3_600
    session.save()
    problem(sent(ada, f"/api/holds/{hold.id}/lift", WHY), 403, "lift-needs-step-up")


def test_its_body_is_read_strictly(brakes: BrakesDesk) -> None:
    hold, ada = new_hold(), brakes.person("ada")
    path = f"/api/holds/{hold.id}/lift"
    wrong: list[tuple[Any, str]] = [
        ({}, "reason"), ({"reason": "  "}, "reason"), ({"reason": "x", "colour": 1}, "colour"),
        ({"reason": "x", "limits_approval": "7"}, "limits_approval"),
        ({"reason": "\ud800"}, "reason"), ({"reason": "\0"}, "reason"),
        ({"reason": "x", "operator": "y" * 151}, "operator"),
    ]  # fmt: skip
    for body, field in wrong:
        assert problem(sent(ada, path, body), 400, "body-invalid")["field"] == field
    problem(sent(ada, path, "reason=x"), 400, "body-malformed")
    assert not HoldLift.objects.exists()
