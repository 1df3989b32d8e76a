"""A desk's books, people who are signed in, and Redis without frames of other tests."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib import auth
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings
from redis import Redis

from console.access import sessions
from console.stores import redis_client
from trading import streams
from trading.models import Strategy, VenueAccount


@pytest.fixture(autouse=True)
def plain_static(settings: Settings) -> None:
    """Pages without the manifest that collectstatic makes."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def redis() -> Iterator[Redis]:
    """The run's Redis, without any frame before and after."""
    client = redis_client()
    keys = [streams.frame_key("desk"), streams.frame_key("pipeline")]
    client.delete(*keys)
    yield client
    client.delete(*keys)


@pytest.fixture
def mercy(db: None) -> User:
    """A trader with an authenticator."""
    user = User.objects.create(username="mercy.okafor", first_name="Mercy", last_name="Okafor")
    user.groups.add(Group.objects.get_or_create(name="trader")[0])
    TOTPDevice.objects.create(user=user, name="authenticator", confirmed=True)
    return user


@pytest.fixture
def books(db: None) -> list[Strategy]:
    """Two strategies of two traders on two paper accounts."""
    accounts = [
        VenueAccount.objects.create(
            name=name, venue=venue, adapter="trading.venues.paper.PaperVenue", address="h:1"
        )
        for name, venue in (("paper-1", "Paper One"), ("paper-2", "Paper Two"))
    ]
    return [
        Strategy.objects.create(
            key=key, kind=kind, owner=owner, account=account, symbols=[symbol], size_notional=1000
        )
        for key, kind, owner, account, symbol in (
            ("mom-eurusd", "momentum", "mercy.okafor", accounts[0], "EURUSD"),
            ("mr-btcusdt", "mean-reversion", "tomas.brandt", accounts[1], "BTCUSDT"),
        )
    ]


def open_session(user: User, *, factor: bool = True) -> str:
    """The key of a session of ``user``, after both steps or after the password alone."""
    store = SessionStore()
    store[auth.SESSION_KEY] = str(user.pk)
    store[auth.BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
    sessions.begin(store)
    if factor:
        store[DEVICE_ID_SESSION_KEY] = TOTPDevice.objects.get(user=user).persistent_id
        sessions.factor_given(store)
    store.save()
    return str(store.session_key)


@pytest.fixture
def page(mercy: User, settings: Settings) -> Callable[[str], str]:
    """Reads a page as Mercy does, after both factors."""
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = open_session(mercy)

    def read(path: str) -> str:
        answer = client.get(path)
        assert answer.status_code == 200, answer.content
        return str(answer.content.decode())

    return read
