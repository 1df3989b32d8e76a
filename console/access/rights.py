"""Who asks, as the brakes know them: a person with roles and strategies, or a token with scopes.

A token has no roles, whoever owns it: it may only what its scopes say.
"""

import time
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from audit.models import ActorKind
from console.access.capability import Capability
from console.access.requests import address, request_id
from console.access.sessions import FACTOR_AT, Person, person
from console.models import ApiToken
from riskctl.actors import Actor
from trading.models import Strategy


def roles_of(username: str) -> frozenset[str]:
    """Roles (groups) of a person who may sign in; none for anybody else. Raises db.Error."""
    groups = User.objects.filter(username=username, is_active=True, groups__name__isnull=False)
    return frozenset(groups.values_list("groups__name", flat=True))


def owns_of(username: str) -> frozenset[str]:
    """Keys of the strategies that are this person's own. Raises db.Error."""
    return frozenset(Strategy.objects.filter(owner=username).values_list("key", flat=True))


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
    name = behind.name
    return Actor(
        kind=ActorKind.PERSON.value,
        name=name,
        roles=roles_of(name),
        owns=owns_of(name),
        factor_age_s=factor_age_s(request.session),
        on_behalf_of=claimed,
        source=source,
        request_id=ident,
    )


def factor_age_s(session: SessionBase) -> float | None:
    """Seconds since the session's second factor, None without one.

    One given in the future (the clock was set back) is of no known age: it counts as old.
    """
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
        on_behalf_of=claimed,
        source=source,
        request_id=request_id,
    )
