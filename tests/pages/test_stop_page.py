"""The stop's own address: who is let in, what is refused, and stopping without the database."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings
from redis import Redis

from console.access import capability
from console.api import authentication, stops
from riskctl.desk import brakes_desk
from riskctl.models import Hold, HoldLift
from riskctl.placement import Placement
from tests.console.conftest import with_password_alone
from tests.pages.conftest import open_session
from tests.support.gateways import FakeGateway, fake_gateways
from trading import clock
from trading.models import Strategy

pytestmark = pytest.mark.django_db(transaction=True)

PART = {"X-Haltline-Part": "1"}
KILL_FIRM = {"scope": "firm", "what": "kill"}


@pytest.fixture
def gateways(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, FakeGateway]]:
    """Both accounts' gateways; the receipt is written before the answer, not behind it.

    A database that is only slow is waited for: what is answered without it is tried on purpose.
    """
    monkeypatch.setattr(Placement, "note", Placement.note_now)
    monkeypatch.setattr("riskctl.proving.KEEP_AFTER_NS", 10 * clock.NS)
    settings.BRAKES_HOME = tmp_path / "brakes"
    settings.SIGNING_KEY_FILE = tmp_path / "signing.pem"
    brakes_desk.cache_clear()
    with fake_gateways(brakes_desk().home, "paper-1", "paper-2") as running:
        yield running
    brakes_desk().close()
    brakes_desk.cache_clear()


@pytest.fixture
def desk(books: list[Strategy], gateways: "Gateways", redis: Redis) -> "Gateways":
    """Two strategies, their gateways, and Redis without frames."""
    return gateways


@pytest.fixture
def browser(settings: Settings) -> Callable[[User], Client]:
    def signed_in(user: User) -> Client:
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = open_session(user)
        return client

    return signed_in


Browser = Callable[[User], Client]
Gateways = dict[str, FakeGateway]


def test_a_plain_form_is_answered_with_the_receipts_address(
    ada: User, browser: Browser, books: list[Strategy], gateways: Gateways, redis: Redis
) -> None:
    client = browser(ada)
    assert b"Stop as chosen above" in client.get("/stop?scope=strategy:mom-eurusd").content
    answer = client.post("/stop", KILL_FIRM)
    hold = Hold.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/holds/{hold.id}")
    page = client.get(answer["Location"]).content.decode()
    assert "Effective" in page
    assert page.count("holds</td>") >= 3, "each signature is checked"


def test_the_same_nonce_is_the_same_stop_until_it_is_lifted(
    ada: User, browser: Browser, books: list[Strategy], gateways: Gateways, redis: Redis,
    *, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for module in (authentication, stops):  # what they know is meant, not how quickly
        monkeypatch.setattr(module, "ASK_S", 20)
    client, said = browser(ada), {"scope": "firm", "what": "pause", "nonce": "n1"}
    first, again = (client.post("/stop", said, headers=PART) for _ in range(2))
    assert first["X-Haltline-Hold"] == again["X-Haltline-Hold"]
    HoldLift.objects.create(hold_id=first["X-Haltline-Hold"], lifted_by="x", reason="y")
    third = client.post("/stop", said, headers=PART)
    assert third["X-Haltline-Hold"] != first["X-Haltline-Hold"]
    assert Hold.objects.count() == 2


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ({"scope": "venue:x y", "what": "kill"}, 400, "is none of firm"),
        ({"scope": "firm", "what": "explode"}, 400, "is none of pause, kill, reduce-only, freeze"),
        ({"scope": "strategy", "strategy": "nobody", "what": "kill"}, 404, "There is no strategy"),
    ],
)
def test_what_cannot_be_stopped_is_named(
    ada: User, browser: Browser, desk: Gateways, *, said: dict[str, str], status: int, words: str
) -> None:  # fmt: skip
    answer = browser(ada).post("/stop", said)
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert not any(one.told for one in desk.values())
    assert "Nothing was stopped" in answer.content.decode()
    assert not Hold.objects.exists()


def test_what_is_not_theirs_is_refused_with_who_may(
    mercy: User, browser: Browser, books: list[Strategy], gateways: Gateways, redis: Redis
) -> None:
    answer = browser(mercy).post("/stop", KILL_FIRM)
    assert answer.status_code == 403
    assert "risk, sre" in answer.content.decode()
    answer = browser(mercy).post("/stop", {**KILL_FIRM, "flatten": "1"})
    assert answer.status_code == 403
    assert "risk manager" in answer.content.decode()
    assert not Hold.objects.exists()


def test_flattening_gives_every_gateway_a_warrant(
    ada: User, browser: Browser, books: list[Strategy], gateways: Gateways, redis: Redis
) -> None:
    answer = browser(ada).post("/stop", {**KILL_FIRM, "flatten": "1"})
    assert answer["Location"].endswith("?flatten=1")
    assert [len(one.warrants) for one in gateways.values()] == [1, 1]
    html = browser(ada).get(answer["Location"] + "").content.decode()
    assert "closing by warrant" in html


def test_nobody_else_comes_in(books: list[Strategy], gateways: Gateways, redis: Redis) -> None:
    answer = Client().post("/stop", KILL_FIRM)
    assert answer["Location"].startswith("/sign-in")
    assert Client().get("/stop")["Location"].startswith("/sign-in")
    halfway = with_password_alone(Client(), User.objects.create_user("halfway"))
    assert halfway.get("/stop")["Location"].startswith("/sign-in/factor")
    assert halfway.post("/stop", KILL_FIRM)["Location"].startswith("/sign-in/factor")
    assert not any(one.told for one in gateways.values())


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Makes what asks the database wait (``silent``) or fail (``gone``)."""
    over = threading.Event()

    def become(how: str) -> None:
        def away(*_: Any) -> Any:
            if how == "gone":
                raise OperationalError("connection refused")
            over.wait(30)

        monkeypatch.setattr(authentication, "_looked_up", away)
        monkeypatch.setattr(stops, "_look_up", away)
        brakes_desk().dsn = "postgresql://nobody@127.0.0.1:1/none"

    yield become
    over.set()


def carrying(*roles: str) -> Client:
    """A browser with leave to stop and a CSRF cookie, and a session nobody can look up."""
    response = HttpResponse()
    capability.give_cookie(response, name="ada.nwosu", roles=roles, owns=())
    client = Client(enforce_csrf_checks=True)
    client.cookies[capability.cookie_name()] = response.cookies[capability.cookie_name()].value
    client.cookies[django_settings.CSRF_COOKIE_NAME] = "a" * 32
    return client


@pytest.mark.parametrize("how", ["silent", "gone"])
def test_without_the_database_the_browsers_own_leave_stops(
    database: Callable[[str], None], books: list[Strategy], gateways: Gateways, how: str
) -> None:
    database(how)
    client = carrying("risk")
    refused = client.post("/stop", KILL_FIRM, headers=PART)
    assert refused.status_code == 403, "without its CSRF token it is nobody's form"
    assert "did not come from this console" in refused.content.decode()
    began = time.monotonic()
    said = {**KILL_FIRM, "csrfmiddlewaretoken": "a" * 32}
    answer = client.post("/stop", said, headers=PART)
    assert answer.status_code == 200, answer.content
    assert time.monotonic() - began < 2
    html = answer.content.decode()
    assert 'data-effective="yes"' in html
    assert "Not in the database yet" in html
    (told,) = gateways["paper-1"].holds.values()
    assert (told.scope, told.placed_by) == ("firm", "ada.nwosu")
    assert uuid.UUID(answer["X-Haltline-Hold"]) == uuid.UUID(told.id)


def test_without_the_database_and_without_script_the_page_is_the_receipt(
    database: Callable[[str], None], books: list[Strategy], gateways: Gateways
) -> None:
    database("gone")
    said = {**KILL_FIRM, "csrfmiddlewaretoken": "a" * 32}
    answer = carrying("risk").post("/stop", said)
    assert answer.status_code == 200
    assert "<h1>Stopped</h1>" in answer.content.decode()
    form = carrying("risk").get("/stop")
    assert b"Stop as chosen above" in form.content
