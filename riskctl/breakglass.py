"""Break-glass, for a firm with one person awake: what else takes two, done by one, for a while.

It is off unless two people gave leave beforehand: to named people, for named strategies, for twelve
hours at most. Whoever uses it is of risk, with a fresh second factor, and every precondition of
lifting a kill is proven as ever, but for the second person. The strategy comes back on the rung
ramp at most, at a quarter of its size and limits at most. Everybody sees it, and unless another
person keeps it lifted within four hours, the hold returns by itself.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import structlog
from django.db import transaction

from audit.canonical import plain
from riskctl.actors import Actor, NotAllowedError, system_actor
from riskctl.approvals.deciding import check_is_person, check_stepped_up, roles_refused
from riskctl.approvals.kinds import KINDS, RequestError, state_of
from riskctl.approvals.recording import database_now, recorded, refusals_recorded
from riskctl.approvals.rules import digest_of
from riskctl.glass import WAITED_FOR, leave_for
from riskctl.holds import COMPLIANCE, RISK, SRE, HoldFact, Kind
from riskctl.ladder import ramp_factor
from riskctl.lifting import APPROVAL as LIFT
from riskctl.lifting import Glass, Lifted, hold_lift
from riskctl.models import BreakGlass, BreakGlassUse, Hold, HoldLift, Stage
from riskctl.placing import hold_place
from riskctl.rungs import Rung
from riskctl.selectors import fact_of

log = structlog.get_logger(__name__)

USE = dt.timedelta(hours=4)
"""How long a use has until it must have been reviewed."""
FACTOR = Decimal("0.25")
"""Share of size and limits at most."""
REVIEWERS = frozenset({RISK, SRE, COMPLIANCE})
SYSTEM = system_actor("break-glass")
_HOLDS = uuid.UUID("5a0c1c52-6b7e-5e0b-9a43-2d8c1f0f7f11")


@dataclass(frozen=True, slots=True)
class Shown:
    """A kill as whoever would lift it alone sees it. ``digest``: of what the lift rests on.

    ``conditions``: without those that the use itself answers, by what it says.
    """

    hold: HoldFact
    digest: str
    conditions: list[Mapping[str, Any]]
    reenters: Mapping[str, str]
    leave: BreakGlass | None
    size_factor: Decimal


def breakglass_shown(*, hold_id: uuid.UUID, actor: Actor) -> Shown:
    """What using it would rest on now. Raises NotAllowedError, RequestError."""
    hold = _kill(hold_id)
    state = _state(hold, {})
    return Shown(
        hold=hold,
        digest=_digest(hold, state),
        conditions=[one for one in state["conditions"] if one["name"] not in _TO_WRITE],
        reenters=state["reenters"],
        leave=leave_for(actor.name, hold.scope),
        size_factor=size_factor(),
    )


def breakglass_use(
    *,
    hold_id: uuid.UUID,
    digest: str,
    actor: Actor,
    reason: str,
    root_cause: str,
    rollback: str,
) -> BreakGlassUse:
    """Lift a strategy's kill alone, under leave given beforehand.

    ``digest``: as shown (``breakglass_shown``). Raises NotAllowedError, RequestError and
    PreconditionError; nothing is done then.
    """
    with refusals_recorded("break-glass.use", actor, ("hold", str(hold_id)), reason):
        with transaction.atomic():
            row, done = _use(hold_id, digest, actor, (reason, root_cause, rollback))
        log.critical(
            "break-glass.used", scope=done.hold.scope, hold=done.hold.id, by=actor.name,
            review_by=str(row.until), use=str(row.id),
        )  # fmt: skip
        return row


def _use(
    hold_id: uuid.UUID, digest: str, actor: Actor, said: tuple[str, str, str]
) -> tuple[BreakGlassUse, Lifted]:
    check_is_person(actor, "break-glass")
    if RISK not in actor.roles:
        raise NotAllowedError("break-glass-not-your-role", "only a risk manager lifts a kill alone")
    check_stepped_up(actor, "break-glass")
    hold = _kill(hold_id, lock=True)
    leave = leave_for(actor.name, hold.scope)
    if leave is None:
        raise NotAllowedError(
            "break-glass-off", "two people have not given you leave for it beforehand: ask for the "
            "lift, which takes another person",
        )  # fmt: skip
    reason, root_cause, rollback = (_written(*one) for one in zip(_TEXTS, said, strict=True))
    request = {"hold": hold.id, "root_cause": root_cause, "rollback": rollback}
    state = _state(hold, request)
    if digest != _digest(hold, state):
        raise NotAllowedError(
            "break-glass-changed", "it is not as it was shown any more: look again"
        )
    now = database_now()
    with roles_refused():
        row = BreakGlassUse.objects.create(
            id=uuid.uuid4(), leave=leave, hold_id=hold.id, person=actor.name, reason=reason,
            root_cause=root_cause, rollback=rollback, size_factor=size_factor(), used_at=now,
            until=now + USE,
        )  # fmt: skip
    done = hold_lift(
        hold_id=hold_id, actor=actor, reason=reason, glass=Glass(row.id, request, state)
    )
    _reduce(done, row, actor)
    recorded(
        "break-glass.use",
        actor,
        ("hold", hold.id),
        reason=reason,
        correlation_id=str(row.id),
        after={
            "use": row.id, "leave": leave.id, "scope": hold.scope, "digest": digest,
            "rungs": dict(done.rungs), "size_factor": row.size_factor, "review_by": row.until,
            "root_cause": root_cause, "rollback": rollback,
        },
    )  # fmt: skip
    return row, done


_TEXTS = ("reason", "root_cause", "rollback")
_TO_WRITE = ("root cause", "rollback")


def _written(field: str, text: str) -> str:
    if not text.strip():
        raise RequestError(field, "write it down: a kill is not lifted without it")
    return text.strip()


def size_factor() -> Decimal:
    """The ramp's, and a quarter at most."""
    return min(ramp_factor(), FACTOR)


def _reduce(done: Lifted, use: BreakGlassUse, actor: Actor) -> None:
    """On the rung ramp, at the use's own factor."""
    on_ramp = [key for key, rung in done.rungs.items() if rung == Rung.RAMP]
    rows = Stage.objects.select_for_update().filter(strategy__in=on_ramp).order_by("strategy")
    for row in rows:
        if row.size_factor <= use.size_factor:
            continue
        before, row.size_factor = row.size_factor, use.size_factor
        row.save(update_fields=["size_factor"])
        recorded(
            "stage.reduce", actor, ("strategy", row.strategy), reason=use.reason,
            correlation_id=str(use.id), before={"size_factor": before},
            after={"size_factor": use.size_factor},
        )  # fmt: skip


def _kill(hold_id: uuid.UUID, *, lock: bool = False) -> HoldFact:
    rows = Hold.objects.select_for_update() if lock else Hold.objects.all()
    row = rows.filter(id=hold_id).first()
    if row is None:
        raise NotAllowedError("hold-unknown", f"there is no hold {hold_id}")
    lift = HoldLift.objects.filter(hold_id=hold_id).first()
    if lift is not None:
        raise NotAllowedError("hold-already-lifted", f"{lift.lifted_by} has lifted it already")
    hold = fact_of(row)
    if hold.kind is not Kind.KILL or not hold.scope.startswith("strategy:"):
        raise NotAllowedError(
            "break-glass-scope", f"never for a {hold.kind} on {hold.scope}: one strategy's kill"
        )
    return hold


def _state(hold: HoldFact, request: Mapping[str, Any]) -> dict[str, Any]:
    state: dict[str, Any] = plain(state_of(KINDS[LIFT], f"hold:{hold.id}", request))
    return state


def _digest(hold: HoldFact, state: Mapping[str, Any]) -> str:
    bound = {part: state.get(part) for part in sorted(KINDS[LIFT].binds)}
    return digest_of(kind="break-glass", subject=f"hold:{hold.id}", request={}, asked_in=bound)


# Review ---------------------------------------------------------------------------------------


def breakglass_keep(*, use_id: uuid.UUID, actor: Actor, reason: str) -> BreakGlassUse:
    """The second person agrees afterwards: the kill stays lifted. Raises NotAllowedError."""
    thing = ("break-glass", str(use_id))
    with refusals_recorded("break-glass.keep", actor, thing, reason), transaction.atomic():
        row = _waiting(use_id)
        check_is_person(actor, "break-glass")
        if not actor.roles & REVIEWERS:
            raise NotAllowedError("break-glass-not-your-role", "risk, SRE or compliance review it")
        if actor.name.casefold() == row.person.casefold():
            raise NotAllowedError("break-glass-own", "who used it cannot review it")
        check_stepped_up(actor, "break-glass")
        if not reason.strip():
            raise RequestError("reason", "say what you looked at")
        if database_now() >= row.until:
            raise NotAllowedError("break-glass-over", "its time is over: the hold returns")
        with roles_refused():
            _reviewed(row, BreakGlassUse.Verdict.KEPT, actor, reason)
        return row


def breakglass_return(
    *, use_id: uuid.UUID, actor: Actor, reason: str = "", place: Callable[..., Any] = hold_place
) -> BreakGlassUse:
    """Hold the strategy again now, as whoever may kill it may. Raises NotAllowedError."""
    with refusals_recorded("break-glass.return", actor, ("break-glass", str(use_id)), reason):
        row = _waiting(use_id, lock=False)
        why = reason.strip() or "no reason given"
        return _return(row, actor, f"break-glass of {row.person} not kept: {why}", place)


def breakglass_returns(
    *, now: dt.datetime | None = None, place: Callable[..., Any] = hold_place
) -> list[uuid.UUID]:
    """Hold again what nobody reviewed in time; ids of the uses. May run twice, places once.

    Raises django.db.Error, and what ``place`` raises.
    """
    moment = now or database_now()
    rows = BreakGlassUse.objects.filter(verdict=WAITED_FOR, until__lte=moment)
    found = list(rows.select_related("hold").order_by("until", "id"))
    for row in found:
        _return(row, SYSTEM, f"break-glass of {row.person} was not reviewed in time", place)
        log.critical("break-glass.returned", scope=row.hold.scope, by=row.person, use=str(row.id))
    return [row.id for row in found]


def _return(
    row: BreakGlassUse, actor: Actor, reason: str, place: Callable[..., Any]
) -> BreakGlassUse:
    """Placed first, then noted: a hold too many is harmless, one too few is not."""
    ident = uuid.uuid5(_HOLDS, str(row.id))
    place(scope=row.hold.scope, kind=Kind.KILL, actor=actor, reason=reason, hold_id=ident)
    with transaction.atomic():
        row = BreakGlassUse.objects.select_for_update(of=("self",)).get(id=row.id)
        if row.verdict == WAITED_FOR:
            row.returned = ident
            _reviewed(row, BreakGlassUse.Verdict.RETURNED, actor, reason)
    return row


def _waiting(use_id: uuid.UUID, *, lock: bool = True) -> BreakGlassUse:
    rows = BreakGlassUse.objects.select_related("hold")
    rows = rows.select_for_update(of=("self",)) if lock else rows
    row = rows.filter(id=use_id).first()
    if row is None:
        raise NotAllowedError("break-glass-unknown", f"there is no use {use_id}")
    if row.verdict != WAITED_FOR:
        raise NotAllowedError("break-glass-reviewed", f"{row.reviewed_by} has reviewed it already")
    return row


def _reviewed(
    row: BreakGlassUse, verdict: BreakGlassUse.Verdict, actor: Actor, reason: str
) -> None:
    row.verdict, row.reviewed_by, row.review = verdict, actor.name, reason
    row.reviewed_at = database_now()
    row.save(update_fields=["verdict", "reviewed_by", "reviewed_at", "review", "returned"])
    recorded(
        f"break-glass.{'keep' if verdict == BreakGlassUse.Verdict.KEPT else 'return'}",
        actor,
        ("break-glass", str(row.id)),
        reason=reason,
        correlation_id=str(row.id),
        before={"verdict": ""},
        after={"verdict": str(verdict), "person": row.person, "returned": row.returned},
    )
