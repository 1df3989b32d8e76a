"""Issuing a token that does more than read: two people, one of them for what it may do.

Any role may ask, for a token of their own. Risk agrees to what stops, closes or tests; compliance
or an administrator to what exports. Nothing secret is made here: the owner collects the token.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User

from console.access.token_wish import Wanted, wanted
from console.access.tokens import facts_of, name_free, owner_locked
from console.models import ApiToken
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.kinds import RequestError, part_of
from riskctl.approvals.recording import database_now, recorded
from riskctl.holds import ADMIN, COMPLIANCE, RISK
from riskctl.models import Approval

COLLECT_WITHIN = dt.timedelta(hours=24)
AGREES = {
    ApiToken.Scope.STOP.value: frozenset({RISK}),
    ApiToken.Scope.FLATTEN.value: frozenset({RISK}),
    ApiToken.Scope.TRADE_TEST.value: frozenset({RISK}),
    ApiToken.Scope.EXPORT.value: frozenset({COMPLIANCE, ADMIN}),
}
"""Who agrees to which scope; reading takes nobody."""


def token_issue_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``token:OWNER/NAME``: whether its owner is there, and as what. Raises RequestError."""
    username, _ = _wish(subject, request)
    owner = User.objects.filter(username=username).first()
    if owner is None:
        raise RequestError("subject", f"there is no {username}")
    roles = sorted(owner.groups.values_list("name", flat=True))
    return {"owner": {"active": owner.is_active, "roles": roles}}


def token_issue_check(subject: str, request: Mapping[str, Any], who: Actor) -> None:
    """Its owner asks; whoever else is to agree needs the role for all its scopes.

    Raises NotAllowedError, RequestError.
    """
    username, wish = _wish(subject, request)
    if who.name == username:
        return
    for scope in wish.scopes:
        roles = AGREES.get(scope)
        if roles is not None and not who.roles & roles:
            words = " or ".join(sorted(roles))
            raise NotAllowedError("token-needs-role", f"{words} agrees to the scope {scope}")


def token_issue_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """Make the token, without a secret yet. Raises NotAllowedError, RequestError."""
    username, wish = _wish(approval.subject, approval.request)
    if approval.requested_by != username:
        raise NotAllowedError("token-not-yours", "a token is asked for by its owner alone")
    owner, now = owner_locked(username), database_now()
    name_free(owner, wish.name)
    row = ApiToken.objects.create(
        name=wish.name,
        owner=owner,
        scopes=list(wish.scopes),
        networks=list(wish.networks),
        expires_at=now + dt.timedelta(days=wish.days),
        approval=approval.id,
        collect_until=now + COLLECT_WITHIN,
    )
    after = {**facts_of(row), "approval": approval.id, "asked_by": approval.requested_by}
    recorded(
        "token.issue",
        actor,
        ("token", str(row.pk)),
        reason=approval.reason,
        correlation_id=str(approval.id),
        after=after,
    )
    return {"token": row.pk, "collect_until": row.collect_until}


def _wish(subject: str, request: Mapping[str, Any]) -> tuple[str, Wanted]:
    username, _, name = part_of(subject, "token").partition("/")
    unknown = set(request) - {"scopes", "networks", "days"}
    if unknown:
        raise RequestError(min(unknown), "no such field: scopes, networks and days there are")
    wish = wanted(
        name=name,
        scopes=request.get("scopes"),
        networks=request.get("networks", []),
        days=request.get("days"),
    )
    if not set(wish.scopes) & AGREES.keys():
        raise RequestError("scopes", "a token that only reads takes nobody else: make it")
    return username, wish
