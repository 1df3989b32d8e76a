"""What ending a session tells open sockets, and the traps of the libraries under it."""

import asyncio
import importlib
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.auth import get_user
from channels.layers import channel_layers, get_channel_layer
from channels.sessions import SessionMiddleware
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from console.access import revocation, sessions
from console.access.revocation import (
    GROUP,
    rights_mark,
    roles_changed,
    session_revoke,
    sessions_end,
)
from console.api.permissions import ReadAccess
from console.models import SessionRecord
from riskctl.actors import Actor
from tests.console.api.conftest import with_both_factors

pytestmark = pytest.mark.django_db(transaction=True)

MERCY = Actor(kind="person", name="mercy.okafor", roles=frozenset({"trader"}))


def opened(user: User) -> Client:
    return with_both_factors(Client(), user)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(revocation, "_hint", names.append)
    return names


@pytest.fixture
def no_layer() -> Iterator[None]:
    """The channel layer's Redis is not there."""
    before: Any = get_channel_layer()
    nowhere: Any = RedisPubSubChannelLayer(["redis://127.0.0.1:1"])
    channel_layers.set("default", nowhere)
    yield
    channel_layers.set("default", before)


def test_sockets_are_told_once_it_is_committed_and_never_before(
    mercy: User, told: list[str]
) -> None:
    opened(mercy)
    with transaction.atomic():
        sessions_end(username="mercy.okafor", actor=MERCY, reason="")
        assert told == []
    assert told == ["mercy.okafor"]
    with transaction.atomic():
        roles_changed(username="mercy.okafor")
        transaction.set_rollback(True)
    assert told == ["mercy.okafor"]
    roles_changed(username="mercy.okafor")
    assert told == ["mercy.okafor"] * 2


def test_the_hint_goes_to_every_process_by_the_channel_layer(mercy: User) -> None:
    row = SessionRecord.objects.get(session_key=opened(mercy).session.session_key)

    async def run() -> Any:
        layer: Any = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(GROUP, channel)
        await sync_to_async(session_revoke)(session_id=row.id, actor=MERCY)
        return await asyncio.wait_for(layer.receive(channel), 20)

    assert asyncio.run(run())["username"] == "mercy.okafor"


def test_without_redis_a_session_ends_all_the_same(mercy: User, no_layer: None) -> None:
    client = opened(mercy)
    assert sessions_end(username="mercy.okafor", actor=MERCY, reason="lost") == 1
    assert client.get("/api/orders").status_code == 401
    roles_changed(username="mercy.okafor")


def test_a_mark_differs_after_any_change_of_rights(mercy: User) -> None:
    marks = [rights_mark(mercy)]
    roles_changed(username="mercy.okafor")
    marks.append(rights_mark(mercy))
    mercy.groups.clear()  # by hand: nobody is told
    marks.append(rights_mark(mercy))
    assert len(set(marks)) == 3
    assert rights_mark(mercy) == marks[-1]


def test_whoever_loses_a_role_loses_its_rights_with_the_next_request(mercy: User) -> None:
    client = opened(mercy)
    body = '{"kind": "limit-raise", "subject": "limit:firm/x", "reason": "x"}'

    def ask() -> Any:
        return client.post("/api/approvals", body, content_type="application/json").json()["code"]

    assert ask() == "body-invalid", "asked, and refused for its subject"
    mercy.groups.clear()
    assert ask() == "approval-not-your-role"


# Traps of the libraries --------------------------------------------------------------------------


def test_channels_believes_a_session_that_was_ended_elsewhere_and_we_do_not(mercy: User) -> None:
    """``get_user(scope)`` reads the session that the handshake had."""
    key = str(opened(mercy).session.session_key)
    seen: list[Any] = []

    async def inner(scope: Any, _receive: Any, _send: Any) -> None:
        await sync_to_async(lambda: scope["session"].get(sessions.FACTOR_AT))()
        await sync_to_async(sessions_end)(username="mercy.okafor", actor=MERCY, reason="")
        seen.append(await get_user(scope))
        seen.append(await sync_to_async(sessions.person_of_key)(key))

    async def run() -> None:
        cookies = {name: one.value for name, one in SimpleCookie(f"sessionid={key}").items()}
        scope = {"type": "websocket", "cookies": cookies, "headers": []}
        middleware: Any = SessionMiddleware(inner)
        await middleware(scope, None, None)

    asyncio.run(run())
    believed, ours = seen
    assert believed == mercy
    assert ours.standing is sessions.Standing.NONE
    assert not Session.objects.filter(session_key=key).exists()


def test_no_address_gives_tokens_for_a_password() -> None:
    """DRF's ``obtain_auth_token`` would pass by the second factor."""
    assert not apps.is_installed("rest_framework.authtoken")
    views = [one.callback for one in _patterns(get_resolver().url_patterns)]
    modules = {f"{view.__module__}.{view.__qualname__}" for view in views}
    assert any("console.api" in one for one in modules)
    assert not [one for one in modules if "authtoken" in one or "ObtainAuthToken" in one]


def _patterns(many: Any) -> Iterator[Any]:
    for one in many:
        if hasattr(one, "url_patterns"):
            yield from _patterns(one.url_patterns)
        else:
            yield one


def test_a_view_that_says_nothing_of_access_is_closed() -> None:
    class Forgotten(APIView):
        def get(self, _request: Any) -> Response:
            return Response("secret")

    request = APIRequestFactory().get("/")
    request.session = SessionStore()
    answer = Forgotten.as_view()(request)
    assert answer.status_code == 401
    assert Forgotten.permission_classes == [ReadAccess]
    defaults: list[Any] = list(api_settings.DEFAULT_PERMISSION_CLASSES)
    assert defaults == [ReadAccess]


def test_guardian_knows_no_anonymous_user() -> None:
    assert django_settings.ANONYMOUS_USER_NAME is None


def test_limits_are_not_drfs_own() -> None:
    """DRF's throttle reads, then writes: of 200 at once it let 28 to 40 pass at ten a minute."""
    throttling = importlib.import_module("rest_framework.throttling")
    classes: list[Any] = list(api_settings.DEFAULT_THROTTLE_CLASSES)
    assert classes
    for one in classes:
        assert not issubclass(one, throttling.SimpleRateThrottle)
