"""/emergency/close-all-positions."""

from typing import Any

import pytest

from riskctl.models import Hold
from tests.console.api.brakes import BrakesDesk, only_hold, sent
from tests.console.api.conftest import new_position, new_reading, quoted
from tests.console.api.test_problems import problem
from trading.models import Strategy

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/emergency/close-all-positions"
RUNBOOK = {"reason": "risk_management", "operator": "m.okafor"}


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_a_risk_manager_closes_everything(brakes: BrakesDesk, path: str) -> None:
    answer = sent(brakes.person("ada"), path, RUNBOOK)
    assert answer.status_code == 200, answer.content
    body, row = answer.json(), only_hold()
    assert (row.kind, row.scope, row.mode, row.cancels) == ("kill", "firm", "HALTED", True)
    assert (row.placed_by, row.on_behalf_of) == ("ada.nwosu", "m.okafor")
    assert body["status"] == "effective"
    assert body["closing"] == ["paper-1", "paper-2"]
    assert body["not_closing"] == []
    assert answer["Location"] == f"/api/holds/{row.id}"
    for gateway in brakes.gateways.values():
        (warrant,) = gateway.warrants
        assert (warrant.id, warrant.hold_id) == (body["warrant"], str(row.id))
        assert warrant.scope == "firm"
        assert warrant.reason == "risk_management"


def test_a_token_with_the_scope_may_and_others_not(brakes: BrakesDesk) -> None:
    assert sent(brakes.token("flatten"), PATH).status_code == 200
    for scope in ("read", "stop", "trade-test", "export"):
        problem(sent(brakes.token(scope), PATH), 403, "scope-missing")
    for who in ("mercy", "jonas", "ruth", "priya"):
        for dry in (True, False):
            answer = sent(brakes.person(who), PATH, {"dry_run": dry})
            problem(answer, 403, "flatten-not-yours")
    assert Hold.objects.count() == 1


def test_who_does_not_close_is_named(brakes: BrakesDesk) -> None:
    brakes.gateways["paper-2"].close()
    answer = sent(brakes.person("ada"), PATH)
    assert answer.status_code == 202
    assert answer.json()["closing"] == ["paper-1"]
    (left,) = answer.json()["not_closing"]
    assert left["account"] == "paper-2"
    assert left["why"]


def test_its_body_is_read_strictly(brakes: BrakesDesk) -> None:
    ada = brakes.person("ada")
    wrong: list[tuple[Any, str]] = [
        ({"colour": 1}, "colour"), ({"dry_run": "true"}, "dry_run"), ({"reason": 7}, "reason"),
        ({"scope": "all"}, "scope"),
    ]  # fmt: skip
    for body, field in wrong:
        assert problem(sent(ada, PATH, body), 400, "body-invalid")["field"] == field
    problem(sent(ada, PATH, '{"dry_run": true'), 400, "body-malformed")
    problem(sent(ada, f"{PATH}?dry_run=true"), 400, "query-invalid")
    problem(sent(ada, PATH, {"scope": "strategy:x", "dry_run": True}), 404, "not-found")
    problem(sent(ada, PATH, {"scope": "strategy:x"}), 404, "not-found")
    assert not brakes.told()


def test_the_same_key_is_the_same_stop_and_the_same_warrant(brakes: BrakesDesk) -> None:
    ada = brakes.person("ada")
    first, again = (sent(ada, PATH, **{"Idempotency-Key": "k"}).json() for _ in range(2))
    assert first["hold"]["id"] == again["hold"]["id"]
    assert first["warrant"] == again["warrant"]
    assert Hold.objects.count() == 1


def test_a_preview_does_nothing(brakes: BrakesDesk, strategy: Strategy, other: Strategy) -> None:
    quoted("EURUSD", "1.1998", "1.2002")
    new_reading(strategy, "250000", 1)
    new_reading(other, "-0.5", 1)
    answer = sent(brakes.person("ada"), PATH, {"dry_run": True})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["dry_run"], body["scope"], body["value"]) == (True, "firm", None)
    euro, coin = body["closings"]
    assert {name: euro[name] for name in ("account", "symbol", "side", "quantity", "at_venue")} == {
        "account": "paper-1", "symbol": "EURUSD", "side": "sell", "quantity": "250000",
        "at_venue": "250000",
    }  # fmt: skip
    assert (euro["value"], euro["tranches"], euro["why"]) == ("300000", 3, "")
    assert (coin["side"], coin["quantity"], coin["value"], coin["tranches"]) == (
        "buy", "0.5", None, None,
    )  # fmt: skip
    assert not Hold.objects.exists()
    assert not brakes.told()
    assert not any(one.warrants or one.cancels for one in brakes.gateways.values())


@pytest.mark.parametrize(
    ("scope", "quantities"),
    [
        ("venue:paper-1", ["250000"]), ("venue:paper-two", ["0.5"]), ("instrument:XAUUSD", []),
        ("instrument:EURUSD", ["250000"]), ("strategy:mom-eurusd", ["100000"]),
        ("strategy:mr-btcusdt", []),
    ],
)  # fmt: skip
def test_a_preview_of_a_scope(
    brakes: BrakesDesk, strategy: Strategy, other: Strategy, scope: str, quantities: list[str]
) -> None:
    new_reading(strategy, "250000", 1)
    new_reading(other, "-0.5", 1)
    new_position(strategy, "100000", "115000")
    answer = sent(brakes.token("flatten"), PATH, {"dry_run": True, "scope": scope})
    assert [one["quantity"] for one in answer.json()["closings"]] == quantities
