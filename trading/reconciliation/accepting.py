"""Two people accept breaks: what they accept is the difference, and only while it is that.

A request of the kind ``break-accept`` names breaks by id; the state it is asked in has each
one's difference. The value in USD moves with the market and is not part of it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction

from audit.record import record
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.kinds import RequestError
from trading.clock import utc_now
from trading.models import Break
from trading.portfolio.text import moment
from trading.reconciliation.breaks import ACTOR, difference_of

BOUND = "break"
"""Where the state that a request is asked in has the differences, by break."""


class Accepting(Protocol):
    """What is read of a riskctl.models.Approval."""

    id: UUID
    request: Any
    asked_in: Any
    reason: str
    requested_by: str
    decided_by: str


def break_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a request to accept breaks: the difference of each in ``request["breaks"]``.

    One that ended says so. ``subject`` is for people. Raises RequestError.
    """
    wanted = _wanted(request)
    rows = Break.objects.in_bulk(wanted)
    unknown = [str(one) for one in wanted if one not in rows]
    if unknown:
        raise RequestError("breaks", f"there is no break {', '.join(unknown)}")
    return {BOUND: {str(one): _now(rows[one]) for one in wanted}}


def break_accept_execute(*, approval: Accepting, actor: Actor | None = None) -> dict[str, Any]:
    """Accept exactly the breaks in ``approval.request["breaks"]``; their ids.

    Raises NotAllowedError, and accepts none, when one has ended or differs by something else than
    when it was asked for; RequestError for a request that names none.
    """
    wanted, now = _wanted(approval.request), utc_now()
    asked = approval.asked_in.get(BOUND, {})
    with transaction.atomic():
        rows = Break.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
        found = {row.pk: row for row in rows}
        for ident in wanted:
            row = _acceptable(found.get(ident), ident, asked.get(str(ident)))
            row.accepted = approval.id
            row.save(update_fields=["accepted"])
            _recorded(row, approval, actor, now)
    return {"accepted": [str(ident) for ident in wanted]}


def _acceptable(row: Break | None, ident: UUID, asked: str | None) -> Break:
    if row is None:
        raise NotAllowedError("break-unknown", f"There is no break {ident}.")
    if row.ended_at is not None:
        raise NotAllowedError(
            "break-ended", f"{row} ended at {moment(row.ended_at)}: nothing is left to accept."
        )
    if asked != difference_of(row):
        raise NotAllowedError(
            "break-changed",
            f"{row} differed by {asked} when it was asked for and by {difference_of(row)} now:"
            " ask again.",
        )
    return row


def _now(row: Break) -> str:
    return difference_of(row) if row.ended_at is None else f"ended at {moment(row.ended_at)}"


def _wanted(request: Mapping[str, Any]) -> list[UUID]:
    """Breaks that are named, each once. Raises RequestError."""
    named = request.get("breaks")
    if not isinstance(named, list) or not named:
        raise RequestError("breaks", "name the breaks to accept, as a list of their ids")
    try:
        return list(dict.fromkeys(UUID(one) for one in named))
    except (ValueError, TypeError, AttributeError):
        raise RequestError("breaks", "each must be the id of a break") from None


def _recorded(row: Break, approval: Accepting, actor: Actor | None, now: dt.datetime) -> None:
    record(
        action="break.accept",
        actor_kind=actor.kind if actor else "process",
        actor=actor.name if actor else ACTOR,
        on_behalf_of=approval.requested_by,
        object_kind="break",
        object_id=str(row.pk),
        reason=approval.reason,
        correlation_id=str(approval.id),
        happened_at=now,
        after={
            "account": row.account_id, "what": row.what, "key": row.key,
            "difference": difference_of(row), "value": row.value,
            "requested_by": approval.requested_by, "decided_by": approval.decided_by,
        },
    )  # fmt: skip
