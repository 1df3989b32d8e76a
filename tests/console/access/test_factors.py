"""Authenticator codes: the published values, one use each, and waits that end."""

import datetime as dt
import time

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from console.access.factors import factor_check
from console.access.factors.answers import MOST_FAILURES
from console.models import Authenticator
from tests.console.conftest import code_of

pytestmark = pytest.mark.django_db

RFC_SEED = b"12345678901234567890".hex()
RFC_6238 = {
    59: "94287082",
    1_111_111_109: "07081804",
    1_111_111_111: "14050471",
    1_234_567_890: "89005924",
    2_000_000_000: "69279037",
    20_000_000_000: "65353130",
}
"""../shared/reference/VALUES.md, section 6, SHA-1: what authenticator apps make codes with."""


def checked(user: User, code: str | None) -> tuple[str, str]:
    with transaction.atomic():
        answer = factor_check(user, code)
    return answer.outcome.value, answer.reason


@pytest.fixture
def eight_digits(mercy: User) -> User:
    Authenticator.objects.filter(user=mercy).delete()
    Authenticator.objects.create(user=mercy, name="rfc", key=RFC_SEED, digits=8, confirmed=True)
    return mercy


@pytest.mark.parametrize(("at", "code"), RFC_6238.items())
def test_the_values_of_rfc_6238_pass_the_check_that_signs_people_in(
    eight_digits: User, monkeypatch: pytest.MonkeyPatch, at: int, code: str
) -> None:
    monkeypatch.setattr(time, "time", lambda: float(at))
    other = next(one for moment, one in RFC_6238.items() if moment != at)
    assert checked(eight_digits, code) == ("done", "")
    assert checked(eight_digits, code) == ("failed", "wrong code"), "a second time"
    Authenticator.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert checked(eight_digits, other)[0] == "failed"


def test_a_code_of_before_the_one_used_last_is_worth_nothing(mercy: User) -> None:
    before, now = code_of(mercy, ahead_s=-30), code_of(mercy)
    assert checked(mercy, now)[0] == "done"
    assert checked(mercy, before) == ("failed", "wrong code")


@pytest.mark.parametrize("ahead_s", [-90, 90, 3_600])
def test_a_code_of_another_time_is_worth_nothing(mercy: User, ahead_s: int) -> None:
    assert checked(mercy, code_of(mercy, ahead_s=ahead_s)) == ("failed", "wrong code")


def test_waits_double_to_an_end_so_that_guessing_locks_nobody_out_for_long(mercy: User) -> None:
    wrong, waits = f"{(int(code_of(mercy)) + 500_000) % 1_000_000:06d}", []
    for _ in range(MOST_FAILURES + 3):
        assert checked(mercy, wrong) == ("failed", "wrong code")
        waits.append(factor_check(mercy, wrong).wait_s)
        long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1_000)
        Authenticator.objects.filter(user=mercy).update(throttling_failure_timestamp=long_ago)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 512, 512]
    assert checked(mercy, code_of(mercy)) == ("done", "")
    assert Authenticator.objects.get(user=mercy).throttling_failure_count == 0


def test_while_it_waits_the_right_code_is_not_even_looked_at(mercy: User) -> None:
    right = code_of(mercy)
    checked(mercy, f"{(int(right) + 500_000) % 1_000_000:06d}")
    with transaction.atomic():
        answer = factor_check(mercy, right)
    assert (answer.outcome.value, answer.reason, answer.device) == ("denied", "back-off", None)
    Authenticator.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert checked(mercy, right) == ("done", ""), "and it was not used up"


def test_every_authenticator_of_the_person_does(mercy: User, tomas: User) -> None:
    second = Authenticator.objects.create(user=mercy, name="tablet", confirmed=True)
    first_code = code_of(tomas)
    Authenticator.objects.filter(user=tomas).delete()
    moved = Authenticator.objects.get(pk=second.pk)
    Authenticator.objects.filter(user=mercy).exclude(pk=second.pk).delete()
    assert checked(mercy, code_of(mercy)) == ("done", "")
    assert checked(tomas, first_code) == ("denied", "no authenticator set up")
    assert moved.bin_key == second.bin_key
