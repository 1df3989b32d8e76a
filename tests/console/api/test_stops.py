"""/trading/halt, /emergency/stop-trading, freeze, stop-new-positions, and strategies' own stops."""

import json
import socket
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from redis import Redis

from audit.canonical import canonical_bytes
from audit.signing import signature_holds
from console.access import backoff
from console.access.sessions import FACTOR_AT
from console.api import stops
from riskctl.desk import brakes_desk
from riskctl.models import Hold
from riskctl.placing import hold_place
from tests.console.api.brakes import (
    FIRM_STOPS,
    STRATEGY_STOPS,
    BrakesDesk,
    lifted,
    only_hold,
    sent,
    steps_of,
)
from tests.console.api.test_problems import problem
from tests.console.conftest import entries

pytestmark = pytest.mark.django_db(transaction=True)

HALT, KILL = "/trading/halt", "/emergency/stop-trading"


@pytest.mark.parametrize(
    ("path", "placed"),
    [
        (HALT, ("pause", "HALTED", False)),
        (f"{KILL}/", ("kill", "HALTED", True)),
        ("/emergency/freeze", ("kill", "FROZEN", True)),
        ("/emergency/stop-new-positions/", ("reduce-only", "REDUCE-ONLY", False)),
        ("/api/strategies/mom-eurusd/pause/", ("pause", "HALTED", False)),
        ("/api/strategies/mom-eurusd/kill", ("kill", "HALTED", True)),
    ],
)
def test_one_call_and_every_gateway_has_it(
    brakes: BrakesDesk, path: str, placed: tuple[str, str, bool]
) -> None:
    answer = sent(
        brakes.token("stop"), path, {"reason": "unexpected-orders", "operator": "m.okafor"}
    )
    assert answer.status_code == 200, answer.content
    body, row = answer.json(), only_hold()
    assert body["status"] == "effective"
    assert answer["Location"] == f"/api/holds/{row.id}" == f"/api/holds/{body['hold']['id']}"
    scope = "strategy:mom-eurusd" if "strategies" in path else "firm"
    assert (row.scope, (row.kind, row.mode, row.cancels)) == (scope, placed)
    assert (row.placed_by, row.actor_kind) == ("script of mercy.okafor", "token")
    assert (row.reason, row.on_behalf_of) == ("unexpected-orders", "m.okafor")
    assert [set(one.holds) for one in brakes.gateways.values()] == [{str(row.id)}] * 2
    assert [one["proof"] for one in body["gateways"]] == ["acknowledged"] * 2
    assert body["unproven"] == []
    (entry,) = entries("hold.place")
    assert (entry["object_id"], entry["request_id"]) == (str(row.id), answer["X-Request-ID"])
    steps_of(str(row.id), "effective")


def test_a_receipt_is_signed_as_it_is_sent(brakes: BrakesDesk) -> None:
    body = sent(brakes.token("stop"), KILL).json()
    signature = bytes.fromhex(body.pop("signature"))
    assert body.pop("key_id") == brakes_desk().signer.key_id
    pem = brakes_desk().signer.public_pem
    assert signature_holds(pem, canonical_bytes(body), signature)
    body["status"] = "latched"
    assert not signature_holds(pem, canonical_bytes(body), signature)


ODD = [
    ("", ""),
    ("{}", ""),
    ('{"colour": "red"}', "colour"),
    ('{"reason": 7}', "7"),
    ('{"reason": "\\ud800"}', "ud800"),
    ('{"operator": ["a"]}', "operator"),
    ('{"protective_too": "yes"}', "protective_too"),
    ("reason=x&operator=y", "reason=x"),
    ("[1, 2]", "[1, 2]"),
    ("{", "{"),
    ("\x00\xff", "body"),
    ("[" * 100_000, "[[["),
]


@pytest.mark.parametrize("path", [*FIRM_STOPS, *STRATEGY_STOPS])
def test_nothing_odd_in_a_body_keeps_a_stop_from_being_one(brakes: BrakesDesk, path: str) -> None:
    client = brakes.token("stop")
    for raw, shown in ODD:
        answer = sent(client, path, raw)
        assert answer.status_code == 200, answer.content
        reason = Hold.objects.get(id=answer.json()["hold"]["id"]).reason
        assert reason.startswith("no reason given")
        assert shown in reason or "protective_too" in raw
        assert len(reason) < 500


def test_nothing_odd_around_the_body_does_either(brakes: BrakesDesk) -> None:
    client = brakes.token("stop")
    odd: dict[str, Any] = {"Accept": "text/csv", "Idempotency-Key": "ключ", "Content-Type": "x/y"}
    answer = client.generic("POST", f"{KILL}?now=1", "{}", content_type="x/y", headers=odd)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    reason = only_hold().reason
    assert "?now" in reason
    assert "Idempotency-Key" in reason


def test_a_body_too_long_to_be_read(brakes: BrakesDesk, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert sent(brakes.token("stop"), KILL, {"reason": "x" * 200}).status_code == 200
    assert "too long" in only_hold().reason


SCOPES = ["venue:paper-1", "venue:paper-one", "strategy:mr-btcusdt", "instrument:EURUSD", "firm"]


@pytest.mark.parametrize("path", FIRM_STOPS)
def test_a_scope_in_the_body(brakes: BrakesDesk, path: str) -> None:
    client = brakes.token("stop")
    for scope in SCOPES:
        assert sent(client, path, {"scope": scope}).status_code == 200
    assert [one.scope for one in Hold.objects.order_by("placed_at")] == SCOPES


@pytest.mark.parametrize("path", FIRM_STOPS)
def test_a_scope_is_not_guessed_at(brakes: BrakesDesk, path: str) -> None:
    client = brakes.token("stop")
    for wrong in (7, None, ["firm"], "", "all", "strategy:", "strategy:a b", "account:paper-1"):
        answer = sent(client, path, {"scope": wrong})
        if wrong == "":
            assert answer.status_code == 200
            continue
        assert problem(answer, 400, "body-invalid")["field"] == "scope"
    for unknown, there in (
        ("strategy:no-such", "mom-eurusd"), ("venue:no-such", "paper-one"),
        ("instrument:NOSUCH", "EURUSD"),
    ):  # fmt: skip
        assert there in problem(sent(client, path, {"scope": unknown}), 404, "not-found")["detail"]
    assert [one.scope for one in Hold.objects.all()] == ["firm"]


@pytest.mark.parametrize("what", ["pause", "kill"])
def test_a_strategy_that_is_none(brakes: BrakesDesk, what: str) -> None:
    answer = sent(brakes.token("stop"), f"/api/strategies/no-such/{what}")
    assert "mom-eurusd, mr-btcusdt" in problem(answer, 404, "not-found")["detail"]
    assert not brakes.told()


def test_who_may_stop_what(brakes: BrakesDesk) -> None:
    def asked(who: str, path: str, scope: str = "") -> int:
        client = brakes.person(who)
        return int(sent(client, path, {"scope": scope} if scope else {}).status_code)

    for path in (HALT, KILL):
        assert asked("mercy", path, "strategy:mom-eurusd") == 200
        assert asked("mercy", path, "strategy:mr-btcusdt") == 403
        assert asked("mercy", path) == 403
        for who in ("ada", "jonas"):
            assert asked(who, path) == 200
        for who in ("ruth", "priya"):
            assert asked(who, path) == 403
    assert asked("mercy", "/api/strategies/mom-eurusd/kill") == 200
    assert asked("mercy", "/api/strategies/mr-btcusdt/kill") == 403
    assert asked("jonas", "/emergency/stop-new-positions") == 403
    assert asked("ada", "/emergency/stop-new-positions") == 200
    denied = entries("access.deny")
    assert {one["reason"] for one in denied} == {"hold-not-yours"}
    assert {one["actor"] for one in denied} == {
        "mercy.okafor", "ruth.adeyemi", "priya.raman", "jonas.lindqvist",
    }  # fmt: skip


@pytest.mark.parametrize("path", [*FIRM_STOPS, *STRATEGY_STOPS])
def test_tokens_need_the_scope(brakes: BrakesDesk, path: str) -> None:
    for scope in ("read", "flatten", "trade-test", "export"):
        problem(sent(brakes.token(scope), path), 403, "scope-missing")
    problem(sent(Client(), path), 401, "not-authenticated")
    assert not brakes.told()


def test_a_page_from_elsewhere_stops_nothing(brakes: BrakesDesk) -> None:
    browser = brakes.person("ada")
    browser.handler.enforce_csrf_checks = True
    problem(sent(browser, KILL), 403, "csrf-failed")
    assert not brakes.told()


def test_a_factor_of_hours_ago_stops_as_well(brakes: BrakesDesk) -> None:
    browser = brakes.person("ada")
    session = browser.session
    session[FACTOR_AT] -= 7_200
    session.save()
    assert sent(browser, KILL).status_code == 200


def test_refusals_from_the_same_address_slow_no_stop(brakes: BrakesDesk) -> None:
    stranger = Client()
    answers = [sent(stranger, KILL).status_code for _ in range(62)]
    assert answers[-1] == 429
    assert sent(brakes.token("stop"), KILL).status_code == 200


def test_a_gateway_that_does_not_answer_is_named_with_its_deadline(
    brakes: BrakesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    brakes.gateway.silent = True
    monkeypatch.setattr(
        stops.StopTrading, "place", staticmethod(impatient), raising=True
    )  # fmt: skip
    answer = sent(brakes.token("stop"), KILL)
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "latched"
    (left,) = body["unproven"]
    assert left["account"] == "paper-1"
    assert 0 < left["deadline_ms"] < 600
    assert [one["account"] for one in body["gateways"]] == ["paper-2"]
    assert answer["Location"] == f"/api/holds/{body['hold']['id']}"


def impatient(**asked: Any) -> Any:
    return hold_place(**asked, patience_s=0.2)


def test_a_stop_that_reached_nobody_says_so(
    brakes: BrakesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nowhere:
        def body(self) -> dict[str, Any]:
            return {"hold": {"id": str(UUID(int=1))}, "status": "latched", "latched_at": None}

    monkeypatch.setattr(stops.StopTrading, "place", staticmethod(lambda **_: Nowhere()))
    answer = sent(brakes.token("stop"), KILL)
    assert "haltline halt" in problem(answer, 503, "stop-not-latched")["detail"]


def test_redis_gone_changes_nothing(brakes: BrakesDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = Redis.from_url(f"redis://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setattr(backoff, "redis_client", lambda: nowhere)
        assert sent(brakes.token("stop"), KILL).status_code == 200


# The same key again -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*FIRM_STOPS, *STRATEGY_STOPS])
def test_the_same_key_is_the_same_hold_until_that_is_lifted(
    brakes: BrakesDesk, path: str
) -> None:  # fmt: skip
    client = brakes.token("stop")

    def again(key: str = "k-1") -> str:
        answer = sent(client, path, {"reason": "once"}, **{"Idempotency-Key": key})
        assert answer.status_code == 200, answer.content
        return str(answer.json()["hold"]["id"])

    first = again()
    assert again() == first
    steps_of(first, "effective")
    assert again() == first
    assert Hold.objects.count() == 1
    lifted(first)
    second = again()
    assert second != first
    assert again() == second
    lifted(second)
    assert again() not in (first, second)
    assert again("k-2") not in (first, second)
    assert Hold.objects.count() == 4
    assert brakes.told() == {str(one.id) for one in Hold.objects.all()}


def test_a_key_is_its_callers_and_of_what_it_stops(brakes: BrakesDesk) -> None:
    one, other = brakes.token("stop"), brakes.person("ada")
    key = {"Idempotency-Key": "same"}
    asked = [
        sent(one, KILL, **key), sent(other, KILL, **key), sent(one, HALT, **key),
        sent(one, KILL, {"scope": "venue:paper-1"}, **key), sent(one, f"{KILL}/", **key),
        sent(one, KILL, {"protective_too": True}, **key),
    ]  # fmt: skip
    ids = [answer.json()["hold"]["id"] for answer in asked]
    assert ids[0] == ids[4]
    assert len(set(ids)) == 5, "one that asks for more is not swallowed by the one before"
    assert asked[5].json()["hold"]["protective_too"]


def test_a_repeated_key_answers_with_the_receipt_so_far(brakes: BrakesDesk) -> None:
    client = brakes.token("stop")
    first = sent(client, KILL, **{"Idempotency-Key": "k"}).json()
    steps_of(first["hold"]["id"], "effective")
    told = len(brakes.gateway.told)
    again = sent(client, KILL, **{"Idempotency-Key": "k"})
    assert again.status_code == 200
    assert again.json()["decided_at"] == first["decided_at"]
    assert {one["step"] for one in again.json()["steps"]} >= {"acknowledged", "effective"}
    assert len(brakes.gateway.told) == told
    assert json.loads(json.dumps(again.json())) == again.json()
