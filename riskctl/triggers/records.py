"""Writing down what fired: a row and an entry of the record, with the time it happened."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from audit.record import record
from riskctl.models import TriggerFiring
from riskctl.triggers.evaluate import WARNING, Firing


@dataclass(frozen=True, slots=True)
class Fired:
    """A firing and what came of it. ``failed``: why its hold could not be placed."""

    firing: Firing
    hold: uuid.UUID | None = None
    failed: str = ""
    outcome: str = ""


@transaction.atomic
def fired_save(*, fired: Sequence[Fired]) -> None:
    """Each once, however often it is tried. Raises db.Error."""
    TriggerFiring.objects.bulk_create([_row(one) for one in fired], ignore_conflicts=True)
    for one in fired:
        _note(one)


def _row(one: Fired) -> TriggerFiring:
    firing = one.firing
    return TriggerFiring(
        id=firing.id,
        trigger=firing.trigger,
        scope=firing.scope,
        level=firing.level,
        value=firing.value,
        threshold=firing.threshold,
        source=firing.source,
        shadow=firing.shadow,
        hold=one.hold,
        detail="; ".join(text for text in (firing.detail, one.outcome, one.failed) if text),
        happened_at=happened(firing),
    )


def _note(one: Fired) -> None:
    firing = one.firing
    record(
        id=firing.id,
        happened_at=happened(firing),
        action="trigger.warning" if firing.level == WARNING else "trigger.breach",
        outcome="failed" if one.failed else "done",
        actor_kind="trigger",
        actor=firing.trigger,
        object_kind="scope",
        object_id=firing.scope,
        reason=firing.reason,
        source=firing.source,
        correlation_id="" if one.hold is None else str(one.hold),
        after={
            "value": firing.value,
            "threshold": firing.threshold,
            "shadow": firing.shadow,
            "hold": None if one.hold is None else str(one.hold),
            "outcome": one.outcome,
            "failed": one.failed,
        },
    )


def happened(firing: Firing) -> dt.datetime:
    seconds, rest = divmod(firing.at.wall_ns, 1_000_000_000)
    return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=rest // 1000)
