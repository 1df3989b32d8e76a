"""API tokens of whoever looks: made, asked for, collected, rotated, revoked.

A secret is in the one page that answers its making; no message, session or address carries it.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.rights import page_actor
from console.access.token_issue import AGREES
from console.access.token_wish import MOST_DAYS, READ_ALONE, Wanted, wanted
from console.access.tokens import (
    ALIVE,
    KIND,
    Made,
    token_ask,
    token_collect,
    token_make,
    token_revoke,
    token_rotate,
    token_state,
)
from console.models import ApiToken
from console.pages import formats, words
from console.pages.framing import Framed, framed
from riskctl.actors import NotAllowedError
from riskctl.approvals import RequestError
from riskctl.holds import ADMIN
from riskctl.models import Approval

ENDED_SHOWN = 20
OVERLAPS = (("0", "ends at once"), ("1", "for 1 h more"), ("24", "for 24 h more"))
SCOPE_WORDS = {
    "read": "reads everything you may see",
    "stop": "halts, pauses, kills, cancels; cannot flatten",
    "flatten": "closes positions; stops what it closes",
    "trade-test": "test calls, on simulated feeds and paper venues",
    "export": "exports from the audit",
}


@require_safe
def tokens_page(request: HttpRequest) -> HttpResponse:
    return _tokens(request)


@require_POST
def token_made(request: HttpRequest) -> HttpResponse:
    """Make one that only reads, or ask a second person for one that does more."""
    said = request.POST

    def make() -> HttpResponse:
        wish = _wish(request)
        actor = page_actor(request)
        if set(wish.scopes) == READ_ALONE:
            return _shown(request, token_make(actor=actor, wish=wish), "Made")
        row = token_ask(actor=actor, wish=wish, reason=said.get("reason", ""))
        return HttpResponseRedirect(reverse("approval", args=[row.id]), status=303)

    return _tried(request, make)


def _wish(request: HttpRequest) -> Wanted:
    said = request.POST
    days = said.get("days", "")
    return wanted(
        name=said.get("name", "").strip(),
        scopes=said.getlist("scopes"),
        networks=said.get("networks", "").replace(",", " ").split(),
        days=int(days) if days.isascii() and days.isdecimal() else None,
    )


@require_POST
def token_collected(request: HttpRequest, token_id: int) -> HttpResponse:
    return _tried(
        request,
        lambda: _shown(
            request, token_collect(token_id=int(token_id), actor=page_actor(request)), "Collected"
        ),
    )


@require_POST
def token_rotated(request: HttpRequest, token_id: int) -> HttpResponse:
    """``version`` is what the page showed: a form sent twice rotates once."""
    hours, version = request.POST.get("overlap", ""), request.POST.get("version", "")

    def rotate() -> HttpResponse:
        if hours not in dict(OVERLAPS) or not (version.isascii() and version.isdecimal()):
            raise RequestError("overlap", "choose how long the old secret stays good")
        made = token_rotate(
            token_id=int(token_id),
            actor=page_actor(request),
            overlap=dt.timedelta(hours=int(hours)),
            version=int(version),
        )
        return _shown(request, made, "Rotated")

    return _tried(request, rotate)


@require_POST
def token_revoked(request: HttpRequest, token_id: int) -> HttpResponse:
    def revoke() -> HttpResponse:
        reason = request.POST.get("reason", "")
        row = token_revoke(token_id=int(token_id), actor=page_actor(request), reason=reason)
        messages.success(request, f"Revoked: {row.name}.")
        return HttpResponseRedirect(reverse("tokens"), status=303)

    return _tried(request, revoke)


_STATUS = {
    "token-not-there": 404, "token-not-yours": 403, "token-needs-step-up": 403,
    "approval-needs-step-up": 403,
}  # fmt: skip


def _tried(request: HttpRequest, work: Callable[[], HttpResponse]) -> HttpResponse:
    """What ``work`` answers, or the page saying why it was refused."""
    try:
        return work()
    except RequestError as error:
        return _tokens(request, error=error, status=400)
    except NotAllowedError as error:
        return _tokens(request, error=error, status=_STATUS.get(error.code, 409))


def _shown(request: HttpRequest, made: Made, how: str) -> HttpResponse:
    return _tokens(request, made=made, how=how)


def _tokens(
    request: HttpRequest,
    *,
    made: Made | None = None,
    how: str = "",
    error: Exception | None = None,
    status: int = 200,
) -> HttpResponse:
    page = framed(request, "security")
    rows = ApiToken.objects.select_related("owner").order_by("-created_at", "-id")
    own = [_row(one, page) for one in rows.filter(owner__username=page.actor.name)]
    administrator = ADMIN in page.actor.roles
    others = rows.exclude(owner__username=page.actor.name).filter(revoked_at=None)
    pending = Approval.objects.filter(
        kind=KIND, state=Approval.State.PENDING, requested_by=page.actor.name
    )
    context = {
        **page.context,
        "here": reverse("tokens"),
        "living": [one for one in own if one["state"] in ALIVE],
        "ended": [one for one in own if one["state"] not in ALIVE][:ENDED_SHOWN],
        "others": [_row(one, page) for one in others] if administrator else [],
        "administrator": administrator,
        "pending": [(one.id, one.subject.partition("/")[2]) for one in pending],
        "scopes": [_scope(name, request) for name in ApiToken.Scope.values],
        "overlaps": OVERLAPS,
        "most_days": MOST_DAYS,
        "step_up": not page.actor.stepped_up,
        "made": made,
        "how": how,
        "said": request.POST if error else {},
        "error": error,
    }
    return render(request, "pages/tokens.html", context, status=status)


def _scope(name: str, request: HttpRequest) -> dict[str, Any]:
    roles = AGREES.get(name)
    return {
        "name": name,
        "words": SCOPE_WORDS[name],
        "agrees": words.roles_words(roles) if roles else "",
        "on": name in request.POST.getlist("scopes") if "scopes" in request.POST else not roles,
    }


def _row(row: ApiToken, page: Framed) -> dict[str, Any]:
    state = token_state(row, page.now)
    until = row.previous_until
    return {
        "id": row.pk,
        "name": row.name,
        "owner": words.who_words(row.owner.get_username(), page.names),
        "scopes": ", ".join(row.scopes),
        "networks": ", ".join(row.networks) or "anywhere",
        "state": state,
        "ends": _moment(row.expires_at),
        "soon": row.expires_at - page.now < dt.timedelta(days=14),
        "used": _moment(row.last_used_at) if row.last_used_at else "never",
        "used_from": row.last_used_from,
        "version": row.version,
        "overlaps": _moment(until) if until and until > page.now else "",
        "collect_until": _moment(row.collect_until) if row.collect_until else "",
        "ended": _ended(row, state, page),
        "why": row.revoke_reason,
    }


def _ended(row: ApiToken, state: str, page: Framed) -> str:
    if row.revoked_at is not None:
        by = words.who_words(row.revoked_by, page.names)
        return f"revoked {_moment(row.revoked_at)}" + (f" by {by}" if by else "")
    return f"{state} {_moment(row.expires_at)}" if state == "expired" else state


def _moment(at: dt.datetime) -> str:
    """Of another year its day alone: what ends then does not end in a hurry."""
    if at.year != dt.datetime.now(dt.UTC).year:
        return formats.day(at, year=True)
    return f"{formats.day(at)} {at:%H:%M}"
