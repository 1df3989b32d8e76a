"""Access reviews: prepared by compliance, signed off by risk or an administrator, every 90 days.

A review is a report that is kept with its digest. Signing is a two-person request (kind
``access-review``): void when anybody has come to be able to do anything else meanwhile.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from console.access.escalation import escalations_open, unwatched
from console.access.review_report import (
    Report,
    access_of,
    digest_of,
    material_of,
    report_read,
)
from console.models import AccessReview
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.engine import approval_request
from riskctl.approvals.kinds import RequestError, part_of
from riskctl.approvals.recording import database_now, recorded, refusals_recorded
from riskctl.conditions import Condition, require
from riskctl.holds import ADMIN, COMPLIANCE, RISK
from riskctl.models import Approval

KIND = "access-review"
PREPARES = frozenset({COMPLIANCE})
SIGNS = frozenset({RISK, ADMIN})
SEES = PREPARES | SIGNS


@dataclass(frozen=True)
class Due:
    """``last``: when one was signed off last; ``overdue``: that is too long ago, or never was."""

    last: dt.datetime | None
    by: tuple[str, str] | None
    next_at: dt.datetime | None
    overdue: bool


def check_sees(actor: Actor) -> None:
    """Raises NotAllowedError."""
    if not actor.roles & SEES:
        raise NotAllowedError(
            "review-not-your-role", "compliance, risk and administrators see who can do what"
        )


def review_prepare(*, actor: Actor, reason: str) -> AccessReview:
    """Keep the report as it is now, and ask a second person to sign it off with you.

    Raises NotAllowedError, RequestError.
    """
    with refusals_recorded("review.prepare", actor, ("access-review", "new"), reason):
        if not actor.roles & PREPARES:
            raise NotAllowedError("review-not-your-role", "compliance prepares an access review")
        with transaction.atomic():
            now = database_now()
            report = report_read(now)
            review = AccessReview.objects.create(
                id=uuid.uuid4(),
                prepared_at=now,
                prepared_by=actor.name,
                report=report,
                digest=digest_of(report),
                material=material_of(report),
            )
            approval = approval_request(
                kind=KIND,
                subject=f"{KIND}:{review.id}",
                request={"report": review.digest, "findings": len(report["findings"])},
                actor=actor,
                reason=reason,
            )
            review.approval = approval.id
            review.save(update_fields=["approval"])
            recorded(
                "review.prepare", actor, (KIND, str(review.id)), reason=reason,
                correlation_id=str(approval.id), after=_facts(review),
            )  # fmt: skip
            return review


def review_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``access-review:ID``: who can do what now. Raises RequestError."""
    _review(subject, request)
    return {"access": access_of(report_read(database_now()))}


def review_check(subject: str, request: Mapping[str, Any], actor: Actor) -> None:
    """Who prepared it asks; risk or an administrator signs.

    Raises NotAllowedError, RequestError.
    """
    review = _review(subject, request)
    if actor.name == review.prepared_by:
        if not actor.roles & PREPARES:
            raise NotAllowedError("review-not-your-role", "compliance prepares an access review")
    elif not actor.roles & SIGNS:
        raise NotAllowedError("review-not-your-role", "risk or an administrator signs it off")


def review_sign_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """The executor. Raises RequestError, NotAllowedError, PreconditionError."""
    found = _review(approval.subject, approval.request)
    review = AccessReview.objects.select_for_update().get(pk=found.pk)
    if review.signed_at is not None or review.approval != approval.id:
        raise NotAllowedError("review-signed", "this review is not the one that is asked about")
    if review.prepared_by != approval.requested_by:
        raise NotAllowedError("review-not-yours", "who prepared it asks for it")
    require(_conditions(review))
    review.signed_at, review.signed_by = database_now(), actor.name
    review.save(update_fields=["signed_at", "signed_by"])
    recorded(
        "review.sign", actor, (KIND, str(review.id)), reason=approval.reason,
        correlation_id=str(approval.id), after={**_facts(review), "signed_by": actor.name},
    )  # fmt: skip
    return {"review": review.id, "report": review.digest, "prepared_by": review.prepared_by}


def _conditions(review: AccessReview) -> list[Condition]:
    """What a review cannot be signed over."""
    now = material_of(report_read(database_now()))
    open_count, tables = escalations_open(), unwatched()
    return [
        Condition("Report", now == review.material, "still says who can do what, or prepare anew"),
        Condition(
            "Alerts",
            not open_count,
            f"{open_count} gains that nothing accounts for: acknowledge them first"
            if open_count else "each gain of privilege is accounted for or acknowledged",
        ),
        Condition(
            "Watch",
            not tables,
            f"gains are not watched in {', '.join(tables)}: migrate again"
            if tables else "the database watches every table of rights",
        ),
    ]  # fmt: skip


def review_due(now: dt.datetime) -> Due:
    """When the next is due. One statement."""
    last = AccessReview.objects.filter(signed_at__isnull=False).order_by("-signed_at").first()
    if last is None or last.signed_at is None:
        return Due(None, None, None, overdue=True)
    next_at = last.signed_at + dt.timedelta(days=settings.ACCESS_REVIEW_DAYS)
    return Due(last.signed_at, (last.prepared_by, last.signed_by), next_at, next_at <= now)


def review_intact(review: AccessReview) -> bool:
    """Whether the kept report is what was signed."""
    report: Report = review.report
    return digest_of(report) == review.digest and material_of(report) == review.material


def _review(subject: str, request: Mapping[str, Any]) -> AccessReview:
    try:
        ident = uuid.UUID(part_of(subject, KIND))
    except ValueError:
        raise RequestError("subject", f"{subject!r} names no review") from None
    review = AccessReview.objects.filter(pk=ident).first()
    if review is None:
        raise RequestError("subject", f"there is no review {ident}")
    if request.get("report") != review.digest:
        raise RequestError("report", "must be the digest of the review's report")
    return review


def _facts(review: AccessReview) -> dict[str, Any]:
    return {
        "digest": review.digest,
        "material": review.material,
        "prepared_by": review.prepared_by,
        "people": len(review.report["people"]),
        "tokens": len(review.report["tokens"]),
        "findings": len(review.report["findings"]),
    }
