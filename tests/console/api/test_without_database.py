"""Stopping while PostgreSQL is silent or gone: by what token and browser carry."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client

from console.access import capability
from console.api import authentication, stops
from console.api.authentication import token_text
from riskctl.holds import HoldFact
from riskctl.models import Hold
from tests.console.api.brakes import BrakesDesk, sent
from tests.console.api.test_problems import problem
from tests.engines.documents import document

pytestmark = pytest.mark.django_db(transaction=True)

KILL = "/emergency/stop-trading"
Silence = Callable[[str], None]


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silence]:
    """Makes what asks the database wait (``silent``) or fail (``gone``)."""
    over = threading.Event()

    def become(how: str) -> None:
        def away(*_: Any) -> Any:
            if how == "gone":
                raise OperationalError("connection refused")
            over.wait(30)

        monkeypatch.setattr(authentication, "_looked_up", away)
        monkeypatch.setattr(stops, "_look_up", away)

    yield become
    over.set()


def carrying(*scopes: str) -> Client:
    """A client whose token the database does not even know."""
    text = capability.token_with(
        token_text(), name="demo of ada.nwosu", owner="ada.nwosu", scopes=scopes,
        expires_at=int(time.time()) + 60,
    )  # fmt: skip
    return Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)


def timed(client: Client, path: str = KILL, body: Any = None, **headers: str) -> tuple[Any, float]:
    began = time.monotonic()
    answer = sent(client, path, body, **headers)
    return answer, time.monotonic() - began


@pytest.mark.parametrize("how", ["silent", "gone"])
def test_a_token_that_carries_leave_stops(
    brakes: BrakesDesk, database: Silence, how: str
) -> None:  # fmt: skip
    database(how)
    answer, took = timed(carrying("stop"), body={"reason": "now", "operator": "m.okafor"})
    assert answer.status_code == 200, answer.content
    assert took < 0.9
    (hold,) = brakes.gateway.holds.values()
    assert (hold.placed_by, hold.actor_kind, hold.on_behalf_of) == (
        "demo of ada.nwosu", "token", "m.okafor",
    )  # fmt: skip


def test_a_document_stops_by_it_too(brakes: BrakesDesk, database: Silence) -> None:
    database("gone")
    text = document("mom-eurusd", riskLimit="0%")
    answer = timed(carrying("stop"), "/api/engines", {"config": text})[0]
    assert answer.status_code == 200, answer.content
    assert answer.json()["not_applied"]
    (hold,) = brakes.gateway.holds.values()
    assert hold.scope == "strategy:mom-eurusd"
    problem(timed(carrying("read"), "/api/engines", {"config": text})[0], 403, "scope-missing")
    client = carrying("read", "stop")
    assert client.get("/api/engines").json()["code"] == "token-unknown"


def test_it_may_what_its_scopes_say_and_only_stop(brakes: BrakesDesk, database: Silence) -> None:
    database("gone")
    problem(timed(carrying("read"))[0], 403, "scope-missing")
    problem(timed(carrying("stop"), "/emergency/close-all-positions")[0], 403, "scope-missing")
    answer = timed(carrying("flatten"), "/emergency/close-all-positions")[0]
    assert (answer.status_code, answer.json()["closing"]) == (200, ["paper-1", "paper-2"])
    assert timed(carrying("stop"), "/orders/cancel-all")[0].status_code == 200
    assert len(brakes.gateway.cancels) == 1


def test_nothing_else_is_opened_by_it(brakes: BrakesDesk) -> None:
    """The database is there, and does not know the token: then it is none."""
    client = carrying("read", "stop", "flatten")
    problem(client.get("/api/holds"), 401, "token-unknown")
    for path in (KILL, "/api/deadman", "/orders/cancel-all", "/emergency/close-all-positions"):
        problem(sent(client, path), 401, "token-unknown")
    assert not brakes.told()


def test_a_browser_stops_by_its_cookie_and_its_csrf_token(
    brakes: BrakesDesk, database: Silence
) -> None:
    response = HttpResponse()
    capability.give_cookie(response, name="mercy.okafor", roles={"trader"}, owns={"mom-eurusd"})
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.cookies[capability.cookie_name()] = response.cookies[capability.cookie_name()].value
    database("silent")
    path = "/api/strategies/mom-eurusd/kill"
    problem(timed(browser, path)[0], 403, "csrf-failed")
    assert not brakes.told()
    browser.cookies[django_settings.CSRF_COOKIE_NAME] = secret = "a" * 32
    answer, took = timed(browser, path, **{"X-CSRFToken": secret})
    assert answer.status_code == 200, answer.content
    assert took < 0.9
    assert [one.placed_by for one in brakes.gateway.holds.values()] == ["mercy.okafor"]
    other = "/api/strategies/mr-btcusdt/kill"
    problem(timed(browser, other, **{"X-CSRFToken": secret})[0], 403, "hold-not-yours")


def test_who_carries_nothing_is_told_why(
    brakes: BrakesDesk, database: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = brakes.token("stop")
    database("gone")
    answer = timed(client)[0]
    assert answer["Retry-After"] == "2"
    problem(answer, 503, "database-unreachable")
    database("silent")
    monkeypatch.setattr(authentication, "PATIENCE_S", 0.1)
    problem(timed(client)[0], 503, "database-unreachable")


def test_a_slow_database_still_lets_in_who_carries_nothing(
    brakes: BrakesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = authentication._looked_up

    def slow(request: Any) -> Any:
        time.sleep(0.4)
        return looked_up(request)

    monkeypatch.setattr(authentication, "_looked_up", slow)
    assert timed(brakes.token("stop"))[0].status_code == 200


def test_a_key_repeated_meanwhile_is_one_hold_and_not_the_one_that_was_lifted(
    brakes: BrakesDesk, database: Silence
) -> None:
    client, key = carrying("stop"), {"Idempotency-Key": "k"}
    database("gone")
    ids = {timed(client, **key)[0].json()["hold"]["id"] for _ in range(3)}
    assert len(ids) == 1
    assert {one.id for one in brakes.gateway.told} == ids
    holds: list[HoldFact] = list(brakes.gateway.holds.values())
    assert [one.id for one in holds] == [str(Hold.objects.get().id)]


@pytest.mark.parametrize("how", ["silent", "gone"])
def test_a_scope_that_cannot_be_looked_up_is_held(
    brakes: BrakesDesk, database: Silence, how: str
) -> None:
    database(how)
    answer = timed(carrying("stop"), "/api/strategies/who-knows/kill")[0]
    assert answer.status_code == 200
    assert [one.scope for one in brakes.gateway.holds.values()] == ["strategy:who-knows"]
    problem(timed(carrying("stop"), body={"scope": "x"})[0], 400, "body-invalid")
