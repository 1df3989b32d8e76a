"""The list of sessions: whose are open, how each stands, and clearing it up."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, Q, QuerySet

from console.models import SessionRecord

KEPT_FOR = dt.timedelta(days=90)
"""How long an ended session stays listed; the record keeps its end for good."""
_UNSURE = dt.timedelta(minutes=5)
"""A session used this lately is not cleared up: its key may have changed a moment ago."""


@dataclass(frozen=True)
class Lives:
    """From when on a session is over, whichever comes first."""

    ends_at: dt.datetime
    idle_at: dt.datetime


def lives_of(row: SessionRecord) -> Lives:
    """12 hours from the password, 60 minutes from the last use (which is noted to the minute)."""
    return Lives(
        row.started_at + dt.timedelta(seconds=settings.SESSION_COOKIE_AGE),
        row.seen_at + dt.timedelta(seconds=settings.SESSION_IDLE_AGE),
    )


def sessions_listed(*, username: str, now: dt.datetime, status: str) -> QuerySet[SessionRecord]:
    """This person's sessions, newest first; ``status``: open, ended or all."""
    rows = SessionRecord.objects.filter(person__username=username).select_related("person")
    rows = rows.order_by("-started_at", "-id")
    if status == "open":
        return rows.filter(_alive(now))
    return rows.exclude(_alive(now)) if status == "ended" else rows


def session_state(row: SessionRecord, now: dt.datetime, *, kept: bool) -> str:
    """open, password only, ended, timed out or signed out. ``kept``: Django has it still."""
    lives = lives_of(row)
    if row.ended_at is not None:
        return "ended"
    if now >= min(lives.ends_at, lives.idle_at):
        return "timed out"
    if not kept:
        return "signed out"
    return "open" if row.factor_at else "password only"


def session_keys_kept(rows: list[SessionRecord]) -> set[str]:
    """Which of their keys Django still has a session for."""
    keys = [row.session_key for row in rows if row.session_key]
    found = Session.objects.filter(session_key__in=keys)
    return set(found.values_list("session_key", flat=True))


def sessions_tidy(*, now: dt.datetime) -> Mapping[str, int]:
    """Note the end of those that timed out or were signed out, and forget those long over."""
    over = SessionRecord.objects.filter(ended_at=None, seen_at__lt=now - _UNSURE)
    timed_out = over.filter(~_within(now))
    keys = list(timed_out.exclude(session_key="").values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    ended = timed_out.update(ended_at=now, end_reason="timed out", session_key="")
    left = over.filter(~_kept()).update(ended_at=now, end_reason="signed out", session_key="")
    forgotten, _ = SessionRecord.objects.filter(ended_at__lt=now - KEPT_FOR).delete()
    return {"timed_out": ended, "signed_out": left, "forgotten": forgotten}


def _within(now: dt.datetime) -> Q:
    longest = dt.timedelta(seconds=settings.SESSION_COOKIE_AGE)
    idle = dt.timedelta(seconds=settings.SESSION_IDLE_AGE)
    return Q(started_at__gt=now - longest, seen_at__gt=now - idle)


def _kept() -> Exists:
    return Exists(Session.objects.filter(session_key=OuterRef("session_key")))


def _alive(now: dt.datetime) -> Q:
    return Q(_within(now), _kept(), ended_at=None)
