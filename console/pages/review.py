"""The access review: gains of privilege, who can do what, what to look at, and the sign-offs."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access import review as reviews
from console.access.escalation import ROLE_TABLE, escalation_acknowledge, unwatched
from console.access.escalation import SEES as ACKNOWLEDGES
from console.access.review_report import Report, report_read
from console.access.rights import page_actor
from console.access.visible import NotSeenError
from console.models import AccessReview, Escalation
from console.pages import formats, words
from console.pages.framing import Framed, framed
from riskctl.actors import NotAllowedError
from riskctl.approvals import RequestError
from riskctl.approvals.recording import database_now
from riskctl.models import Approval

ALERTS_SHOWN = 12
REVIEWS_SHOWN = 20
FINDING_WORDS = {
    "conflict": "Roles that do not go together",
    "flag": "Flag of an account",
    "role": "Group that is no role",
    "disabled": "Disabled, and holds rights",
    "no-factor": "No second factor",
    "dormant": "Dormant",
    "never-used": "Never used",
    "owner": "Owner without the role",
    "token-owner": "Token of a disabled person",
    "token-ends": "Token ends soon",
    "token-dormant": "Dormant token",
    "token-never-used": "Token never used",
}
GRAVE = frozenset({"conflict", "flag", "role", "disabled", "owner", "token-owner"})
"""Findings about what somebody can do; the others are about whether they still need it."""


@require_safe
def review_page(request: HttpRequest) -> HttpResponse:
    return _page(request, _framed(request))


@require_safe
def review_kept(request: HttpRequest, review_id: uuid.UUID) -> HttpResponse:
    """A review as it was kept."""
    page = _framed(request)
    row = AccessReview.objects.filter(pk=review_id).first()
    if row is None:
        raise Http404
    context = {
        **page.context,
        **_report(row.report, page),
        "row": row,
        "review": _review(row, page, _states([row])),
        "intact": reviews.review_intact(row),
    }
    return render(request, "pages/review_kept.html", context)


@require_POST
def review_prepared(request: HttpRequest) -> HttpResponse:
    """Keep the report, and ask the other person."""
    page = _framed(request)
    try:
        done = reviews.review_prepare(actor=page.actor, reason=request.POST.get("reason", ""))
    except RequestError as error:
        return _page(request, page, error=error, status=400)
    except NotAllowedError as error:
        return _page(request, page, error=error, status=403)
    return HttpResponseRedirect(reverse("approval", args=[done.approval]), status=303)


@require_POST
def alert_acknowledged(request: HttpRequest, escalation_id: int) -> HttpResponse:
    page = _framed(request)
    note = request.POST.get("note", "")
    try:
        escalation_acknowledge(escalation_id=escalation_id, actor=page.actor, note=note)
    except RequestError as error:
        return _page(request, page, error=error, status=400)
    except NotAllowedError as error:
        return _page(request, page, error=error, status=403)
    messages.success(request, "Acknowledged.")
    return HttpResponseRedirect(reverse("access-review"), status=303)


def _framed(request: HttpRequest) -> Framed:
    """Raises NotSeenError, before anything is read."""
    try:
        reviews.check_sees(page_actor(request))
    except NotAllowedError as error:
        raise NotSeenError(error.code, str(error)) from error
    return framed(request, "access-review")


def _page(
    request: HttpRequest, page: Framed, *, error: Exception | None = None, status: int = 200
) -> HttpResponse:
    due = reviews.review_due(page.now)
    waiting = list(Escalation.objects.filter(acknowledged_at=None, approval=None, account=""))
    others = Escalation.objects.exclude(
        Q(acknowledged_at=None, approval=None, account="") | Q(account=ROLE_TABLE)
    )
    kept = list(AccessReview.objects.all()[:REVIEWS_SHOWN])
    states = _states(kept)
    context = {
        **page.context,
        **_report(report_read(database_now()), page),
        "due": due,
        "due_words": _due_words(due, page),
        "waiting": [_alert(one, page) for one in waiting],
        "seen": [_alert(one, page) for one in others[:ALERTS_SHOWN]],
        "unwatched": unwatched(),
        "history": [_review(one, page, states) for one in kept],
        "prepares": bool(page.actor.roles & reviews.PREPARES),
        "acknowledges": bool(page.actor.roles & ACKNOWLEDGES),
        "step_up": not page.actor.stepped_up,
        "error": error,
        "said": request.POST,
    }
    return render(request, "pages/review.html", context, status=status)


def _due_words(due: reviews.Due, page: Framed) -> str:
    if due.last is None or due.next_at is None or due.by is None:
        return "never signed off"
    by = " and ".join(words.who_words(one, page.names) for one in due.by)
    return f"signed off {_with_year(due.last)} by {by} · next due {_with_year(due.next_at)}"


def _report(report: Report, page: Framed) -> dict[str, Any]:
    findings = [
        {**one, "title": FINDING_WORDS.get(one["kind"], one["kind"]),
         "near": "breach" if one["kind"] in GRAVE else "warning"}
        for one in report["findings"]
    ]  # fmt: skip
    return {
        "as_of": formats.clock(dt.datetime.fromisoformat(report["as_of"])),
        "people": [_person(one) for one in report["people"]],
        "tokens": [_token(one) for one in report["tokens"]],
        "findings": sorted(findings, key=lambda one: one["near"]),
    }


def _person(one: Mapping[str, Any]) -> dict[str, Any]:
    rights = [
        f"{code.removesuffix('_strategy')} {len(keys)}" for code, keys in one["rights"].items()
    ]
    keys = "; ".join(f"{code}: {', '.join(keys)}" for code, keys in one["rights"].items())
    return {
        **one,
        "roles_words": ", ".join(one["roles"]) or "none",
        "conflict": "; ".join(it["why"] for it in one["conflicts"]),
        "rights_words": ", ".join(rights) or "none",
        "rights_keys": keys,
        "owns_words": len(one["owns"]) or "none",
        "owns_keys": ", ".join(one["owns"]),
        "desks_words": ", ".join(one["desks"]) or "none",
        "used": _day(one["last_used"], "never"),
    }


def _token(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **one,
        "scopes_words": ", ".join(one["scopes"]),
        "networks_words": ", ".join(one["networks"]) or "anywhere",
        "ends": _day(one["expires_at"], ""),
        "used": _day(one["last_used_at"], "never"),
    }


def _day(moment: str | None, otherwise: str) -> str:
    return _with_year(dt.datetime.fromisoformat(moment)) if moment else otherwise


def _with_year(at: dt.datetime) -> str:
    return f"{at.day} {at:%b %Y}"


def _alert(row: Escalation, page: Framed) -> dict[str, Any]:
    return {
        "row": row,
        "at": f"{formats.day(row.happened_at)} {formats.clock(row.happened_at)}",
        "who": words.who_words(row.who, page.names),
        "by": words.who_words(row.acknowledged_by, page.names),
        "mine": row.who.casefold() == page.actor.name.casefold(),
    }


def _states(rows: Iterable[AccessReview]) -> dict[uuid.UUID, str]:
    """What became of the requests by which the reviews are signed."""
    asked = [one.approval for one in rows if one.approval]
    return dict(Approval.objects.filter(id__in=asked).values_list("id", "state"))


def _review(
    row: AccessReview, page: Framed, states: Mapping[uuid.UUID, str]
) -> dict[str, Any]:  # fmt: skip
    state = states.get(row.approval, "") if row.approval else ""
    return {
        "row": row,
        "at": f"{_with_year(row.prepared_at)} {formats.clock(row.prepared_at)}",
        "by": words.who_words(row.prepared_by, page.names),
        "signed_by": words.who_words(row.signed_by, page.names) if row.signed_at else "",
        "became": "signed off" if row.signed_at else "waits" if state == "pending" else state,
        "waits": state == "pending",
        "findings": len(row.report["findings"]),
    }
