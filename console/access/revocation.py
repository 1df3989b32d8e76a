"""Ending sessions, and saying that somebody's rights changed.

A session is over with the commit that ends its row and deletes Django's: every request reads both
anew. Open sockets look by their own clock, in less than five seconds (console.live.consumers); the
channel layer only makes them look at once, and nothing rests on it.

No second factor is asked for here: ending a session lowers risk.
"""

import asyncio
import datetime as dt
import uuid
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from redis import RedisError

from console.models import RightsVersion, SessionRecord
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.engine import check_is_person
from riskctl.approvals.recording import database_now, recorded, refusals_recorded
from riskctl.holds import ADMIN

log = structlog.get_logger(__name__)

GROUP = "access"
"""Every web process listens to this group (console.live.hints)."""
_TELL_S = 1.0
_REASON_LENGTH = 200


def session_revoke(*, session_id: uuid.UUID, actor: Actor, reason: str = "") -> SessionRecord:
    """End one session: one's own, or as administrator anybody's. One that ended stays as it is.

    Raises NotAllowedError.
    """
    with refusals_recorded("session.end", actor, ("session", str(session_id)), reason):
        check_is_person(actor, "session")
        with transaction.atomic():
            row = (
                SessionRecord.objects.select_for_update(of=("self",))
                .select_related("person")
                .filter(id=session_id)
                .first()
            )
            if row is None:
                raise NotAllowedError("session-unknown", f"there is no session {session_id}")
            whose = row.person.get_username()
            if whose != actor.name and ADMIN not in actor.roles:
                raise NotAllowedError(
                    "session-not-yours", "only its person or an administrator ends a session"
                )
            if row.ended_at is None:
                _end(row, actor, reason, database_now())
                _tell_sockets(whose)
        return row


def sessions_revoke(
    *, username: str, actor: Actor, reason: str = "", keep: uuid.UUID | str | None = None
) -> int:
    """End all of one's own sessions but ``keep``, or as administrator all of anybody's; how many.

    Raises NotAllowedError.
    """
    with refusals_recorded("session.end", actor, ("user", username), reason):
        check_is_person(actor, "session")
        if username != actor.name and ADMIN not in actor.roles:
            raise NotAllowedError(
                "session-not-yours", "only the person or an administrator ends their sessions"
            )
        return sessions_end(username=username, actor=actor, reason=reason, keep=keep)


def sessions_end(
    *, username: str, actor: Actor, reason: str, keep: uuid.UUID | str | None = None
) -> int:
    """End this person's sessions, in the caller's transaction if there is one; how many.

    For services that change password, factors or standing of somebody; who may is theirs to know.
    ``keep``: the session that goes on, by its ``record_id`` or Django's key. Raises db.Error.
    """
    with transaction.atomic():
        rows = (
            SessionRecord.objects.select_for_update(of=("self",))
            .select_related("person")
            .filter(person__username=username, ended_at=None)
            .order_by("id")
        )
        kept = str(keep) if keep else None
        ending = [row for row in rows if kept not in (str(row.id), row.session_key)]
        now = database_now()
        for row in ending:
            _end(row, actor, reason, now)
        if ending:
            _tell_sockets(username)
    return len(ending)


def roles_changed(*, username: str) -> None:
    """What this person may do has changed: their open sockets close within five seconds.

    Call it in the transaction of the change. Requests need no word: each reads roles anew.
    """
    with transaction.atomic():
        for user in User.objects.filter(username=username):
            RightsVersion.objects.get_or_create(person=user)
            RightsVersion.objects.filter(person=user).update(version=F("version") + 1)
        _tell_sockets(username)


RightsMark = tuple[int, tuple[str, ...]]


def rights_mark(user: User) -> RightsMark:
    """Differs whenever what this person may do has changed, also by a hand in the database."""
    version = RightsVersion.objects.filter(person=user).values_list("version", flat=True).first()
    return version or 0, tuple(user.groups.order_by("name").values_list("name", flat=True))


def _end(row: SessionRecord, actor: Actor, reason: str, now: dt.datetime) -> None:
    if row.session_key:
        Session.objects.filter(session_key=row.session_key).delete()
    row.ended_at, row.ended_by = now, actor.name
    row.end_reason, row.session_key = reason[:_REASON_LENGTH], ""
    row.save(update_fields=["ended_at", "ended_by", "end_reason", "session_key"])
    before = {
        "person": row.person.get_username(), "started_at": row.started_at, "seen_at": row.seen_at,
        "address": row.address, "user_agent": row.user_agent,
    }  # fmt: skip
    recorded("session.end", actor, ("session", str(row.id)), reason=reason, before=before)


def _tell_sockets(username: str) -> None:
    """Once it is committed, have this person's sockets look at once. A hint: it may be lost."""
    transaction.on_commit(lambda: _hint(username), robust=True)


def _hint(username: str) -> None:
    try:
        async_to_sync(_send)(username)
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("revocation.hint-lost", user=username, error=type(error).__name__)


async def _send(username: str) -> None:
    layer: Any = get_channel_layer()
    message = {"type": "access.changed", "username": username}
    await asyncio.wait_for(layer.group_send(GROUP, message), _TELL_S)
