"""Break-glass: leave that stands, asking for it, using it on a kill, and reviewing a use."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.rights import page_actor
from console.pages import approvalread, words
from console.pages.approvaldiff import factor_word
from console.pages.framing import Framed, framed, page_sight
from riskctl import breakglass as service
from riskctl.actors import NotAllowedError
from riskctl.approvals import RequestError
from riskctl.approvals.kinds import KINDS
from riskctl.conditions import PreconditionError
from riskctl.glass import leaves_standing
from riskctl.glass_leave import ENDERS, HOURS, KIND, leave_ask, leave_end
from riskctl.holds import RISK
from riskctl.models import BreakGlass, BreakGlassUse, Hold
from trading.models import Strategy

SHOWN = 30
REFUSED = (RequestError, NotAllowedError, PreconditionError)


@require_safe
def glass_page(request: HttpRequest) -> HttpResponse:
    return _glass(request)


@require_POST
def glass_asked(request: HttpRequest) -> HttpResponse:
    """Ask a second person to give leave."""
    said = request.POST
    hours = said.get("hours", "")
    try:
        row = leave_ask(
            people=said.getlist("people"),
            scopes=[f"strategy:{key}" for key in said.getlist("strategies")],
            hours=int(hours) if hours.isascii() and hours.isdigit() else 0,
            actor=page_actor(request),
            reason=said.get("reason", ""),
        )
    except REFUSED as error:
        return _glass(request, error=error)
    return HttpResponseRedirect(reverse("approval", args=[row.id]), status=303)


@require_POST
def glass_ended(request: HttpRequest, leave_id: uuid.UUID) -> HttpResponse:
    try:
        leave_end(leave_id=leave_id, actor=page_actor(request))
    except REFUSED as error:
        return _glass(request, error=error)
    messages.success(request, "Ended.")
    return HttpResponseRedirect(reverse("break-glass"), status=303)


@require_POST
def glass_reviewed(request: HttpRequest, use_id: uuid.UUID, verb: str) -> HttpResponse:
    """Keep what one person lifted, or hold it again; ``verb`` is one of these."""
    review: dict[str, Callable[..., BreakGlassUse]] = {
        "keep": service.breakglass_keep,
        "return": service.breakglass_return,
    }
    reason = request.POST.get("reason", "")
    row = BreakGlassUse.objects.filter(id=use_id).select_related("hold").first()
    if row is not None:
        page_sight(request).check_scope(row.hold.scope)
    try:
        review[verb](use_id=use_id, actor=page_actor(request), reason=reason)
    except REFUSED as error:
        return _glass(request, error=error)
    messages.success(request, "Kept lifted." if verb == "keep" else "Held again.")
    return HttpResponseRedirect(reverse("break-glass"), status=303)


@require_safe
def glass_hold_page(request: HttpRequest, hold_id: uuid.UUID) -> HttpResponse:
    return _hold(request, hold_id)


@require_POST
def glass_used(request: HttpRequest, hold_id: uuid.UUID) -> HttpResponse:
    """Lift this kill alone."""
    _check_seen(request, hold_id)
    said = request.POST
    try:
        service.breakglass_use(
            hold_id=hold_id, digest=said.get("digest", ""), actor=page_actor(request),
            reason=said.get("reason", ""), root_cause=said.get("root_cause", ""),
            rollback=said.get("rollback", ""),
        )  # fmt: skip
    except REFUSED as error:
        return _hold(request, hold_id, error=error)
    messages.success(request, "Lifted, alone. Another person has to review it.")
    return HttpResponseRedirect(reverse("hold", args=[hold_id]), status=303)


def _status(error: Exception | None) -> int:
    if error is None:
        return 200
    if isinstance(error, RequestError):
        return 400
    return 409 if isinstance(error, PreconditionError) else 403


def _glass(request: HttpRequest, *, error: Exception | None = None) -> HttpResponse:
    page = framed(request, "approvals")
    uses = BreakGlassUse.objects.select_related("hold").order_by("-used_at")
    uses = page.sight.narrowed_scopes(uses, "hold__scope")[:SHOWN]
    past = BreakGlass.objects.exclude(id__in=[one.id for one in leaves_standing()])
    asks = bool(page.actor.roles & KINDS[KIND].roles)
    people = User.objects.filter(groups__name=RISK, is_active=True).order_by("username")
    context = {
        **page.context,
        "leaves": [_leave(one, page) for one in leaves_standing()],
        "past": [_leave(one, page) for one in past[:SHOWN]],
        "uses": [_use(one, page) for one in uses],
        "asks": asks,
        "people": [(one.username, one.get_full_name() or one.username) for one in people],
        "strategies": list(Strategy.objects.order_by("key").values_list("key", flat=True)),
        "hours": range(1, HOURS + 1),
        "step_up": asks and not page.actor.stepped_up,
        "error": error,
        "said": request.POST,
    }
    return render(request, "pages/breakglass.html", context, status=_status(error))


def _leave(row: BreakGlass, page: Framed) -> dict[str, Any]:
    return {
        "row": row,
        "people": ", ".join(words.who_words(one, page.names) for one in row.people),
        "scopes": ", ".join(str(one).partition(":")[2] for one in row.scopes),
        "since": approvalread.moment_words(row.since),
        "until": approvalread.moment_words(row.until),
        "ended": words.who_words(row.ended_by, page.names),
        "ends": bool(page.actor.roles & ENDERS) or page.actor.name in row.people,
    }


def _use(row: BreakGlassUse, page: Framed) -> dict[str, Any]:
    mine = row.person.casefold() == page.actor.name.casefold()
    return {
        "row": row,
        "key": row.hold.scope.partition(":")[2],
        "by": words.who_words(row.person, page.names),
        "at": approvalread.moment_words(row.used_at),
        "until": approvalread.moment_words(row.until),
        "reviewed_by": words.who_words(row.reviewed_by, page.names),
        "waits": not row.verdict,
        "reviews": bool(page.actor.roles & service.REVIEWERS) and not mine,
        "mine": mine,
        "step_up": not page.actor.stepped_up,
    }


def _check_seen(request: HttpRequest, hold_id: uuid.UUID) -> None:
    """Raises NotSeenError."""
    row = Hold.objects.filter(id=hold_id).first()
    if row is not None:
        page_sight(request).check_scope(row.scope)


def _hold(
    request: HttpRequest, hold_id: uuid.UUID, *, error: Exception | None = None
) -> HttpResponse:
    _check_seen(request, hold_id)
    page = framed(request, "holds")
    shown, why = None, None
    try:
        shown = service.breakglass_shown(hold_id=hold_id, actor=page.actor)
    except NotAllowedError as refused:
        why = refused
    context = {
        **page.context,
        "shown": shown,
        "factor": factor_word(service.size_factor()),
        "off": shown is not None and shown.leave is None,
        "hold_id": hold_id,
        "step_up": not page.actor.stepped_up,
        "error": error or why,
        "error_field": getattr(error, "field", ""),
        "said": request.POST,
    }
    return render(request, "pages/breakglass_use.html", context, status=_status(error or why))
