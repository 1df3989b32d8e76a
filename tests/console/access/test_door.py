"""Nothing answers without a second factor, but what is named here."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from console.access import middleware
from console.api.problems import MEDIA_TYPE
from tests.console.conftest import entries, with_password_alone

pytestmark = pytest.mark.django_db

REVIEWED_OPEN = {"sign-in", "favicon", "healthz", "healthz-stage", "readyz"}
REVIEWED_PASSWORD_ENOUGH = {"sign-in-factor", "sign-out"}

EXAMPLES = {"stage": "feed"}
CATCH_ALL = {"api-nothing-here": "/api/no-such-thing", "nothing-here": "/no-such-page"}


def walked(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, str]]:
    """Name and an example address of every pattern there is."""
    for one in patterns:
        text = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from walked(one.url_patterns, text)
        else:
            name = one.name or ""
            yield name, CATCH_ALL.get(name) or "/" + example(text)


def example(pattern: str) -> str:
    text = pattern.replace("^", "").removesuffix("$").removesuffix("/?")
    text = re.sub(r"\(\?P<(\w+)>[^()]*(?:\([^()]*\)[^()]*)*\)", value_of, text)
    return re.sub(r"<(?:\w+:)?(\w+)>", value_of, text).replace("\\", "")


def value_of(match: re.Match[str]) -> str:
    return EXAMPLES.get(match.group(1), "1")


ADDRESSES = sorted({(name, path) for name, path in walked(get_resolver().url_patterns)})


def test_the_walk_finds_the_addresses_there_are() -> None:
    paths = {path for _, path in ADDRESSES}
    assert {"/", "/pipeline", "/api/positions", "/orders/open", "/sign-in/factor"} <= paths
    assert "/healthz/feed" in paths
    assert len(ADDRESSES) >= 20
    assert not [path for path in paths if set(path) & set("()?*+|$")]


def test_what_is_open_is_what_was_reviewed() -> None:
    assert middleware.OPEN == REVIEWED_OPEN
    assert middleware.PASSWORD_ENOUGH == REVIEWED_PASSWORD_ENOUGH


CLOSED = [(name, path) for name, path in ADDRESSES if name not in REVIEWED_OPEN]


METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


@pytest.mark.parametrize(("name", "path"), CLOSED)
def test_nobody_gets_an_answer_without_a_session(browser: Client, name: str, path: str) -> None:
    for method in METHODS:
        closed(browser, path, method, goes_to="/sign-in")
    closed(browser, path.rstrip("/") + "/", "get", goes_to="/sign-in")


@pytest.mark.parametrize(
    ("name", "path"), [one for one in CLOSED if one[0] not in REVIEWED_PASSWORD_ENOUGH]
)
def test_a_password_alone_opens_nothing(browser: Client, mercy: User, name: str, path: str) -> None:
    with_password_alone(browser, mercy)
    # A stop's caller is looked up by a thread of its own, which does not see this test's open
    # transaction: tests/pages/test_stop_page.py has it with a committed session.
    step = "/sign-in" if path == "/stop" else "/sign-in/factor"
    for method in METHODS:
        closed(browser, path, method, goes_to=step)


def closed(browser: Client, path: str, method: str, goes_to: str) -> None:
    """Redirect or refusal, with nothing in it, and an entry of the record that says so."""
    before = len(entries("access.deny"))
    answer = getattr(browser, method)(path)
    assert answer.status_code in (302, 401, 403), path
    if answer.status_code == 302:
        assert answer["Location"].split("?")[0] == goes_to
        assert answer.content == b""
    recorded = entries("access.deny")
    assert len(recorded) == before + 1
    after = recorded[-1]["after"]
    assert (after["method"], after["path"]) == (method.upper(), path)
    assert after["status"] == answer.status_code


def test_api_addresses_answer_with_problems_even_where_nothing_is(browser: Client) -> None:
    for path in ("/api/no-such-thing", "/trading/halt", "/emergency/stop-trading", "/orders/x"):
        answer = browser.post(path)
        assert answer.status_code == 401
        assert answer["Content-Type"] == MEDIA_TYPE


def test_pages_that_are_none_lead_to_sign_in_first(browser: Client, desk_browser: Client) -> None:
    assert desk_browser.get("/no-such-page").status_code == 404
    assert Client().get("/no-such-page?a=b")["Location"] == "/sign-in?next=%2Fno-such-page%3Fa%3Db"


def test_fragments_are_told_by_401_where_to_go(browser: Client) -> None:
    answer = browser.get("/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/sign-in")


def test_a_form_from_elsewhere_is_refused_and_recorded(desk_browser: Client, mercy: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = desk_browser.cookies
    assert strict.post("/sign-out").status_code == 403
    assert entries("access.deny")[-1]["reason"] == "csrf-failed"
    assert entries("access.deny")[-1]["actor"] == "mercy.okafor"
    assert desk_browser.get("/").status_code == 200


def test_odd_paths_are_recorded_in_a_sound_form(browser: Client) -> None:
    secret = "hl_" + "a1B2" * 10
    for path in ("/%00%07", f"/api/{secret}", "/" + "x" * 5000, "/%ff%fe"):
        assert browser.get(path).status_code in (302, 401)
    paths = [one["object_id"] for one in entries("access.deny")]
    assert len(paths) == 4
    assert all(path.isprintable() and len(path) <= 200 for path in paths)
    assert not any(secret in path for path in paths)


def test_answers_are_not_kept_by_caches_or_framed(browser: Client, desk_browser: Client) -> None:
    for path in ("/", "/sign-in", "/api/positions", "/healthz"):
        answer = desk_browser.get(path)
        assert "no-store" in answer["Cache-Control"]
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"


def test_request_ids_are_taken_when_sound_and_always_given(browser: Client) -> None:
    def answered(given: str) -> str:
        headers = {"X-Request-ID": given} if given else {}
        return str(browser.get("/api/positions", headers=headers)["X-Request-ID"])

    assert answered("caller-7.a_B") == "caller-7.a_B"
    assert entries("access.deny")[-1]["request_id"] == "caller-7.a_B"
    for unsound in ("", "two words", "x" * 65, "-first", "a\tb", "hl_" + "a1B2" * 10):
        assert re.fullmatch(r"[0-9a-f\-]{36}", answered(unsound))
