"""Both steps of signing in, one by one, and signing out."""

import logging
import re
import time

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from console.access import sessions
from console.models import Authenticator
from tests.console.conftest import (
    PASSWORD,
    code_of,
    entries,
    give_password,
    signed_in,
    whole_record,
)

pytestmark = pytest.mark.django_db


def test_password_leads_to_the_second_factor_and_that_to_the_desk(
    browser: Client, mercy: User
) -> None:
    first = give_password(browser, mercy)
    assert (first.status_code, first["Location"]) == (302, "/sign-in/factor")
    assert browser.get("/").headers["Location"] == "/sign-in/factor"
    second = browser.post("/sign-in/factor", {"code": code_of(mercy)})
    assert (second.status_code, second["Location"]) == (302, "/")
    assert browser.get("/").status_code == 200


def test_each_factor_changes_the_session_key_and_ends_the_old_one(
    browser: Client, mercy: User
) -> None:
    browser.get("/sign-in")
    before = browser.session.session_key
    give_password(browser, mercy)
    with_password = browser.session.session_key
    browser.post("/sign-in/factor", {"code": code_of(mercy)})
    with_factor = browser.session.session_key
    assert len({before, with_password, with_factor}) == 3
    assert not Session.objects.filter(session_key=with_password).exists()
    assert sessions.person_of_key(with_password or "").standing is sessions.Standing.NONE
    assert sessions.person_of_key(with_factor or "").standing is sessions.Standing.FACTOR


def test_the_csrf_token_changes_with_the_second_factor(mercy: User) -> None:
    browser = Client(enforce_csrf_checks=True)

    def posted(path: str, **fields: str) -> str:
        page = browser.get(path)
        token = page.context["csrf_token"]
        assert browser.post(path, {"csrfmiddlewaretoken": str(token), **fields}).status_code == 302
        return browser.cookies["csrftoken"].value

    with_password = posted("/sign-in", username=mercy.username, password=PASSWORD)
    assert posted("/sign-in/factor", code=code_of(mercy)) != with_password


def test_the_time_of_the_factor_is_kept(browser: Client, mercy: User) -> None:
    signed_in(browser, mercy)
    assert abs(browser.session[sessions.FACTOR_AT] - time.time()) < 5


def test_a_new_password_step_drops_the_factor_of_before(
    desk_browser: Client, mercy: User, tomas: User
) -> None:
    for user in (mercy, tomas):
        give_password(desk_browser, user)
        assert desk_browser.get("/").headers["Location"] == "/sign-in/factor"


def test_unknown_user_and_wrong_password_read_alike(browser: Client, mercy: User) -> None:
    wrong = give_password(browser, mercy, "not-the-password")
    unknown = browser.post("/sign-in", {"username": "nobody.here", "password": "whatever"})
    mercy.is_active = False
    mercy.save()
    inactive = give_password(browser, mercy)
    assert wrong.status_code == unknown.status_code == inactive.status_code == 403
    texts = {
        re.sub(r'value="[^"]*"', "", answer.content.decode())  # the name typed, the CSRF token
        for answer in (wrong, unknown, inactive)
    }
    assert len(texts) == 1


def test_a_code_works_once(browser: Client, mercy: User) -> None:
    code = code_of(mercy)
    give_password(browser, mercy)
    assert browser.post("/sign-in/factor", {"code": code}).status_code == 302
    other = Client()
    give_password(other, mercy)
    assert other.post("/sign-in/factor", {"code": code}).status_code == 403
    assert other.get("/").status_code == 302


def test_authenticators_may_show_a_space(browser: Client, mercy: User) -> None:
    give_password(browser, mercy)
    code = code_of(mercy)
    answer = browser.post("/sign-in/factor", {"code": f"{code[:3]} {code[3:]}"})
    assert answer.status_code == 302


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12 34 56", "½½½½½½", "x" * 4000, "\0"])
def test_what_is_no_code_is_refused_without_cost(browser: Client, mercy: User, code: str) -> None:
    give_password(browser, mercy)
    assert browser.post("/sign-in/factor", {"code": code}).status_code == 403
    assert Authenticator.objects.get(user=mercy).throttling_failure_count == 0
    assert browser.post("/sign-in/factor", {"code": code_of(mercy)}).status_code == 302


def test_a_wrong_code_makes_the_next_wait(browser: Client, mercy: User) -> None:
    give_password(browser, mercy)
    right = code_of(mercy)
    wrong = f"{(int(right) + 500_000) % 1_000_000:06d}"
    assert browser.post("/sign-in/factor", {"code": wrong}).status_code == 403
    waiting = browser.post("/sign-in/factor", {"code": right})
    assert waiting.status_code == 429
    assert int(waiting["Retry-After"]) >= 1
    assert [one["outcome"] for one in entries("sign-in.factor")] == ["failed", "denied"]


def test_somebody_elses_code_does_not_do(browser: Client, mercy: User, tomas: User) -> None:
    give_password(browser, mercy)
    assert browser.post("/sign-in/factor", {"code": code_of(tomas)}).status_code == 403
    assert browser.get("/").status_code == 302


def test_without_a_confirmed_factor_nobody_gets_in(browser: Client, mercy: User) -> None:
    Authenticator.objects.update(confirmed=False)
    give_password(browser, mercy)
    assert browser.get("/sign-in/factor")["Location"] == "/enrol"
    assert browser.post("/sign-in/factor", {"code": code_of(mercy)})["Location"] == "/enrol"
    assert browser.get("/").status_code == 302


def test_taking_the_factor_away_ends_what_it_opened(desk_browser: Client) -> None:
    assert desk_browser.get("/").status_code == 200
    Authenticator.objects.all().delete()
    assert desk_browser.get("/").headers["Location"] == "/sign-in/factor"


def test_signing_out_ends_the_session(desk_browser: Client) -> None:
    key = desk_browser.session.session_key
    assert desk_browser.get("/sign-out").status_code == 405
    assert desk_browser.post("/sign-out").headers["Location"] == "/sign-in"
    assert not Session.objects.filter(session_key=key).exists()
    assert desk_browser.get("/").headers["Location"] == "/sign-in"
    assert [one["actor"] for one in entries("sign-out")] == ["mercy.okafor"]


@pytest.mark.parametrize(
    ("there", "lands"),
    [
        ("/pipeline", "/pipeline"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_people_land_where_they_wanted_but_never_elsewhere(
    browser: Client, mercy: User, there: str, lands: str
) -> None:
    fields = {"username": mercy.username, "password": PASSWORD, "next": there}
    step = browser.post("/sign-in", fields)["Location"]
    answer = browser.post(step, {"code": code_of(mercy), "next": there})
    assert answer["Location"] == lands


def test_every_step_is_recorded_and_no_secret_with_it(
    browser: Client, mercy: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    typed_as_name = "hunter2-in-the-wrong-field"
    give_password(browser, mercy, "a-wrong-password-99")
    browser.post("/sign-in", {"username": typed_as_name, "password": "x"})
    code = code_of(mercy)
    give_password(browser, mercy)
    browser.post("/sign-in/factor", {"code": code})
    recorded = entries("sign-in.password")
    steps = [(one["object_id"], one["outcome"], one["actor"]) for one in recorded]
    assert steps[0] == ("mercy.okafor", "failed", "anonymous")
    assert steps[1][0].startswith("unknown-")
    assert steps[2] == ("mercy.okafor", "done", "mercy.okafor")
    factor = entries("sign-in.factor")[0]
    assert (factor["actor"], factor["outcome"]) == ("mercy.okafor", "done")
    assert factor["source"] == "127.0.0.1"
    device = Authenticator.objects.get(user=mercy)
    secrets = [
        PASSWORD, "a-wrong-password-99", typed_as_name, device.bin_key.hex(),
        browser.session.session_key or "-",
    ]  # fmt: skip
    for where in (whole_record(), caplog.text):
        for secret in secrets:
            assert secret not in where
    assert f'"{code}"' not in whole_record()


def test_password_and_record_stand_or_fall_together(
    browser: Client, mercy: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the entry cannot be written there is no session either."""
    monkeypatch.setattr("audit.record.INSERT_SQL", "INSERT INTO no_such_table VALUES (%s)")
    assert give_password(browser, mercy).status_code == 500
    assert Session.objects.count() == 0
