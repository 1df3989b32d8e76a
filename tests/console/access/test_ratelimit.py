"""Rate limits: exact however many ask at once, for each token and session, never on a stop."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver
from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from console.access import ratelimit
from console.access.ratelimit import LIMITS, READ, SESSION, TOKEN, WRITE, wait_s
from console.api.problems import MEDIA_TYPE
from console.api.throttles import never_limited
from console.models import ApiToken
from console.stores import redis_client
from tests.console.api.conftest import with_both_factors

AT_ONCE = 200


@pytest.fixture(autouse=True)
def nothing_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ratelimit, "silence", ratelimit._Silence())
    forget()
    yield
    forget()


def forget() -> None:
    client = redis_client()
    for key in client.scan_iter(match="hl:limits:*"):
        client.delete(key)


def lowered(monkeypatch: pytest.MonkeyPatch, **numbers: int) -> None:
    """``token_read=3``: three a minute; what is not named stays."""
    for name, number in numbers.items():
        caller, what = name.split("_")
        monkeypatch.setitem(LIMITS, (caller, what), RateLimitItemPerMinute(number))


def test_of_two_hundred_at_once_exactly_ten_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered(monkeypatch, token_read=10)
    start, waits = threading.Barrier(AT_ONCE), []

    def one() -> None:
        start.wait()
        waits.append(wait_s(TOKEN, "7", READ))

    threads = [threading.Thread(target=one) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(waits) == AT_ONCE
    assert waits.count(0) == 10
    assert all(1 <= wait <= 60 for wait in waits if wait)


def test_callers_and_kinds_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered(monkeypatch, token_read=1, token_write=1, session_read=1)
    for caller, ident, what in ((TOKEN, "1", READ), (TOKEN, "2", READ), (TOKEN, "1", WRITE),
                                (SESSION, "1", READ)):  # fmt: skip
        assert wait_s(caller, ident, what) == 0
        assert wait_s(caller, ident, what) > 0


def test_limits_are_generous_and_there_is_one_for_each_kind() -> None:
    assert set(LIMITS) == {(caller, what) for caller in (TOKEN, SESSION) for what in (READ, WRITE)}
    assert LIMITS[TOKEN, READ].amount >= 600
    assert all(item.get_expiry() == 60 and item.amount >= 60 for item in LIMITS.values())


# Over HTTP ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_token_over_its_limit_is_told_when_to_come_again(
    monkeypatch: pytest.MonkeyPatch, caller: Client, new_token: Callable[..., str]
) -> None:
    lowered(monkeypatch, token_read=2)
    other = Client(headers={"Authorization": f"Bearer {new_token()}"})
    assert [caller.get("/api/orders").status_code for _ in range(3)] == [200, 200, 429]
    answer = caller.get("/api/positions")
    assert (answer.status_code, answer["Content-Type"]) == (429, MEDIA_TYPE)
    assert answer.json()["code"] == "too-many-requests"
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert other.get("/api/orders").status_code == 200


@pytest.mark.django_db
def test_a_session_has_limits_of_its_own(monkeypatch: pytest.MonkeyPatch, mercy: User) -> None:
    lowered(monkeypatch, session_read=1, session_write=1)
    here, there = (with_both_factors(Client(), mercy) for _ in range(2))
    assert [here.get("/api/orders").status_code for _ in range(2)] == [200, 429]
    assert there.get("/api/orders").status_code == 200

    def ask() -> int:
        answer = here.post("/api/approvals", "{}", content_type="application/json")
        return answer.status_code

    assert [ask(), ask()] == [400, 429]
    assert here.get("/holds").status_code == 200, "pages are not limited"


@pytest.mark.django_db
def test_the_refused_are_not_counted_as_a_tokens(
    monkeypatch: pytest.MonkeyPatch, caller: Client, new_token: Callable[..., str]
) -> None:
    """A token without the scope is refused by its scope, however often it asks."""
    lowered(monkeypatch, token_read=1)
    text = new_token("stop")
    client = Client(headers={"Authorization": f"Bearer {text}"})
    codes = {client.get("/api/orders").json()["code"] for _ in range(3)}
    assert codes == {"scope-missing"}


NEVER = {
    "trading-halt", "emergency-stop-trading", "emergency-freeze", "emergency-stop-new-positions",
    "emergency-close-all-positions", "orders-cancel-all", "emergency-set-stop-losses",
    "strategy-pause", "strategy-kill",
    "api-regulatory", "api-session-revoke", "api-sessions-revoke-others", "api-token-revoke",
}  # fmt: skip
"""Addresses that stop, close, cancel or revoke: the reviewed list."""


def unlimited() -> set[str]:
    found = set()
    for pattern in patterns(get_resolver().url_patterns):
        view: Any = getattr(pattern.callback, "cls", None)
        if view is not None and never_limited(view()):
            found.add(str(pattern.name))
    return found


def patterns(many: Any) -> Iterator[Any]:
    for one in many:
        if hasattr(one, "url_patterns"):
            yield from patterns(one.url_patterns)
        else:
            yield one


def test_what_stops_is_never_limited() -> None:
    assert unlimited() >= NEVER


@pytest.mark.django_db(transaction=True)
def test_stops_pass_when_everything_else_is_over_its_limit(
    monkeypatch: pytest.MonkeyPatch, new_token: Callable[..., str]
) -> None:
    lowered(monkeypatch, token_read=1, token_write=1)
    client = Client(headers={"Authorization": f"Bearer {new_token('read', 'stop')}"})
    assert [client.get("/api/orders").status_code for _ in range(2)] == [200, 429]

    def stop() -> int:
        body = '{"scope": "strategy:no-such"}'
        return client.post("/trading/halt", body, content_type="application/json").status_code

    assert {stop() for _ in range(5)} == {404}, "it got as far as looking for what to stop"


@pytest.mark.django_db
def test_a_revocation_passes_over_the_limit(monkeypatch: pytest.MonkeyPatch, mercy: User) -> None:
    lowered(monkeypatch, session_write=1)
    client = with_both_factors(Client(), mercy)
    path = "/api/sessions/revoke-others"
    codes = [client.post(path, "", content_type="application/json").status_code for _ in range(3)]
    assert codes == [200, 200, 200]


# Without Redis -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_while_redis_is_out_nothing_is_limited_and_it_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, caller: Client
) -> None:
    lowered(monkeypatch, token_read=1)
    nowhere = RedisStorage("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    asked: list[Any] = []

    def limiter() -> MovingWindowRateLimiter:
        asked.append(1)
        return MovingWindowRateLimiter(nowhere)

    monkeypatch.setattr(ratelimit, "_limiter", limiter)
    assert [caller.get("/api/orders").status_code for _ in range(4)] == [200] * 4
    assert len(asked) == 1, "the others do not wait for it"


@pytest.mark.django_db
def test_it_counts_again_once_redis_is_back(
    monkeypatch: pytest.MonkeyPatch, caller: Client
) -> None:
    lowered(monkeypatch, token_read=1)
    monkeypatch.setattr(ratelimit, "_SILENT_S", 0.0)
    ratelimit.silence.begin()
    assert [caller.get("/api/orders").status_code for _ in range(2)] == [200, 429]
    assert ApiToken.objects.count() == 1
