"""Recovery codes: ten, shown once, kept as hashes, each good for one sign-in and for no risk."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from console.access.factors.recovery import code_read, codes_left, codes_renew
from console.access.rights import factor_age_s
from console.access.sessions import FACTOR_AT
from console.models import RecoveryCode
from tests.console.conftest import (
    entries,
    give_password,
    signed_in,
    whole_record,
    with_password_alone,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def codes(mercy: User) -> list[str]:
    return codes_renew(mercy)


def use(client: Client, code: str) -> int:
    return int(client.post("/sign-in/factor", {"recovery": code}).status_code)


def test_ten_of_eighty_bits_and_only_their_hashes_are_kept(mercy: User, codes: list[str]) -> None:
    assert len(set(codes)) == 10
    assert all(
        re.fullmatch(r"(?:[0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}", c) for c in codes
    )
    kept = [bytes(one.digest) for one in RecoveryCode.objects.all()]
    assert sorted(map(len, kept)) == [32] * 10
    assert not any(code.replace("-", "").encode() in b"".join(kept) for code in codes)


def test_a_code_signs_in_once_and_is_told_and_recorded(
    browser: Client, mercy: User, codes: list[str]
) -> None:
    give_password(browser, mercy)
    answer = browser.post("/sign-in/factor", {"recovery": codes[0]})
    assert (answer.status_code, answer["Location"]) == (302, "/security")
    page = browser.get("/security").content.decode()
    assert "A recovery code was used: 9 left" in page
    assert "You came in with a recovery code" in page
    entry = entries("sign-in.factor")[-1]
    assert (entry["after"]["kind"], entry["after"]["left"]) == ("recovery code", 9)
    other = with_password_alone(Client(), mercy)
    assert use(other, codes[0]) == 403
    assert codes_left(mercy) == 9
    assert not any(code in whole_record() for code in codes)


@pytest.mark.parametrize("change", [str.upper, lambda c: c.replace("-", ""), lambda c: f" {c} ",
                                    lambda c: c.replace("-", " "), lambda c: c.replace("0", "O"),
                                    lambda c: c.replace("1", "l")])  # fmt: skip
def test_codes_are_read_as_people_write_them(codes: list[str], change: object) -> None:
    assert callable(change)
    for code in codes:
        assert code_read(change(code)) == code.replace("-", "")


@pytest.mark.parametrize("text", ["", "abcd", "u" * 16, "0" * 17, "½" * 16, "0000-0000-0000-000é"])
def test_what_is_no_code_costs_nothing(
    browser: Client, mercy: User, codes: list[str], text: str
) -> None:
    with_password_alone(browser, mercy)
    assert use(browser, text) == 403
    assert use(browser, codes[0]) == 302


def test_wrong_codes_wait(browser: Client, mercy: User, codes: list[str]) -> None:
    with_password_alone(browser, mercy)
    assert use(browser, "0000-0000-0000-0000") == 403
    assert use(browser, codes[0]) == 429
    assert codes_left(mercy) == 10, "nothing is used up while it waits"


def test_somebody_elses_code_does_not_do(
    browser: Client, mercy: User, tomas: User, codes: list[str]
) -> None:
    codes_renew(tomas)
    with_password_alone(browser, tomas)
    assert use(browser, codes[0]) == 403
    assert codes_left(mercy) == 10


def test_a_recovery_code_is_no_fresh_factor_for_what_raises_risk(
    browser: Client, mercy: User, codes: list[str]
) -> None:
    with_password_alone(browser, mercy)
    assert use(browser, codes[0]) == 302
    assert factor_age_s(browser.session) == float("inf")
    answer = browser.post(
        "/api/approvals",
        {"kind": "hold-lift", "subject": "hold:x", "reason": "now", "request": {}},
        content_type="application/json",
    )
    assert answer.json()["code"] == "approval-needs-step-up"


def test_but_it_lets_a_lost_factor_be_replaced(
    browser: Client, mercy: User, codes: list[str]
) -> None:
    with_password_alone(browser, mercy)
    assert use(browser, codes[0]) == 302
    assert browser.post("/security/authenticator")["Location"] == "/security/authenticator"
    session = browser.session
    session[FACTOR_AT] -= 301
    session.save()
    stale = browser.post("/security/authenticator")
    assert stale["Location"] == "/sign-in/factor?next=%2Fsecurity"
    assert use(browser, codes[1]) == 302, "for one's own ways in, another code steps up"
    assert browser.post("/security/authenticator")["Location"] == "/security/authenticator"


def test_new_codes_void_the_old_ones_and_are_shown_once(
    browser: Client, mercy: User, codes: list[str]
) -> None:
    signed_in(browser, mercy)
    page = browser.post("/security/codes").content.decode()
    fresh = re.findall(r"<code>([0-9a-z-]{19})</code>", page)
    assert len(fresh) == 10
    assert not set(fresh) & set(codes)
    shown = browser.get("/security").content.decode()
    assert not any(code in shown for code in fresh)
    assert "<b>10</b> of 10 left" in shown
    other = with_password_alone(Client(), mercy)
    assert use(other, codes[1]) == 403
    assert entries("recovery.renew")[-1]["before"] == {"left": 10}
    assert not any(code in whole_record() for code in fresh)
