"""Lifting one hold, by the rule of its kind. Nothing else ends a hold, and a lift ends no other.

Stopping waits for nobody; lifting is one transaction with its conditions measured inside: who may,
what must be true, the lift row, the rung on which strategies re-enter, and the audit entry.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.db import transaction
from django.utils.module_loading import import_string

from audit.canonical import plain
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.deciding import check_is_person, roles_refused
from riskctl.approvals.engine import approval_request
from riskctl.approvals.kinds import RequestError, part_of
from riskctl.approvals.recording import recorded, refusals_recorded
from riskctl.approvals.rules import State
from riskctl.conditions import Condition, require
from riskctl.holds import COMPLIANCE, OWN, RISK, RULES, TRADER, HoldFact, Kind, Rule
from riskctl.models import Approval, BreakGlassUse, Hold, HoldLift
from riskctl.selectors import fact_of

APPROVAL = "hold-lift"

Conditions = Callable[[HoldFact, Mapping[str, Any], Mapping[str, Any]], list[Condition]]
"""(hold, request, state it was asked in) -> every condition of lifting it, measured now."""

CHECKS: dict[Kind, str] = {
    Kind.KILL: "trading.resume.preconditions.kill_conditions",
    Kind.BREAKER: "trading.resume.preconditions.breaker_conditions",
    Kind.DEAD_MAN: "riskctl.lift_checks.dead_man_conditions",
    Kind.MAINTENANCE: "trading.resume.preconditions.maintenance_conditions",
    Kind.RECOVERY: "trading.resume.preconditions.recovery_conditions",
}
REENTRY = "trading.resume.reentry.strategies_reenter"
"""(hold, rule's rung, approval, actor) -> where each strategy in the scope stands now."""

PAIRS: dict[Kind, frozenset[str]] = {
    Kind.KILL: frozenset({RISK}),
    Kind.REGULATORY: frozenset({COMPLIANCE, RISK}),
}
"""Roles that the two people must bring between them, one person no more than one of them."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """What a lift did: ``rungs`` is where strategies re-entered, by key."""

    hold: HoldFact
    by: str
    second: str
    rungs: Mapping[str, str]

    def body(self) -> dict[str, Any]:
        return {
            "hold": self.hold.id,
            "scope": self.hold.scope,
            "kind": str(self.hold.kind),
            "lifted_by": self.by,
            "second": self.second,
            "rungs": dict(self.rungs),
        }


@dataclass(frozen=True, slots=True)
class Glass:
    """A ``use`` of leave that two people gave beforehand (riskctl.breakglass), in place of an
    approval; ``request`` and ``asked_in`` as an approval has them."""

    use: uuid.UUID
    request: Mapping[str, Any]
    asked_in: Mapping[str, Any]


def hold_lift(
    *,
    hold_id: uuid.UUID,
    actor: Actor,
    reason: str,
    approval: Approval | None = None,
    glass: Glass | None = None,
) -> Lifted:
    """Lift one hold. What takes two people takes the ``approval`` being executed right now, or
    the ``glass`` broken right now.

    Raises NotAllowedError (hold-unknown, hold-already-lifted, lift-tokens-cannot,
    lift-shells-cannot, lift-people-only, lift-not-your-role, lift-needs-step-up, lift-needs-two,
    lift-not-approved), RequestError (no reason), PreconditionError.
    """
    with (
        refusals_recorded("hold.lift", actor, ("hold", str(hold_id)), reason),
        transaction.atomic(),
    ):
        hold = _locked(hold_id)
        rule = RULES[hold.kind]
        if not reason.strip():
            raise RequestError("reason", "say why")
        _check_may(hold, rule, actor)
        second = _second(hold, rule, actor, approval, glass)
        behind = approval or glass
        asked = (behind.request, behind.asked_in) if behind else ({}, {})
        measured = require(lift_conditions(hold, *asked))
        with roles_refused():
            lift = HoldLift.objects.create(
                hold_id=hold.id,
                lifted_by=actor.name,
                second=second,
                reason=reason,
                approval=approval.id if approval else None,
            )
        rungs = _reentered(hold, rule, approval, actor)
        done = Lifted(hold, actor.name, second, rungs)
        _note(done, lift, actor, measured)
        return done


def lift_request(
    *,
    hold_id: uuid.UUID,
    actor: Actor,
    reason: str,
    root_cause: str = "",
    rollback: str = "",
    limits_approval: uuid.UUID | None = None,
) -> Approval:
    """Ask to lift a hold that takes two people.

    ``root_cause``: what went wrong; ``rollback``: how, and to which version, to go back should it
    go wrong again; both are asked for a kill. ``limits_approval``: the executed request by which
    limits were changed, if they were. Raises RequestError, NotAllowedError.
    """
    with refusals_recorded("hold.lift-request", actor, ("hold", str(hold_id)), reason):
        check_is_person(actor, "lift")
        hold = _open(hold_id)
    if RULES[hold.kind].people < 2:
        raise RequestError("hold_id", f"a {hold.kind} is lifted by one person: lift it")
    request: dict[str, Any] = {"hold": str(hold_id)}
    if hold.kind is Kind.KILL:
        for name, text in (("root_cause", root_cause), ("rollback", rollback)):
            if not text.strip():
                raise RequestError(name, "write it down: a kill is not lifted without it")
        request |= {"root_cause": root_cause.strip(), "rollback": rollback.strip()}
        if limits_approval is not None:
            request["limits_approval"] = str(limits_approval)
    return approval_request(
        kind=APPROVAL, subject=f"hold:{hold_id}", request=request, actor=actor, reason=reason
    )


def lift_check(subject: str, _request: Mapping[str, Any], actor: Actor) -> None:
    """Whether ``actor`` may ask for, or approve, this lift. Raises NotAllowedError."""
    hold = _open(hold_id_of(subject))
    rule = RULES[hold.kind]
    if rule.people < 2:
        raise RequestError("subject", f"a {hold.kind} is lifted by one person: lift it")
    _check_may(hold, rule, actor)


def lift_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """The executor of an approved lift. Raises as hold_lift does."""
    hold_id = hold_id_of(approval.subject)
    done = hold_lift(hold_id=hold_id, actor=actor, reason=approval.reason, approval=approval)
    return done.body()


def lift_conditions(
    hold: HoldFact, request: Mapping[str, Any], asked_in: Mapping[str, Any]
) -> list[Condition]:
    """Every condition of lifting ``hold``, measured now; none for a kind that has none.

    ``request`` and ``asked_in`` are those of the approval, empty for what one person lifts.
    """
    path = CHECKS.get(hold.kind)
    return cast(Conditions, import_string(path))(hold, request, asked_in) if path else []


def hold_id_of(subject: str) -> uuid.UUID:
    """The id in ``hold:ID``. Raises RequestError."""
    text = part_of(subject, "hold")
    try:
        return uuid.UUID(text)
    except ValueError:
        raise RequestError("subject", f"{text!r} is no hold's id") from None


def _open(hold_id: uuid.UUID, *, lock: bool = False) -> HoldFact:
    rows = Hold.objects.select_for_update() if lock else Hold.objects.all()
    row = rows.filter(id=hold_id).first()
    if row is None:
        raise NotAllowedError("hold-unknown", f"there is no hold {hold_id}")
    lift = HoldLift.objects.filter(hold_id=hold_id).first()
    if lift is not None:
        raise NotAllowedError("hold-already-lifted", f"{lift.lifted_by} has lifted it already")
    return fact_of(row)


def _locked(hold_id: uuid.UUID) -> HoldFact:
    return _open(hold_id, lock=True)


def _check_may(hold: HoldFact, rule: Rule, actor: Actor) -> None:
    check_is_person(actor, "lift")
    if not (_by_role(hold, rule, actor) or _by_placer(hold, rule, actor)):
        words = ", ".join(sorted(rule.lifted_by))
        placer = f", or {hold.placed_by} who placed it" if rule.placer_lifts else ""
        raise NotAllowedError("lift-not-your-role", f"a {hold.kind} is lifted by {words}{placer}")
    if rule.step_up and not actor.stepped_up:
        raise NotAllowedError(
            "lift-needs-step-up", "give your second factor again: it is over five minutes old"
        )


def _by_role(hold: HoldFact, rule: Rule, actor: Actor) -> bool:
    """A trader counts on a strategy's hold only for an own strategy."""
    standing = actor.standings(hold.scope) & rule.lifted_by
    if hold.scope.startswith("strategy:") and OWN not in actor.standings(hold.scope, back=True):
        standing -= {TRADER}
    return bool(standing)


def _by_placer(hold: HoldFact, rule: Rule, actor: Actor) -> bool:
    """Who placed it lifts it, while still in a role that may place it."""
    return (
        rule.placer_lifts
        and hold.actor_kind == "person"
        and hold.placed_by == actor.name
        and bool(actor.standings(hold.scope, back=True) & rule.placed_by)
    )


def _second(
    hold: HoldFact, rule: Rule, actor: Actor, approval: Approval | None, glass: Glass | None
) -> str:
    """The other person's name. Raises NotAllowedError unless the approval is of this very lift."""
    if rule.people < 2 or (glass is not None and _broken_for(hold, actor, glass)):
        return ""
    if approval is None:
        raise NotAllowedError("lift-needs-two", f"a {hold.kind} takes two people: ask for it")
    row = Approval.objects.select_for_update().filter(id=approval.id).first()
    if row is None or (row.kind, row.subject, row.state, row.decided_by) != (
        APPROVAL,
        f"hold:{hold.id}",
        State.EXECUTED,
        actor.name,
    ):
        raise NotAllowedError("lift-not-approved", "no such approval is being carried out by you")
    _check_pair(hold, frozenset(row.requester_roles), actor.roles)
    return row.requested_by


def _broken_for(hold: HoldFact, actor: Actor, glass: Glass) -> bool:
    """Whether this very person broke the glass for this very kill; the database looks as well."""
    used = BreakGlassUse.objects.filter(
        id=glass.use, hold_id=hold.id, person=actor.name, verdict=BreakGlassUse.Verdict.WAITED_FOR
    )
    return hold.kind is Kind.KILL and used.exists()


def _check_pair(hold: HoldFact, asked: frozenset[str], decides: frozenset[str]) -> None:
    needed = PAIRS.get(hold.kind, frozenset())
    covered = needed <= asked | decides
    each = len(needed) < 2 or (bool(needed & asked) and bool(needed & decides))
    if not (covered and each):
        words = " and ".join(sorted(needed))
        raise NotAllowedError("lift-needs-roles", f"the two people must bring the roles {words}")


def _reentered(
    hold: HoldFact, rule: Rule, approval: Approval | None, actor: Actor
) -> Mapping[str, str]:
    """Strategies in the scope on their rungs; nowhere else than before without a rule's rung."""
    if not rule.rung:
        return {}
    reenter = import_string(REENTRY)
    rungs = reenter(hold=hold, rung=rule.rung, approval=approval, actor=actor)
    return cast(Mapping[str, str], rungs)


def _note(done: Lifted, lift: HoldLift, actor: Actor, measured: list[Condition]) -> None:
    hold = done.hold
    recorded(
        "hold.lift",
        actor,
        ("hold", hold.id),
        reason=lift.reason,
        correlation_id=str(lift.approval or hold.id),
        before={"scope": hold.scope, "kind": str(hold.kind), "mode": str(hold.mode)},
        after={
            **done.body(),
            "approval": lift.approval,
            "conditions": plain([one.body() for one in measured]),
        },
    )
