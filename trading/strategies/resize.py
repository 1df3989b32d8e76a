"""A strategy's size: within its limits by one person at once, beyond them with them by two.

The shard takes a new size with its next look at the rungs (trading.strategies.rungs), the gateway
new limits with its next reading; nothing is restarted. What is held is brought to the new size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.asked import check_as_asked, exact
from riskctl.approvals.engine import approval_request, check_is_person
from riskctl.approvals.kinds import RequestError, part_of
from riskctl.approvals.limits import limit_raise, limits_lock
from riskctl.approvals.recording import recorded, refusals_recorded
from riskctl.conditions import Condition, require
from riskctl.models import Approval, Limit
from riskctl.rules import (
    FIRM,
    GROSS_NOTIONAL,
    ORDER_NOTIONAL,
    POSITION_NOTIONAL,
    strategy_scope,
)
from trading.gates.raising import raise_conditions
from trading.models import Strategy

APPROVAL = "size-raise"
KINDS = (ORDER_NOTIONAL, POSITION_NOTIONAL, GROSS_NOTIONAL)
_CENT = Decimal("0.01")
_MOST = Decimal(10) ** 15


class BeyondLimitsError(RequestError):
    """The size takes higher limits than are in force; ``limits`` says which, by kind."""

    code = "size-beyond-limits"

    def __init__(self, limits: Mapping[str, Decimal]) -> None:
        words = ", ".join(f"{kind} {exact(value)}" for kind, value in limits.items())
        super().__init__("size", f"it takes higher limits, and so two people: {words}")
        self.limits = dict(limits)


@dataclass(frozen=True, slots=True)
class Sized:
    """``size`` and ``before`` in USD per symbol; ``version`` as it is now."""

    strategy: str
    before: Decimal
    size: Decimal
    version: int


def size_set(
    *, strategy: str, size: str, actor: Actor, reason: str = "", version: int | None = None
) -> Sized:
    """Set the size at once. Raising it asks for a fresh second factor, lowering it never does.

    ``version``: of the strategy as it was seen, None where that does not matter. Raises
    BeyondLimitsError, RequestError, NotAllowedError (size-not-yours, size-needs-step-up,
    size-version, size-tokens-cannot).
    """
    wanted = read_size(size)
    with (
        refusals_recorded("strategy.size", actor, ("strategy", strategy), reason),
        transaction.atomic(),
    ):
        _check_may(actor, strategy)
        row = _locked(strategy)
        if version is not None and version != row.version:
            raise NotAllowedError(
                "size-version", f"it is version {row.version} by now, not {version}: look again"
            )
        before = Decimal(row.size_notional)
        if wanted > before:
            if not actor.stepped_up:
                raise NotAllowedError(
                    "size-needs-step-up",
                    "give your second factor again: it is over five minutes old",
                )
            raised = limits_for(row, wanted)
            if raised:
                raise BeyondLimitsError(raised)
        return _set(row, wanted, actor, reason, approval=None)


def size_raise_request(*, strategy: str, size: str, actor: Actor, reason: str) -> Approval:
    """Ask for a size beyond the limits, and for the limits that it takes.

    Raises RequestError, NotAllowedError.
    """
    wanted = read_size(size)
    with refusals_recorded("strategy.size", actor, ("strategy", strategy), reason):
        _check_may(actor, strategy)
    row = _known(strategy)
    request = {
        "size": exact(wanted),
        "limits": {kind: exact(value) for kind, value in limits_for(row, wanted).items()},
    }
    return approval_request(
        kind=APPROVAL, subject=f"strategy:{strategy}", request=request, actor=actor, reason=reason
    )


def limits_for(row: Strategy, size: Decimal) -> dict[str, Decimal]:
    """The limits that ``size`` takes and that are lower now, by kind; empty when it fits.

    A position must fit, all its symbols together, and one order must be able to turn one over.
    Each is raised by the share that the size is, so that the room for moving prices stays.
    Raises RequestError when a limit is not set, or when the firm's own is too low.
    """
    limits = _limits(row.key)
    takes = _takes(size, len(row.symbols))
    firm = limits.get((FIRM, ORDER_NOTIONAL))
    if firm is None or takes[ORDER_NOTIONAL] > firm:
        have = "not set" if firm is None else exact(firm)
        raise RequestError("size", f"the firm's {ORDER_NOTIONAL} limit is {have}: raise it first")
    found: dict[str, Decimal] = {}
    for kind in KINDS:
        limit = limits.get((strategy_scope(row.key), kind))
        if limit is None:
            raise RequestError("size", f"{kind} is not set on {row.key}: set it first")
        if takes[kind] > limit:
            grown = (limit * size / row.size_notional).quantize(_CENT, ROUND_CEILING)
            found[kind] = max(grown, takes[kind])
    return found


def most_within(row: Strategy) -> Decimal | None:
    """The largest size that its limits and the firm's take; None while one is not set."""
    limits, unit = _limits(row.key), _takes(Decimal(1), len(row.symbols))
    scoped = [(FIRM, ORDER_NOTIONAL), *((strategy_scope(row.key), kind) for kind in KINDS)]
    if any(one not in limits for one in scoped):
        return None
    least = min(limits[one] / unit[one[1]] for one in scoped)
    return least.quantize(_CENT, ROUND_FLOOR)


def _takes(size: Decimal, symbols: int) -> dict[str, Decimal]:
    return {ORDER_NOTIONAL: size * 2, POSITION_NOTIONAL: size, GROSS_NOTIONAL: size * symbols}


# By two people ------------------------------------------------------------------------------------


def size_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``strategy:KEY``: its size, version and limits, and the conditions of raising its gross
    limit where they are asked. Raises RequestError."""
    row, (_, limits) = _known(part_of(subject, "strategy")), _said(request)
    state, conditions = _bound(row), _conditions(row, limits)
    return {**state, "conditions": [one.body() for one in conditions]} if conditions else state


def _bound(row: Strategy) -> dict[str, Any]:
    """What the request rests on."""
    limits = _limits(row.key)
    return {
        "size": exact(row.size_notional),
        "version": row.version,
        "limits": {
            kind: exact(limits[scope, kind])
            for scope, kind in sorted(limits)
            if scope == strategy_scope(row.key) and kind in KINDS
        },
    }


def _conditions(row: Strategy, limits: Mapping[str, Decimal]) -> list[Condition]:
    """A higher gross limit is a higher riskLimit, whatever it is asked for."""
    wanted = limits.get(GROSS_NOTIONAL)
    return [] if wanted is None else raise_conditions(row.key, row.account_ids, wanted)


def size_check(subject: str, request: Mapping[str, Any], actor: Actor) -> None:
    """Whether ``actor`` may ask for, or approve, this; whether it says what can be asked for."""
    _check_may(actor, part_of(subject, "strategy"))
    _said(request)


def size_raise_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """The executor: the limits that were asked for, then the size, if it fits them.

    Measured before anything is locked: whoever lowers the size meanwhile does not wait for it.
    """
    row = _known(part_of(approval.subject, "strategy"))
    size, limits = _asked(row, approval.request)
    measured = require(_conditions(row, limits))
    row, scope = _locked(row.key), strategy_scope(row.key)
    limits_lock(scope)
    check_as_asked(approval, **_bound(row))
    for kind, value in limits.items():
        limit_raise(scope=scope, kind=kind, value=value, approval=approval, actor=actor)
    missing = limits_for(row, size)
    if missing:
        raise BeyondLimitsError(missing)
    done = _set(row, size, actor, approval.reason, approval=approval)
    found = {
        "strategy": row.key,
        "before": exact(done.before),
        "size": exact(done.size),
        "limits": {kind: exact(value) for kind, value in limits.items()},
        "version": done.version,
    }
    return {**found, "conditions": [one.body() for one in measured]} if measured else found


def _said(request: Mapping[str, Any]) -> tuple[Decimal, dict[str, Decimal]]:
    """Size and limits. Raises RequestError."""
    size, given = read_size(request.get("size")), request.get("limits")
    if not isinstance(given, Mapping) or not given or not set(given) <= set(KINDS):
        raise RequestError("limits", f"name those to raise by kind, of {', '.join(KINDS)}")
    if set(request) - {"size", "limits"}:
        raise RequestError("request", "it says size and limits, and nothing else")
    return size, {kind: read_size(value, "limits") for kind, value in given.items()}


def _asked(row: Strategy, request: Mapping[str, Any]) -> tuple[Decimal, dict[str, Decimal]]:
    """What the request says: no limit that the size does not take, and no other than it takes."""
    size, wanted = _said(request)
    takes = limits_for(row, size)
    if wanted != takes:
        words = ", ".join(f"{kind} {exact(value)}" for kind, value in takes.items()) or "none"
        raise RequestError("limits", f"a size of {exact(size)} takes these, exactly: {words}")
    return size, wanted


# Parts --------------------------------------------------------------------------------------------


def read_size(given: Any, field: str = "size") -> Decimal:
    """A decimal above 0 with at most two decimals, as text. Raises RequestError."""
    try:
        value = Decimal(given) if isinstance(given, str) else Decimal(0)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not 0 < value < _MOST or value != value.quantize(_CENT):
        raise RequestError(
            field, "must be a decimal above 0 with two decimals at most, as text; to stop, pause"
        )
    return value


def _check_may(actor: Actor, strategy: str) -> None:
    check_is_person(actor, "size")
    if not actor.resizes_one(strategy):
        raise NotAllowedError(
            "size-not-yours", f"the size of {strategy[:60]} is set by its trader or by risk"
        )


def _known(strategy: str) -> Strategy:
    row = Strategy.objects.filter(key=strategy).first()
    if row is None:
        raise RequestError("strategy", f"there is no strategy {strategy[:60]!r}")
    return row


def _locked(strategy: str) -> Strategy:
    row = Strategy.objects.select_for_update().filter(key=strategy).first()
    if row is None:
        raise RequestError("strategy", f"there is no strategy {strategy[:60]!r}")
    return row


def _limits(strategy: str) -> dict[tuple[str, str], Decimal]:
    rows = Limit.objects.filter(scope__in=[FIRM, strategy_scope(strategy)])
    return {(row.scope, row.kind): row.value for row in rows}


def _set(
    row: Strategy, size: Decimal, actor: Actor, reason: str, *, approval: Approval | None
) -> Sized:
    before, version = Decimal(row.size_notional), row.version
    if size != before:
        row.size_notional, row.version = size, version + 1
        row.save(update_fields=["size_notional", "version"])
    recorded(
        "strategy.size", actor, ("strategy", row.key), reason=reason,
        correlation_id=str(approval.id) if approval else "",
        before={"size": exact(before), "version": version},
        after={
            "size": exact(size), "version": row.version,
            **({"approval": approval.id, "asked_by": approval.requested_by} if approval else {}),
        },
    )  # fmt: skip
    return Sized(row.key, before, size, row.version)
