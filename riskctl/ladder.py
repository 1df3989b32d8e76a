"""Moving strategies on the restart ladder: up a rung by two people, down at once by one."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from audit.canonical import plain
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.engine import approval_request
from riskctl.approvals.kinds import RequestError, part_of
from riskctl.approvals.recording import database_now, recorded, refusals_recorded
from riskctl.conditions import Condition, require
from riskctl.glass import glass_conditions
from riskctl.holds import OWN, RISK, SRE, SYSTEM
from riskctl.models import Approval, Stage
from riskctl.rungs import RAMP_FACTOR, Bounds, Rung, bounds_with, next_up

APPROVAL = "stage-promote"
EVIDENCE = "trading.resume.promotion.promote_conditions"
"""(strategy, from, to) -> every condition of that one step, measured now."""

MAY_DEMOTE = frozenset({OWN, RISK, SRE, SYSTEM})


def ladder_bounds() -> dict[Rung, Bounds]:
    """With the times of ``settings.LADDER_MINUTES``. Raises ValueError when they are unfit."""
    minutes = getattr(settings, "LADDER_MINUTES", {})
    return bounds_with({name: Decimal(str(value)) for name, value in minutes.items()})


def ramp_factor() -> Decimal:
    """``settings.LADDER_RAMP_FACTOR``, above 0 and at most 1. Raises ValueError."""
    factor = Decimal(str(getattr(settings, "LADDER_RAMP_FACTOR", RAMP_FACTOR)))
    if not 0 < factor <= 1:
        raise ValueError(f"LADDER_RAMP_FACTOR must be above 0 and at most 1, not {factor}")
    return factor


def stages_prepare(
    *, strategies: Iterable[str], rung: str = Rung.LIVE, entered_by: str
) -> list[str]:
    """Rows for strategies that have none, for a desk that is set up; the keys of those made.

    A strategy that has a rung keeps it.
    """
    with transaction.atomic():
        wanted = sorted(set(strategies))
        known = set(Stage.objects.filter(strategy__in=wanted).values_list("strategy", flat=True))
        made = [key for key in wanted if key not in known]
        for key in made:
            stage_set(
                strategy=key,
                rung=Rung(rung),
                actor=Actor(kind="process", name=entered_by),
                reason="set up",
            )
    return made


def stage_set(
    *,
    strategy: str,
    rung: Rung,
    actor: Actor,
    reason: str,
    factor: Decimal | None = None,
    correlation_id: str = "",
) -> Rung | None:
    """Put a strategy on ``rung``, in the caller's transaction; where it stood before.

    Not for faces: nothing is checked here. ``factor`` is for the rung ramp, by default the
    setting's. ``since`` moves only with the rung.
    """
    row = Stage.objects.select_for_update().filter(strategy=strategy).first()
    before = Rung(row.rung) if row else None
    if before is rung:
        return before
    factor = (factor or ramp_factor()) if rung is Rung.RAMP else Decimal(1)
    values = {
        "rung": str(rung),
        "size_factor": factor,
        "since": database_now(),
        "entered_by": actor.name,
        "reason": reason,
    }
    Stage.objects.update_or_create(strategy=strategy, defaults=values)
    recorded(
        "stage.enter",
        actor,
        ("strategy", strategy),
        reason=reason,
        correlation_id=correlation_id,
        before={"rung": before and str(before), "size_factor": row and row.size_factor},
        after={"rung": str(rung), "size_factor": factor},
    )
    return before


def stage_demote(*, strategy: str, to: str, actor: Actor, reason: str = "") -> Rung:
    """Down at once, by one person or by the system; where the strategy stands then.

    One that stands there or lower stays. Raises RequestError (no such rung), NotAllowedError.
    """
    rung = _rung(to)
    with (
        refusals_recorded("stage.demote", actor, ("strategy", strategy), reason),
        transaction.atomic(),
    ):
        if not actor.standings(f"strategy:{strategy}") & MAY_DEMOTE:
            raise NotAllowedError(
                "stage-not-your-role", "its trader, risk or SRE take a strategy down"
            )
        row = Stage.objects.select_for_update().filter(strategy=strategy).first()
        stands = Rung(row.rung) if row else Rung.STOPPED
        if rung.height >= stands.height:
            return stands
        why = reason.strip() or "no reason given"
        stage_set(strategy=strategy, rung=rung, actor=actor, reason=why)
        return rung


def stage_promote_request(*, strategy: str, to: str, actor: Actor, reason: str) -> Approval:
    """Ask for one rung up. Raises RequestError, NotAllowedError."""
    stands = stage_of(strategy)
    request = {"strategy": strategy, "from": str(stands), "to": str(_rung(to))}
    if request["to"] == Rung.RAMP:
        request["size_factor"] = format(ramp_factor(), "f")
    return approval_request(
        kind=APPROVAL, subject=f"strategy:{strategy}", request=request, actor=actor, reason=reason
    )


def promote_check(subject: str, request: Mapping[str, Any], actor: Actor) -> None:
    """Whether ``actor`` may ask for, or approve, this step, and whether it is one step."""
    part_of(subject, "strategy")
    if not actor.standings(subject, back=True) & {OWN, RISK, SRE}:
        raise NotAllowedError("stage-not-your-role", "its trader, risk or SRE may ask for this")
    _step(subject, request)


def promote_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """The executor: every condition measured now, then one rung up."""
    strategy, stands, to = _step(approval.subject, approval.request)
    row = Stage.objects.select_for_update().filter(strategy=strategy).first()
    if (Rung(row.rung) if row else Rung.STOPPED) is not stands:
        raise NotAllowedError("stage-moved", f"{strategy} is no longer on {stands}: ask again")
    measured = require(promote_conditions(strategy, stands, to))
    stage_set(
        strategy=strategy,
        rung=to,
        actor=actor,
        reason=approval.reason,
        factor=_factor(approval.request) if to is Rung.RAMP else None,
        correlation_id=str(approval.id),
    )
    conditions = plain([one.body() for one in measured])
    return {"strategy": strategy, "from": str(stands), "to": str(to), "conditions": conditions}


def promote_conditions(strategy: str, stands: Rung, to: Rung) -> list[Condition]:
    """Every condition of this one step, measured now."""
    measure = cast(Callable[[str, Rung, Rung], list[Condition]], import_string(EVIDENCE))
    return [*measure(strategy, stands, to), *glass_conditions(strategy)]


def stage_of(strategy: str) -> Rung:
    """Where it stands; without a row on the ground."""
    row = Stage.objects.filter(strategy=strategy).first()
    return Rung(row.rung) if row else Rung.STOPPED


def _step(subject: str, request: Mapping[str, Any]) -> tuple[str, Rung, Rung]:
    strategy = part_of(subject, "strategy")
    if request.get("strategy") != strategy:
        raise RequestError("strategy", f"the request must name {strategy}, its subject")
    stands, to = _rung(str(request.get("from"))), _rung(str(request.get("to")))
    above = next_up(stands)
    if above is not to:
        raise RequestError("to", f"one rung at a time: from {stands} to {above or 'nowhere'}")
    if to is Rung.RAMP:
        _factor(request)
    return strategy, stands, to


def _factor(request: Mapping[str, Any]) -> Decimal:
    """What was asked for, and never more than the setting allows now."""
    given = request.get("size_factor")
    try:
        factor = Decimal(given) if isinstance(given, str) else Decimal(0)
    except InvalidOperation:
        factor = Decimal(0)
    if not 0 < factor <= 1:
        raise RequestError("size_factor", f"must be above 0 and at most 1, as text, not {given!r}")
    return min(factor, ramp_factor())


def _rung(text: str) -> Rung:
    try:
        return Rung(text)
    except ValueError:
        raise RequestError("to", f"{text!r} is none of {', '.join(Rung)}") from None
