"""Conditions of lifting that the brakes' own records answer: breaker and dead man."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from riskctl.approvals.recording import database_now
from riskctl.conditions import Condition
from riskctl.holds import HoldFact
from riskctl.models import DeadMan, Hold, TriggerFiring, TriggerSetting
from riskctl.triggers.specs import SPECS

BREAKER_S = 300
"""How long a breaker holds that no trigger of the table placed."""

SETTLE_S = 10
"""A trigger still in breach fires again when its cool-down is over, and is recorded soon after:
before that nothing can be said to be clear."""


def breaker_conditions(
    hold: HoldFact, _request: Mapping[str, Any], _asked_in: Mapping[str, Any]
) -> list[Condition]:
    """Its time is over, and what tripped it has not been in breach for as long.

    A breaker whose firing was never written (no database then) goes by the name that placed it.
    """
    now = database_now()
    trigger, scope = tripped_by(hold)
    wait_s = _cooldown_s(trigger) + SETTLE_S
    return [_time_over(hold, wait_s, now), _clear(trigger, scope, wait_s, now)]


def tripped_by(hold: HoldFact) -> tuple[str, str]:
    """The trigger and scope that placed it, or the name of who did."""
    firing = TriggerFiring.objects.filter(hold=hold.id).order_by("happened_at").first()
    return (firing.trigger, firing.scope) if firing else (hold.placed_by, hold.scope)


def _cooldown_s(trigger: str) -> int:
    setting = TriggerSetting.objects.filter(name=trigger).first()
    if setting is not None:
        return setting.cooldown_s
    return SPECS[trigger].cooldown_s if trigger in SPECS else BREAKER_S


def _time_over(hold: HoldFact, wait_s: int, now: dt.datetime) -> Condition:
    placed = Hold.objects.get(id=hold.id).placed_at
    until = placed + dt.timedelta(seconds=wait_s)
    met = now >= until
    text = f"its {wait_s} s are over" if met else f"wait until {until:%H:%M:%S} UTC ({wait_s} s)"
    return Condition("time over", met, text, {"placed_at": placed, "until": until})


def _clear(trigger: str, scope: str, wait_s: int, now: dt.datetime) -> Condition:
    since = now - dt.timedelta(seconds=wait_s)
    latest = (
        TriggerFiring.objects.filter(
            trigger=trigger, scope=scope, level="breach", happened_at__gt=since
        )
        .order_by("-happened_at")
        .first()
    )
    evidence: dict[str, Any] = {"trigger": trigger, "since": since}
    if latest is None:
        return Condition("condition clear", True, f"{trigger}: no breach for {wait_s} s", evidence)
    evidence |= {
        "value": latest.value, "threshold": latest.threshold, "at": latest.happened_at,
    }  # fmt: skip
    text = f"{trigger} was in breach at {latest.happened_at:%H:%M:%S} UTC: mend the cause first"
    return Condition("condition clear", False, text, evidence)


def dead_man_conditions(
    hold: HoldFact, _request: Mapping[str, Any], _asked_in: Mapping[str, Any]
) -> list[Condition]:
    """A person has confirmed since that somebody watches."""
    placed = Hold.objects.get(id=hold.id).placed_at
    switch = DeadMan.objects.filter(id=1).first()
    evidence: dict[str, Any] = {"placed_at": placed}
    if switch is None or switch.confirmed_at <= placed:
        return [Condition("confirmed", False, "confirm the dead man's switch first", evidence)]
    evidence |= {"confirmed_by": switch.confirmed_by, "confirmed_at": switch.confirmed_at}
    text = f"{switch.confirmed_by} confirmed at {switch.confirmed_at:%H:%M:%S} UTC"
    return [Condition("confirmed", True, text, evidence)]
