"""Nothing answers without a second factor, but what is named here."""

import datetime as dt
import itertools
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import SimpleCookie

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice

from console.access import middleware
from console.access.matrix.addresses import addresses
from console.access.sessions import FACTOR_AT, PASSWORD_AT, SEEN_AT
from console.api.problems import MEDIA_TYPE
from console.models import SessionRecord
from tests.console.api.conftest import with_both_factors
from tests.console.conftest import entries, person, with_password_alone

pytestmark = pytest.mark.django_db

REVIEWED_OPEN = {"sign-in", "favicon", "healthz", "healthz-stage", "readyz"}
REVIEWED_PASSWORD_ENOUGH = {"sign-in-factor", "sign-in-passkey", "sign-out"} | {
    "enrol", "enrol-password", "enrol-authenticator", "enrol-passkey", "enrol-passkey-options",
}  # fmt: skip
"""Enrolment opens to nobody who has a factor: tests/console/access/test_enrolment.py."""

EXAMPLES = dict.fromkeys(
    ("hold_id", "approval_id", "scheduled_id", "session_id"), str(uuid.UUID(int=1))
) | {"stage": "feed"}  # fmt: skip


class _Example(dict[str, str]):
    """Any other parameter of an address may be anything."""

    def __missing__(self, name: str) -> str:
        return "1"


ADDRESSES = sorted({(one.name, one.example(_Example(EXAMPLES))) for one in addresses()})


def test_the_walk_finds_the_addresses_there_are() -> None:
    paths = {path for _, path in ADDRESSES}
    assert {"/", "/pipeline", "/api/positions", "/orders/open", "/sign-in/factor"} <= paths
    assert {"/healthz/feed", "/admin", "/admin/auth/user/1"} <= paths
    assert len(ADDRESSES) >= 100
    assert not [path for path in paths if set(path) & set("()?*+|$^{}")]


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


@dataclass(frozen=True)
class Short:
    """A session that has come to both factors once, and is not good for anything now."""

    spoil: Callable[[Client, User], object]
    step: str = "/sign-in"


def _aged(name: str, seconds: int) -> Callable[[Client, User], object]:
    def spoil(client: Client, _user: User) -> None:
        session = client.session
        session[name] = int(time.time()) - seconds
        session.save()

    return spoil


def _changed(name: str, value: object) -> Callable[[Client, User], object]:
    def spoil(client: Client, _user: User) -> None:
        session = client.session
        session[name] = value
        session.save()

    return spoil


def _device(**facts: object) -> Callable[[Client, User], object]:
    return lambda _client, user: TOTPDevice.objects.filter(user=user).update(**facts)


def _anothers_device(client: Client, _user: User) -> None:
    other = TOTPDevice.objects.get(user=person("lena.fischer", "risk"))
    _changed(DEVICE_ID_SESSION_KEY, other.persistent_id)(client, other.user)


def _new_password(_client: Client, user: User) -> None:
    user.set_password("another-horse-43")
    user.save()


FACTOR = "/sign-in/factor"
SHORT: dict[str, Short] = {
    "12 hours after the password": Short(_aged(PASSWORD_AT, 12 * 3600)),
    "60 minutes after its last use": Short(_aged(SEEN_AT, 3600)),
    "without the time of its factor": Short(_changed(FACTOR_AT, None), FACTOR),
    "with no device": Short(_changed(DEVICE_ID_SESSION_KEY, None), FACTOR),
    "with an unknown device": Short(
        _changed(DEVICE_ID_SESSION_KEY, "otp_totp.totpdevice/0"), FACTOR
    ),
    "with another's device": Short(_anothers_device, FACTOR),
    "with a device not confirmed": Short(_device(confirmed=False), FACTOR),
    "ended by somebody": Short(
        lambda _client, user: SessionRecord.objects.filter(person=user).update(
            ended_at=dt.datetime.now(dt.UTC)
        )
    ),
    "not in the list of sessions": Short(
        lambda _client, user: SessionRecord.objects.filter(person=user).delete()
    ),
    "of somebody who left": Short(
        lambda _client, user: User.objects.filter(pk=user.pk).update(is_active=False)
    ),
    "made with an earlier password": Short(_new_password),
}


# A stop's caller is looked up by a thread of its own, which does not see a test's open
# transaction: test_matrix.py has it with committed sessions.
WALKED = [path for name, path in CLOSED if name not in REVIEWED_PASSWORD_ENOUGH | {"stop"}]
THIRDS = [(name, turn % 3, 3) for turn, name in enumerate(SHORT)]


@pytest.mark.parametrize(
    ("how", "first", "each"),
    [*THIRDS, *(pytest.param(name, 0, 1, marks=pytest.mark.long) for name in SHORT)],
)
def test_no_address_opens_to_a_session_that_was_good_once(
    browser: Client, mercy: User, how: str, first: int, each: int
) -> None:
    """Each way in which a session comes to fall short, at a third of the addresses there are.

    So each address meets three ways or more, in the long run all of them.
    """
    with_both_factors(browser, mercy)
    SHORT[how].spoil(browser, mercy)
    client, step = browser, SHORT[how].step
    walked = WALKED[first::each]
    cookies = {name: one.value for name, one in client.cookies.items()}
    for path in walked:
        for method in ("get", "post"):
            client.cookies = SimpleCookie(cookies)
            with transaction.atomic():
                closed(client, path, method, goes_to=step)
                transaction.set_rollback(True)


def closed(browser: Client, path: str, method: str, goes_to: str) -> None:
    """Redirect or refusal, with nothing in it, and an entry of the record that says so."""
    before = len(entries("access.deny"))
    answer = getattr(browser, method)(path, REMOTE_ADDR=fresh_address())
    assert answer.status_code in (302, 401, 403), path
    if answer.status_code == 302:
        assert answer["Location"].split("?")[0] == goes_to
        assert answer.content == b""
    recorded = entries("access.deny")
    assert len(recorded) == before + 1
    after = recorded[-1]["after"]
    assert (after["method"], after["path"]) == (method.upper(), path)
    assert after["status"] == answer.status_code


def fresh_address() -> str:
    """Of its own for each request: refusals slow down whom they come from."""
    return f"10.9.{next(_numbers) >> 8 & 255}.{next(_numbers) & 255}"


_numbers = itertools.count(1)


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
