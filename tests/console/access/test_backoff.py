"""Waiting after wrong passwords."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from redis import Redis

from console.access import backoff
from console.stores import redis_client
from tests.console.conftest import PASSWORD, entries, give_password

pytestmark = pytest.mark.django_db


def test_the_sixth_wrong_password_waits_and_the_right_one_with_it(
    browser: Client, mercy: User
) -> None:
    for _ in range(5):
        assert give_password(browser, mercy, "wrong").status_code == 403
    answer = give_password(browser, mercy)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1
    assert entries("sign-in.password")[-1]["outcome"] == "denied"


def test_another_address_does_not_wait_for_it(browser: Client, mercy: User) -> None:
    for _ in range(6):
        give_password(browser, mercy, "wrong")
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert give_password(elsewhere, mercy).status_code == 302


def test_waits_double_up_to_the_longest() -> None:
    key = (backoff.Rule("probe", free=1, longest_s=6), "somebody")
    waits = []
    for _ in range(5):
        backoff.failed(key)
        waits.append(backoff.wait_s(key))
    assert waits == [1, 2, 4, 6, 6]


def test_one_address_waits_whatever_the_names() -> None:
    for number in range(20):
        backoff.failed(*backoff.sign_in_keys(f"name-{number}", "192.0.2.9"))
    assert backoff.wait_s(*backoff.sign_in_keys("another", "192.0.2.9")) >= 1
    assert backoff.wait_s(*backoff.sign_in_keys("another", "192.0.2.10")) == 0


def test_without_redis_people_still_sign_in(
    browser: Client, mercy: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    monkeypatch.setattr(backoff, "redis_client", lambda: nowhere)
    assert give_password(browser, mercy, "wrong").status_code == 403
    assert give_password(browser, mercy, PASSWORD).status_code == 302


def test_names_are_not_readable_in_redis(browser: Client) -> None:
    browser.post("/sign-in", {"username": "typed-in-the-wrong-field", "password": "x"})
    keys = list(redis_client().scan_iter(match="hl:backoff:*"))
    assert keys
    assert not any(b"wrong-field" in key for key in keys)
