"""What makes somebody more than they are: a role, a desk, or coming back. By two people.

An administrator, and beside them who the table ``SECOND`` names; neither of them the person. One
executor for all three (kind ``role-grant``).
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Group, User

from console.access.desks import desk_of, membership_set
from console.access.revocation import roles_changed
from console.access.roles import ROLES, SECOND, conflicts_of
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.engine import approval_request
from riskctl.approvals.kinds import RequestError, part_of
from riskctl.approvals.recording import recorded
from riskctl.holds import ADMIN
from riskctl.models import Approval

APPROVAL = "role-grant"
ROLE, DESK, ENABLE = "role", "desk", "enable"
_FIELDS = {ROLE: {"grant", "role"}, DESK: {"grant", "desk"}, ENABLE: {"grant"}}
LONGEST_SUBJECT = 120
"""What the column takes."""


def role_grant_request(*, username: str, role: str, actor: Actor, reason: str) -> Approval:
    """Ask that somebody gets a role. Raises RequestError, NotAllowedError."""
    return _ask(username, {"grant": ROLE, "role": role}, actor, reason)


def desk_join_request(*, username: str, desk: str, actor: Actor, reason: str) -> Approval:
    """Ask that somebody joins a desk. Raises RequestError, NotAllowedError."""
    return _ask(username, {"grant": DESK, "desk": desk}, actor, reason)


def person_enable_request(*, username: str, actor: Actor, reason: str) -> Approval:
    """Ask that somebody who is disabled comes back, with the roles still held."""
    return _ask(username, {"grant": ENABLE}, actor, reason)


def _ask(username: str, request: dict[str, str], actor: Actor, reason: str) -> Approval:
    return approval_request(
        kind=APPROVAL, subject=f"person:{username}", request=request, actor=actor, reason=reason
    )


def grant_check(subject: str, request: Mapping[str, Any], actor: Actor) -> None:
    """Whether ``actor`` may ask for this, or approve it: an administrator, or the second by table.

    Nobody for themselves. That one of the two is an administrator, the engine sees to. Raises
    NotAllowedError, RequestError.
    """
    name = part_of(subject, "person")
    if name.casefold() == actor.name.casefold():
        raise NotAllowedError("grant-own", "not for yourself: another administrator asks")
    allowed = seconds(_said(request), _person(subject))
    if not actor.roles & allowed:
        words = " or ".join(sorted(allowed))
        raise NotAllowedError("grant-not-your-role", f"for this the two people are: {words}")


def seconds(request: Mapping[str, str], user: User) -> frozenset[str]:
    """Roles of which each of the two must hold one. Coming back takes what the held roles take."""
    if request["grant"] == ROLE:
        return SECOND[request["role"]]
    if request["grant"] == DESK:
        return SECOND[DESK]
    allowed = SECOND[ENABLE]
    for role in roles_held(user):
        allowed &= SECOND[role]
    return allowed | {ADMIN}


def grant_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``person:NAME``: what they are now. Raises RequestError."""
    _said(request)
    return {"person": standing_of(_person(subject))}


def standing_of(user: User) -> dict[str, Any]:
    """Active or not, roles and desks: what grants and their undoing change."""
    return {
        "active": user.is_active,
        "roles": roles_held(user),
        "desks": list(user.desks.order_by("key").values_list("key", flat=True)),
    }


def roles_held(user: User) -> list[str]:
    """Roles of the table that they hold, whether or not they may sign in."""
    found = user.groups.filter(name__in=sorted(ROLES)).order_by("name")
    return list(found.values_list("name", flat=True))


def role_grant_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """The executor. Raises RequestError when there is nothing to do any more."""
    said, user = _said(approval.request), locked(_person(approval.subject))
    before = standing_of(user)
    _give(said, user, before)
    after = standing_of(user)
    roles_changed(username=user.get_username())
    conflicts = [f"{' and '.join(sorted(one.roles))}: {one.why}"
                 for one in conflicts_of(after["roles"])]  # fmt: skip
    recorded(
        f"{said['grant']}.grant" if said["grant"] != ENABLE else "person.enable",
        actor,
        ("user", user.get_username()),
        reason=approval.reason,
        correlation_id=str(approval.id),
        before=before,
        after={
            **after, "conflicts": conflicts, "approval": approval.id,
            "asked_by": approval.requested_by,
        },
    )  # fmt: skip
    return {"person": user.get_username(), **after, "conflicts": conflicts}


def _give(said: Mapping[str, str], user: User, before: Mapping[str, Any]) -> None:
    if said["grant"] == ROLE:
        if said["role"] in before["roles"]:
            raise RequestError("role", f"{user.get_username()} is {said['role']} already")
        user.groups.add(Group.objects.get_or_create(name=said["role"])[0])
    elif said["grant"] == DESK:
        desk = desk_of(said["desk"])
        if desk.key in before["desks"]:
            raise RequestError("desk", f"{user.get_username()} is on {desk.key} already")
        membership_set(user, desk, member=True)
    else:
        if before["active"]:
            raise RequestError("grant", f"{user.get_username()} is not disabled")
        user.is_active = True
        user.save(update_fields=["is_active"])


def _said(request: Mapping[str, Any]) -> dict[str, str]:
    """The request, if it says one of the three. Raises RequestError."""
    grant = request.get("grant")
    if grant not in _FIELDS:
        raise RequestError("grant", f"{grant!r} is none of {', '.join(_FIELDS)}")
    if set(request) != _FIELDS[grant]:
        raise RequestError("request", f"to grant a {grant} it says: {', '.join(_FIELDS[grant])}")
    if grant == ROLE and request["role"] not in ROLES:
        raise RequestError("role", f"{request['role']!r} is none of {', '.join(ROLES)}")
    if grant == DESK:
        desk_of(str(request["desk"]))
    return {name: str(value) for name, value in request.items()}


def _person(subject: str) -> User:
    name = part_of(subject, "person")
    if len(subject) > LONGEST_SUBJECT:
        raise RequestError("subject", f"longer than {LONGEST_SUBJECT} characters")
    user = User.objects.filter(username=name).first()
    if user is None:
        raise RequestError("subject", f"there is no person {name!r}")
    if user.is_superuser:
        raise RequestError("subject", f"{name} is a superuser, and has no role while it is")
    return user


def locked(user: User) -> User:
    """One change of a person's standing at a time; what merely names them need not wait."""
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)
