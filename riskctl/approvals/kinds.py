"""What takes two people, and who carries it out: a table of dotted paths, checked at start.

riskctl lies below what it asks for, so what an approval does is named, not imported.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from riskctl.actors import Actor
from riskctl.approvals.rules import TTL_S
from riskctl.holds import ADMIN, COMPLIANCE, RISK, SRE, TRADER
from riskctl.models import Approval


class Executor(Protocol):
    """Does what was approved, in the transaction that decides, and says what it did.

    Raises riskctl.conditions.PreconditionError or NotAllowedError to leave the request pending.
    """

    def __call__(self, *, approval: Approval, actor: Actor) -> Mapping[str, Any]: ...


Check = Callable[[str, Mapping[str, Any], Actor], None]
"""(subject, request, who). Raises NotAllowedError or RequestError."""

StateReader = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""(subject, request) -> the state that matters to it. Raises RequestError for no such subject."""


@dataclass(frozen=True, slots=True)
class ApprovalKind:
    """One kind of request. ``roles`` may ask and decide; one of the two must be of ``needs``."""

    execute: str
    state: str
    roles: frozenset[str]
    binds: frozenset[str]
    needs: frozenset[str] = frozenset({RISK})
    check: str = ""
    ttl_s: float = TTL_S


_ASKED = "riskctl.approvals.asked"
_RESUME = "trading.resume"

# The database keeps a rule of its own for each kind, and refuses what has none: a new kind's goes
# into console/migrations/0009_approval_roles.py (RULES), or a migration after it.
KINDS: dict[str, ApprovalKind] = {
    "hold-lift": ApprovalKind(
        execute="riskctl.lifting.lift_execute",
        state=f"{_RESUME}.asked.hold_state",
        roles=frozenset({TRADER, RISK, SRE, COMPLIANCE}),
        binds=frozenset({"quantities", "limits", "versions"}),
        check="riskctl.lifting.lift_check",
    ),
    "stage-promote": ApprovalKind(
        execute="riskctl.ladder.promote_execute",
        state=f"{_RESUME}.asked.stage_state",
        roles=frozenset({TRADER, RISK, SRE}),
        binds=frozenset({"rung", "limits", "versions"}),
        check="riskctl.ladder.promote_check",
    ),
    "limit-raise": ApprovalKind(
        execute="trading.gates.raising.limit_raise_execute",
        state="trading.gates.raising.limit_state",
        roles=frozenset({TRADER, RISK}),
        binds=frozenset({"value"}),
        check="riskctl.approvals.limits.limit_check",
    ),
    "break-glass-enable": ApprovalKind(
        execute="riskctl.glass_leave.leave_execute",
        state="riskctl.glass_leave.leave_state",
        roles=frozenset({RISK, COMPLIANCE, ADMIN}),
        binds=frozenset({"standing"}),
        check="console.access.glass_people.enable_check",
    ),
    "trigger-relax": ApprovalKind(
        execute="riskctl.triggers.settings.trigger_relax_execute",
        state=f"{_ASKED}.trigger_state",
        roles=frozenset({RISK, SRE}),
        binds=frozenset({"setting"}),
    ),
    "triggers-shadow": ApprovalKind(
        execute="riskctl.triggers.settings.triggers_shadow_execute",
        state=f"{_ASKED}.triggers_state",
        roles=frozenset({RISK, SRE}),
        binds=frozenset({"settings"}),
    ),
    "break-accept": ApprovalKind(
        execute="trading.reconciliation.service.break_accept_execute",
        state="trading.reconciliation.accepting.break_state",
        roles=frozenset({TRADER, RISK, SRE, COMPLIANCE}),
        binds=frozenset({"break"}),
    ),
    "factor-reset": ApprovalKind(
        execute="console.access.factor_reset.factor_reset_execute",
        state="console.access.factor_reset.reset_state",
        roles=frozenset({ADMIN}),
        needs=frozenset({ADMIN}),
        binds=frozenset({"factors"}),
        check="console.access.factor_reset.reset_check",
    ),
    # Who agrees depends on the scopes asked for: the check says.
    "token-issue": ApprovalKind(
        execute="console.access.token_issue.token_issue_execute",
        state="console.access.token_issue.token_issue_state",
        roles=frozenset({TRADER, RISK, SRE, COMPLIANCE, ADMIN}),
        needs=frozenset({RISK, COMPLIANCE, ADMIN}),
        binds=frozenset({"owner"}),
        check="console.access.token_issue.token_issue_check",
    ),
    # Who agrees depends on what is granted: the check says.
    "role-grant": ApprovalKind(
        execute="console.access.role_grant.role_grant_execute",
        state="console.access.role_grant.grant_state",
        roles=frozenset({ADMIN, RISK, COMPLIANCE}),
        needs=frozenset({ADMIN}),
        binds=frozenset({"person"}),
        check="console.access.role_grant.grant_check",
    ),
    "size-raise": ApprovalKind(
        execute="trading.strategies.resize.size_raise_execute",
        state="trading.strategies.resize.size_state",
        roles=frozenset({TRADER, RISK}),
        binds=frozenset({"size", "limits", "version"}),
        check="trading.strategies.resize.size_check",
    ),
    "engine-apply": ApprovalKind(
        execute="trading.engines.approving.engine_apply_execute",
        state="trading.engines.approving.engine_state",
        roles=frozenset({TRADER, RISK}),
        binds=frozenset({"settings", "version"}),
        check="trading.engines.approving.engine_check",
    ),
    # Compliance prepares and asks, risk or an administrator signs: the check says.
    "access-review": ApprovalKind(
        execute="console.access.review.review_sign_execute",
        state="console.access.review.review_state",
        roles=frozenset({RISK, COMPLIANCE, ADMIN}),
        needs=frozenset({COMPLIANCE}),
        binds=frozenset({"access"}),
        check="console.access.review.review_check",
        ttl_s=72 * 3600.0,
    ),
}


class RequestError(ValueError):
    """A request that cannot be asked as it is; ``field`` names what to mend."""

    code = "request-invalid"

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field = field


def kind_of(name: str) -> ApprovalKind:
    """Raises RequestError for an unknown kind."""
    found = KINDS.get(name)
    if found is None:
        raise RequestError("kind", f"{name!r} is none of {', '.join(sorted(KINDS))}")
    return found


def executor_of(kind: ApprovalKind) -> Executor:
    return cast(Executor, import_string(kind.execute))


def state_of(kind: ApprovalKind, subject: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state of ``subject`` now. Raises RequestError when there is no such thing."""
    read = cast(StateReader, import_string(kind.state))
    return read(subject, request)


def check_person(kind: ApprovalKind, subject: str, request: Mapping[str, Any], who: Actor) -> None:
    """What the kind itself asks of who asks or approves. Raises NotAllowedError, RequestError."""
    if kind.check:
        cast(Check, import_string(kind.check))(subject, request, who)


def part_of(subject: str, prefix: str) -> str:
    """``KEY`` of ``prefix:KEY``. Raises RequestError for any other subject."""
    head, _, rest = subject.partition(":")
    if head != prefix or not rest:
        raise RequestError("subject", f"{subject!r} is not of the form {prefix}:NAME")
    return rest


def paths_check(paths: Mapping[str, str]) -> None:
    """Raises ImproperlyConfigured naming every path that leads to nothing callable."""
    wrong = []
    for name, path in paths.items():
        try:
            found = import_string(path)
        except ImportError as error:
            wrong.append(f"{name}: {error}")
            continue
        if not callable(found):
            wrong.append(f"{name}: {path} is not callable")
    if wrong:
        raise ImproperlyConfigured("; ".join(wrong))
