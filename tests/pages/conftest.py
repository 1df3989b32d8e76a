"""A desk's books, people who are signed in, and Redis without frames of other tests."""

import contextlib
import datetime as dt
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from django.contrib import auth
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from pytest_django import Settings
from redis import Redis

from console.access import sessions
from console.access.roles import roles_reconcile
from console.models import Authenticator
from console.stores import redis_client
from riskctl.actors import system_actor
from riskctl.brakes_home import BrakesHome
from riskctl.ladder import stages_prepare
from riskctl.models import Lease
from tests.pages.frames import Publisher
from tests.pages.web import Chromium, Visit, Web, visiting
from tests.support.desks import on_floor
from tests.support.gateways import FakeGateway, fake_gateways
from trading import streams
from trading.models import Strategy, VenueAccount

EVALUATED = streams.stage_key("alerts", "documents")


@pytest.fixture(autouse=True)
def plain_static(settings: Settings) -> None:
    """Pages without the manifest that collectstatic makes."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def redis() -> Iterator[Redis]:
    """The run's Redis, without any frame, and without a sign that alerts are evaluated."""
    client = redis_client()
    keys = [streams.frame_key("desk"), streams.frame_key("pipeline"), EVALUATED]
    client.delete(*keys)
    yield client
    client.delete(*keys)


@pytest.fixture
def mercy(db: None) -> User:
    """A trader with an authenticator."""
    return _person("mercy.okafor", "Mercy", "Okafor", "trader")


def _person(username: str, first: str, last: str, role: str) -> User:
    user = User.objects.create(username=username, first_name=first, last_name=last)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    Authenticator.objects.create(user=user, name="authenticator", confirmed=True)
    on_floor(people=[user])
    return user


@pytest.fixture
def ada(db: None) -> User:
    """A risk manager."""
    return _person("ada.nwosu", "Ada", "Nwosu", "risk")


@pytest.fixture
def tomas(db: None) -> User:
    """A trader, of the other strategy."""
    return _person("tomas.brandt", "Tomas", "Brandt", "trader")


@pytest.fixture
def staff(mercy: User, ada: User, db: None) -> dict[str, User]:
    """One person of each role."""
    roles_reconcile(actor=system_actor("desk start"))
    others = {
        "sre": ("jonas.lindqvist", "Jonas", "Lindqvist"),
        "compliance": ("ruth.adeyemi", "Ruth", "Adeyemi"),
        "administrator": ("noor.haddad", "Noor", "Haddad"),
    }
    made = {role: _person(*names, role) for role, names in others.items()}
    return {"trader": mercy, "risk": ada, **made}


@pytest.fixture
def books(db: None) -> list[Strategy]:
    """Two strategies of two traders on two paper accounts."""
    accounts = [
        VenueAccount.objects.create(
            name=name, venue=venue, adapter="trading.venues.paper.PaperVenue", address="h:1"
        )
        for name, venue in (("paper-1", "Paper One"), ("paper-2", "Paper Two"))
    ]
    now = dt.datetime.now(dt.UTC)
    for one in accounts:
        Lease.objects.create(
            name=f"gateway:{one.name}", role="gateway", holder="box:1:1", token=1,
            expires_at=now + dt.timedelta(hours=1), renewed_at=now,
        )  # fmt: skip
    stages_prepare(strategies=["mom-eurusd", "mr-btcusdt"], entered_by="test")
    made = [
        Strategy.objects.create(
            key=key, kind=kind, owner=owner, account=account, symbols=[symbol], size_notional=1000
        )
        for key, kind, owner, account, symbol in (
            ("mom-eurusd", "momentum", "mercy.okafor", accounts[0], "EURUSD"),
            ("mr-btcusdt", "mean-reversion", "tomas.brandt", accounts[1], "BTCUSDT"),
        )
    ]
    on_floor(strategies=made)
    return made


def open_session(user: User, *, factor: bool = True) -> str:
    """The key of a session of ``user``, after both steps or after the password alone."""
    store = SessionStore()
    store[auth.SESSION_KEY] = str(user.pk)
    store[auth.BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
    sessions.begin(store)
    if factor:
        store[DEVICE_ID_SESSION_KEY] = Authenticator.objects.get(user=user).persistent_id
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


@pytest.fixture(scope="package")
def chromium() -> Iterator[Chromium]:
    with Chromium() as running:
        yield running


@pytest.fixture(scope="package")
def running_web(
    django_db_setup: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Web]:
    web = Web(tmp_path_factory.mktemp("web") / "home")
    web.start()
    yield web
    web.kill(signal.SIGTERM)


@pytest.fixture
def web(running_web: Web, transactional_db: None) -> Web:
    return running_web


@pytest.fixture
def publisher(redis: Redis) -> Iterator[Publisher]:
    with Publisher(redis) as running:
        yield running


@pytest.fixture
def session_key(web: Web, mercy: User) -> str:
    return open_session(mercy)


@pytest.fixture
def visit(
    web: Web, chromium: Chromium, session_key: str, books: list[Strategy], publisher: Publisher
) -> Iterator[Visit]:
    with visiting(chromium, web.url, session_key) as opened:
        yield opened


@pytest.fixture
def gateways(web: Web) -> Iterator[dict[str, FakeGateway]]:
    """Both accounts' gateways, faked behind their control sockets where the web process looks.

    That process may still tell of an earlier test's stop, which is nothing to this one.
    """
    with fake_gateways(BrakesHome(web.home / "brakes"), "paper-1", "paper-2") as running:
        for one in running.values():
            one.since_wall_ns = time.time_ns()
        yield running


@pytest.fixture
def visit_as(
    web: Web, chromium: Chromium, books: list[Strategy], publisher: Publisher
) -> Iterator[Callable[[User], Visit]]:
    """Pages as this person, in a browser of their own."""
    with contextlib.ExitStack() as stack:
        yield lambda who: stack.enter_context(visiting(chromium, web.url, open_session(who)))
