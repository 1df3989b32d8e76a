"""Leave to stop that needs no database: signed when a token is made, or at sign-in.

It is looked at only when PostgreSQL has not answered in time, and only where something is stopped.
So a token that was revoked, or a person who left, may still stop while the database is away, until
it runs out: stopping too much is the smaller harm. A token's part is bound to its random part and
is worth nothing without it; a person's is a cookie of its own and ends when they sign out.
"""

import base64
import hashlib
import time
from collections.abc import Iterable

import msgspec
from django.conf import settings
from django.core import signing
from django.http import HttpResponse

from audit.models import ActorKind

SEPARATOR = "."
_SALT = "console.access.capability"
_LONGEST = 3_000


class Capability(msgspec.Struct, frozen=True):
    """``scopes`` are a token's scopes or a person's roles; ``bound``: to what it is worth anything.

    ``owner`` is whose token it is, ``owns`` which strategies are the person's own, ``networks``
    where a token may be used from (none: anywhere).
    """

    kind: str
    name: str
    owner: str
    scopes: tuple[str, ...]
    owns: tuple[str, ...]
    expires_at: int
    bound: str
    networks: tuple[str, ...] = ()


def signed(capability: Capability) -> str:
    """Letters, digits, dashes, underscores and one tilde: fit for a header and a cookie."""
    body = base64.urlsafe_b64encode(msgspec.json.encode(capability)).decode().rstrip("=")
    return _signer().sign(body)


def opened(text: str, bound: str) -> Capability | None:
    """What ``text`` says, if this installation signed it, for ``bound``, and it has not run out."""
    if len(text) > _LONGEST:
        return None
    try:
        body = _signer().unsign(text)
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        found = msgspec.json.decode(raw, type=Capability)
    except (signing.BadSignature, ValueError, msgspec.MsgspecError):
        return None
    return found if found.bound == bound and found.expires_at > time.time() else None


def _signer() -> signing.Signer:
    return signing.Signer(salt=_SALT, sep="~")


# Tokens -----------------------------------------------------------------------------------------


def token_with(
    bare: str,
    *,
    name: str,
    owner: str,
    scopes: Iterable[str],
    expires_at: int,
    networks: Iterable[str] = (),
) -> str:
    """``bare`` with its capability behind a dot. ``name`` is the token's as it is recorded."""
    return bare + SEPARATOR + signed(
        Capability(ActorKind.TOKEN.value, name, owner, tuple(scopes), (), expires_at,
                   _mark(bare), tuple(networks))
    )  # fmt: skip


def of_token(text: str) -> Capability | None:
    """The capability that a token's text carries."""
    bare, _, carried = text.partition(SEPARATOR)
    found = opened(carried, _mark(bare))
    return found if found is not None and found.kind == ActorKind.TOKEN else None


def _mark(bare: str) -> str:
    return hashlib.sha256(b"capability\0" + bare.encode()).hexdigest()[:32]


# People -----------------------------------------------------------------------------------------

_BROWSER = "browser"


def cookie_name() -> str:
    return "__Host-stop" if settings.SESSION_COOKIE_SECURE else "stop"


def give_cookie(
    response: HttpResponse, *, name: str, roles: Iterable[str], owns: Iterable[str]
) -> None:
    """At sign-in, once both factors are given: leave to stop for as long as the session lives."""
    capability = Capability(
        ActorKind.PERSON.value, name, name, tuple(sorted(roles)), tuple(sorted(owns)),
        int(time.time()) + settings.SESSION_COOKIE_AGE, _BROWSER,
    )  # fmt: skip
    response.set_cookie(
        cookie_name(), signed(capability), max_age=settings.SESSION_COOKIE_AGE,
        secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Strict",
    )  # fmt: skip


def drop_cookie(response: HttpResponse) -> None:
    """At sign-out."""
    response.delete_cookie(cookie_name(), samesite="Strict")


def of_cookie(cookies: dict[str, str]) -> Capability | None:
    """The capability of a person's browser."""
    found = opened(cookies.get(cookie_name(), ""), _BROWSER)
    return found if found is not None and found.kind == ActorKind.PERSON else None
