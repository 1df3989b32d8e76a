"""No secret is in the record, in a log or in an export: people and scripts go through every door,
with secrets that are known here, right and wrong; then each is looked for, in every spelling.
"""

import base64
import io
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from django_otp.oath import TOTP

from audit.forms import Csv, Form, JsonLines
from audit.models import Entry
from audit.search import Search
from console.access.enrolment import person_invite
from console.access.token_wish import Wanted
from console.access.tokens import token_ask
from console.logs import LOGGING
from console.models import ApiToken, Authenticator
from riskctl.approvals import approval_approve
from riskctl.models import Limit
from tests.audit.recording import Recording, settle
from tests.audit.test_export import export, recording  # noqa: F401 - a fixture
from tests.console.access.authenticator import SecurityKey, encoded
from tests.console.access.world import actor
from tests.console.api.brakes import sent
from tests.console.conftest import code_of, give_password, person

pytestmark = pytest.mark.django_db(transaction=True)

TYPED = {
    "a wrong password": "Wrong-Password-4711", "a password as a name": "My-Password-As-Name-9",
    "one's own password": "a-password-of-my-own-7", "a password that is too common": "password1234",
    "the next password": "the-password-after-it-8", "a wrong code": "483920",
    "a wrong recovery code": "abcd-efgh-jkmn-pqrs", "a token of nobody": "hl_" + "n0b0dyS" * 6,
    "a token in a query": "hl_" + "qu3ryT0k" * 6,
}  # fmt: skip
FORMS: tuple[Form, ...] = (JsonLines(), Csv())
CODES = frozenset({"a wrong code", "the code of enrolling", "a sign-in's code", "a step-up's code"})
"""Six digits: they are in times and hashes as well, so they are looked for as numbers alone."""


_URLSAFE = str.maketrans("+/", "-_")


class Secrets(dict[str, str]):
    """By what each is."""

    def forms(self) -> Iterator[tuple[str, str]]:
        for what, text in self.items():
            raw = text.encode()
            yield what, text
            if what in CODES:
                continue
            yield f"{what}, in hex", raw.hex()
            for shift in range(3):  # base64 of a text that it is in the middle of
                bits = (shift + len(raw)) * 8
                inner = base64.b64encode(bytes(shift) + raw)[-(-shift * 8 // 6) : bits // 6]
                for one in {inner.decode(), inner.decode().translate(_URLSAFE)}:
                    yield f"{what}, in base64", one

    def found_in(self, text: str) -> list[str]:
        plain = re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+", "", text)
        return [what for what, form in self.forms() if self._is_in(what, form, plain)]

    @staticmethod
    def _is_in(what: str, form: str, text: str) -> bool:
        if what in CODES:
            return re.search(rf"(?<![0-9a-f]){form}(?![0-9a-f])", text) is not None
        return form.lower() in text.lower() if what.startswith("the seed") else form in text


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """What the project's own formatter writes, of every logger, from DEBUG on."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    facts = LOGGING["formatters"]["line"]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=facts["foreign_pre_chain"], processors=facts["processors"]
        )
    )
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield out
    finally:
        root.setLevel(before)
        root.removeHandler(handler)


def totp(user: User, **which: Any) -> str:
    made = TOTP(Authenticator.objects.get(user=user, **which).bin_key)
    made.time = time.time()
    return f"{made.token():06d}"


def cookies(client: Client, secrets: Secrets, who: str) -> None:
    for name, morsel in client.cookies.items():
        if morsel.value and name != "messages":
            secrets[f"the cookie {name} of {who}"] = morsel.value


def enrols(secrets: Secrets) -> User:
    """Noor comes by invitation: an initial password, one of her own, an authenticator, codes."""
    noor = User.objects.create_user("noor.haddad", password=None)
    noor.groups.add(Group.objects.get_or_create(name="trader")[0])
    invited = person_invite(user=noor, actor=actor("priya.raman", "administrator"))
    secrets["the initial password"] = invited.password
    here = Client(SERVER_NAME="localhost")
    give_password(here, noor, TYPED["a wrong password"])
    here.post("/sign-in", {"username": TYPED["a password as a name"], "password": "x"})
    assert give_password(here, noor, invited.password).status_code == 302
    for one in ("a password that is too common", "one's own password"):
        answer = here.post("/enrol/password", {"password": TYPED[one], "again": TYPED[one]})
    assert answer.status_code == 303
    here.post("/enrol/authenticator")
    page = here.get("/enrol/authenticator").content.decode()
    seed = re.search(r"secret=([A-Z2-7]+)", page)
    assert seed is not None
    secrets["the seed of enrolling"] = seed[1]
    secrets["the seed's bytes"] = base64.b32decode(seed[1]).hex()
    secrets["the code of enrolling"] = totp(noor, confirmed=False)
    done = here.post("/enrol/authenticator", {"code": secrets["the code of enrolling"]})
    codes = re.findall(r"<li><code>([^<]+)", done.content.decode())
    assert len(codes) == 10
    secrets |= {f"recovery code {number}": one for number, one in enumerate(codes)}
    cookies(here, secrets, "noor")
    assert here.post("/sign-out").status_code == 302
    return User.objects.get(pk=noor.pk)


def comes_back(noor: User, secrets: Secrets) -> None:
    """By a recovery code."""
    here = Client(SERVER_NAME="localhost")
    give_password(here, noor, TYPED["one's own password"])
    answer = here.post("/sign-in/factor", {"recovery": secrets["recovery code 0"]})
    assert answer["Location"] == "/security"
    cookies(here, secrets, "noor's recovery")


def mistypes(noor: User) -> None:
    """Last: who is wrong has to wait."""
    here = Client(SERVER_NAME="localhost")
    give_password(here, noor, TYPED["one's own password"])
    for way, what in (("code", "a wrong code"), ("recovery", "a wrong recovery code")):
        assert here.post("/sign-in/factor", {way: TYPED[what]}).status_code in (403, 429)


def steps_up(secrets: Secrets) -> None:
    """Lena signs in by code, adds a passkey, changes her password, makes codes anew, signs in by
    the passkey."""
    lena = person("lena.fischer", "risk")
    secrets["the seed of an authenticator"] = str(
        Authenticator.objects.get(user=lena).bin_key.hex()
    )
    here = Client(SERVER_NAME="localhost")
    give_password(here, lena)
    secrets["a sign-in's code"] = code_of(lena)
    assert here.post("/sign-in/factor", {"code": secrets["a sign-in's code"]}).status_code == 302
    key = SecurityKey()
    secrets["a passkey's private key"] = str(key.secret.private_numbers().private_value)
    question = here.post("/security/passkey/options").json()
    assert here.post("/security/passkey", {"passkey": key.made(question)}).status_code < 400
    codes = re.findall(r"<li><code>([^<]+)", here.post("/security/codes").content.decode())
    secrets |= {f"new recovery code {number}": one for number, one in enumerate(codes)}
    assert codes
    change = {"password": TYPED["the next password"], "again": TYPED["the next password"]}
    here.post("/security/password", {"current": TYPED["a wrong password"], **change})
    from_now = {"current": "correct-horse-battery-42", **change}
    assert here.post("/security/password", from_now).status_code < 400
    secrets["the password before"] = "correct-horse-battery-42"
    cookies(here, secrets, "lena")
    here.post("/sign-out")
    give_password(here, lena, TYPED["the next password"])
    question = here.post("/sign-in/passkey").json()
    secrets["what a passkey signed"] = encoded(question_of(question))
    assert here.post("/sign-in/factor", {"passkey": key.given(question)}).status_code == 302
    cookies(here, secrets, "lena's passkey")


def question_of(question: dict[str, Any]) -> bytes:
    text = str(question.get("publicKey", question)["challenge"])
    return base64.urlsafe_b64decode(text + "===")


def calls(noor: User, secrets: Secrets) -> None:
    """Scripts: a token made, used, rotated, collected after two agreed, guessed, put in a query."""
    mercy = actor(noor.username, "trader")
    browser = Client(SERVER_NAME="localhost")
    give_password(browser, noor, TYPED["one's own password"])
    secrets["a step-up's code"] = totp_later(noor)
    assert browser.post("/sign-in/factor", {"code": secrets["a step-up's code"]}).status_code == 302
    made = browser.post(
        "/api/tokens", {"name": "script", "scopes": ["read"], "networks": [], "days": 3},
        content_type="application/json",
    )  # fmt: skip
    secrets["a token"] = made.json()["token"]
    row = ApiToken.objects.get(name="script")
    asked = token_ask(actor=mercy, wish=Wanted("stopper", ("read", "stop"), (), 3), reason="close")
    approval_approve(
        approval_id=asked.id, digest=asked.digest, actor=actor("lena.fischer", "risk"),
        requester_roles=mercy.roles,
    )  # fmt: skip
    stopper = ApiToken.objects.get(name="stopper")
    for what, path, body in (
        ("a token after two agreed", f"/api/tokens/{stopper.pk}/collect", {}),
        ("a rotated token", f"/api/tokens/{row.pk}/rotate", {"overlap_hours": 1}),
    ):
        answer = browser.post(path, body, content_type="application/json")
        assert answer.status_code < 300, answer.content
        secrets[what] = answer.json()["token"]
    for what in ("a token", "a rotated token", "a token after two agreed", "a token of nobody"):
        client = Client(headers={"Authorization": f"Bearer {secrets[what]}"})
        client.get(f"/api/positions?token={TYPED['a token in a query']}")
        sent(client, "/api/holds/0/lift", {"reason": "over", "token": secrets[what]})
        client.get(f"/api/{secrets[what]}")
    cookies(browser, secrets, "noor's browser")
    browser.post(f"/api/tokens/{row.pk}/revoke", {}, content_type="application/json")


def totp_later(user: User) -> str:
    """The last code was used: the next one, which the drift allows."""
    return code_of(user, ahead_s=30)


def test_no_secret_is_in_the_record_in_logs_or_in_exports(
    recording: Recording,  # noqa: F811
) -> None:
    secrets = Secrets(TYPED)
    secrets["the key of sessions"] = settings.SECRET_KEY
    Limit.objects.create(scope="firm", kind="gross-notional", value=100)
    with everything_logged() as logged:
        person("priya.raman", "administrator")
        noor = enrols(secrets)
        comes_back(noor, secrets)
        steps_up(secrets)
        calls(noor, secrets)
        mistypes(noor)
    running = recording.started[-1]
    settle(running)
    recording.seconds += 31
    settle(running)
    exported = {form.name: b"".join(export(Search(), form)).decode() for form in FORMS}
    record = "\n".join(
        bytes(one.body).decode() + repr(list(vars(one).items())) for one in Entry.objects.all()
    )
    assert len(secrets) > 45
    done = set(Entry.objects.values_list("action", flat=True))
    assert {"sign-in.password", "sign-in.factor", "sign-out", "person.invite", "factor.add",
            "password.change", "recovery.renew", "token.make", "token.collect", "token.rotate",
            "token.revoke", "approval.execute", "access.deny"} <= done  # fmt: skip
    assert '"event"' in logged.getvalue(), "something was logged"
    places = {"the record": record, "the logs": logged.getvalue(), **exported}
    assert {name: secrets.found_in(text) for name, text in places.items()} == {
        name: [] for name in places
    }


def test_it_would_be_found() -> None:
    """The search itself: plain, in hex, in base64 at any offset, and a code among other digits."""
    secrets = Secrets({"a token": "hl_0123456789abcdef", "a wrong code": "483920"})
    raw = secrets["a token"].encode()
    for text in (
        raw,
        raw.hex().encode(),
        *(base64.b64encode(b"x" * n + raw + b"y") for n in range(4)),
    ):
        assert secrets.found_in(f'{{"a": "{text.decode()}"}}') != []
    assert secrets.found_in('{"code": 483920}') == ["a wrong code"]
    assert secrets.found_in('"2026-11-26T10:00:00.483920Z" "a483920f"') == []
