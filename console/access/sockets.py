"""The door for sockets: our own origin, and a session with a second factor."""

import uuid
from typing import Any
from urllib.parse import urlsplit

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable
from channels.db import database_sync_to_async
from channels.sessions import CookieMiddleware
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError

from audit.models import ActorKind
from console.access.recorded import denial
from console.access.requests import ADDRESS_LENGTH, safe_path
from console.access.sessions import Person, Standing, person_of

NOT_SIGNED_IN = 4401
UNCHECKED = 4408


class SocketDoor:
    """Lets only pages of this console in whose session has both factors.

    A foreign origin is refused in the handshake (403). Without a second factor the socket is
    accepted and closed with 4401 at once, so that the page can tell that from a lost connection;
    with 4408 when the database cannot be asked. Nothing is sent either way.
    """

    def __init__(self, inner: ASGI3Application) -> None:
        self.inner = inner

    async def __call__(
        self, scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if not same_origin(scope):
            await database_sync_to_async(_deny)(scope, 403, "foreign-origin", None)
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": None})
            return
        # Channels' own session middleware would save it with what is sent: a socket only reads it,
        # and every frame would pay for the question.
        scope["session"] = SessionStore(scope["cookies"].get(settings.SESSION_COOKIE_NAME))
        try:
            behind = await database_sync_to_async(_person)(scope)
        except DatabaseError:
            await _turn_away(receive, send, UNCHECKED)
            return
        if behind.standing is not Standing.FACTOR:
            await _turn_away(receive, send, NOT_SIGNED_IN)
            return
        scope["user"] = behind.user
        await self.inner(scope, receive, send)


def door(inner: Any) -> Any:
    """``inner`` behind cookies and the door."""
    return CookieMiddleware(SocketDoor(inner))


def same_origin(scope: Any) -> bool:
    """Whether the page that opens the socket came from the host it opens it to.

    A missing Origin is refused: browsers always send one, and sockets are for pages.
    """
    headers = dict(scope["headers"])
    try:
        origin = urlsplit(headers.get(b"origin", b"").decode("ascii"))
        host = headers.get(b"host", b"").decode("ascii")
    except (UnicodeDecodeError, ValueError):
        return False
    schemes = ("http", "https") if settings.TLS == "off" else ("https",)
    return origin.scheme in schemes and bool(host) and origin.netloc == host


def _person(scope: Any) -> Person:
    behind = person_of(scope["session"])
    if behind.standing is not Standing.FACTOR:
        _deny(scope, NOT_SIGNED_IN, behind.standing.value, behind)
    return behind


def _deny(scope: Any, status: int, code: str, behind: Person | None) -> None:
    claimed = behind.name if behind else ""
    denial(
        method="WEBSOCKET",
        path=safe_path(str(scope["path"])),
        status=status,
        code=code,
        actor=claimed,
        actor_kind=ActorKind.PERSON if claimed else ActorKind.ANONYMOUS,
        source=str((scope.get("client") or [""])[0])[:ADDRESS_LENGTH],
        request_id=str(uuid.uuid4()),
    )


async def _turn_away(receive: ASGIReceiveCallable, send: ASGISendCallable, code: int) -> None:
    await receive()
    await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
    await send({"type": "websocket.close", "code": code, "reason": None})
