"""On which rung strategies stand again once a hold is lifted."""

from collections.abc import Mapping

from django.db.models import QuerySet

from riskctl.actors import Actor
from riskctl.approvals.recording import database_now
from riskctl.holds import RULES, HoldFact
from riskctl.ladder import ladder_bounds, stage_set
from riskctl.models import Approval, Hold, Stage
from riskctl.rungs import Rung, conditions_of, reentry
from trading.gates.standing import lasting_unmet
from trading.models import Strategy
from trading.resume.evidence import measure
from trading.resume.scope import covered
from trading.resume.vitals import Vitals, vitals_read

CONDITIONS = "conditions"
"""The rule's word for: as high as what is measured allows."""


def plan(hold: HoldFact) -> dict[str, Rung]:
    """Where each strategy in the hold's scope would stand if it were lifted now, by key.

    Empty for a kind that leaves them where they are. One on no rung stays on none.
    """
    rule = RULES[hold.kind].rung
    return _planned(hold, rule, Stage.objects.all()) if rule else {}


def strategies_reenter(
    *, hold: HoldFact, rung: str, approval: Approval | None, actor: Actor
) -> dict[str, str]:
    """Put each strategy where the lift of ``hold`` lets it stand; in the caller's transaction.

    Never higher than the two people were shown.
    """
    shown: Mapping[str, str] = approval.asked_in.get("reenters", {}) if approval else {}
    stands: dict[str, str] = {}
    rows = Stage.objects.select_for_update()
    for key, measured in _planned(hold, rung, rows).items():
        to = measured
        if approval is not None:
            to = min(to, Rung(shown.get(key, Rung.MONITOR)), key=lambda one: one.height)
        stage_set(
            strategy=key,
            rung=to,
            actor=actor,
            reason=f"{hold.kind} on {hold.scope} lifted",
            correlation_id=str(approval.id) if approval else hold.id,
        )
        stands[key] = str(to)
    return stands


def _planned(hold: HoldFact, rule: str, stages: QuerySet[Stage]) -> dict[str, Rung]:
    strategies = {one.key: one for one in covered(hold.scope).strategies}
    vitals = vitals_read() if rule == CONDITIONS else Vitals()
    rows = stages.filter(strategy__in=strategies).order_by("strategy")
    return {row.strategy: _one(strategies[row.strategy], row, hold, rule, vitals) for row in rows}


def _one(strategy: Strategy, row: Stage, hold: HoldFact, rule: str, vitals: Vitals) -> Rung:
    """Signals are measured since the hold, or since the rung monitor was taken under it."""
    stands, placed = Rung(row.rung), Hold.objects.get(id=hold.id).placed_at
    moved = row.since > placed
    highest = Rung.RAMP if rule == CONDITIONS else Rung(rule)
    if lasting_unmet(strategy):
        highest = min(highest, Rung.PAPER, key=lambda one: one.height)
    met = {Rung.MONITOR: False, Rung.PAPER: False}
    bounds, now = ladder_bounds(), database_now()
    for rung in met if rule == CONDITIONS else ():
        if rung is Rung.PAPER and stands is not rung:
            continue
        since = row.since if moved and stands is rung else placed
        seen = measure(strategy, rung, since=since, now=now, bounds=bounds[rung], vitals=vitals)
        met[rung] = all(one.met for one in conditions_of(rung, seen, bounds[rung]))
    return reentry(
        stands=stands,
        moved_under_hold=moved,
        monitor_met=met[Rung.MONITOR],
        paper_met=met[Rung.PAPER],
        highest=highest,
    )
