"""Who calls the API: a token in the Authorization header, or a session with a second factor."""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db.models import Q
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from audit.models import ActorKind
from console.access import capability
from console.access.capability import Capability
from console.access.promptly import Asked
from console.access.requests import address
from console.access.rights import actor_of
from console.access.sessions import Person, Standing, person
from console.access.tokens import token_digest, token_text, within
from console.api.problems import DATABASE_OUT, CsrfFailedError, RefusedError
from console.models import ApiToken
from riskctl.actors import Actor

__all__ = ["token_digest", "token_text"]
log = structlog.get_logger(__name__)

ASK_S = 0.2
"""How long a stop waits for the database to say who asks."""
PATIENCE_S = 3.0
"""How long one waits that carries nothing else to go by."""
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/\-]+=*)", re.IGNORECASE)
_NOTE_USE_EVERY = dt.timedelta(minutes=1)


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer hl_…``. A token anywhere else (query, body, cookie) is not looked at.

    The digest is looked up through its index, so timing tells nothing about a token that exists.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        text = bearer(request)
        if text is None:
            return None
        digest = token_digest(text)
        known = ApiToken.objects.select_related("owner")
        token = known.filter(Q(digest=digest) | Q(previous_digest=digest)).first()
        if token is None:
            raise RefusedError("token-unknown", "No such token. Make a new one.")
        now, where = dt.datetime.now(dt.UTC), address(request._request)
        _refuse_ended(token, digest, now)
        _refuse_elsewhere(token.networks, where, str(token))
        if token.last_used_at is None or now - token.last_used_at >= _NOTE_USE_EVERY:
            unnoted = Q(last_used_at=None) | Q(last_used_at__lte=now - _NOTE_USE_EVERY)
            used = ApiToken.objects.filter(unnoted, pk=token.pk)
            used.update(last_used_at=now, last_used_from=where)
        owner = token.owner
        assert isinstance(owner, User)
        structlog.contextvars.bind_contextvars(user=owner.get_username(), token_name=token.name)
        return owner, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="haltline"'


def bearer(request: Request) -> str | None:
    """The token in the header, None without a header. Raises RefusedError when it is none."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    match = _BEARER.fullmatch(header.strip())
    if match is None:
        raise RefusedError(
            "authorization-malformed", "Write the header as 'Authorization: Bearer TOKEN'."
        )
    return match.group(1)


def _refuse_ended(token: ApiToken, digest: bytes, now: dt.datetime) -> None:
    """Raises RefusedError. ``digest`` is that of the secret given: the token's, or the one before
    its last rotation."""
    if token.revoked_at is not None:
        raise _refused("token-revoked", "The token was revoked.", str(token))
    if token.expires_at <= now:
        raise _refused("token-expired", "The token has expired.", str(token))
    if not token.owner.is_active:
        raise _refused("token-owner-inactive", "The token's owner has left.", str(token))
    before = token.digest is None or bytes(token.digest) != digest
    if before and (token.previous_until is None or token.previous_until <= now):
        raise _refused("token-rotated", "The token was replaced: use the new one.", str(token))


def _refuse_elsewhere(networks: Iterable[str], where: str, name: str) -> None:
    if not within(tuple(networks), where):
        raise _refused("token-elsewhere", f"The token may not be used from {where}.", name)


def _refused(code: str, text: str, claimed: str) -> RefusedError:
    return RefusedError(code, text, claimed=claimed, kind=ActorKind.TOKEN)


class SecondFactorSessionAuthentication(SessionAuthentication):
    """A browser's session; with the password alone it is refused."""

    def authenticate(self, request: Request) -> tuple[User, Person] | None:
        behind = person(request._request)
        if behind.user is None:
            return None
        if behind.standing is not Standing.FACTOR:
            raise RefusedError(
                behind.standing.value,
                "Sign in with both factors.",
                claimed=behind.name,
                kind=ActorKind.PERSON,
            )
        self.enforce_csrf(request)
        return behind.user, behind

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise CsrfFailedError from error


class StopAuthentication(BaseAuthentication):
    """As the other two, for what stops: the database has 200 ms to say who asks.

    After that, or when it fails, a signed capability that token or browser carries does.
    """

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        asked = Asked(lambda: _looked_up(request))
        try:
            found = asked.result(ASK_S)
        except (TimeoutError, *DATABASE_OUT) as error:
            return self._without(request, asked, error)
        return _taken(request, found)

    def _without(
        self, request: Request, asked: Asked[Any], error: BaseException
    ) -> tuple[User, Any] | None:
        """By capability, else as the database says after all. Raises TimeoutError, db.Error."""
        carried = _carried(request)
        if carried is not None:
            log.warning("stop.by-capability", actor=carried.name, error=type(error).__name__)
            actor = actor_of(request._request, carried)
            return _taken(request, (User(username=carried.owner), carried, actor))
        if not isinstance(error, TimeoutError):
            raise error
        try:
            found = asked.result(PATIENCE_S)
        except TimeoutError as late:
            raise OperationalError("the database did not answer in time") from late
        return _taken(request, found)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="haltline"'


def _taken(request: Request, found: tuple[User, Any, Actor] | None) -> tuple[User, Any] | None:
    """Keeps the actor with the request: its view need not ask again (console.api.writes)."""
    if found is None:
        return None
    user, behind, actor = found
    request._request.haltline_actor = actor  # type: ignore[attr-defined]
    return user, behind


def _looked_up(request: Request) -> tuple[User, ApiToken | Person, Actor] | None:
    found: tuple[User, ApiToken | Person] | None = TokenAuthentication().authenticate(request)
    if found is None:
        found = SecondFactorSessionAuthentication().authenticate(request)
    if found is None:
        return None
    return *found, actor_of(request._request, found[1])


def _carried(request: Request) -> Capability | None:
    """A browser's counts only with its CSRF token. Raises CsrfFailedError, RefusedError."""
    text = bearer(request)
    if text is not None:
        found = capability.of_token(text)
        if found is not None:
            _refuse_elsewhere(found.networks, address(request._request), found.name)
        return found
    found = capability.of_cookie(request.COOKIES)
    if found is not None:
        SecondFactorSessionAuthentication().enforce_csrf(request)
    return found


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token with the scope that the address asks for.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = SecondFactorSessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "A console session with both factors given.",
        }
