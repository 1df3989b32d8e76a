"""What a refusal costs and says tells nobody whether there is such a person.

Clocks are noise; what takes time is counted: each refused sign-in is one argon2 verification and
the same statements.
"""

import re
from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from console.access import passwords
from console.models import Authenticator, Enrolment
from tests.console.conftest import PASSWORD, give_password, person

pytestmark = pytest.mark.django_db

Work = Counter[str]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Counts argon2's work; what one process does once is done."""
    passwords._decoy()
    counted: Work = Counter()
    for name in ("verify", "encode"):
        real = getattr(Argon2PasswordHasher, name)

        def counting(self: Any, *args: Any, _name: str = name, _real: Any = real) -> Any:
            counted[_name] += 1
            return _real(self, *args)

        monkeypatch.setattr(Argon2PasswordHasher, name, counting)
    return counted


def people() -> dict[str, str]:
    """Names to sign in with, of everybody there may be and of nobody."""
    enrolled = person("mercy.okafor", "trader")
    left = person("left.long.ago", "trader")
    User.objects.filter(pk=left.pk).update(is_active=False)
    bare = person("bare.of.factors", "trader")
    Authenticator.objects.filter(user=bare).delete()
    without = User.objects.create(username="without.password")
    without.set_unusable_password()
    without.save()
    odd = User.objects.create(username="odd.hash", password="md5$x$y")
    late = person("invited.too.late", "trader")
    Enrolment.objects.create(user=late, initial_until="2020-01-01T00:00:00Z")
    return {
        "enrolled": enrolled.username,
        "inactive": left.username,
        "no factor": bare.username,
        "no password": without.username,
        "invited": late.username,
        "odd": odd.username,
        "nobody": "nobody.here",
        "other case": "MERCY.OKAFOR",
    }


def refused(username: str, password: str) -> tuple[int, str, list[str]]:
    """Status, text without what was typed, and the statements by their beginnings."""
    client = Client()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.post("/sign-in", {"username": username, "password": password})
    text = re.sub(r'value="[^"]*"', "", answer.content.decode())
    statements = [re.sub(r"'[^']*'|[0-9]+", "?", one["sql"])[:60] for one in queries]
    return answer.status_code, text, statements


def test_every_refusal_costs_one_verification_and_reads_alike(work: Work) -> None:
    seen = {}
    for what, username in people().items():
        work.clear()
        seen[what] = refused(username, "not-the-password-1")
        assert dict(work) == {"verify": 1}, what
    assert {status for status, _, _ in seen.values()} == {403}
    assert len({text for _, text, _ in seen.values()}) == 1
    assert len({tuple(statements) for _, _, statements in seen.values()}) == 1


def test_the_right_password_of_who_may_not_sign_in_reads_like_a_wrong_one(work: Work) -> None:
    names = people()
    baseline = refused(names["nobody"], PASSWORD)
    for what in ("inactive", "invited"):
        work.clear()
        status, text, _ = refused(names[what], PASSWORD)
        assert (status, text) == baseline[:2]
        assert dict(work) == {"verify": 1}, what


def test_who_waits_waits_alike_and_costs_nothing(work: Work) -> None:
    names = people()
    answers = {}
    for number, what in enumerate(("enrolled", "inactive", "nobody")):
        client = Client(REMOTE_ADDR=f"192.0.2.{number}")
        for _ in range(5):
            client.post("/sign-in", {"username": names[what], "password": "wrong-password-1"})
        work.clear()
        answer = client.post("/sign-in", {"username": names[what], "password": PASSWORD})
        text = re.sub(r'value="[^"]*"', "", answer.content.decode())
        answers[what] = (answer.status_code, text)
        assert sum(work.values()) == 0, what
    assert len(set(answers.values())) == 1
    assert {status for status, _ in answers.values()} == {429}


def test_a_right_password_costs_one_verification_too(work: Work) -> None:
    user = person("tomas.brandt", "trader")
    work.clear()
    assert give_password(Client(), user).status_code == 302
    assert dict(work) == {"verify": 1}


def test_without_a_factor_nothing_differs_before_the_password_is_right(work: Work) -> None:
    names = people()
    with_factor = refused(names["enrolled"], "wrong-password-1")
    without = refused(names["no factor"], "wrong-password-1")
    assert with_factor == without
