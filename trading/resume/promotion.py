"""The measured conditions of one step up, and strategies that must come down by themselves."""

import datetime as dt
from dataclasses import dataclass

from riskctl.actors import system_actor
from riskctl.approvals.kinds import RequestError
from riskctl.approvals.recording import database_now
from riskctl.conditions import Condition
from riskctl.ladder import ladder_bounds, stage_demote
from riskctl.models import Stage
from riskctl.rungs import Fall, Rung, conditions_of, fall_of
from trading.gates.standing import REAL, gate_conditions, lasting_unmet
from trading.models import Strategy
from trading.resume.evidence import measure
from trading.resume.scope import holds_over
from trading.resume.vitals import vitals_read

LADDER = system_actor("ladder", kind="trigger")


@dataclass(frozen=True, slots=True)
class Fallen:
    """One strategy that was taken down."""

    strategy: str
    was: Rung
    fall: Fall


def promote_conditions(strategy: str, stands: Rung, to: Rung) -> list[Condition]:
    """Every condition of the step from ``stands`` to ``to``, measured now.

    Raises RequestError when there is no such strategy.
    """
    row = Strategy.objects.select_related("account").filter(key=strategy).first()
    if row is None:
        raise RequestError("strategy", f"there is no strategy {strategy}")
    vitals = vitals_read()
    found = [_unheld(row), *gate_conditions(row, vitals)] if to in REAL else []
    stage = Stage.objects.filter(strategy=strategy).first()
    if stands in (Rung.STOPPED, Rung.LIVE) or stage is None:
        return found
    bounds = ladder_bounds()[stands]
    seen = measure(row, stands, since=stage.since, now=database_now(), bounds=bounds, vitals=vitals)
    return [*conditions_of(stands, seen, bounds), *found]


def _unheld(strategy: Strategy) -> Condition:
    """The rungs below can be climbed under a hold; these cannot."""
    holds = holds_over([strategy], f"strategy:{strategy.key}")
    text = ", ".join(f"{one.kind} on {one.scope}" for one in holds) or "no hold lies on it"
    return Condition("holds", not holds, text, {"holds": [one.id for one in holds]})


def _gated(strategy: Strategy, rung: Rung) -> Fall | None:
    """Off real money where its gates no longer let it there."""
    unmet = lasting_unmet(strategy) if rung in REAL else []
    why = "; ".join(f"{one.name}: {one.text}" for one in unmet)
    return Fall(Rung.MONITOR, f"gates closed: {why}") if unmet else None


def stages_fall(*, now: dt.datetime | None = None) -> list[Fallen]:
    """Take down, at once, every strategy whose measures no longer allow its rung; those it took.

    For the watchdog or a schedule to call. Raises django.db.Error.
    """
    rungs = [str(Rung.PAPER), str(Rung.RAMP), str(Rung.LIVE)]
    rows = list(Stage.objects.filter(rung__in=rungs).order_by("strategy"))
    strategies = Strategy.objects.select_related("account").in_bulk([row.strategy for row in rows])
    vitals, moment = vitals_read(), now or database_now()
    fallen = []
    for row in rows:
        strategy, rung = strategies.get(row.strategy), Rung(row.rung)
        if strategy is None:
            continue
        bounds = ladder_bounds()[Rung.RAMP if rung is Rung.LIVE else rung]
        seen = measure(strategy, rung, since=row.since, now=moment, bounds=bounds, vitals=vitals)
        fall = _gated(strategy, rung) or fall_of(rung, seen, bounds)
        if fall is not None:
            stage_demote(strategy=row.strategy, to=fall.to, actor=LADDER, reason=fall.why)
            fallen.append(Fallen(row.strategy, rung, fall))
    return fallen
