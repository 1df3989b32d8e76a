"""First sign-in: nothing opens before a password of one's own and a factor are set up."""

import dataclasses
import datetime as dt
import re
import time

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import F
from django.test import Client
from django.urls import get_resolver
from django_otp.oath import TOTP

from console.access.enrolment import INITIAL_LIFE, Invitation, person_invite
from console.access.factors import has_factor
from console.models import Authenticator, Enrolment, Passkey
from riskctl.actors import Actor, NotAllowedError
from tests.console.access.authenticator import SecurityKey
from tests.console.conftest import (
    entries,
    give_password,
    signed_in,
    whole_record,
    with_password_alone,
)

pytestmark = pytest.mark.django_db

PRIYA = Actor("person", "priya.raman", roles=frozenset({"administrator"}), factor_age_s=10)
OWN = "a-password-of-my-own-7"
ENROL = ("/enrol", "/enrol/password", "/enrol/authenticator")


@pytest.fixture
def noor(db: None) -> User:
    """A new trader, whom nobody invited yet."""
    user = User.objects.create_user("noor.haddad")
    user.groups.add(Group.objects.get_or_create(name="trader")[0])
    return user


@pytest.fixture
def invited(noor: User) -> Invitation:
    return person_invite(user=noor, actor=PRIYA)


@pytest.fixture
def here(noor: User, invited: Invitation) -> Client:
    """Noor's browser after the initial password."""
    client = Client(SERVER_NAME="localhost")
    assert give_password(client, noor, invited.password)["Location"] == "/enrol/password"
    return client


def choose(client: Client, password: str = OWN, again: str = OWN) -> int:
    posted = {"password": password, "again": again}
    return int(client.post("/enrol/password", posted).status_code)


def pending_code(user: User) -> str:
    device = Authenticator.objects.get(user=user, confirmed=False)
    totp = TOTP(device.bin_key)
    totp.time = time.time()
    return f"{totp.token():06d}"


def test_from_invitation_to_the_desk_with_an_authenticator(here: Client, noor: User) -> None:
    assert here.get("/").headers["Location"] == "/sign-in/factor"
    assert here.get("/sign-in/factor")["Location"] == "/enrol/password"
    assert choose(here) == 303
    assert here.get("/enrol/password")["Location"] == "/enrol"
    assert "Set up your second factor" in here.get("/enrol").content.decode()
    assert here.get("/").status_code == 302
    begun = here.post("/enrol/authenticator")
    assert begun["Location"] == "/enrol/authenticator"
    page = here.get("/enrol/authenticator").content.decode()
    assert "data:image/svg+xml" in page
    assert "otpauth://totp/Haltline%3Anoor.haddad?secret=" in page
    before = here.session.session_key
    done = here.post("/enrol/authenticator", {"code": pending_code(noor)})
    assert (done.status_code, done.content.decode().count("<li><code>")) == (200, 10)
    assert here.session.session_key != before
    assert here.get("/").status_code == 200
    assert here.cookies["stop"].value, "may stop without the database from now on"
    added = entries("factor.add")[-1]
    assert (added["actor"], added["after"]["kind"]) == ("noor.haddad", "authenticator")
    assert Enrolment.objects.get(user=noor).enrolled_at is not None


def test_the_code_that_confirmed_does_not_sign_in_once_more(here: Client, noor: User) -> None:
    choose(here)
    here.post("/enrol/authenticator")
    code = pending_code(noor)
    here.post("/enrol/authenticator", {"code": code})
    other = with_password_alone(Client(), User.objects.get(pk=noor.pk))
    assert other.post("/sign-in/factor", {"code": code}).status_code == 403


def test_from_invitation_to_the_desk_with_a_passkey(here: Client, noor: User) -> None:
    choose(here)
    key = SecurityKey()
    question = here.post("/enrol/passkey/options").json()
    done = here.post("/enrol/passkey", {"passkey": key.made(question)})
    assert (done.status_code, done.content.decode().count("<li><code>")) == (200, 10)
    assert Passkey.objects.get(user=noor).name == "Passkey"
    assert here.get("/").status_code == 200


def test_until_then_only_enrolment_and_signing_out_open(here: Client) -> None:
    names = [one.name for one in get_resolver().url_patterns if hasattr(one, "name")]
    assert len(names) > 20
    for path in ("/", "/security", "/pipeline", "/holds", "/api/positions", "/security/codes",
                 "/security/authenticator", "/security/passkey"):  # fmt: skip
        assert here.get(path).status_code in (302, 401, 403), path
    choose(here)
    for path in ("/", "/security", "/api/positions"):
        assert here.get(path).status_code in (302, 401, 403), path
    assert here.post("/sign-in/passkey").status_code == 409
    assert here.post("/sign-out")["Location"] == "/sign-in"


@pytest.mark.parametrize("path", [*ENROL, "/enrol/passkey", "/enrol/passkey/options"])
def test_a_stolen_password_adds_no_factor_to_who_has_one(
    browser: Client, mercy: User, path: str
) -> None:
    with_password_alone(browser, mercy)
    for method in (browser.get, browser.post):
        answer = method(path)
        assert answer.status_code in (303, 405)
        assert answer.headers.get("Location", "/sign-in/factor") == "/sign-in/factor"
    assert Authenticator.objects.filter(user=mercy).count() == 1
    assert not Passkey.objects.exists()


def test_who_is_inside_adds_factors_on_the_security_page(browser: Client, mercy: User) -> None:
    signed_in(browser, mercy)
    for path in ENROL:
        assert browser.get(path)["Location"] == "/security"


def test_a_begun_authenticator_opens_nothing(here: Client, noor: User) -> None:
    choose(here)
    here.post("/enrol/authenticator")
    assert not has_factor(noor)
    answer = here.post("/sign-in/factor", {"code": pending_code(noor)})
    assert answer["Location"] == "/enrol"
    assert here.get("/").status_code == 302


def test_a_wrong_code_confirms_nothing_and_waits(here: Client, noor: User) -> None:
    choose(here)
    here.post("/enrol/authenticator")
    right = pending_code(noor)
    wrong = f"{(int(right) + 500_000) % 1_000_000:06d}"
    assert (
        "The code is wrong" in here.post("/enrol/authenticator", {"code": wrong}).content.decode()
    )
    waiting = here.post("/enrol/authenticator", {"code": right}).content.decode()
    assert "Too many attempts" in waiting
    assert not has_factor(noor)
    assert [one["outcome"] for one in entries("factor.add")] == ["failed", "failed"]


def test_a_key_is_shown_a_quarter_of_an_hour(here: Client, noor: User) -> None:
    choose(here)
    here.post("/enrol/authenticator")
    code, device = pending_code(noor), Authenticator.objects.get(user=noor)
    device.created_at -= dt.timedelta(minutes=16)
    device.save()
    assert here.get("/enrol/authenticator")["Location"] == "/enrol"
    assert here.post("/enrol/authenticator", {"code": code})["Location"] == "/enrol"
    assert not has_factor(noor)


def test_beginning_again_replaces_the_key(here: Client, noor: User) -> None:
    choose(here)
    keys = []
    for _ in range(2):
        here.post("/enrol/authenticator")
        page = here.get("/enrol/authenticator").content.decode()
        keys.append(re.search(r'id="key">([A-Z2-7 ]+)<', page))
    assert keys[0] is not None
    assert keys[1] is not None
    assert keys[0].group(1) != keys[1].group(1)
    assert Authenticator.objects.filter(user=noor).count() == 1


# The initial password ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "again", "word"),
    [
        ("short", "short", "too short"),
        ("password1234", "password1234", "too common"),
        ("noor.haddad1", "noor.haddad1", "too similar"),
        (OWN, OWN + "x", "differ"),
        ("", "", "twice"),
    ],
)
def test_a_poor_password_is_refused_and_said_why(
    here: Client, noor: User, password: str, again: str, word: str
) -> None:
    answer = here.post("/enrol/password", {"password": password, "again": again})
    assert answer.status_code == 400
    assert word in answer.content.decode()
    assert here.get("/enrol")["Location"] == "/enrol/password"


def test_the_given_password_may_not_be_kept(here: Client, invited: Invitation) -> None:
    assert choose(here, invited.password, invited.password) == 400


def test_the_given_password_is_gone_once_it_is_replaced(
    here: Client, noor: User, invited: Invitation
) -> None:
    choose(here)
    assert give_password(Client(), noor, invited.password).status_code == 403
    assert give_password(Client(), noor, OWN)["Location"] == "/enrol"
    entry = entries("password.change")[-1]
    assert (entry["actor"], entry["reason"]) == ("noor.haddad", "first sign-in")
    for secret in (invited.password, OWN):
        assert secret not in whole_record()


def test_who_has_a_password_of_their_own_replaces_none_at_enrolment(here: Client) -> None:
    choose(here)
    assert choose(here, "another-password-77", "another-password-77") == 303
    assert len(entries("password.change")) == 1


def test_the_given_password_is_good_for_three_days(noor: User, invited: Invitation) -> None:
    Enrolment.objects.update(initial_until=F("initial_until") - INITIAL_LIFE)
    late = give_password(Client(), noor, invited.password)
    wrong = give_password(Client(), noor, "another-wrong-one-1")
    assert (late.status_code, wrong.status_code) == (403, 403)
    assert entries("sign-in.password")[-2]["reason"] == "initial password out of date"


# Who invites ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"roles": frozenset({"risk", "sre", "trader", "compliance"})}, "person-not-your-role"),
        ({"kind": "token"}, "person-not-your-role"),
        ({"factor_age_s": 301.0}, "security-needs-step-up"),
        ({"factor_age_s": None}, "security-needs-step-up"),
        ({"name": "Noor.Haddad"}, "person-oneself"),
    ],
)
def test_who_may_not_invite(noor: User, change: dict[str, object], code: str) -> None:
    with pytest.raises(NotAllowedError) as refused:
        person_invite(user=noor, actor=dataclasses.replace(PRIYA, **change))  # type: ignore[arg-type]
    assert refused.value.code == code
    assert entries("person.invite")[-1]["outcome"] == "denied"
    assert not User.objects.get(pk=noor.pk).has_usable_password()


def test_nobody_who_is_enrolled_is_invited_anew(mercy: User, noor: User, here: Client) -> None:
    before = User.objects.get(pk=mercy.pk).password
    choose(here)
    here.post("/enrol/authenticator")
    here.post("/enrol/authenticator", {"code": pending_code(noor)})
    Authenticator.objects.filter(user=noor).delete()
    for user in (mercy, noor):
        with pytest.raises(NotAllowedError) as refused:
            person_invite(user=user, actor=PRIYA)
        assert refused.value.code == "person-enrolled"
    assert User.objects.get(pk=mercy.pk).password == before


def test_an_invitation_may_be_renewed_until_it_is_used(
    noor: User, invited: Invitation, here: Client
) -> None:
    again = person_invite(user=User.objects.get(pk=noor.pk), actor=PRIYA)
    assert again.password != invited.password
    assert here.get("/enrol/password").status_code == 302, "the first one's session is over"
    assert give_password(Client(), noor, again.password)["Location"] == "/enrol/password"
