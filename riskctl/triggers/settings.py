"""Changing triggers: tightening at once by risk, loosening and shadow mode by two people."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction

from audit.record import record
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.recording import refusals_recorded
from riskctl.holds import RISK
from riskctl.models import Approval, TriggerSetting
from riskctl.triggers.config import Environment
from riskctl.triggers.inforce import (
    FIELDS,
    InForce,
    Setting,
    SettingError,
    changed,
    default_of,
    in_force,
    loosened,
    spec_of,
)

SHADOW_HOURS = 24
"""Shadow mode ends by itself this long after it was approved, if not sooner."""

SHADOW_KIND = "triggers-shadow"


def trigger_tighten(
    *,
    name: str,
    actor: Actor,
    threshold: Any = None,
    confirmations: Any = None,
    cooldown_s: Any = None,
    warn_at: Any = None,
    shadow: Any = None,
    reason: str = "",
) -> TriggerSetting:
    """Make one trigger fire sooner, in force within a second. Alone, by risk, with a factor of any
    age. What is so already changes nothing.

    Raises NotAllowedError (no person of risk; or it would loosen, which takes two people) and
    SettingError (a value that cannot be, naming the field).
    """
    wanted = {
        "threshold": threshold,
        "confirmations": confirmations,
        "cooldown_s": cooldown_s,
        "warn_at": warn_at,
        "shadow": shadow,
    }
    with (
        refusals_recorded("trigger.tighten", actor, ("trigger", name), reason),
        transaction.atomic(),
    ):
        if RISK not in actor.roles or actor.kind != "person":
            raise NotAllowedError("trigger-not-allowed", "triggers are tightened by risk")
        before = _locked(name)
        after = changed(before, {key: one for key, one in wanted.items() if one is not None})
        looser = loosened(before, after)
        if looser:
            raise NotAllowedError(
                "trigger-loosens",
                f"{', '.join(looser)}: this would loosen {name}; ask for a trigger-relax, which"
                " takes two people",
            )
        row = TriggerSetting.objects.filter(name=name).first()
        if row is not None and after == before:
            return row
        return _save(before, after, actor, reason=reason, action="trigger.tighten")


def trigger_relax_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """Executor of ``trigger-relax``: subject ``trigger:NAME``, request the fields to change.

    Raises NotAllowedError when the setting cannot be what was asked for.
    """
    head, _, name = approval.subject.partition(":")
    if head != "trigger":
        raise NotAllowedError(
            "trigger-unknown", f"subject: {approval.subject!r} is no trigger:NAME"
        )
    request = {key: one for key, one in approval.request.items() if key in FIELDS}
    with transaction.atomic():
        try:
            before = _locked(name)
            after = changed(before, request)
        except SettingError as error:
            raise NotAllowedError("trigger-setting", str(error)) from error
        _save(
            before, after, actor, reason=approval.reason, action="trigger.relax", approval=approval
        )
    return {"before": before.body(), "after": after.body()}


def triggers_shadow_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """Executor of ``triggers-shadow``: from now on EMERGENCY_STOP_ENABLED=false means shadow mode.

    Request: ``hours``, a whole number up to 24 (default 24), after which it ends by itself.
    Raises NotAllowedError.
    """
    hours = approval.request.get("hours", SHADOW_HOURS)
    if isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours <= SHADOW_HOURS:
        raise NotAllowedError(
            "trigger-setting", f"hours: must be a whole number from 1 to {SHADOW_HOURS}"
        )
    until = database_now() + dt.timedelta(hours=hours)
    record(
        action="triggers.shadow",
        actor_kind=actor.kind,
        actor=actor.name,
        on_behalf_of=approval.requested_by,
        object_kind="triggers",
        object_id="all",
        reason=approval.reason,
        source=actor.source,
        request_id=actor.request_id,
        correlation_id=str(approval.id),
        before={"shadow_until": None},
        after={"shadow_until": until},
    )
    return {"shadow_until": until}


def shadow_approved() -> bool:
    """Whether two people have approved shadow mode and its time is not over. Raises db.Error."""
    row = (
        Approval.objects.filter(kind=SHADOW_KIND, state=Approval.State.EXECUTED)
        .order_by("-decided_at")
        .first()
    )
    if row is None or row.decided_at is None:
        return False
    hours = row.request.get("hours", SHADOW_HOURS)
    return bool(database_now() < row.decided_at + dt.timedelta(hours=int(hours)))


def settings_decided() -> list[Setting]:
    """What people have set, by name. Raises db.Error."""
    return [setting_of(row) for row in TriggerSetting.objects.order_by("name")]


def triggers_in_force(environment: Environment) -> InForce:
    """What triggers are judged by now. Raises db.Error."""
    return in_force(settings_decided(), environment, shadow_approved=shadow_approved())


def setting_of(row: TriggerSetting) -> Setting:
    return Setting(
        name=row.name,
        threshold=row.threshold,
        confirmations=row.confirmations,
        cooldown_s=row.cooldown_s,
        warn_at=row.warn_at,
        window_s=row.window_s,
        shadow=row.shadow,
        version=row.version,
        origin="setting",
    )


def database_now() -> dt.datetime:
    """The database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    moment: dt.datetime = row[0]
    return moment


def _locked(name: str) -> Setting:
    """The setting decided or the default, held until the transaction ends. Raises SettingError."""
    spec = spec_of(name)
    with connection.cursor() as cursor:  # there may be no row yet to lock
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"trigger:{name}"])
    row = TriggerSetting.objects.filter(name=name).first()
    return default_of(spec) if row is None else setting_of(row)


def _save(
    before: Setting,
    after: Setting,
    actor: Actor,
    *,
    reason: str,
    action: str,
    approval: Approval | None = None,
) -> TriggerSetting:
    values = {**after.body(), "version": before.version + 1}
    row, _ = TriggerSetting.objects.update_or_create(
        name=after.name,
        defaults={**values, "changed_by": actor.name, "changed_at": database_now()},
    )
    record(
        action=action,
        actor_kind=actor.kind,
        actor=actor.name,
        on_behalf_of="" if approval is None else approval.requested_by,
        object_kind="trigger",
        object_id=after.name,
        reason=reason,
        source=actor.source,
        request_id=actor.request_id,
        correlation_id="" if approval is None else str(approval.id),
        before=before.body(),
        after=values,
    )
    return row
