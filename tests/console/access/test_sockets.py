"""Sockets: only our own pages, only with a second factor."""

import asyncio
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.test import Client

from console.asgi import application
from console.live.routing import websocket_urlpatterns
from tests.console.conftest import entries, give_password, signed_in

pytestmark = pytest.mark.django_db(transaction=True)

HOST = b"desk.example:8080"
OURS = b"http://desk.example:8080"


def opened(
    path: str, client: Client | None = None, origin: bytes | None = OURS
) -> tuple[bool, int | None]:
    """Whether a socket at ``path`` was accepted, and the code it was closed with, if it was."""
    headers = [(b"host", HOST)]
    if origin is not None:
        headers.append((b"origin", origin))
    if client is not None:
        cookies = "; ".join(f"{name}={one.value}" for name, one in client.cookies.items())
        headers.append((b"cookie", cookies.encode()))
    scope: dict[str, Any] = {
        "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "client": ["127.0.0.1", 5], "subprotocols": [],
    }  # fmt: skip

    async def run() -> tuple[bool, int | None]:
        talk = ApplicationCommunicator(application, scope)
        await talk.send_input({"type": "websocket.connect"})
        first = await talk.receive_output(timeout=5)
        if first["type"] == "websocket.close":
            return False, first.get("code")
        second = await talk.receive_output(timeout=5)
        await talk.send_input({"type": "websocket.disconnect", "code": 1000})
        await talk.wait(timeout=5)
        return True, second.get("code") if second["type"] == "websocket.close" else None

    return asyncio.run(run())


PATHS = ["/live/desk", "/live/pipeline"]


def test_every_route_of_a_socket_is_tried_here() -> None:
    assert len(websocket_urlpatterns) == 1
    pattern = websocket_urlpatterns[0].pattern
    assert all(pattern.match(path.removeprefix("/")) for path in PATHS)


@pytest.mark.parametrize("path", [*PATHS, "/live/no-such", "/"])
def test_without_a_session_nothing_comes(path: str) -> None:
    assert opened(path) == (True, 4401)
    denial = entries("access.deny")[0]
    assert (denial["reason"], denial["after"]["method"]) == ("no-session", "WEBSOCKET")
    assert denial["object_id"] == path


@pytest.mark.parametrize("path", PATHS)
def test_with_the_password_alone_nothing_comes(browser: Client, mercy: User, path: str) -> None:
    give_password(browser, mercy)
    assert opened(path, browser) == (True, 4401)
    assert entries("access.deny")[0]["reason"] == "factor-required"
    assert entries("access.deny")[0]["actor"] == "mercy.okafor"


@pytest.mark.parametrize(
    "origin",
    [None, b"http://evil.example", b"null", b"http://desk.example", b"ftp://desk.example:8080",
     b"http://desk.example:8080.evil.example", b"\xff"],
)  # fmt: skip
@pytest.mark.parametrize("path", PATHS)
def test_other_peoples_pages_are_refused_in_the_handshake(
    browser: Client, mercy: User, path: str, origin: bytes | None
) -> None:
    signed_in(browser, mercy)
    accepted, _ = opened(path, browser, origin)
    assert not accepted
    assert entries("access.deny")[0]["reason"] == "foreign-origin"


@pytest.mark.parametrize("path", PATHS)
def test_with_both_factors_the_socket_opens(browser: Client, mercy: User, path: str) -> None:
    signed_in(browser, mercy)
    accepted, closed_with = opened(path, browser)
    assert accepted
    assert closed_with is None
    assert entries("access.deny") == []
