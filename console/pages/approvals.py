"""Requests that take two people: the inbox, one in full, and deciding."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.rights import page_actor, roles_of
from console.pages import approvalread, words
from console.pages.framing import Framed, framed
from riskctl.actors import NotAllowedError
from riskctl.approvals import (
    RequestError,
    approval_approve,
    approval_reject,
    approval_withdraw,
)
from riskctl.approvals.kinds import kind_of
from riskctl.conditions import PreconditionError
from riskctl.models import Approval

DECIDED_SHOWN = 50


@require_safe
def approvals_page(request: HttpRequest) -> HttpResponse:
    """What waits for a second person, and what was decided."""
    page = framed(request, "approvals")
    pending = Approval.objects.filter(state=Approval.State.PENDING)
    decided = Approval.objects.exclude(state=Approval.State.PENDING)[:DECIDED_SHOWN]
    context = {
        **page.context,
        "pending": [_row(one, page) for one in pending],
        "decided": [_row(one, page) for one in decided],
    }
    return render(request, "pages/approvals.html", context)


@require_safe
def approval_page(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    return _approval(request, approval_id)


@require_POST
def approval_decide(request: HttpRequest, approval_id: uuid.UUID, verb: str) -> HttpResponse:
    """Approve, reject or withdraw; ``verb`` is one of these (console.pages.urls)."""
    row = _found(approval_id)
    actor, said = page_actor(request), request.POST
    reason = said.get("reason", "")
    decide: dict[str, Callable[[], Approval]] = {
        "approve": lambda: approval_approve(
            approval_id=approval_id, digest=said.get("digest", ""), actor=actor, reason=reason,
            requester_roles=roles_of(row.requested_by),
        ),
        "reject": lambda: approval_reject(approval_id=approval_id, actor=actor, reason=reason),
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


def _found(approval_id: uuid.UUID) -> Approval:
    row = Approval.objects.filter(id=approval_id).first()
    if row is None:
        raise Http404
    return row


def _row(row: Approval, page: Framed) -> dict[str, Any]:
    left, _ = approvalread.left_words(row, page.now)
    return {
        "row": row,
        "title": approvalread.title_of(row),
        "by": words.who_words(row.requested_by, page.names),
        "decided_by": words.who_words(row.decided_by, page.names),
        "left": left,
        "mine": row.requested_by == page.actor.name,
        "at": approvalread.moment_words(row.requested_at),
        "decided_at": approvalread.moment_words(row.decided_at) if row.decided_at else "",
    }


def _approval(
    request: HttpRequest,
    approval_id: uuid.UUID,
    *,
    error: Exception | None = None,
    status: int = 200,
) -> HttpResponse:
    row, page = _found(approval_id), framed(request, "approvals")
    pending = row.state == Approval.State.PENDING
    now = approvalread.state_now(row) if pending else approvalread.State(row.asked_in)
    left, share = approvalread.left_words(row, page.now)
    rule, mine = kind_of(row.kind), row.requested_by.casefold() == page.actor.name.casefold()
    rests = approvalread.rests_of(row, now)
    context = {
        **page.context,
        **_row(row, page),
        "pending": pending,
        "effects": approvalread.effects_of(row, page.names),
        "rests": rests,
        "changed": sum(one.changed for one in rests),
        "gone": now.why,
        "conditions": now.found.get("conditions", []),
        "left": left,
        "share": share,
        "digest": row.digest,
        "root_cause": row.request.get("root_cause", ""),
        "rollback": row.request.get("rollback", ""),
        "hold": row.request.get("hold", ""),
        "may": bool(page.actor.roles & rule.roles) and not mine,
        "who": words.roles_words(rule.roles),
        "needs": words.roles_words(rule.needs) if rule.needs else "",
        "step_up": not page.actor.stepped_up,
        "error": error,
        "said": request.POST,
    }
    return render(request, "pages/approval.html", context, status=status)
