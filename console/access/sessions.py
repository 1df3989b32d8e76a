"""What a session proves. Kept in the session: when each factor was given and when it was used last.

A session lives 12 hours from the password and 60 minutes from its last use, whichever is less.
Times are whole seconds since the epoch by this host's clock.
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import structlog
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.models import Device

PASSWORD_AT = "password_at"  # noqa: S105 - a time
FACTOR_AT = "factor_at"
SEEN_AT = "seen_at"
_TOUCH_S = 60


class Standing(StrEnum):
    """How far a session has come. Only FACTOR opens anything."""

    NONE = "no-session"
    EXPIRED = "session-expired"
    PASSWORD = "factor-required"  # noqa: S105 - a state
    FACTOR = "factor"


@dataclass(frozen=True)
class Person:
    """Who stands behind a session; for EXPIRED, who stood there."""

    standing: Standing
    user: User | None

    @property
    def name(self) -> str:
        return self.user.get_username() if self.user else ""


def person_of(session: SessionBase) -> Person:
    """Reads the session, its user and its device: three statements at most.

    The user must be active and the session made with the present password (Django's session
    hash); the device must be the user's and confirmed.
    """
    if auth.SESSION_KEY not in session:
        return Person(Standing.NONE, None)
    bare = HttpRequest()
    bare.session = session
    user = _real(auth.get_user(bare))
    if user is None:
        return Person(Standing.NONE, None)
    if _expired(session):
        return Person(Standing.EXPIRED, user)
    if session.get(FACTOR_AT) is None or not _device_holds(session, user):
        return Person(Standing.PASSWORD, user)
    return Person(Standing.FACTOR, user)


def person_of_key(session_key: str) -> Person:
    """As ``person_of``, read afresh: for sockets, which outlive the request that opened them."""
    return person_of(SessionStore(session_key))


def person(request: HttpRequest) -> Person:
    """The person behind this request, read once; using a session keeps it alive."""
    known = cast("Person | None", getattr(request, "haltline_person", None))
    if known is None:
        known = person_of(request.session)
        if known.standing in (Standing.PASSWORD, Standing.FACTOR):
            touch(request.session)
            structlog.contextvars.bind_contextvars(user=known.name)
        request.haltline_person = known  # type: ignore[attr-defined]
        request.user = known.user or AnonymousUser()
    return known


def touch(session: SessionBase) -> None:
    """Note that the session is in use; written once a minute at most."""
    now = int(time.time())
    if now - int(session.get(SEEN_AT, 0)) >= _TOUCH_S:
        session[SEEN_AT] = now


def begin(session: SessionBase) -> None:
    """The password was right: the lives of the session begin."""
    session[PASSWORD_AT] = session[SEEN_AT] = int(time.time())


def factor_given(session: SessionBase) -> None:
    """A second factor was right just now."""
    session[FACTOR_AT] = session[SEEN_AT] = int(time.time())


def _expired(session: SessionBase) -> bool:
    now = int(time.time())
    password_at, seen_at = session.get(PASSWORD_AT), session.get(SEEN_AT)
    if not isinstance(password_at, int) or not isinstance(seen_at, int):
        return True
    return (
        now - password_at >= settings.SESSION_COOKIE_AGE
        or now - seen_at >= settings.SESSION_IDLE_AGE
    )


def _device_holds(session: SessionBase, user: User) -> bool:
    persistent_id = session.get(DEVICE_ID_SESSION_KEY)
    if not persistent_id:
        return False
    device: Any = Device.from_persistent_id(persistent_id)
    return device is not None and device.user_id == user.pk and bool(device.confirmed)


def _real(user: AbstractBaseUser | AnonymousUser) -> User | None:
    return user if isinstance(user, User) and user.is_active else None
