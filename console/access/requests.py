"""One id a request, in the log, the answers and the record; and the log line of each request."""

import re
import uuid
from collections.abc import Awaitable
from typing import cast

import structlog
from django.http import HttpRequest, HttpResponse
from django_structlog.middlewares import RequestMiddleware

from console.logs import hide_secrets

_SOUND_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
ADDRESS_LENGTH = 64
AGENT_LENGTH = 200


def request_id(request: HttpRequest) -> str:
    """The id this request goes by: the caller's when it is a sound one, else a new one."""
    known = getattr(request, "request_id", None)
    if known is None:
        given = request.headers.get("X-Request-ID", "")
        sound = _SOUND_ID.fullmatch(given) and hide_secrets(given) == given
        known = given if sound else str(uuid.uuid4())
        request.request_id = known  # type: ignore[attr-defined]
    return str(known)


def address(request: HttpRequest) -> str:
    """Where the request came from, as the socket says (or a trusted proxy, see server.py)."""
    return str(request.META.get("REMOTE_ADDR", ""))[:ADDRESS_LENGTH]


def user_agent(request: HttpRequest) -> str:
    """What the browser says it is: printable, 200 characters at most, no token in it."""
    return safe_path(request.headers.get("User-Agent", ""))[:AGENT_LENGTH]


def safe_path(text: str) -> str:
    """A path fit for record and log: printable, 200 characters at most, no token in it."""
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return hide_secrets(printable)[:200]


class RequestLog(RequestMiddleware):
    """django-structlog's request log, without queries (they may carry secrets) and user look-ups.

    ``X-Request-ID`` is taken when it is 1 to 64 letters, digits, dots, dashes or underscores and
    is always sent back.
    """

    sync_capable = True
    async_capable = False

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        ident = request_id(request)
        request.META["HTTP_X_REQUEST_ID"] = ident
        request.__dict__.pop("headers", None)  # cached; it must show the id that counts
        response = cast(HttpResponse, super().__call__(request))
        response["X-Request-ID"] = ident
        structlog.contextvars.clear_contextvars()
        return response

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        """The socket's address; the library would believe any X-Forwarded-For."""
        structlog.contextvars.bind_contextvars(ip=address(request))

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {safe_path(request.path)}"
