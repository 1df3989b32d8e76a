"""/orders/cancel-all."""

import time

import pytest

from audit.models import Entry
from riskctl import everyone
from riskctl.models import Hold
from tests.console.api.brakes import BrakesDesk, sent
from tests.console.api.test_problems import problem
from tests.console.conftest import entries

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/orders/cancel-all"


def recorded() -> dict[str, object]:
    """The entry, which is written behind the answer."""
    until = time.monotonic() + 5
    while not Entry.objects.filter(action="orders.cancel").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    (entry,) = entries("orders.cancel")
    return entry


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_every_gateway_cancels_and_says_what(brakes: BrakesDesk, path: str) -> None:
    brakes.gateway.open_orders = ["paper-1-0001", "paper-1-0002"]
    answer = sent(brakes.token("stop"), path)
    assert answer.status_code == 200
    assert answer.json() == {
        "scope": "firm",
        "reason": "no reason given",
        "status": "asked",
        "gateways": [
            {"account": "paper-1", "orders": ["paper-1-0001", "paper-1-0002"]},
            {"account": "paper-2", "orders": []},
        ],
        "unanswered": [],
        "accounts_known": True,
    }
    assert not Hold.objects.exists()
    (asked,) = brakes.gateway.cancels
    assert (asked.scope, asked.protective_too) == ("firm", False)
    assert "script of mercy.okafor" in asked.reason
    entry = recorded()
    assert (entry["actor"], entry["outcome"]) == ("script of mercy.okafor", "done")
    assert entry["after"] == {"cancelling": {"paper-1": 2, "paper-2": 0}, "failed": {}}


def test_a_scope_and_what_is_named(brakes: BrakesDesk) -> None:
    body = {"scope": "strategy:mom-eurusd", "protective_too": True, "colour": "red"}
    assert sent(brakes.person("mercy"), PATH, body).status_code == 200
    (asked,) = brakes.gateways["paper-2"].cancels
    assert (asked.scope, asked.protective_too) == ("strategy:mom-eurusd", True)
    assert "colour" in asked.reason
    recorded()


def test_who_did_not_answer_is_named(brakes: BrakesDesk) -> None:
    brakes.gateway.silent = True
    brakes.gateways["paper-2"].refuses = "not loaded yet"
    began = time.monotonic()
    answer = sent(brakes.token("stop"), PATH)
    assert time.monotonic() - began < 2
    assert (answer.status_code, answer.json()["status"]) == (202, "partly")
    why = {one["account"]: one["why"] for one in answer.json()["unanswered"]}
    assert why["paper-2"] == "not loaded yet"
    assert set(why) == {"paper-1", "paper-2"}
    assert recorded()["outcome"] == "failed"


def test_an_account_whose_gateway_is_nowhere_is_named(brakes: BrakesDesk) -> None:
    (brakes.home.gateways / "paper-1.json").unlink()
    answer = sent(brakes.token("stop"), PATH)
    assert answer.json()["unanswered"] == [
        {"account": "paper-1", "why": "it never had a gateway"}
    ]  # fmt: skip
    recorded()


def test_a_silent_database_delays_it_little_and_is_owned_up_to(
    brakes: BrakesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = brakes.token("stop")

    def silent(_desk: object) -> dict[str, object]:
        time.sleep(1)
        return {}

    monkeypatch.setattr(everyone, "_in_database", silent)
    began = time.monotonic()
    answer = sent(client, PATH)
    assert time.monotonic() - began < 0.9
    assert (answer.status_code, answer.json()["accounts_known"]) == (202, False)
    assert [one["account"] for one in answer.json()["gateways"]] == ["paper-1", "paper-2"]
    recorded()


def test_who_may_not(brakes: BrakesDesk) -> None:
    for who, body in (
        ("mercy", {}), ("mercy", {"scope": "strategy:mr-btcusdt"}), ("ruth", {}), ("priya", {}),
    ):  # fmt: skip
        problem(sent(brakes.person(who), PATH, body), 403, "cancel-not-yours")
    for scope in ("read", "flatten", "trade-test"):
        problem(sent(brakes.token(scope), PATH), 403, "scope-missing")
    assert problem(sent(brakes.token("stop"), PATH, {"scope": 1}), 400, "body-invalid")
    assert problem(sent(brakes.token("stop"), PATH, {"scope": "venue:x"}), 404, "not-found")
    assert not brakes.gateway.cancels
