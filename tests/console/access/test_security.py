"""The security page: every change asks for a fresh factor, is recorded, and ends other sessions."""

import re
import time

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django_otp.oath import TOTP

from console.access import sessions
from console.access.factors import factors_of
from console.access.factors.recovery import codes_left, codes_renew
from console.models import Authenticator
from tests.console.access.authenticator import SecurityKey, registered
from tests.console.conftest import PASSWORD, entries, give_password, person, with_password_alone

pytestmark = pytest.mark.django_db

NEW = "a-brand-new-password-8"


def inside(user: User, *, age_s: int = 0) -> Client:
    """A browser of ``user``'s whose factor is so old."""
    client = with_password_alone(Client(SERVER_NAME="localhost"), user)
    session = client.session
    session["otp_device_id"] = Authenticator.objects.filter(user=user)[0].persistent_id
    sessions.factor_given(session)
    session[sessions.FACTOR_AT] -= age_s
    session.save()
    return client


@pytest.fixture
def here(mercy: User) -> Client:
    return inside(mercy)


def begun_code(user: User) -> str:
    totp = TOTP(Authenticator.objects.get(user=user, confirmed=False).bin_key)
    totp.time = time.time()
    return f"{totp.token():06d}"


def posts(user: User) -> dict[str, dict[str, str]]:
    """Every change there is, as a form."""
    first = Authenticator.objects.filter(user=user)[0].persistent_id
    key = SecurityKey()
    passkey = registered(user, key).persistent_id
    return {
        "/security/authenticator": {},
        "/security/passkey": {"passkey": "{}"},
        "/security/rename": {"factor": first, "name": "phone"},
        "/security/remove": {"factor": passkey},
        "/security/codes": {},
        "/security/password": {"current": PASSWORD, "password": NEW, "again": NEW},
    }


def test_the_page_lists_ones_factors_codes_and_ways(here: Client, mercy: User, tomas: User) -> None:
    registered(mercy, SecurityKey(), "blue key")
    registered(tomas, SecurityKey(), "not mine")
    codes_renew(mercy)
    page = here.get("/security").content.decode()
    assert "blue key" in page
    assert "for localhost" in page
    assert "<b>10</b> of 10 left" in page
    assert "this session" in page
    assert "not mine" not in page
    assert Authenticator.objects.get(user=mercy).key not in page


@pytest.mark.parametrize("number", range(6))
def test_without_a_fresh_factor_nothing_changes(mercy: User, number: int) -> None:
    path, fields = list(posts(mercy).items())[number]
    before = [(one.id, one.name) for one in factors_of(mercy)], codes_left(mercy)
    password = User.objects.get(pk=mercy.pk).password
    stale = inside(mercy, age_s=301)
    answer = stale.post(path, fields)
    assert (answer.status_code, answer["Location"]) == (303, "/sign-in/factor?next=%2Fsecurity")
    assert ([(one.id, one.name) for one in factors_of(mercy)], codes_left(mercy)) == before
    assert User.objects.get(pk=mercy.pk).password == password
    assert not Authenticator.objects.filter(confirmed=False).exists()
    assert "Not done" in stale.get("/security").content.decode()


def test_passkey_options_too_want_a_fresh_factor(mercy: User) -> None:
    assert inside(mercy).post("/security/passkey/options").status_code == 200
    assert inside(mercy, age_s=301).post("/security/passkey/options").status_code == 403


def test_a_shown_key_wants_a_fresh_factor(mercy: User) -> None:
    inside(mercy).post("/security/authenticator")
    stale = inside(mercy, age_s=301).get("/security/authenticator")
    assert stale["Location"] == "/sign-in/factor?next=%2Fsecurity"


def test_a_second_authenticator_is_added_and_ends_other_sessions(here: Client, mercy: User) -> None:
    other = inside(mercy)
    codes_renew(mercy)
    assert other.get("/security").status_code == 200
    here.post("/security/authenticator")
    done = here.post("/security/authenticator", {"code": begun_code(mercy)})
    assert done["Location"] == "/security"
    assert [one.name for one in factors_of(mercy)] == ["authenticator", "Authenticator app"]
    assert here.get("/security").status_code == 200
    assert other.get("/security")["Location"].startswith("/sign-in")
    assert entries("factor.add")[-1]["after"]["name"] == "Authenticator app"


def test_who_has_no_codes_gets_them_with_the_next_factor(here: Client, mercy: User) -> None:
    here.post("/security/authenticator")
    page = here.post("/security/authenticator", {"code": begun_code(mercy)}).content.decode()
    assert len(re.findall(r"<li><code>", page)) == 10


def test_renaming(here: Client, mercy: User, tomas: User) -> None:
    ident = factors_of(mercy)[0].id
    assert (
        here.post("/security/rename", {"factor": ident, "name": "  my  phone "}).status_code == 303
    )
    assert factors_of(mercy)[0].name == "my phone"
    entry = entries("factor.rename")[-1]
    assert (entry["before"]["name"], entry["after"]["name"]) == ("authenticator", "my phone")
    for name in ("", " ", "x" * 65, "a\x07b"):
        assert here.post("/security/rename", {"factor": ident, "name": name}).status_code == 400
    theirs = factors_of(tomas)[0].id
    assert here.post("/security/rename", {"factor": theirs, "name": "mine"}).status_code == 403
    assert factors_of(tomas)[0].name == "authenticator"


def test_removing_ends_other_sessions_and_never_takes_the_last(here: Client, mercy: User) -> None:
    key = registered(mercy, SecurityKey(), "key")
    other = inside(mercy)
    assert here.post("/security/remove", {"factor": key.persistent_id}).status_code == 303
    assert other.get("/security")["Location"].startswith("/sign-in")
    last = factors_of(mercy)[0].id
    refused = here.post("/security/remove", {"factor": last})
    assert refused.status_code == 403
    assert "last factor stays" in refused.content.decode()
    assert [one.id for one in factors_of(mercy)] == [last]
    found = [(one["outcome"], one["object_id"]) for one in entries("factor.remove")]
    assert found == [("done", "mercy.okafor"), ("denied", "mercy.okafor")]


def test_nobody_removes_somebody_elses(here: Client, mercy: User, tomas: User) -> None:
    registered(mercy, SecurityKey())
    theirs = registered(tomas, SecurityKey())
    for ident in (theirs.persistent_id, "console.passkey/999999", "junk", ""):
        assert here.post("/security/remove", {"factor": ident}).status_code == 403
    assert len(factors_of(tomas)) == 2
    assert len(factors_of(mercy)) == 2


def test_removing_the_factor_of_this_session_asks_for_another(here: Client, mercy: User) -> None:
    registered(mercy, SecurityKey())
    own = Authenticator.objects.get(user=mercy).persistent_id
    assert here.post("/security/remove", {"factor": own}).status_code == 303
    assert here.get("/security")["Location"].startswith("/sign-in/factor")


def test_ten_factors_are_the_most(here: Client, mercy: User) -> None:
    for _ in range(9):
        registered(mercy, SecurityKey())
    answer = here.post("/security/authenticator")
    assert (answer.status_code, "10 factors" in answer.content.decode()) == (403, True)


def test_changing_the_password(here: Client, mercy: User) -> None:
    other = inside(mercy)
    fields = {"current": PASSWORD, "password": NEW, "again": NEW}
    assert here.post("/security/password", fields)["Location"] == "/security"
    assert here.get("/security").status_code == 200, "this session goes on"
    assert other.get("/security")["Location"].startswith("/sign-in")
    assert give_password(Client(), mercy, PASSWORD).status_code == 403
    assert give_password(Client(), mercy, NEW).status_code == 302
    assert [one["outcome"] for one in entries("password.change")] == ["done"]


@pytest.mark.parametrize(
    ("fields", "status", "word"),
    [
        ({"current": "wrong-password-1"}, 403, "current password is wrong"),
        ({"password": "short", "again": "short"}, 400, "too short"),
        ({"again": "something-else-11"}, 400, "differ"),
        ({"password": PASSWORD, "again": PASSWORD}, 400, "is the current one"),
        ({"password": ""}, 400, "differ"),
    ],
)
def test_a_change_of_password_that_will_not_do(
    here: Client, mercy: User, fields: dict[str, str], status: int, word: str
) -> None:
    before = User.objects.get(pk=mercy.pk).password
    given = {"current": PASSWORD, "password": NEW, "again": NEW, **fields}
    answer = here.post("/security/password", given)
    assert (answer.status_code, word in answer.content.decode()) == (status, True)
    assert User.objects.get(pk=mercy.pk).password == before
    assert PASSWORD not in answer.content.decode()


def test_guessing_the_current_password_waits(here: Client, mercy: User) -> None:
    fields = {"current": "wrong-password-1", "password": NEW, "again": NEW}
    for _ in range(5):
        assert here.post("/security/password", fields).status_code == 403
    answer = here.post("/security/password", {**fields, "current": PASSWORD})
    assert answer.status_code == 429


def test_step_up_comes_back_to_where_it_was_asked(mercy: User) -> None:
    key = SecurityKey()
    registered(mercy, key)
    stale = inside(mercy, age_s=900)
    page = stale.get("/security").content.decode()
    assert "Confirm it is you" in page
    assert 'name="next" value="/security"' in page
    before = stale.session.session_key
    question = stale.post("/sign-in/passkey").json()
    posted = {"passkey": key.given(question), "next": "/security"}
    answer = stale.post("/sign-in/factor", posted)
    assert answer["Location"] == "/security"
    assert stale.session.session_key != before
    assert "Confirm it is you" not in stale.get("/security").content.decode()


def test_administrators_alone_find_resets(here: Client, mercy: User) -> None:
    assert "Reset somebody" not in here.get("/security").content.decode()
    assert here.get("/security/reset").status_code == 403
    boss = inside(person("priya.raman", "administrator"))
    assert "Reset somebody" in boss.get("/security").content.decode()
    assert boss.get("/security/reset").status_code == 200
