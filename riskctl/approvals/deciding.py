"""Who may ask and who may decide. The database keeps the same rule of roles once more.

A person's roles are as the caller has proven them; the database looks at its own tables of people
(console/migrations/0009_approval_roles.py), so a role lost a moment ago counts for nothing there.
"""

import contextlib
from collections.abc import Callable, Iterator

from django.db import DatabaseError

from riskctl.actors import SHELL, Actor, NotAllowedError
from riskctl.approvals.kinds import ApprovalKind, RequestError, check_person, kind_of
from riskctl.approvals.recording import database_now
from riskctl.models import Approval

ROLES_STATE = "HL002"
"""SQLSTATE of the database's refusal for want of a role."""


def check_is_person(actor: Actor, what: str) -> None:
    """Raises NotAllowedError for tokens, shells and programs: starting is for people."""
    if actor.kind == "token" or actor.token_scopes:
        raise NotAllowedError(f"{what}-tokens-cannot", "a token may stop, never start or approve")
    if actor.source == "shell" or actor.name.startswith(SHELL):
        raise NotAllowedError(f"{what}-shells-cannot", "no shell starts trading: use the console")
    if actor.kind != "person":
        raise NotAllowedError(f"{what}-people-only", "only a person may do this")


def check_stepped_up(actor: Actor, what: str = "approval") -> None:
    """Raises NotAllowedError."""
    if not actor.stepped_up:
        raise NotAllowedError(
            f"{what}-needs-step-up", "give your second factor again: it is over five minutes old"
        )


def check_role(actor: Actor, rule: ApprovalKind) -> None:
    """Whether this is a person of a role that asks for and decides such requests."""
    check_is_person(actor, "approval")
    if not actor.roles & rule.roles:
        words = ", ".join(sorted(rule.roles))
        raise NotAllowedError("approval-not-your-role", f"this takes one of: {words}")


def check_decides(
    row: Approval, actor: Actor, requester_roles: frozenset[str] | None = None
) -> None:
    """Whether ``actor`` may approve ``row``, but for the second factor.

    ``requester_roles``: the requester's as proven now, where the caller knows them. Raises
    NotAllowedError, and what the kind's own check raises.
    """
    rule = kind_of(row.kind)
    check_role(actor, rule)
    if actor.name.casefold() == row.requested_by.casefold():
        raise NotAllowedError("approval-own-request", "who asked cannot approve: another person")
    asked_as = frozenset(row.requester_roles)
    if requester_roles is not None:
        asked_as &= requester_roles
    if not asked_as & rule.roles:
        raise NotAllowedError(
            "approval-requester-role", f"{row.requested_by} no longer has the role to ask for it"
        )
    if rule.needs and not rule.needs & (asked_as | actor.roles):
        words = " or ".join(sorted(rule.needs))
        raise NotAllowedError("approval-needs-role", f"one of the two must be {words}")
    check_person(rule, row.subject, row.request, actor)


def refusal_of(row: Approval, actor: Actor, requester_roles: frozenset[str] | None = None) -> str:
    """Why ``actor`` may not approve ``row``, in words; empty when nothing but a factor lacks."""
    try:
        check_decides(row, actor, requester_roles)
    except (NotAllowedError, RequestError) as error:
        return str(error)
    return ""


def waiting_for(
    actor: Actor, roles_of: Callable[[str], frozenset[str]] | None = None
) -> list[Approval]:
    """Pending requests that ``actor`` may decide, the first to expire first. Raises db.Error."""
    if actor.kind != "person" or not actor.roles:
        return []
    rows = Approval.objects.filter(
        state=Approval.State.PENDING, expires_at__gt=database_now()
    ).order_by("expires_at", "id")
    return [
        row
        for row in rows
        if not refusal_of(row, actor, roles_of(row.requested_by) if roles_of else None)
    ]


@contextlib.contextmanager
def roles_refused() -> Iterator[None]:
    """The database's own refusal for want of a role, as NotAllowedError."""
    try:
        yield
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") != ROLES_STATE:
            raise
        text = str(error).splitlines()[0].partition(": ")[2]
        raise NotAllowedError("approval-role-lost", text) from error
