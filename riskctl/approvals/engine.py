"""Two-person requests: asked, decided once, carried out in the transaction that decides.

A request is bound to a digest of what will be done and of the state it was asked in. Whoever
approves names the digest that was shown; when the parts of the state that the request rests on
have changed since, it is void. Every decision locks the request's row first, so of any number at
once one decides and the others find it decided.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from audit.canonical import plain
from riskctl.actors import Actor, NotAllowedError, system_actor
from riskctl.approvals.deciding import (
    check_decides,
    check_is_person,
    check_role,
    check_stepped_up,
    roles_refused,
)
from riskctl.approvals.kinds import (
    RequestError,
    check_person,
    executor_of,
    kind_of,
    state_of,
)
from riskctl.approvals.recording import database_now, recorded, refusals_recorded
from riskctl.approvals.rules import Event, State, changes, digest_of, next_state
from riskctl.models import Approval

__all__ = [
    "ApprovalVoidError",
    "approval_approve",
    "approval_reject",
    "approval_request",
    "approval_withdraw",
    "approvals_expire",
    "check_is_person",
]
_EXPIRY = system_actor("approvals")


class ApprovalVoidError(NotAllowedError):
    """The state it was asked in is not the state now; ``changed`` says what, in words."""

    def __init__(self, changed: Iterable[str]) -> None:
        self.changed = tuple(changed)
        super().__init__("approval-void", f"changed since it was asked: {'; '.join(self.changed)}")


def approval_request(
    *, kind: str, subject: str, request: Mapping[str, Any], actor: Actor, reason: str
) -> Approval:
    """Ask for something that takes two people.

    Raises RequestError (unknown kind or subject, a field that is missing), NotAllowedError.
    """
    rule = kind_of(kind)
    with refusals_recorded("approval.request", actor, ("approval", subject), reason):
        check_role(actor, rule)
        check_stepped_up(actor)
        check_person(rule, subject, request, actor)
        if not reason.strip():
            raise RequestError("reason", "say why")
        with transaction.atomic():
            now, wanted = database_now(), plain(request)
            asked_in = plain(state_of(rule, subject, wanted))
            row = Approval.objects.create(
                id=uuid.uuid4(),
                kind=kind,
                subject=subject,
                request=wanted,
                asked_in=asked_in,
                digest=digest_of(kind=kind, subject=subject, request=wanted, asked_in=asked_in),
                reason=reason,
                requested_by=actor.name,
                requester_roles=sorted(actor.roles),
                requested_at=now,
                expires_at=now + dt.timedelta(seconds=rule.ttl_s),
            )
            after = {**_named(row), "request": wanted, "asked_in": asked_in}
            _note("approval.request", row, actor, reason, after)
            return row


def approval_approve(
    *,
    approval_id: uuid.UUID,
    digest: str,
    actor: Actor,
    reason: str = "",
    requester_roles: frozenset[str] | None = None,
) -> Approval:
    """Approve and carry out, at once and once.

    ``digest`` is that of the request as it was shown. ``requester_roles``: the requester's as
    proven now, where the caller knows them; a role lost since then no longer counts.

    Raises NotAllowedError (ApprovalVoidError among them), RequestError, and PreconditionError: then
    nothing was done and the request stays pending.
    """
    with refusals_recorded("approval.approve", actor, ("approval", str(approval_id)), reason):
        with transaction.atomic():
            row = _locked(approval_id)
            _check_approver(row, digest, actor, requester_roles)
            refusal = _overdue(row) or _void(row)
            if refusal is None:
                _execute(row, actor, reason)
        if refusal is not None:  # after the commit: what ended the request stays
            raise refusal
        return row


def _check_approver(
    row: Approval, digest: str, actor: Actor, requester_roles: frozenset[str] | None
) -> None:
    check_decides(row, actor, requester_roles)
    check_stepped_up(actor)
    stored = digest_of(
        kind=row.kind, subject=row.subject, request=row.request, asked_in=row.asked_in
    )
    if stored != row.digest:
        raise NotAllowedError("approval-altered", "the stored request does not fit its digest")
    if digest != row.digest:
        raise NotAllowedError("approval-digest-differs", "another request was shown: look again")


def _void(row: Approval) -> NotAllowedError | None:
    rule = kind_of(row.kind)
    changed = changes(row.asked_in, plain(state_of(rule, row.subject, row.request)), rule.binds)
    if not changed:
        return None
    _end(row, Event.VOID, _EXPIRY, "; ".join(changed), database_now())
    return ApprovalVoidError(changed)


def _overdue(row: Approval) -> NotAllowedError | None:
    now = database_now()
    if now < row.expires_at:
        return None
    _end(row, Event.EXPIRE, _EXPIRY, "", now)
    return NotAllowedError("approval-expired", f"it expired at {row.expires_at:%H:%M:%S} UTC")


def _execute(row: Approval, actor: Actor, reason: str) -> None:
    """Decided before it is carried out: what executes may rest on the decided row.

    The database checks both people's roles as it takes the decision, and keeps them until the end.
    """
    with roles_refused():
        _decided(row, Event.APPROVE, actor, reason, database_now())
    result = plain(executor_of(kind_of(row.kind))(approval=row, actor=actor))
    row.result = result
    row.save(update_fields=["result"])
    _note("approval.execute", row, actor, reason, {**_named(row), "result": result})


def approval_reject(*, approval_id: uuid.UUID, actor: Actor, reason: str) -> Approval:
    """Say no. Asks for no second factor: what was stopped stays stopped. Raises NotAllowedError."""
    with (
        refusals_recorded("approval.reject", actor, ("approval", str(approval_id)), reason),
        transaction.atomic(),
    ):
        row = _locked(approval_id)
        check_role(actor, kind_of(row.kind))
        if actor.name.casefold() == row.requested_by.casefold():
            raise NotAllowedError("approval-own-request", "withdraw what you asked for yourself")
        return _end(row, Event.REJECT, actor, reason, database_now())


def approval_withdraw(*, approval_id: uuid.UUID, actor: Actor, reason: str = "") -> Approval:
    """Take back what one asked for oneself. Raises NotAllowedError."""
    with (
        refusals_recorded("approval.withdraw", actor, ("approval", str(approval_id)), reason),
        transaction.atomic(),
    ):
        row = _locked(approval_id)
        check_is_person(actor, "approval")
        if actor.name != row.requested_by:
            raise NotAllowedError("approval-not-yours", f"{row.requested_by} asked for it: reject")
        return _end(row, Event.WITHDRAW, actor, reason, database_now())


def approvals_expire(*, now: dt.datetime) -> list[uuid.UUID]:
    """End every pending request whose time is over by ``now``; their ids."""
    with transaction.atomic():
        rows = (
            Approval.objects.select_for_update(skip_locked=True)
            .filter(state=State.PENDING, expires_at__lte=now)
            .order_by("id")
        )
        return [_end(row, Event.EXPIRE, _EXPIRY, "", now).id for row in rows]


def _locked(approval_id: uuid.UUID) -> Approval:
    """The pending request, locked until the transaction ends. Raises NotAllowedError."""
    row = Approval.objects.select_for_update().filter(id=approval_id).first()
    if row is None:
        raise NotAllowedError("approval-unknown", f"there is no request {approval_id}")
    if row.state != State.PENDING:
        raise NotAllowedError("approval-decided", f"it is {row.state} already")
    return row


def _decided(row: Approval, event: Event, actor: Actor, reason: str, now: dt.datetime) -> None:
    state = next_state(State(row.state), event)
    if state is None:
        raise NotAllowedError("approval-decided", f"it is {row.state} already")
    row.state = state
    row.decided_by = actor.name
    row.decider_roles = sorted(actor.roles)
    row.decided_at = now
    row.decision_reason = reason
    row.save(
        update_fields=["state", "decided_by", "decider_roles", "decided_at", "decision_reason"]
    )


def _end(row: Approval, event: Event, actor: Actor, reason: str, now: dt.datetime) -> Approval:
    """Decide without carrying anything out."""
    _decided(row, event, actor, reason, now)
    _note(f"approval.{event}", row, actor, reason, _named(row))
    return row


def _named(row: Approval) -> dict[str, Any]:
    return {"kind": row.kind, "subject": row.subject, "digest": row.digest, "state": row.state}


def _note(action: str, row: Approval, actor: Actor, reason: str, after: Mapping[str, Any]) -> None:
    recorded(
        action,
        actor,
        ("approval", str(row.id)),
        reason=reason,
        correlation_id=str(row.id),
        after={**after, "asked_by": row.requested_by},
    )
