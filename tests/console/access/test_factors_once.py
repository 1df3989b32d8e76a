"""Sixteen tries at once with one code, one recovery code, one passkey's answer: one gets in."""

import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.test import Client

from console.access.factors.recovery import codes_left, codes_renew
from console.models import Authenticator, Passkey, RecoverySet
from tests.console.access.authenticator import SecurityKey, registered
from tests.console.conftest import code_of, entries, with_password_alone

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 16


def at_once(work: Callable[[int], int]) -> list[int]:
    """``work`` in sixteen threads, each with a connection of its own, begun together."""
    gate, results = threading.Barrier(AT_ONCE), [0] * AT_ONCE

    def one(number: int) -> None:
        try:
            gate.wait(30)
            results[number] = work(number)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def browsers(user: User) -> list[Client]:
    return [with_password_alone(Client(SERVER_NAME="localhost"), user) for _ in range(AT_ONCE)]


def outcomes() -> list[str]:
    return sorted(one["outcome"] for one in entries("sign-in.factor"))


def opened(clients: list[Client]) -> int:
    return sum(client.get("/security").status_code == 200 for client in clients)


def test_a_code_works_once(mercy: User) -> None:
    clients, code = browsers(mercy), code_of(mercy)
    found = at_once(lambda n: clients[n].post("/sign-in/factor", {"code": code}).status_code)
    assert found.count(302) == 1
    assert set(found) <= {302, 403, 429}
    assert outcomes().count("done") == 1
    assert len(outcomes()) == AT_ONCE
    assert opened(clients) == 1
    assert Authenticator.objects.get(user=mercy).throttling_failure_count >= 1


def test_a_recovery_code_works_once(mercy: User) -> None:
    with transaction.atomic():
        code = codes_renew(mercy)[3]
    clients = browsers(mercy)
    found = at_once(lambda n: clients[n].post("/sign-in/factor", {"recovery": code}).status_code)
    assert found.count(302) == 1
    assert set(found) <= {302, 403, 429}
    assert outcomes().count("done") == 1
    assert codes_left(mercy) == 9
    assert opened(clients) == 1
    assert RecoverySet.objects.get(user=mercy).throttling_failure_count >= 1


def test_an_answer_of_a_passkey_works_once(mercy: User) -> None:
    key = SecurityKey()
    registered(mercy, key)
    client = with_password_alone(Client(SERVER_NAME="localhost"), mercy)
    cookie = client.session.session_key or ""
    answer = key.given(client.post("/sign-in/passkey").json())

    def post(_number: int) -> int:
        same = Client(SERVER_NAME="localhost")
        same.cookies["sessionid"] = cookie
        return int(same.post("/sign-in/factor", {"passkey": answer}).status_code)

    found = at_once(post)
    done = [one for one in entries("sign-in.factor") if one["outcome"] == "done"]
    assert found.count(302) >= 1, "others may find the session gone, and are sent to sign in"
    assert len(done) == 1
    assert Passkey.objects.get(user=mercy).sign_count == key.count


def test_a_begun_authenticator_is_confirmed_once(mercy: User) -> None:
    Authenticator.objects.all().delete()
    clients = browsers(mercy)
    clients[0].post("/enrol/authenticator")
    code = code_of(mercy)
    found = at_once(lambda n: clients[n].post("/enrol/authenticator", {"code": code}).status_code)
    assert found.count(200) == 1
    added = [one for one in entries("factor.add") if one["outcome"] == "done"]
    assert len(added) == 1
    assert Authenticator.objects.filter(user=mercy, confirmed=True).count() == 1
    assert opened(clients) == 1
