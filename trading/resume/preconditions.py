"""What must be true when a hold is lifted, measured at that moment and shown with its evidence."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from redis import RedisError

from riskctl import lift_checks
from riskctl.approvals.rules import State
from riskctl.clock import NS, wall_ns
from riskctl.conditions import Condition
from riskctl.holds import HoldFact, Mode
from riskctl.models import Approval, Hold, Limit
from riskctl.rules import missing_limits
from riskctl.triggers.specs import SPECS
from riskctl.watchdog import NAME as WATCHDOG
from trading.models import Strategy, VenueAccount
from trading.reconciliation.selectors import reconciled_since
from trading.resume.scope import Covered, covered, holds_over
from trading.resume.versions import versions_of
from trading.resume.vitals import quick_redis, vitals_read
from trading.selectors import readiness
from trading.triggers.publishing import triggers_now

WATCHDOG_S = 3.0
JUDGED_NS = 5 * NS
"""An evaluation that was published longer ago than this is none."""

_GATEWAYS = """
SELECT account.name,
  coalesce(lease.expires_at > clock_timestamp() AND lease.holder <> '', false),
  coalesce(register.token = lease.token, false)
FROM unnest(%(accounts)s::text[]) AS account (name)
LEFT JOIN riskctl_lease AS lease ON lease.name = 'gateway:' || account.name
LEFT JOIN riskctl_gatewayregister AS register ON register.account = account.name
ORDER BY account.name
"""
_BEAT = """
SELECT extract(epoch FROM clock_timestamp() - at)::float8 FROM riskctl_heartbeat WHERE name = %s
"""


def kill_conditions(
    hold: HoldFact, request: Mapping[str, Any], asked_in: Mapping[str, Any]
) -> list[Condition]:
    """Of lifting a kill: FEATURES K4."""
    within = covered(hold.scope)
    return [
        _feeds(within.strategies),
        _reconciled(hold, within.accounts),
        _limits(within.strategies),
        _limits_approved(request),
        _pinned(within.strategies, asked_in),
        _written("rollback", request),
        _written("root_cause", request),
        _not_frozen(hold, within),
        _gateways(within.accounts),
    ]


def breaker_conditions(
    hold: HoldFact, request: Mapping[str, Any], asked_in: Mapping[str, Any]
) -> list[Condition]:
    """Of lifting a breaker: its time, no breach for as long, and somebody who looks at it now.

    One that a gateway placed for a fill nobody ordered asks for agreement with the venue instead.
    """
    found = lift_checks.breaker_conditions(hold, request, asked_in)
    trigger, scope = lift_checks.tripped_by(hold)
    if trigger in SPECS:
        return [*found, _judged_now(trigger, scope)]
    return [*found, _reconciled(hold, covered(hold.scope).accounts)]


def _judged_now(trigger: str, scope: str) -> Condition:
    """No breach in the record says nothing while nobody evaluates, or what is measured is unknown.

    A trigger that has nothing to measure while trading is stopped (answers, say) has no reading.
    """
    name, evidence = "judged now", {"trigger": trigger, "scope": scope}
    try:
        with quick_redis() as client:
            said = triggers_now(client)
    except RedisError as error:
        return Condition(name, False, f"Redis does not answer: {error}", evidence)
    oldest = wall_ns() - JUDGED_NS
    live = {one: body for one, body in said.items() if body and body["as_of_ns"] >= oldest}
    states = {
        source: str(one["state"])
        for source, body in live.items()
        for one in body["triggers"]
        if (one["name"], one["scope"]) == (trigger, scope)
    }
    wrong = [f"{trigger} is {state} for the {source}" for source, state in sorted(states.items())
             if state not in ("ok", "warning")]  # fmt: skip
    if not live:
        wrong = ["nobody evaluates triggers: neither the path nor the watchdog"]
    text = "; ".join(wrong) or f"evaluated by: {', '.join(sorted(live))}"
    return Condition(name, not wrong, text, {**evidence, "states": states})


def recovery_conditions(
    hold: HoldFact, _request: Mapping[str, Any], _asked_in: Mapping[str, Any]
) -> list[Condition]:
    """Of lifting the system's own hold after a loss: gateways are back, with their journals."""
    accounts = covered(hold.scope).accounts
    return [_gateways(accounts), _reconciled(hold, accounts)]


def maintenance_conditions(
    _hold: HoldFact, _request: Mapping[str, Any], _asked_in: Mapping[str, Any]
) -> list[Condition]:
    """Of lifting a maintenance hold: the desk is ready."""
    with quick_redis() as client:
        return [Condition(f"ready: {one.name}", one.ok, one.text) for one in readiness(client)]


def _feeds(strategies: Sequence[Strategy]) -> Condition:
    vitals = vitals_read()
    stale = sorted({symbol for one in strategies for symbol in vitals.stale(one.symbols)})
    evidence = {"feed": vitals.phase, "stale": stale, "ages": dict(sorted(vitals.ages.items()))}
    if vitals.why or (strategies and vitals.phase != "running"):
        return Condition("feeds", False, vitals.why or f"the feed is {vitals.phase}", evidence)
    text = f"no fresh price of {', '.join(stale)}" if stale else "prices are fresh"
    return Condition("feeds", not stale, text, evidence)


def _reconciled(hold: HoldFact, accounts: Sequence[VenueAccount]) -> Condition:
    placed = Hold.objects.get(id=hold.id).placed_at
    found = reconciled_since(moment=placed, accounts=[one.name for one in accounts])
    wrong = [f"{name}: {one.why}" for name, one in found.items() if not one.ok]
    evidence = {"since": placed, "accounts": {name: one.why or "ok" for name, one in found.items()}}
    text = "; ".join(wrong) or "each account agrees with its venue since the stop"
    return Condition("reconciled", not wrong, text, evidence)


def _limits(strategies: Sequence[Strategy]) -> Condition:
    limits = {(row.scope, row.kind): row.value for row in Limit.objects.all()}
    missing = [
        denial.text
        for one in strategies
        if (denial := missing_limits(limits, one.account_id, one.key)) is not None
    ]
    text = "; ".join(sorted(set(missing))) or "all are in force"
    return Condition("limits", not missing, text, {"missing": sorted(set(missing))})


def _limits_approved(request: Mapping[str, Any]) -> Condition:
    """Where limits were changed for the restart, by two people."""
    name, given = "limits approved", request.get("limits_approval")
    if given is None:
        return Condition(name, True, "no change of limits was named")
    try:
        row = Approval.objects.filter(id=uuid.UUID(str(given)), kind="limit-raise").first()
    except ValueError:
        row = None
    state = row.state if row else "not there"
    text = f"request {given} to change limits is {state}"
    return Condition(name, state == State.EXECUTED, text, {"approval": str(given), "state": state})


def _pinned(strategies: Sequence[Strategy], asked_in: Mapping[str, Any]) -> Condition:
    pinned, now = dict(asked_in.get("versions", {})), versions_of(strategies)
    moved = sorted({*pinned, *now} - {key for key in now if pinned.get(key) == now[key]})
    text = f"not the version asked for: {', '.join(moved)}" if moved else "as asked for"
    return Condition("version pinned", not moved, text, {"versions": now})


def _written(field: str, request: Mapping[str, Any]) -> Condition:
    text = str(request.get(field) or "").strip()
    name = field.replace("_", " ")
    found = text or f"write down the {name}"
    return Condition(name, bool(text), found, {"text": text})


def _not_frozen(hold: HoldFact, within: Covered) -> Condition:
    frozen = [
        one
        for one in holds_over(within.strategies, hold.scope)
        if one.mode is Mode.FROZEN and one.id != hold.id
    ]
    text = ", ".join(f"{one.kind} on {one.scope}" for one in frozen) or "nothing is frozen"
    return Condition("not frozen", not frozen, text, {"holds": [one.id for one in frozen]})


def _gateways(accounts: Sequence[VenueAccount]) -> Condition:
    """What a licence rests on, as the database has it: lease, register, heartbeat."""
    with connection.cursor() as cursor:
        cursor.execute(_GATEWAYS, {"accounts": [one.name for one in accounts]})
        rows = cursor.fetchall()
        cursor.execute(_BEAT, [WATCHDOG])
        beat = cursor.fetchone()
    wrong = []
    for account, leased, registered in rows:
        if not leased:
            wrong.append(f"no gateway holds the lease of {account}")
        elif not registered:
            wrong.append(f"the gateway of {account} has not registered")
    if beat is None or beat[0] > WATCHDOG_S:
        wrong.append("the watchdog's heartbeat is over 3 s old")
    evidence = {"accounts": [account for account, _, _ in rows], "wrong": wrong}
    return Condition("gateways licensed", not wrong, "; ".join(wrong) or "all are", evidence)
