"""Limits in force: tightened at once by one person, raised by two.

Gateways read every limit with each reading, about every 80 ms, and judge an order by the newest
once more in the step that sends it: a lower limit holds for whatever has not left by then.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.asked import exact
from riskctl.approvals.engine import approval_request
from riskctl.approvals.limits import level_of, limit_row, value_of
from riskctl.approvals.recording import recorded, refusals_recorded
from riskctl.holds import OWN, RISK
from riskctl.models import Approval, Limit
from riskctl.rules import REQUIRED

APPROVAL = "limit-raise"


class LimitMovedError(NotAllowedError):
    """Somebody changed it since it was read."""

    def __init__(self, named: str, version: int, now: int) -> None:
        super().__init__(
            "limit-moved", f"{named} is at version {now}, not {version}: look at it again"
        )


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of it: the limit in force, or the ``asked`` that a second person decides."""

    limit: Limit | None
    asked: Approval | None = None


def limit_change(
    *, scope: str, kind: str, value: Any, actor: Actor, reason: str, version: int | None = None
) -> Changed:
    """Lower a limit at once, or ask for a higher one.

    ``value``: a decimal as text; ``version``: as it was read, where the caller knows it. Raises
    RequestError, NotAllowedError (LimitMovedError among them).
    """
    wanted = value_of(kind, value)
    level_of(scope, kind)
    row = limit_row(scope, kind)
    _check_version(row, scope, kind, version)
    if _raises(row, scope, kind, wanted):
        request = {"value": exact(wanted)}
        subject = f"limit:{scope}/{kind}"
        asked = approval_request(
            kind=APPROVAL, subject=subject, request=request, actor=actor, reason=reason
        )
        return Changed(row, asked)
    tightened = limit_tighten(
        scope=scope, kind=kind, value=value, actor=actor, reason=reason, version=version
    )
    return Changed(tightened)


def limit_tighten(
    *, scope: str, kind: str, value: Any, actor: Actor, reason: str = "", version: int | None = None
) -> Limit:
    """Lower a limit at once, alone and without a second factor: by risk, or the strategy's trader.

    Setting one that nothing rests on yet tightens as well. The same value again changes nothing.
    Raises NotAllowedError (limit-not-yours, limit-loosens, limit-moved) and RequestError.
    """
    wanted, named = value_of(kind, value), f"{scope}/{kind}"
    level_of(scope, kind)
    with (
        refusals_recorded("limit.tighten", actor, ("limit", named), reason),
        transaction.atomic(),
    ):
        if actor.kind != "person" or not actor.standings(scope) & {RISK, OWN}:
            raise NotAllowedError("limit-not-yours", "risk or its own trader lower a limit")
        row = limit_row(scope, kind, lock=True)
        _check_version(row, scope, kind, version)
        if _raises(row, scope, kind, wanted):
            raise NotAllowedError(
                "limit-loosens", f"this would raise {named}: ask for it, which takes two people"
            )
        if row is not None and row.value == wanted:
            return row
        before = None if row is None else body_of(row)
        row = row or Limit(scope=scope, kind=kind, version=0)
        row.value, row.version, row.changed_by = wanted, row.version + 1, actor.name
        row.save()
        recorded(
            "limit.tighten", actor, ("limit", named), reason=reason, before=before,
            after=body_of(row),
        )  # fmt: skip
        return row


def body_of(row: Limit) -> dict[str, Any]:
    """As the record has it."""
    return {"value": exact(row.value), "version": row.version, "changed_by": row.changed_by}


def _raises(row: Limit | None, scope: str, kind: str, wanted: Decimal) -> bool:
    """Whether more would be let through: one that trading waits for opens it when it is set."""
    if row is None:
        return kind in REQUIRED[level_of(scope, kind)]
    return wanted > row.value


def _check_version(row: Limit | None, scope: str, kind: str, version: int | None) -> None:
    now = row.version if row else 0
    if version is not None and version != now:
        raise LimitMovedError(f"{scope}/{kind}", version, now)


def limits_read(scope: str = "") -> list[Limit]:
    """Limits in force, by scope and kind. Raises django.db.Error."""
    rows = Limit.objects.order_by("scope", "kind")
    return list(rows.filter(scope=scope) if scope else rows)
