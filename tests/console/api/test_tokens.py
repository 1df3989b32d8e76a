"""Tokens: what lets a script in, and what does not."""

import datetime as dt
import hashlib
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from console.models import ApiToken
from tests.console.conftest import entries, whole_record, with_password_alone

pytestmark = pytest.mark.django_db

PATH = "/api/orders"
PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def answered(text: str, header: str = "Bearer {}") -> tuple[int, str]:
    headers = {"Authorization": header.replace("{}", text)}
    answer = Client(headers=headers).get(PATH)
    if answer.status_code == 401:
        assert answer["WWW-Authenticate"] == 'Bearer realm="haltline", error="invalid_token"'
    return answer.status_code, answer.json()["code"] if answer.status_code != 200 else ""


def test_a_token_is_kept_as_its_digest_alone(new_token: Callable[..., str]) -> None:
    text = new_token()
    kept = ApiToken.objects.get()
    assert bytes(kept.digest or b"") == hashlib.sha256(text.encode()).digest()
    assert text not in repr(vars(kept))
    assert len(text) == len("hl_") + 43


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER  {}", " Bearer {} "])
def test_a_read_token_reads(new_token: Callable[..., str], header: str) -> None:
    assert answered(new_token(), header) == (200, "")


@pytest.mark.parametrize(
    "header", ["{}", "Basic {}", "Bearer", "Bearer {} {}", "Token {}", "Bearer {}, Bearer {}", ""]
)
def test_headers_that_are_none(new_token: Callable[..., str], header: str) -> None:
    assert answered(new_token(), header) == (401, "authorization-malformed")


@pytest.mark.parametrize("change", ["x{}", "{}x", "hl_", "{}=", "hl_" + "A" * 43])
def test_unknown_tokens(new_token: Callable[..., str], change: str) -> None:
    assert answered(change.format(new_token())) == (401, "token-unknown")


def test_ended_tokens_say_why(new_token: Callable[..., str], tomas: User) -> None:
    assert answered(new_token(expires_at=PAST)) == (401, "token-expired")
    assert answered(new_token(revoked_at=PAST)) == (401, "token-revoked")
    text = new_token(owner=tomas)
    tomas.is_active = False
    tomas.save()
    assert answered(text) == (401, "token-owner-inactive")
    assert [one["actor"] for one in entries("access.deny")] == [
        "script of mercy.okafor", "script of mercy.okafor", "script of tomas.brandt",
    ]  # fmt: skip
    assert {one["actor_kind"] for one in entries("access.deny")} == {"token"}


def test_a_stop_token_cannot_read(new_token: Callable[..., str]) -> None:
    assert answered(new_token("stop")) == (403, "scope-missing")
    assert answered(new_token("stop", "read")) == (200, "")
    assert entries("access.deny")[0]["reason"] == "scope-missing"


def test_a_token_elsewhere_than_in_the_header_is_nothing(new_token: Callable[..., str]) -> None:
    text = new_token()
    for query in ("token", "access_token", "authorization", "key"):
        assert Client().get(PATH, {query: text}).status_code == 401
    cookie = Client()
    cookie.cookies["token"] = text
    assert cookie.get(PATH).status_code == 401
    assert text not in whole_record()


def test_a_bad_token_is_not_made_good_by_a_session(desk_browser: Client) -> None:
    assert desk_browser.get(PATH).status_code == 200
    answer = desk_browser.get(PATH, headers={"Authorization": "Bearer hl_no"})
    assert answer.status_code == 401


def test_sessions_need_both_factors(browser: Client, mercy: User) -> None:
    with_password_alone(browser, mercy)
    answer = browser.get(PATH)
    assert (answer.status_code, answer.json()["code"]) == (401, "factor-required")
    assert entries("access.deny")[0]["actor"] == "mercy.okafor"


def test_a_token_opens_no_page(caller: Client) -> None:
    for path in ("/", "/pipeline", "/api/docs"):
        assert caller.get(path)["Location"].startswith("/sign-in")


def test_use_is_noted_once_a_minute(new_token: Callable[..., str]) -> None:
    text = new_token()
    answered(text)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    answered(text)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - dt.timedelta(seconds=61))
    answered(text)
    noted = ApiToken.objects.get().last_used_at
    assert noted is not None
    assert noted > first


def test_a_write_by_session_needs_the_csrf_token(desk_browser: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = desk_browser.cookies
    answer = strict.post(PATH)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf-failed")
