"""What a session proves. Kept in the session: when each factor was given and when it was used last.

A session lives 12 hours from the password and 60 minutes from its last use, whichever is less, and
no longer than its row in the list of sessions (console.access.revocation ends those). Times are
whole seconds since the epoch by this host's clock.
"""

import datetime as dt
import time
import uuid
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

from console.access.requests import address, user_agent
from console.models import SessionRecord

PASSWORD_AT = "password_at"  # noqa: S105 - a time
FACTOR_AT = "factor_at"
SEEN_AT = "seen_at"
RECORD = "record"
KIND_LENGTH = 20
_TOUCH_S = 60


class Standing(StrEnum):
    """How far a session has come. Only FACTOR opens anything."""

    NONE = "no-session"
    EXPIRED = "session-expired"
    REVOKED = "session-revoked"
    PASSWORD = "factor-required"  # noqa: S105 - a state
    FACTOR = "factor"


@dataclass(frozen=True)
class Person:
    """Who stands behind a session; for EXPIRED and REVOKED, who stood there."""

    standing: Standing
    user: User | None
    record: SessionRecord | None = None

    @property
    def name(self) -> str:
        return self.user.get_username() if self.user else ""

    @property
    def session_id(self) -> uuid.UUID | None:
        """By which the session is listed and revoked."""
        return self.record.id if self.record else None


def person_of(session: SessionBase) -> Person:
    """Reads the session, its user, its row in the list and its device: four statements at most.

    The user must be active and the session made with the present password (Django's session
    hash); the row must be there and not ended; the device must be the user's and confirmed.
    """
    if auth.SESSION_KEY not in session:
        return Person(Standing.NONE, None)
    bare = HttpRequest()
    bare.session = session
    user = _real(auth.get_user(bare))
    if user is None:
        return Person(Standing.NONE, None)
    record = _record(session, user)
    if record is None or record.ended_at is not None:
        return Person(Standing.REVOKED, user)
    if _expired(session):
        return Person(Standing.EXPIRED, user, record)
    if session.get(FACTOR_AT) is None or not _device_holds(session, user):
        return Person(Standing.PASSWORD, user, record)
    return Person(Standing.FACTOR, user, record)


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
            if known.record is not None:
                _listed(known.record, request)
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
    """The password was right: the lives of the session begin, and it is listed.

    From where it is used is noted at its next request. Raises db.Error.
    """
    now = int(time.time())
    session[PASSWORD_AT] = session[SEEN_AT] = now
    if not session.session_key:
        session.create()  # it is listed by its key
    record = SessionRecord.objects.create(
        person_id=session[auth.SESSION_KEY],
        session_key=session.session_key or "",
        started_at=_moment(now),
        seen_at=_moment(now),
    )
    session[RECORD] = str(record.id)


def factor_given(session: SessionBase, kind: str = "") -> None:
    """A second factor was right just now. ``kind`` as it is listed; without one, the device's."""
    now = int(time.time())
    session[FACTOR_AT] = session[SEEN_AT] = now
    listed = record_id(session)
    if listed is None:
        return
    SessionRecord.objects.filter(id=listed, ended_at=None).update(
        factor_at=_moment(now),
        factor_kind=(kind or device_kind(session.get(DEVICE_ID_SESSION_KEY)))[:KIND_LENGTH],
        seen_at=_moment(now),
        session_key=session.session_key or "",
    )


def record_id(session: SessionBase) -> uuid.UUID | None:
    """By which this session is listed and revoked; what ``sessions_end`` may keep."""
    try:
        return uuid.UUID(str(session.get(RECORD)))
    except ValueError:
        return None


def device_kind(persistent_id: object) -> str:
    """``authenticator`` of ``otp_totp.totpdevice/7``: what kind of factor a device is."""
    model = str(persistent_id or "").partition("/")[0].lower()
    kinds = {"totp": "authenticator", "passkey": "passkey", "recovery": "recovery code"}
    return next((word for part, word in kinds.items() if part in model), "")


def _listed(record: SessionRecord, request: HttpRequest) -> None:
    """Bring its row up to date: its key after a change, its address, its use once a minute."""
    now = int(time.time())
    changed: dict[str, Any] = {
        "session_key": request.session.session_key or "",
        "address": address(request),
        "user_agent": user_agent(request),
    }
    changed = {name: value for name, value in changed.items() if getattr(record, name) != value}
    if changed or now - record.seen_at.timestamp() >= _TOUCH_S:
        changed["seen_at"] = _moment(now)
        SessionRecord.objects.filter(id=record.id, ended_at=None).update(**changed)


def _record(session: SessionBase, user: User) -> SessionRecord | None:
    ident = record_id(session)
    return SessionRecord.objects.filter(id=ident, person=user).first() if ident else None


def _moment(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


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
