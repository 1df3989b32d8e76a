"""Leave to break the glass: given by two people beforehand, ended by anybody who watches.

To named people, for named strategies, for twelve hours at most (riskctl.breakglass uses it).
"""

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from typing import Any

import structlog
from django.db import transaction

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.engine import approval_request
from riskctl.approvals.kinds import RequestError
from riskctl.approvals.recording import database_now, recorded, refusals_recorded
from riskctl.glass import leaves_standing
from riskctl.holds import ADMIN, COMPLIANCE, RISK, SRE
from riskctl.models import Approval, BreakGlass

log = structlog.get_logger(__name__)

KIND = "break-glass-enable"
SUBJECT = "break-glass"
HOURS = 12
"""For how long leave is given at most."""
ENDERS = frozenset({RISK, SRE, COMPLIANCE, ADMIN})
_MOST = 50
_SCOPE = re.compile(r"strategy:[A-Za-z0-9][A-Za-z0-9._\-]{0,60}")


def leave_ask(
    *, people: list[str], scopes: list[str], hours: int, actor: Actor, reason: str
) -> Approval:
    """Ask a second person to give leave. Raises RequestError, NotAllowedError."""
    request = {"people": people, "scopes": scopes, "hours": hours}
    return approval_request(kind=KIND, subject=SUBJECT, request=request, actor=actor, reason=reason)


def leave_state(_subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """What leave stands already. Raises RequestError for a request that cannot be."""
    request_check(request)
    return {
        "standing": {
            str(one.id): {"people": one.people, "scopes": one.scopes, "until": one.until}
            for one in leaves_standing()
        }
    }


def request_check(request: Mapping[str, Any]) -> None:
    """Raises RequestError naming the field."""
    _names(request, "people")
    for scope in _names(request, "scopes"):
        if not _SCOPE.fullmatch(scope):
            raise RequestError("scopes", f"{scope!r} is no strategy:KEY: nothing wider is given")
    hours = request.get("hours")
    if isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours <= HOURS:
        raise RequestError("hours", f"must be a whole number from 1 to {HOURS}")


def _names(request: Mapping[str, Any], field: str) -> list[str]:
    given = request.get(field)
    sound = (
        isinstance(given, list)
        and 0 < len(given) <= _MOST
        and all(isinstance(one, str) and one.strip() for one in given)
        and len(set(given)) == len(given)
    )
    if not sound:
        raise RequestError(field, f"must name 1 to {_MOST}, each once")
    return list(given or [])


def leave_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """The executor: leave from now on."""
    request_check(approval.request)
    since = database_now()
    row = BreakGlass.objects.create(
        id=uuid.uuid4(),
        approval=approval.id,
        people=approval.request["people"],
        scopes=approval.request["scopes"],
        since=since,
        until=since + dt.timedelta(hours=approval.request["hours"]),
    )
    recorded(
        "break-glass.enable",
        actor,
        ("break-glass", str(row.id)),
        reason=approval.reason,
        correlation_id=str(approval.id),
        after={**_leave_body(row), "asked_by": approval.requested_by},
    )
    log.warning("break-glass.enabled", people=row.people, scopes=row.scopes, until=str(row.until))
    return {"leave": str(row.id), "until": row.until}


def leave_end(*, leave_id: uuid.UUID, actor: Actor, reason: str = "") -> BreakGlass:
    """End leave before its time: by one person, at once. Raises NotAllowedError."""
    thing = ("break-glass", str(leave_id))
    with refusals_recorded("break-glass.end", actor, thing, reason), transaction.atomic():
        row = BreakGlass.objects.select_for_update().filter(id=leave_id).first()
        if row is None:
            raise NotAllowedError("break-glass-unknown", f"no leave was given under {leave_id}")
        mine = actor.kind == "person" and (actor.roles & ENDERS or actor.name in row.people)
        if not mine:
            raise NotAllowedError(
                "break-glass-not-your-role", "risk, SRE, compliance, an administrator or who it "
                "was given to end it",
            )  # fmt: skip
        if row.ended_at is not None:
            raise NotAllowedError("break-glass-ended", f"{row.ended_by} has ended it already")
        before = _leave_body(row)
        row.ended_by, row.ended_at = actor.name, database_now()
        row.save(update_fields=["ended_by", "ended_at"])
        recorded(
            "break-glass.end", actor, thing, reason=reason, before=before, after=_leave_body(row),
            correlation_id=str(row.approval),
        )  # fmt: skip
        return row


def _leave_body(row: BreakGlass) -> dict[str, Any]:
    return {
        "people": row.people,
        "scopes": row.scopes,
        "since": row.since,
        "until": row.until,
        "ended_by": row.ended_by,
        "ended_at": row.ended_at,
    }
