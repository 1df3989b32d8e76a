"""People and tokens of the console's tests, and a browser that signs in as they do."""

import datetime as dt
import functools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.test import Client
from django_otp.oath import TOTP
from pytest_django import Settings

from audit.models import Entry
from console.access.sessions import begin
from console.api.authentication import token_digest, token_text
from console.models import ApiToken, Authenticator
from console.stores import redis_client
from tests.support.desks import on_floor

PASSWORD = "correct-horse-battery-42"


@pytest.fixture(autouse=True)
def plain_static(settings: Settings) -> None:
    """Pages without the manifest that collectstatic makes."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    """Nobody has to wait for what another test mistyped."""
    yield
    client = redis_client()
    for key in client.scan_iter(match="hl:backoff:*"):
        client.delete(key)


@pytest.fixture
def mercy(db: None) -> User:
    """A trader with an authenticator."""
    return person("mercy.okafor", "trader")


@pytest.fixture
def tomas(db: None) -> User:
    """Another trader."""
    return person("tomas.brandt", "trader")


@functools.cache
def _hashed(password: str) -> str:
    """Hashing is slow on purpose: once a run is enough."""
    return make_password(password)


def person(username: str, role: str) -> User:
    user = User.objects.create(username=username, password=_hashed(PASSWORD))
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    Authenticator.objects.create(user=user, name="authenticator", confirmed=True)
    on_floor(people=[user])
    return user


def code_of(user: User, *, ahead_s: int = 0) -> str:
    """The code that the person's authenticator shows, now or ``ahead_s`` later."""
    device = Authenticator.objects.get(user=user)
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = time.time() + ahead_s
    return f"{totp.token():06d}"


def give_password(client: Client, user: User, password: str = PASSWORD) -> Any:
    return client.post("/sign-in", {"username": user.username, "password": password})


def signed_in(client: Client, user: User) -> Client:
    """``client`` after both steps."""
    assert give_password(client, user).status_code == 302
    answer = client.post("/sign-in/factor", {"code": code_of(user)})
    assert answer.status_code == 302, answer.content
    return client


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=False, raise_request_exception=False)


def with_password_alone(client: Client, user: User) -> Client:
    """``client`` as after the first step, without hashing a password."""
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    begin(session)
    session.save()
    return client


@pytest.fixture
def desk_browser(browser: Client, mercy: User) -> Client:
    """Mercy's browser after both factors."""
    return signed_in(browser, mercy)


@pytest.fixture
def new_token(mercy: User) -> Callable[..., str]:
    """Makes a token of Mercy's and gives its text."""

    def make(*scopes: str, owner: User = mercy, **facts: Any) -> str:
        text = token_text()
        facts.setdefault("expires_at", dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
        ApiToken.objects.create(
            name="script",
            owner=owner,
            digest=token_digest(text),
            scopes=list(scopes or ("read",)),
            **facts,
        )
        return text

    return make


@pytest.fixture
def caller(new_token: Callable[..., str]) -> Client:
    """A script with a ``read`` token."""
    return Client(headers={"Authorization": f"Bearer {new_token()}"}, raise_request_exception=False)


def entries(action: str) -> list[dict[str, Any]]:
    """Bodies of the entries of ``action``, oldest first."""
    found = Entry.objects.filter(action=action).order_by("recorded_at", "id")
    return [json.loads(bytes(one.body)) for one in found]


def whole_record() -> str:
    """Every byte of the record, to look for what must not be in it."""
    return "\n".join(
        bytes(one.body).decode() + repr(sorted(vars(one).items(), key=lambda pair: pair[0]))
        for one in Entry.objects.all()
    )
