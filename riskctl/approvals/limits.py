"""Raising a limit: two people, one of them risk."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.asked import check_as_asked, exact
from riskctl.approvals.kinds import RequestError, part_of
from riskctl.approvals.recording import recorded
from riskctl.holds import OWN, RISK
from riskctl.models import Approval, Limit
from riskctl.rules import ENFORCED, FIRM

_HIGHEST = Decimal(10) ** 16
"""Beyond what the column holds."""
_PLACES = -8
WHOLE = (Limit.Kind.OPEN_ORDERS,)


def limit_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``limit:SCOPE/KIND``: the value in force, None before the first. Raises RequestError."""
    scope, kind = _named(subject)
    value_of(kind, request.get("value"))
    row = limit_row(scope, kind)
    version = 0 if row is None else row.version
    return {"value": None if row is None else exact(row.value), "version": version}


def limit_check(subject: str, _request: Mapping[str, Any], actor: Actor) -> None:
    """A trader asks for, and agrees to, more only on own strategies. Raises NotAllowedError."""
    scope, _ = _named(subject)
    if not actor.standings(scope) & {RISK, OWN}:
        raise NotAllowedError("limit-not-yours", "risk or its own trader ask to raise a limit")


def limit_raise_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """Set ``limit:SCOPE/KIND`` to the request's ``value``. Raises RequestError, NotAllowedError."""
    scope, kind = _named(approval.subject)
    value = value_of(kind, approval.request.get("value"))
    row = limits_lock(scope).get(kind)
    check_as_asked(approval, value=None if row is None else exact(row.value))
    return limit_raise(scope=scope, kind=kind, value=value, approval=approval, actor=actor)


def limit_raise(
    *, scope: str, kind: str, value: Decimal, approval: Approval, actor: Actor
) -> Mapping[str, Any]:
    """Set one limit as ``approval`` says, in the transaction that carries it out.

    The caller has locked it and seen that it stands as it was asked in.
    """
    row = limit_row(scope, kind, lock=True)
    before = None
    if row is None:
        row = Limit(scope=scope, kind=kind, version=0)
    else:
        before = {"value": exact(row.value), "version": row.version, "changed_by": row.changed_by}
    row.value, row.version, row.changed_by = value, row.version + 1, actor.name
    row.save()
    recorded(
        "limit.raise",
        actor,
        ("limit", f"{scope}/{kind}"),
        reason=approval.reason,
        correlation_id=str(approval.id),
        before=before,
        after={
            "value": exact(value), "version": row.version, "changed_by": actor.name,
            "approval": approval.id, "asked_by": approval.requested_by,
        },
    )  # fmt: skip
    return {
        "scope": scope, "kind": kind, "before": before and before["value"], "value": exact(value),
        "version": row.version,
    }  # fmt: skip


def limits_lock(scope: str) -> dict[str, Limit]:
    """All of a scope by kind, in the caller's transaction. In one order, so that two that lock
    several never wait for each other; a strategy's own row is locked before."""
    rows = Limit.objects.select_for_update().filter(scope=scope).order_by("kind")
    return {row.kind: row for row in rows}


def limit_row(scope: str, kind: str, *, lock: bool = False) -> Limit | None:
    rows = Limit.objects.select_for_update() if lock else Limit.objects.all()
    return rows.filter(scope=scope, kind=kind).first()


def level_of(scope: str, kind: str) -> str:
    """``firm``, ``account`` or ``strategy``. Raises RequestError: nobody keeps such a limit."""
    level = scope.partition(":")[0] if scope != FIRM else FIRM
    if level not in ENFORCED or (level != FIRM and not scope.partition(":")[2]):
        raise RequestError("scope", f"{scope!r} is none of firm, account:NAME, strategy:KEY")
    if kind not in ENFORCED[level]:
        raise RequestError("kind", f"on {scope} it must be one of {', '.join(ENFORCED[level])}")
    return level


def value_of(kind: str, given: Any) -> Decimal:
    """A limit's value from its text. Raises RequestError."""
    try:
        value = Decimal(given) if isinstance(given, str) else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite() or not 0 <= value < _HIGHEST:
        raise RequestError("value", f"must be a decimal number from 0 up, as text, not {given!r}")
    if int(value.normalize().as_tuple().exponent) < (0 if kind in WHOLE else _PLACES):
        places = "a whole number" if kind in WHOLE else "at most eight decimals"
        raise RequestError("value", f"must have {places}, not {given!r}")
    return value


def _named(subject: str) -> tuple[str, str]:
    scope, _, kind = part_of(subject, "limit").partition("/")
    if not scope or kind not in Limit.Kind.values:
        raise RequestError("subject", f"{subject!r} is not of the form limit:SCOPE/KIND")
    level_of(scope, kind)
    return scope, kind
