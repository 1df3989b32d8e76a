"""Open holds, their history, each one's receipt, and lifting one."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.rights import page_actor
from console.pages import viewer
from console.pages.framing import Framed, framed, page_sight
from console.pages.holdread import holds_read, receipt_view, steps_view
from riskctl.actors import NotAllowedError
from riskctl.approvals import RequestError
from riskctl.conditions import Condition, PreconditionError
from riskctl.glass import leave_for
from riskctl.holds import RULES, HoldFact, Kind
from riskctl.lifting import hold_lift, lift_conditions, lift_request
from riskctl.models import Approval, ScheduledHold
from riskctl.selectors import hold_get
from trading.resume.asked import hold_state

WRITTEN = frozenset({"rollback", "root cause"})
"""Conditions that are written in the request itself."""


@require_safe
def holds_page(request: HttpRequest) -> HttpResponse:
    """What is open now, what was, and what is planned."""
    page = framed(request, "holds")
    context = {
        **page.context,
        "open": holds_read(page.sight, names=page.names, open_only=True),
        "lifted": holds_read(page.sight, names=page.names, open_only=False),
        "planned": page.sight.narrowed_scopes(
            ScheduledHold.objects.filter(placed=None, withdrawn_by="")
        ),
    }
    return render(request, "pages/holds.html", context)


@require_safe
def hold_page(request: HttpRequest, hold_id: uuid.UUID) -> HttpResponse:
    """One hold: its receipt, every signed step, and how it ends."""
    return _hold(request, hold_id)


@require_safe
def hold_receipt(request: HttpRequest, hold_id: uuid.UUID) -> HttpResponse:
    """The receipt alone, asked for again and again while it grows."""
    sight = page_sight(request)
    shown = receipt_view(hold_id, sight=sight, flatten="flatten" in request.GET)
    if shown is None:
        raise Http404
    return render(request, "parts/receipt.html", shown)


@require_POST
def hold_lift_asked(request: HttpRequest, hold_id: uuid.UUID) -> HttpResponse:
    """Lift it, or ask a second person to."""
    row = hold_get(hold_id)
    if row is None:
        raise Http404
    page_sight(request).check_scope(row.scope)
    actor, said = page_actor(request), request.POST
    try:
        if RULES[Kind(row.kind)].people > 1:
            asked = lift_request(
                hold_id=hold_id, actor=actor, reason=said.get("reason", ""),
                root_cause=said.get("root_cause", ""), rollback=said.get("rollback", ""),
            )  # fmt: skip
            return HttpResponseRedirect(reverse("approval", args=[asked.id]), status=303)
        hold_lift(hold_id=hold_id, actor=actor, reason=said.get("reason", ""))
    except RequestError as error:
        return _hold(request, hold_id, error=error, status=400)
    except NotAllowedError as error:
        return _hold(request, hold_id, error=error, status=403)
    except PreconditionError as error:
        return _hold(request, hold_id, error=error, status=409)
    messages.success(request, "Lifted.")
    return HttpResponseRedirect(reverse("hold", args=[hold_id]), status=303)


def _hold(
    request: HttpRequest, hold_id: uuid.UUID, *, error: Exception | None = None, status: int = 200
) -> HttpResponse:
    page = framed(request, "holds")
    shown = receipt_view(hold_id, sight=page.sight, flatten="flatten" in request.GET)
    if shown is None:
        raise Http404
    context = {
        **page.context,
        **shown,
        "steps": steps_view(shown["found"]),
        "lifting": None if shown["lift"] else _lifting(shown["hold"], page),
        "said": request.POST,
        "error": error,
        "error_field": getattr(error, "field", ""),
    }
    return render(request, "pages/hold.html", context, status=status)


def _lifting(hold: HoldFact, page: Framed) -> dict[str, Any]:
    """How this hold ends, and what this person may do about it."""
    by_person = hold.actor_kind == "person"
    way = viewer.lift_way(
        kind=hold.kind, scope=hold.scope, by=hold.placed_by, by_person=by_person, actor=page.actor
    )
    rule = RULES[hold.kind]
    pending = Approval.objects.filter(
        kind="hold-lift", subject=f"hold:{hold.id}", state=Approval.State.PENDING
    )
    return {
        "way": way,
        "rule": rule,
        "kill": hold.kind is Kind.KILL,
        "step_up": rule.step_up and not page.actor.stepped_up,
        "conditions": conditions_now(hold) if way.mine else [],
        "pending": list(pending),
        "alone": hold.kind is Kind.KILL and leave_for(page.actor.name, hold.scope) is not None,
    }


def conditions_now(hold: HoldFact) -> list[Condition]:
    """What must be true, measured now, without what the request itself will say."""
    if hold.kind is Kind.KILL:
        state = hold_state(f"hold:{hold.id}", {})
        found = [Condition(**one) for one in state["conditions"]]
        return [one for one in found if one.name not in WRITTEN]
    return lift_conditions(hold, {}, {})
