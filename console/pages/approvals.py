"""Requests that take two people: the inbox, one in full, and deciding."""

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.rights import page_actor, roles_of
from console.pages import approvaldiff, approvalread, words
from console.pages.framing import Framed, framed, seen_at, waiting_at
from riskctl.actors import NotAllowedError
from riskctl.approvals import (
    RequestError,
    approval_approve,
    approval_reject,
    approval_withdraw,
)
from riskctl.approvals.deciding import refusal_of
from riskctl.approvals.kinds import kind_of
from riskctl.conditions import PreconditionError
from riskctl.glass import leaves_standing
from riskctl.models import Approval

DECIDED_SHOWN = 50
TABS = 6
PENDING = Approval.State.PENDING


@require_safe
def approvals_page(request: HttpRequest) -> HttpResponse:
    """What waits for this person, what waits for others, and what was decided."""
    page = framed(request, "approvals")
    seen = seen_at(request).narrowed(Approval.objects.all())
    mine = {one.id for one in waiting_at(request, page.actor)}
    pending = seen.filter(state=PENDING).order_by("expires_at", "id")
    rows = [_row(one, page, with_why=one.id not in mine) for one in pending]
    context = {
        **page.context,
        "yours": [one for one in rows if one["row"].id in mine],
        "others": [one for one in rows if one["row"].id not in mine],
        "decided": [_row(one, page) for one in seen.exclude(state=PENDING)[:DECIDED_SHOWN]],
        "leaves": len(leaves_standing()),
    }
    return render(request, "pages/approvals.html", context)


@require_safe
def approvals_waiting(request: HttpRequest) -> JsonResponse:
    """How many this person may decide; asked for when the live frame says that one changed."""
    return JsonResponse({"waiting": len(waiting_at(request, page_actor(request)))})


@require_safe
def approval_page(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    return _approval(request, approval_id)


@require_safe
def approval_standing(request: HttpRequest, approval_id: uuid.UUID) -> JsonResponse:
    """Whether it still waits, and as it was asked; asked for by the open page."""
    row = _found(request, approval_id)
    changed = 0
    if row.state == PENDING:
        now = approvalread.state_now(row)
        changed = sum(one.changed for one in approvalread.rests_of(row, now))
    return JsonResponse({"state": row.state, "changed": changed})


@require_POST
def approval_decide(request: HttpRequest, approval_id: uuid.UUID, verb: str) -> HttpResponse:
    """Approve, reject or withdraw; ``verb`` is one of these (console.pages.urls)."""
    row = _found(request, approval_id)
    actor, said = page_actor(request), request.POST
    reason = said.get("reason", "")
    decide: dict[str, Callable[[], Approval]] = {
        "approve": lambda: approval_approve(
            approval_id=approval_id, digest=said.get("digest", ""), actor=actor, reason=reason,
            requester_roles=roles_of(row.requested_by),
        ),
        "reject": lambda: _rejected(approval_id, actor=actor, reason=reason),
        "withdraw": lambda: approval_withdraw(approval_id=approval_id, actor=actor, reason=reason),
    }  # fmt: skip
    try:
        done = decide[verb]()
    except RequestError as error:
        return _approval(request, approval_id, error=error, status=400)
    except NotAllowedError as error:
        return _approval(request, approval_id, error=error, status=403)
    except PreconditionError as error:
        return _approval(request, approval_id, error=error, status=409)
    messages.success(request, f"{done.state.capitalize()}.")
    return HttpResponseRedirect(reverse("approval", args=[approval_id]), status=303)


def _rejected(approval_id: uuid.UUID, *, actor: Any, reason: str) -> Approval:
    if not reason.strip():
        raise RequestError("reason", "say why you reject it: who asked reads it")
    return approval_reject(approval_id=approval_id, actor=actor, reason=reason)


def _found(request: HttpRequest, approval_id: uuid.UUID) -> Approval:
    """Raises Http404, NotSeenError."""
    row = Approval.objects.filter(id=approval_id).first()
    if row is None:
        raise Http404
    seen_at(request).check(row)
    return row


def _row(row: Approval, page: Framed, *, with_why: bool = False) -> dict[str, Any]:
    left, share = approvalread.left_words(row, page.now)
    mine = row.requested_by.casefold() == page.actor.name.casefold()
    return {
        "row": row,
        "title": approvalread.title_of(row),
        "by": words.who_words(row.requested_by, page.names),
        "decided_by": words.who_words(row.decided_by, page.names),
        "left": left,
        "share": share,
        "mine": mine,
        "why": _why(row, page) if with_why and not mine else "",
        "at": approvalread.moment_words(row.requested_at),
        "decided_at": approvalread.moment_words(row.decided_at) if row.decided_at else "",
    }


def _why(row: Approval, page: Framed) -> str:
    """Why it is not this person's to decide; empty where it is."""
    return refusal_of(row, page.actor, roles_of(row.requested_by))


def _tabs(request: HttpRequest, shown: Approval, page: Framed) -> dict[str, Any]:
    """The strip over a request: others that wait, the first to expire first."""
    seen = seen_at(request).narrowed(Approval.objects.all())
    pending: Iterable[Approval] = seen.filter(state=PENDING).order_by("expires_at", "id")[:TABS]
    today = page.now.replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "tabs": [_row(one, page) for one in pending if one.id != shown.id],
        "decided_today": seen.exclude(state=PENDING).filter(decided_at__gte=today).count(),
    }


def _approval(
    request: HttpRequest,
    approval_id: uuid.UUID,
    *,
    error: Exception | None = None,
    status: int = 200,
) -> HttpResponse:
    row, page = _found(request, approval_id), framed(request, "approvals")
    pending = row.state == PENDING
    now = approvalread.state_now(row) if pending else approvalread.State(row.asked_in)
    rests = approvalread.rests_of(row, now)
    conditions = now.found.get("conditions", [])
    why = _why(row, page) if pending else ""
    context = {
        **page.context,
        **_row(row, page),
        **_tabs(request, row, page),
        **_who(row),
        "pending": pending,
        "effects": approvaldiff.effects_of(row, page.names),
        "modes": approvaldiff.mode_after(row) if pending else ("", ""),
        "rests": rests,
        "changed": sum(one.changed for one in rests),
        "gone": now.why,
        "conditions": conditions,
        "met": sum(bool(one["met"]) for one in conditions),
        "digest": row.digest,
        "root_cause": row.request.get("root_cause", ""),
        "rollback": row.request.get("rollback", ""),
        "hold": row.request.get("hold", ""),
        "may": pending and not why,
        "rejects": pending and _rejects(row, page),
        "why": why,
        "step_up": not page.actor.stepped_up,
        "factor": page.context["person"].factor,
        "error": error,
        "error_field": getattr(error, "field", ""),
        "said": request.POST,
    }
    return render(request, "pages/approval.html", context, status=status)


def _rejects(row: Approval, page: Framed) -> bool:
    """Saying no takes a role and no more."""
    mine = row.requested_by.casefold() == page.actor.name.casefold()
    return not mine and bool(page.actor.roles & kind_of(row.kind).roles)


def _who(row: Approval) -> dict[str, str]:
    rule = kind_of(row.kind)
    return {
        "who": words.roles_words(rule.roles),
        "needs": words.roles_words(rule.needs) if rule.needs else "",
    }
