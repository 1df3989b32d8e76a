"""The dead man's switch: a person says now and then that somebody watches.

120 minutes after the last confirmation the watchdog places a hold of kind ``dead-man`` on the firm;
30 minutes before, it warns. Times are the database's. Confirming lifts nothing. The evaluation is
that of the trigger ``dead-man`` (riskctl.triggers), so its value and distance are published too.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from audit.record import record
from riskctl.actors import Actor, NotAllowedError, system_actor
from riskctl.models import DeadMan
from riskctl.triggers.config import EMERGENCY_STOP_CONFIG, Environment
from riskctl.triggers.settings import database_now, triggers_in_force
from riskctl.triggers.specs import DEAD_MAN


@dataclass(frozen=True, slots=True)
class DeadManState:
    """``state``: armed, warning, expired, off, or never (nobody has ever confirmed)."""

    state: str
    enabled: bool
    confirmed_at: dt.datetime | None
    confirmed_by: str
    warns_at: dt.datetime | None
    expires_at: dt.datetime | None
    remaining_s: int | None

    def body(self) -> dict[str, Any]:
        """For REST and pages."""
        return {
            "state": self.state,
            "enabled": self.enabled,
            "confirmed_at": self.confirmed_at,
            "confirmed_by": self.confirmed_by,
            "warns_at": self.warns_at,
            "expires_at": self.expires_at,
            "remaining_s": self.remaining_s,
        }


NEVER = DeadManState("never", True, None, "", None, None, None)


def judged(
    *,
    confirmed_at: dt.datetime,
    confirmed_by: str,
    enabled: bool,
    now: dt.datetime,
    timeout_min: Decimal,
    warn_at: Decimal,
) -> DeadManState:
    """The state at ``now``; ``warn_at`` is the share of the time from which it warns. Pure."""
    timeout = dt.timedelta(seconds=float(timeout_min * 60))
    expires, warns = confirmed_at + timeout, confirmed_at + timeout * float(warn_at)
    remaining = max(0, int((expires - now).total_seconds()))
    if not enabled:
        return DeadManState("off", False, confirmed_at, confirmed_by, None, None, None)
    state = "expired" if now >= expires else "warning" if now >= warns else "armed"
    return DeadManState(state, True, confirmed_at, confirmed_by, warns, expires, remaining)


def deadman_state() -> DeadManState:
    """As known to the database now. Raises db.Error."""
    row = DeadMan.objects.filter(id=1).first()
    return NEVER if row is None else _state(row)


def deadman_confirm(*, actor: Actor) -> DeadManState:
    """Somebody watches. Only a person with a second factor can say so; it lifts no hold.

    Raises NotAllowedError.
    """
    if actor.kind != "person" or actor.factor_age_s is None:
        raise NotAllowedError(
            "deadman-needs-person",
            "only a person signed in with a second factor can say that somebody watches",
        )
    return _confirm(actor)


def deadman_prepare(*, confirmed_by: str) -> DeadManState:
    """Starting a demo desk counts as a confirmation: whoever starts it sits in front of it."""
    return _confirm(system_actor(confirmed_by))


def _confirm(actor: Actor) -> DeadManState:
    with transaction.atomic():
        row = DeadMan.objects.select_for_update().filter(id=1).first()
        before = None if row is None else _named(row)
        row, _ = DeadMan.objects.update_or_create(
            id=1,
            defaults={"confirmed_at": database_now(), "confirmed_by": actor.name},
            create_defaults={
                "confirmed_at": database_now(),
                "confirmed_by": actor.name,
                "enabled": EMERGENCY_STOP_CONFIG["dead_mans_switch"]["enabled"],
            },
        )
        record(
            action="deadman.confirm",
            actor_kind=actor.kind,
            actor=actor.name,
            on_behalf_of=actor.on_behalf_of,
            object_kind="deadman",
            object_id="1",
            source=actor.source,
            request_id=actor.request_id,
            before=before,
            after=_named(row),
        )
        return _state(row)


def _named(row: DeadMan) -> dict[str, Any]:
    return {"confirmed_at": row.confirmed_at, "confirmed_by": row.confirmed_by}


def _state(row: DeadMan) -> DeadManState:
    setting = triggers_in_force(Environment()).settings[DEAD_MAN]
    return judged(
        confirmed_at=row.confirmed_at,
        confirmed_by=row.confirmed_by,
        enabled=row.enabled,
        now=database_now(),
        timeout_min=setting.threshold,
        warn_at=setting.warn_at,
    )
