"""Who asks, as the brakes know them: a person with roles and strategies, or a token with scopes.

A token has no roles, whoever owns it: it may only what its scopes say.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django_otp import DEVICE_ID_SESSION_KEY

from audit.models import ActorKind
from console.access.capability import Capability
from console.access.desks import PAUSE, RESIZE, RESUME, Held, held_by
from console.access.requests import address, request_id
from console.access.roles import ROLES
from console.access.sessions import FACTOR_AT, Person, device_kind, person
from console.models import ApiToken
from riskctl.actors import Actor
from riskctl.holds import TRADER


@dataclass(frozen=True)
class Rights:
    """Roles of a person, and of a trader every strategy with what may be done with it."""

    name: str
    roles: frozenset[str]
    held: tuple[Held, ...] = ()

    def to(self, right: str) -> frozenset[str]:
        """Keys of the strategies that this right lies on."""
        return frozenset(one.key for one in self.held if right in one.rights)


def rights_read(username: str) -> Rights:
    """As they are now: one statement, and one more for a trader. Raises db.Error."""
    roles = roles_of(username)
    return Rights(username, roles, tuple(held_by(username)) if TRADER in roles else ())


def rights_of(request: HttpRequest, username: str) -> Rights:
    """``rights_read``, once a request and no longer: what was granted or taken counts at once."""
    known: Rights | None = getattr(request, "haltline_rights", None)
    if known is None or known.name != username:
        known = rights_read(username)
        request.haltline_rights = known  # type: ignore[attr-defined]
    return known


def roles_of(username: str) -> frozenset[str]:
    """Roles of a person who may sign in; none for anybody else, and none for a superuser: no
    account passes by the table of roles. Raises db.Error.
    """
    groups = User.objects.filter(
        username=username, is_active=True, is_superuser=False, groups__name__in=sorted(ROLES)
    )
    return frozenset(groups.values_list("groups__name", flat=True))


def owns_of(username: str) -> frozenset[str]:
    """Keys of the strategies that this person may stop as a trader. Raises db.Error."""
    return frozenset(one.key for one in held_by(username) if PAUSE in one.rights)


def page_actor(request: HttpRequest) -> Actor:
    """The person at a page. Its view is behind the door, so there is one. Raises db.Error."""
    return actor_of(request, person(request))


def actor_of(
    request: HttpRequest, behind: Person | ApiToken | Capability, *, claimed: str = ""
) -> Actor:
    """Who stands behind ``request``; ``claimed`` is the operator that its body names.

    Raises db.Error for a person or a token; a capability needs no database.
    """
    source, ident = address(request), request_id(request)
    if isinstance(behind, Capability):
        return _capable(behind, claimed, source, ident)
    if isinstance(behind, ApiToken):
        return _token(str(behind), behind.scopes, claimed or behind.owner.get_username(),
                      source, ident)  # fmt: skip
    rights = rights_of(request, behind.name)
    return Actor(
        kind=ActorKind.PERSON.value,
        name=rights.name,
        roles=rights.roles,
        owns=rights.to(PAUSE),
        resumes=rights.to(RESUME),
        resizes=rights.to(RESIZE),
        factor_age_s=factor_age_s(request.session),
        on_behalf_of=claimed,
        source=source,
        request_id=ident,
    )


def factor_age_s(session: SessionBase) -> float | None:
    """Seconds since the session's second factor, None without one.

    One given in the future (the clock was set back) is of no known age: it counts as old. So does
    a recovery code: a piece of paper signs in, it raises no risk.
    """
    if device_kind(session.get(DEVICE_ID_SESSION_KEY)) == "recovery code":
        return float("inf")
    at = session.get(FACTOR_AT)
    if not isinstance(at, int):
        return None
    age = time.time() - at
    return age if age > -1 else float("inf")


def _token(
    name: str, scopes: Iterable[str], behalf: str, source: str, request_id: str
) -> Actor:  # fmt: skip
    return Actor(
        kind=ActorKind.TOKEN.value,
        name=name,
        token_scopes=frozenset(scopes),
        on_behalf_of=behalf,
        source=source,
        request_id=request_id,
    )


def _capable(behind: Capability, claimed: str, source: str, request_id: str) -> Actor:
    """What the capability's bearer could stop when it was issued; no factor, so nothing more."""
    if behind.kind == ActorKind.TOKEN:
        return _token(behind.name, behind.scopes, claimed or behind.owner, source, request_id)
    return Actor(
        kind=ActorKind.PERSON.value,
        name=behind.name,
        roles=frozenset(behind.scopes),
        owns=frozenset(behind.owns),
        resumes=frozenset(),
        resizes=frozenset(),
        on_behalf_of=claimed,
        source=source,
        request_id=request_id,
    )
