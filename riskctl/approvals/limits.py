"""Raising a limit: two people, one of them risk."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from audit.record import record
from riskctl.actors import Actor
from riskctl.approvals.asked import exact
from riskctl.approvals.kinds import RequestError, part_of
from riskctl.models import Approval, Limit

_HIGHEST = Decimal(10) ** 16
"""Beyond what the column holds."""


def limit_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``limit:SCOPE/KIND``: the value in force. Raises RequestError."""
    row = Limit.objects.filter(**_named(subject)).first()
    if row is None:
        raise RequestError("subject", f"{subject} is not in force: set it first")
    _value(request)
    return {"value": exact(row.value)}


def limit_raise_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """Set ``limit:SCOPE/KIND`` to the request's ``value``. Raises RequestError."""
    named, value = _named(approval.subject), _value(approval.request)
    row = Limit.objects.select_for_update().get(**named)
    before, row.value = row.value, value
    row.save(update_fields=["value", "changed_at"])
    record(
        action="limit.raise",
        actor_kind=actor.kind,
        actor=actor.name,
        object_kind="limit",
        object_id=f"{row.scope}/{row.kind}",
        reason=approval.reason,
        source=actor.source,
        request_id=actor.request_id,
        correlation_id=str(approval.id),
        before={"value": exact(before)},
        after={"value": exact(value), "approval": approval.id, "asked_by": approval.requested_by},
    )
    return {**named, "before": exact(before), "value": exact(value)}


def _named(subject: str) -> dict[str, str]:
    scope, _, kind = part_of(subject, "limit").partition("/")
    if not scope or kind not in Limit.Kind.values:
        raise RequestError("subject", f"{subject!r} is not of the form limit:SCOPE/KIND")
    return {"scope": scope, "kind": kind}


def _value(request: Mapping[str, Any]) -> Decimal:
    given = request.get("value")
    try:
        value = Decimal(given) if isinstance(given, str) else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite() or not 0 <= value < _HIGHEST:
        raise RequestError("value", f"must be a decimal number from 0 up, as text, not {given!r}")
    return value
