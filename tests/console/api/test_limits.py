"""/api/limits: read with their use, lowered at once, raised by two."""

from decimal import Decimal
from typing import Any

import pytest

from console.access.sessions import FACTOR_AT
from riskctl.models import Approval, Limit
from tests.console.api.brakes import BrakesDesk, sent
from tests.console.api.test_problems import problem
from tests.console.conftest import entries
from tests.support.desks import on_no_desk

pytestmark = pytest.mark.django_db(transaction=True)

OWN = "/api/limits/strategy:mom-eurusd/gross-notional"


@pytest.fixture(autouse=True)
def _limits(brakes: BrakesDesk) -> None:
    for scope, kind, value in (
        ("firm", "gross-notional", 5000), ("account:paper-1", "order-rate", 50),
        ("strategy:mom-eurusd", "gross-notional", 1000),
        ("strategy:mr-btcusdt", "gross-notional", 700),
    ):  # fmt: skip
        Limit.objects.create(scope=scope, kind=kind, value=value)


def value(scope: str = "strategy:mom-eurusd") -> Decimal:
    return Limit.objects.get(scope=scope, kind="gross-notional").value


def body(to: str, **more: Any) -> dict[str, Any]:
    return {"value": to, "reason": "thin market", **more}


def test_they_are_read_under_each_of_their_addresses(brakes: BrakesDesk) -> None:
    reader = brakes.person("lena")
    rows = reader.get("/api/limits").json()
    assert [(one["scope"], one["kind"], one["value"]) for one in rows] == [
        ("account:paper-1", "order-rate", "50"), ("firm", "gross-notional", "5000"),
        ("strategy:mom-eurusd", "gross-notional", "1000"),
        ("strategy:mr-btcusdt", "gross-notional", "700"),
    ]  # fmt: skip
    assert rows[0] | {"changed_at": ""} == {
        "scope": "account:paper-1", "kind": "order-rate", "value": "50", "in_force": "50",
        "used": None, "version": 1, "changed_by": "", "changed_at": "",
    }  # fmt: skip
    for path in ("/api/risk-limits", "/limits", "/limits/"):
        assert reader.get(path).json() == rows
    one = reader.get("/api/limits?scope=firm&kind=gross-notional").json()
    assert [row["scope"] for row in one] == ["firm"]
    assert problem(reader.get("/api/limits?scope=moon"), 400, "query-invalid")["field"] == "scope"
    answer = reader.get(OWN)
    assert (answer.json(), answer["ETag"]) == (rows[2], '"1"')
    problem(reader.get("/api/limits/firm/order-rate"), 404, "not-found")


def test_a_trader_sees_those_of_own_strategies_and_the_firm(brakes: BrakesDesk) -> None:
    mercy = brakes.person("mercy")
    on_no_desk("mercy.okafor")
    seen = {one["scope"] for one in mercy.get("/api/limits").json()}
    assert seen == {"firm", "account:paper-1", "strategy:mom-eurusd"}
    other = "/api/limits/strategy:mr-btcusdt/gross-notional"
    problem(mercy.get(other), 403, "scope-not-yours")
    problem(sent(mercy, other, body("1")), 403, "scope-not-yours")
    assert value("strategy:mr-btcusdt") == 700


@pytest.mark.parametrize("who", ["mercy", "ada"])
def test_lowering_is_at_once_also_with_an_old_factor(brakes: BrakesDesk, who: str) -> None:
    client = brakes.person(who)
    session = client.session
    session[FACTOR_AT] -= 4000
    session.save()
    answer = sent(client, OWN, body("800"), **{"If-Match": '"1"'})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["value"], answer.json()["version"], answer["ETag"]) == ("800", 2, '"2"')
    assert value() == 800
    (entry,) = entries("limit.tighten")
    assert (entry["before"]["value"], entry["after"]["value"]) == ("1000", "800")


def test_a_higher_one_is_a_request_for_another_person(brakes: BrakesDesk) -> None:
    answer = sent(brakes.person("mercy"), OWN, body("1500"))
    assert answer.status_code == 202, answer.content
    asked = answer.json()
    assert answer["Location"] == f"/api/approvals/{asked['id']}"
    assert (asked["kind"], asked["subject"]) == (
        "limit-raise", "limit:strategy:mom-eurusd/gross-notional",
    )  # fmt: skip
    assert value() == 1000
    path, digest = f"/api/approvals/{asked['id']}/approve", {"digest": asked["digest"]}
    problem(sent(brakes.person("mercy"), path, digest), 403, "approval-own-request")
    assert sent(brakes.person("ada"), path, digest).status_code == 200
    assert value() == 1500
    assert brakes.person("ada").get(OWN).json()["changed_by"] == "ada.nwosu"


def test_it_is_not_what_it_was_when_it_was_read(brakes: BrakesDesk) -> None:
    ada = brakes.person("ada")
    assert sent(ada, OWN, body("900"), **{"If-Match": '"1"'}).status_code == 200
    for to in ("800", "1500"):
        problem(sent(ada, OWN, body(to), **{"If-Match": '"1"'}), 412, "limit-moved")
    problem(sent(ada, OWN, body("800"), **{"If-Match": "x"}), 400, "query-invalid")
    assert sent(ada, OWN, body("800"), **{"If-Match": "*"}).status_code == 200
    assert not Approval.objects.exists()


def test_a_key_used_again_changes_once(brakes: BrakesDesk) -> None:
    ada = brakes.person("ada")
    first = sent(ada, OWN, body("900"), **{"Idempotency-Key": "k"})
    again = sent(ada, OWN, body("900"), **{"Idempotency-Key": "k"})
    assert first.json() == again.json()
    assert Limit.objects.get(scope="strategy:mom-eurusd").version == 2


@pytest.mark.parametrize("scope", ["read", "stop", "flatten", "trade-test", "export"])
def test_no_token_changes_one(brakes: BrakesDesk, scope: str) -> None:
    client = brakes.token(scope)
    problem(sent(client, OWN, body("900")), 403, "limit-not-yours")
    problem(sent(client, OWN, body("1500")), 403, "approval-tokens-cannot")
    assert value() == 1000


@pytest.mark.parametrize("who", ["jonas", "ruth"])
def test_who_may_not(brakes: BrakesDesk, who: str) -> None:
    problem(sent(brakes.person(who), OWN, body("900")), 403, "limit-not-yours")
    problem(sent(brakes.person(who), OWN, body("1500")), 403, "approval-not-your-role")
    assert value() == 1000


def test_what_cannot_be(brakes: BrakesDesk) -> None:
    ada = brakes.person("ada")
    for given, field in (
        (body("x"), "value"), (body("-1"), "value"), ({"reason": "r"}, "value"),
        ({"value": "1"}, "reason"), (body("900", colour=1), "colour"),
    ):  # fmt: skip
        assert problem(sent(ada, OWN, given), 400, "body-invalid")["field"] == field
    path = "/api/limits/firm/open-orders"
    assert problem(sent(ada, path, body("1")), 400, "body-invalid")["field"] == "kind"
    problem(sent(ada, "/api/limits/strategy:none/order-rate", body("1")), 404, "not-found")
    assert value() == 1000
