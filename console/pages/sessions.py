"""Where somebody is signed in, and ending that."""

import datetime as dt
import re
import uuid
from typing import Any

from django.contrib import auth, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from audit.models import ActorKind
from console.access import capability
from console.access.recorded import denial_recorded
from console.access.revocation import session_revoke, sessions_revoke
from console.access.rights import page_actor
from console.access.sessionlist import (
    lives_of,
    session_keys_kept,
    session_state,
    sessions_listed,
)
from console.access.sessions import record_id
from console.models import SessionRecord
from console.pages import formats, words
from console.pages.framing import Framed, framed
from riskctl.actors import NotAllowedError
from riskctl.holds import ADMIN

ENDED_SHOWN = 20
_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"),
             ("Version", "Safari"), ("curl", "curl"))  # fmt: skip
_SYSTEMS = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
            ("Mac OS X", "macOS"), ("Linux", "Linux"))  # fmt: skip


@require_safe
def sessions_page(request: HttpRequest) -> HttpResponse:
    """One's own; for an administrator anybody's (``?person=``)."""
    return _sessions(request)


@require_POST
def session_revoked(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """End one. Ending the one at hand signs out."""
    here = record_id(request.session) == session_id
    reason = request.POST.get("reason", "")
    try:
        session_revoke(session_id=session_id, actor=page_actor(request), reason=reason)
    except NotAllowedError as error:
        return _sessions(request, error, status=404 if error.code == "session-unknown" else 403)
    if here:
        auth.logout(request)
        response = HttpResponseRedirect(reverse("sign-in"), status=303)
        capability.drop_cookie(response)
        return response
    messages.success(request, "Ended. Its pages close within five seconds.")
    return _back(request)


@require_POST
def sessions_revoked(request: HttpRequest) -> HttpResponse:
    """End all of one's own but this one, or as administrator all of a person's."""
    actor = page_actor(request)
    username = request.POST.get("person", "") or actor.name
    try:
        count = sessions_revoke(
            username=username,
            actor=actor,
            reason=request.POST.get("reason", ""),
            keep=record_id(request.session),
        )
    except NotAllowedError as error:
        return _sessions(request, error, status=403)
    plural = "session" if count == 1 else "sessions"
    messages.success(request, f"{count or 'No'} {plural} ended.")
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    whose = request.POST.get("person", "")
    query = f"?{urlencode({'person': whose})}" if whose else ""
    return HttpResponseRedirect(reverse("sessions") + query, status=303)


def _sessions(
    request: HttpRequest, error: Exception | None = None, status: int = 200
) -> HttpResponse:
    page = framed(request, "security")
    administrator = ADMIN in page.actor.roles
    asked = request.GET.get("person") or request.POST.get("person") or page.actor.name
    foreign = asked != page.actor.name
    if foreign and not administrator:
        denial_recorded(
            request, status=403, code="session-not-yours", actor=page.actor.name,
            actor_kind=ActorKind.PERSON,
        )  # fmt: skip
        error = error or NotAllowedError(
            "session-not-yours", "only an administrator sees other people's sessions"
        )
        asked, foreign, status = page.actor.name, False, 403
    this = record_id(request.session)
    listed = {
        state: _rows(list(rows[:limit]), page, this)
        for state, limit in (("open", 200), ("ended", ENDED_SHOWN))
        for rows in [sessions_listed(username=asked, now=page.now, status=state)]
    }
    context = {
        **page.context,
        "here": reverse("sessions"),
        "open": listed["open"],
        "ended": listed["ended"],
        "others": [one for one in listed["open"] if not one["this"]],
        "whose": asked,
        "whose_name": words.who_words(asked, page.names),
        "foreign": foreign,
        "people": _people() if administrator else [],
        "error": error,
    }
    return render(request, "pages/sessions.html", context, status=status)


def _people() -> list[str]:
    return list(User.objects.order_by("username").values_list("username", flat=True))


def _rows(rows: list[SessionRecord], page: Framed, this: uuid.UUID | None) -> list[dict[str, Any]]:
    kept = session_keys_kept(rows)
    return [_row(one, page, one.session_key in kept, this) for one in rows]


def _row(row: SessionRecord, page: Framed, kept: bool, this: uuid.UUID | None) -> dict[str, Any]:
    state, lives = session_state(row, page.now, kept=kept), lives_of(row)
    by = words.who_words(row.ended_by, page.names)
    return {
        "id": row.id,
        "this": row.id == this,
        "state": state,
        "agent": agent_words(row.user_agent),
        "user_agent": row.user_agent,
        "address": row.address or formats.UNKNOWN,
        "started": _moment(row.started_at),
        "seen": _ago(row.seen_at, page.now),
        "factor": row.factor_kind or ("given" if row.factor_at else "password only"),
        "factor_age": _ago(row.factor_at, page.now) if row.factor_at else "",
        "ends": _moment(min(lives.ends_at, lives.idle_at)),
        "ended": _moment(row.ended_at) if row.ended_at else "",
        "how": f"by {by}" if by else row.end_reason or state,
        "why": row.end_reason if by else "",
    }


def _moment(at: dt.datetime) -> str:
    return f"{formats.day(at)} {at:%H:%M}"


def _ago(at: dt.datetime, now: dt.datetime) -> str:
    seconds = max(0.0, (now - at).total_seconds())
    return "now" if seconds < 60 else f"{formats.age(int(seconds * 1000), whole=True)} ago"


def agent_words(text: str) -> str:
    """``Firefox 145 on Linux``; of what is not known, its first word."""
    found = [(name, re.search(rf"{mark}/(\d+)", text)) for mark, name in _BROWSERS]
    browser = next((f"{name} {match.group(1)}" for name, match in found if match), "")
    system = next((name for mark, name in _SYSTEMS if mark in text), "")
    if not browser:
        return text.split(" ", maxsplit=1)[0][:40] or "not said"
    return f"{browser} on {system}" if system else browser
