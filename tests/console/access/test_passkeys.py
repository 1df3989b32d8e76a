"""Passkeys: asked for, given, and refused for every single thing that does not fit."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from console.access.factors import passkeys
from console.models import Authenticator, Passkey, PasskeyChallenge
from tests.console.access.authenticator import SecurityKey, encoded, registered
from tests.console.conftest import code_of, entries, give_password, with_password_alone

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> Client:
    return Client(SERVER_NAME="localhost")


@pytest.fixture
def key(mercy: User) -> SecurityKey:
    """Mercy's."""
    made = SecurityKey()
    registered(mercy, made)
    return made


@pytest.fixture
def halfway(here: Client, mercy: User) -> Client:
    return with_password_alone(here, mercy)


def asked(client: Client, path: str = "/sign-in/passkey") -> dict[str, Any]:
    answer = client.post(path)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def reason() -> str:
    return str(entries("sign-in.factor")[-1]["reason"])


def test_password_and_passkey_open_the_desk(here: Client, mercy: User, key: SecurityKey) -> None:
    give_password(here, mercy)
    before = here.session.session_key
    answer = here.post("/sign-in/factor", {"passkey": key.given(asked(here))})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert here.session.session_key != before
    assert here.get("/").status_code == 200
    recorded = entries("sign-in.factor")[-1]
    assert (recorded["outcome"], recorded["after"]["kind"]) == ("done", "passkey")
    assert Passkey.objects.get(user=mercy).last_used_at is not None


def test_the_question_asks_for_user_verification_and_names_ones_own_keys(
    halfway: Client, mercy: User, tomas: User, key: SecurityKey
) -> None:
    registered(tomas, SecurityKey())
    registered(mercy, SecurityKey(rp_id="desk.example"))
    question = asked(halfway)
    assert question["userVerification"] == "required"
    assert question["rpId"] == "localhost"
    assert [one["id"] for one in question["allowCredentials"]] == [encoded(key.id)]
    assert len(question["challenge"]) >= 43, "32 random bytes"


@pytest.mark.parametrize(
    ("bent", "because"),
    [
        ({"origin": "http://localhost:9999"}, "origin"),
        ({"origin": "https://evil.example"}, "origin"),
        ({"rp_id": "evil.example"}, "RP ID"),
        ({"verified": False}, "verif"),
        ({"count": 0}, "sign count"),
        ({"handle": b"somebody else"}, "no such passkey"),
        ({"id": b"unknown"}, "no such passkey"),
    ],
)
def test_what_does_not_fit_is_refused(
    halfway: Client, key: SecurityKey, bent: dict[str, Any], because: str
) -> None:
    Passkey.objects.update(sign_count=5)
    key.count = 5
    for name, value in bent.items():
        setattr(key, name, value)
    answer = halfway.post("/sign-in/factor", {"passkey": key.given(asked(halfway))})
    assert answer.status_code == 403
    assert because in reason()
    assert halfway.get("/")["Location"] == "/sign-in/factor"


@pytest.mark.parametrize(
    ("client", "because"),
    [
        ({"challenge": encoded(b"x" * 32)}, "challenge unknown"),
        ({"type": "webauthn.create"}, "client data type"),
        ({"crossOrigin": True}, "not an answer"),
    ],
)
def test_client_data_that_does_not_fit_is_refused(
    halfway: Client, key: SecurityKey, client: dict[str, Any], because: str
) -> None:
    answer = halfway.post("/sign-in/factor", {"passkey": key.given(asked(halfway), **client)})
    assert answer.status_code == 403
    assert because in reason()


def test_another_key_with_the_same_name_is_refused(halfway: Client, key: SecurityKey) -> None:
    forged = SecurityKey(id=key.id, count=40)
    answer = halfway.post("/sign-in/factor", {"passkey": forged.given(asked(halfway))})
    assert answer.status_code == 403
    assert "signature" in reason()


def test_a_counter_that_stands_still_tells_of_a_copy(halfway: Client, key: SecurityKey) -> None:
    first = halfway.post("/sign-in/factor", {"passkey": key.given(asked(halfway))})
    key.count -= 1
    second = halfway.post("/sign-in/factor", {"passkey": key.given(asked(halfway))})
    assert (first.status_code, second.status_code) == (302, 403)
    assert "sign count" in reason()


def test_keys_that_do_not_count_may_say_zero_for_ever(halfway: Client, key: SecurityKey) -> None:
    Passkey.objects.update(sign_count=0)
    for _ in range(2):
        key.count = -1
        answer = halfway.post("/sign-in/factor", {"passkey": key.given(asked(halfway))})
        assert answer.status_code == 302


def test_a_question_is_answered_once_right_or_wrong(halfway: Client, key: SecurityKey) -> None:
    question = asked(halfway)
    wrong = SecurityKey(id=key.id, count=40).given(question)
    assert halfway.post("/sign-in/factor", {"passkey": wrong}).status_code == 403
    assert halfway.post("/sign-in/factor", {"passkey": key.given(question)}).status_code == 403
    assert "challenge" in reason()


def test_a_question_is_of_one_session_one_person_one_purpose(
    halfway: Client, mercy: User, tomas: User, key: SecurityKey
) -> None:
    question = asked(halfway)
    elsewhere = with_password_alone(Client(SERVER_NAME="localhost"), mercy)
    answer = elsewhere.post("/sign-in/factor", {"passkey": key.given(question)})
    assert (answer.status_code, "challenge" in reason()) == (403, True)
    other = with_password_alone(Client(SERVER_NAME="localhost"), tomas)
    assert other.post("/sign-in/factor", {"passkey": key.given(question)}).status_code == 403
    halfway.post("/sign-in/factor", {"passkey": key.given(question)})
    to_add = asked(halfway, "/security/passkey/options")
    answer = halfway.post("/sign-in/factor", {"passkey": key.given(to_add)})
    assert (answer.status_code, "challenge" in reason()) == (403, True)


def test_a_newer_question_makes_the_older_void(halfway: Client, key: SecurityKey) -> None:
    older, newer = asked(halfway), asked(halfway)
    assert halfway.post("/sign-in/factor", {"passkey": key.given(older)}).status_code == 403
    assert halfway.post("/sign-in/factor", {"passkey": key.given(newer)}).status_code == 302


def test_a_question_lives_two_minutes(halfway: Client, key: SecurityKey) -> None:
    question = asked(halfway)
    row = PasskeyChallenge.objects.get()
    row.expires_at -= passkeys.CHALLENGE_LIFE
    row.save()
    assert halfway.post("/sign-in/factor", {"passkey": key.given(question)}).status_code == 403
    assert "too old" in reason()


@pytest.mark.parametrize(
    "junk",
    ["", "{", "[]", "null", '{"id": 1}', "[" * 16_000, "x" * 40_000, '{"id":"a","rawId":"a"}', "½",
     json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {
         "clientDataJSON": encoded(b"[" * 9_000), "authenticatorData": "AA", "signature": "AA"}}),
     json.dumps({"id": "AA", "rawId": "A", "type": "public-key", "response": {
         "clientDataJSON": encoded(b'{"type":1,"challenge":2,"origin":[]}'),
         "authenticatorData": "½", "signature": "AA"}})],
)  # fmt: skip
def test_junk_is_refused_and_nothing_breaks(halfway: Client, key: SecurityKey, junk: str) -> None:
    asked(halfway)
    assert halfway.post("/sign-in/factor", {"passkey": junk}).status_code == 403
    assert reason() == "not an answer of a passkey"


def test_authenticator_data_that_is_junk_is_refused(halfway: Client, key: SecurityKey) -> None:
    for junk in (b"", b"\0" * 36, b"\xff" * 200):
        given = json.loads(key.given(asked(halfway)))
        given["response"]["authenticatorData"] = encoded(junk)
        answer = halfway.post("/sign-in/factor", {"passkey": json.dumps(given)})
        assert answer.status_code == 403
        assert reason().startswith("passkey: ")


@pytest.mark.parametrize(
    ("host", "secure", "why"),
    [
        ("127.0.0.1:8080", False, "a number"),
        ("[::1]:8080", False, "a number"),
        ("192.0.2.7", True, "a number"),
        ("desk.example", False, "https"),
    ],
)
def test_where_no_passkey_can_work_the_page_says_so(
    mercy: User, key: SecurityKey, host: str, secure: bool, why: str
) -> None:
    client = with_password_alone(Client(), mercy)
    headers = {"host": host}
    answer = client.post("/sign-in/passkey", headers=headers, secure=secure)
    assert (answer.status_code, why in answer.json()["detail"]) == (409, True)
    page = client.get("/sign-in/factor", headers=headers, secure=secure).content.decode()
    assert "does not work at this address" in page
    assert 'name="code"' in page, "the authenticator does"
    assert ("http://localhost:8080" in page) == (host.endswith(":8080"))
    given = client.post("/sign-in/factor", {"passkey": "{}"}, headers=headers, secure=secure)
    assert given.status_code == 403
    assert why in reason()


def test_a_configured_name_serves_its_own_hosts_alone(
    mercy: User, settings: Settings
) -> None:  # fmt: skip
    settings.WEBAUTHN_RP_ID = "desk.example"
    key = SecurityKey(rp_id="desk.example", origin="https://eu.desk.example")
    registered(mercy, key)
    client = with_password_alone(Client(), mercy)
    elsewhere = client.post("/sign-in/passkey", headers={"host": "evil.example"}, secure=True)
    assert elsewhere.status_code == 409
    said = {"headers": {"host": "eu.desk.example"}, "secure": True}
    question = client.post("/sign-in/passkey", **said).json()  # type: ignore[arg-type]
    answer = client.post("/sign-in/factor", {"passkey": key.given(question)}, **said)  # type: ignore[arg-type]
    assert answer.status_code == 302


# Adding -----------------------------------------------------------------------------------------


@pytest.fixture
def inside(here: Client, mercy: User) -> Client:
    give_password(here, mercy)
    here.post("/sign-in/factor", {"code": code_of(mercy)})
    return here


def test_a_passkey_is_added_and_signs_in(inside: Client, mercy: User) -> None:
    key = SecurityKey()
    question = asked(inside, "/security/passkey/options")
    assert question["authenticatorSelection"]["userVerification"] == "required"
    assert question["rp"] == {"name": "Haltline", "id": "localhost"}
    assert "mercy" not in question["user"]["id"]
    posted = {"passkey": key.made(question), "name": " Blue  key "}
    assert inside.post("/security/passkey", posted).status_code == 200, "recovery codes, the first"
    kept = Passkey.objects.get(user=mercy)
    assert (kept.name, kept.rp_id, bytes(kept.credential_id)) == ("Blue key", "localhost", key.id)
    entry = entries("factor.add")[-1]
    assert (entry["outcome"], entry["after"]["kind"]) == ("done", "passkey")
    again = Client(SERVER_NAME="localhost")
    give_password(again, mercy)
    assert again.post("/sign-in/factor", {"passkey": key.given(asked(again))}).status_code == 302


@pytest.mark.parametrize(
    "bent", [{"origin": "http://evil.example"}, {"rp_id": "evil.example"}, {"verified": False}]
)
def test_a_passkey_that_does_not_fit_is_not_added(inside: Client, bent: dict[str, Any]) -> None:
    key = SecurityKey(**bent)
    posted = {"passkey": key.made(asked(inside, "/security/passkey/options"))}
    assert inside.post("/security/passkey", posted).status_code == 403
    assert not Passkey.objects.exists()
    assert entries("factor.add")[-1]["outcome"] == "failed"


def test_a_passkey_is_of_one_person_and_added_once(
    inside: Client, mercy: User, tomas: User
) -> None:
    key = SecurityKey()
    registered(tomas, key)
    question = asked(inside, "/security/passkey/options")
    assert inside.post("/security/passkey", {"passkey": key.made(question)}).status_code == 403
    assert not Passkey.objects.filter(user=mercy).exists()
    other = SecurityKey()
    assert inside.post("/security/passkey", {"passkey": other.made(question)}).status_code == 403
    assert "answered before" in entries("factor.add")[-1]["reason"]


def test_a_passkey_that_is_too_long_is_not_added(inside: Client) -> None:
    key = SecurityKey(id=b"x" * 1_100)
    posted = {"passkey": key.made(asked(inside, "/security/passkey/options"))}
    assert inside.post("/security/passkey", posted).status_code == 403


def test_who_has_passkeys_alone_is_told_where_they_work(mercy: User, key: SecurityKey) -> None:
    Authenticator.objects.all().delete()
    client = with_password_alone(Client(), mercy)
    page = client.get("/sign-in/factor", headers={"host": "127.0.0.1:8080"}).content.decode()
    assert "http://localhost:8080/sign-in" in page
    assert 'name="code"' not in page
