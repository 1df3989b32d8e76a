"""Maintenance holds for a later time: asked for by SRE, placed by the watchdog when due."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.db import transaction

from audit.record import record
from riskctl.actors import Actor, NotAllowedError
from riskctl.holds import SRE, Kind, check_scope
from riskctl.models import ScheduledHold
from riskctl.placing import hold_place
from riskctl.triggers.settings import database_now

log = structlog.get_logger(__name__)

LONGEST = dt.timedelta(days=366)
_HOLDS = uuid.UUID("3b5f0a0c-8f34-5c1b-9a55-1f6f0f4e9d17")
SOURCE = "schedule"


class ScheduleError(ValueError):
    """A time or an id that cannot be; ``field`` names what to mend."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field = field


def maintenance_schedule(
    *, scope: str, due_at: dt.datetime, reason: str, actor: Actor
) -> ScheduledHold:
    """Have ``scope`` held for maintenance from ``due_at`` on.

    Raises NotAllowedError (no SRE), riskctl.holds.ScopeError, ScheduleError (``due_at``).
    """
    _check(actor)
    check_scope(scope)
    if due_at.tzinfo is None:
        raise ScheduleError("due_at", "say its offset, e.g. 2026-11-30T18:00:00Z")
    with transaction.atomic():
        now = database_now()
        if not now < due_at <= now + LONGEST:
            raise ScheduleError("due_at", "must lie ahead, by a year at most")
        row = ScheduledHold.objects.create(
            id=uuid.uuid4(), scope=scope, due_at=due_at, reason=reason, asked_by=actor.name
        )
        _note("maintenance.schedule", row, actor, after=_named(row))
        return row


def maintenance_withdraw(*, scheduled_id: uuid.UUID, actor: Actor) -> ScheduledHold:
    """Take back what is not placed yet. A hold that was placed is lifted by its own rule.

    Raises NotAllowedError, ScheduleError (``id``: unknown, placed or withdrawn already).
    """
    _check(actor)
    with transaction.atomic():
        row = ScheduledHold.objects.select_for_update().filter(id=scheduled_id).first()
        if row is None:
            raise ScheduleError("id", f"no maintenance is scheduled under {scheduled_id}")
        if row.placed is not None:
            raise ScheduleError("id", f"it was placed as hold {row.placed}: lift that")
        if row.withdrawn_by:
            raise ScheduleError("id", f"{row.withdrawn_by} has withdrawn it already")
        before = _named(row)
        row.withdrawn_by = actor.name
        row.save(update_fields=["withdrawn_by"])
        _note("maintenance.withdraw", row, actor, before=before, after=_named(row))
        return row


def maintenance_place_due(*, place: Callable[..., Any] = hold_place) -> list[uuid.UUID]:
    """Place what is due by the database's clock; ids of the holds. May run twice, places once.

    Raises db.Error, and what ``place`` raises.
    """
    due = ScheduledHold.objects.filter(
        placed=None, withdrawn_by="", due_at__lte=database_now()
    ).order_by("due_at", "id")
    return [_place(row, place) for row in due]


def _place(row: ScheduledHold, place: Callable[..., Any]) -> uuid.UUID:
    ident = uuid.uuid5(_HOLDS, str(row.id))
    asker = Actor(kind="person", name=row.asked_by, roles=frozenset({SRE}), source=SOURCE)
    reason = f"scheduled for {row.due_at:%Y-%m-%d %H:%M:%S} UTC: {row.reason}"
    place(scope=row.scope, kind=Kind.MAINTENANCE, actor=asker, reason=reason, hold_id=ident)
    with transaction.atomic():
        placed = ScheduledHold.objects.filter(id=row.id, placed=None).update(placed=ident)
        if placed:
            _note("maintenance.place", row, asker, after={**_named(row), "placed": str(ident)})
    log.info("maintenance.placed", scope=row.scope, hold=str(ident), asked_by=row.asked_by)
    return ident


def _check(actor: Actor) -> None:
    if SRE not in actor.roles or actor.kind != "person":
        raise NotAllowedError("maintenance-not-allowed", "maintenance is scheduled by SRE")


def _named(row: ScheduledHold) -> dict[str, Any]:
    return {
        "scope": row.scope,
        "due_at": row.due_at,
        "reason": row.reason,
        "asked_by": row.asked_by,
        "withdrawn_by": row.withdrawn_by,
    }


def _note(
    action: str,
    row: ScheduledHold,
    actor: Actor,
    *,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
) -> None:
    record(
        action=action,
        actor_kind=actor.kind,
        actor=actor.name,
        on_behalf_of=actor.on_behalf_of,
        object_kind="maintenance",
        object_id=str(row.id),
        reason=row.reason,
        source=actor.source,
        request_id=actor.request_id,
        before=before,
        after=after,
    )
