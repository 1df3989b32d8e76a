"""What a caller may do. The default of every view is ReadAccess."""

from typing import Any

from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from audit.models import ActorKind
from console.access.capability import Capability
from console.access.sessions import Person
from console.api.problems import ScopeMissingError
from console.models import ApiToken

READ: frozenset[str] = frozenset({ApiToken.Scope.READ})


class ReadAccess(BasePermission):
    """Tokens need the scope that the view names, ``read`` when it names none; people need the
    second factor. Anything else is closed.

    A view with no scopes at all (``token_scopes`` empty) is for people: its service refuses tokens,
    and records what was tried.
    """

    def has_permission(self, request: Request, view: object) -> bool:
        if request.user is None:
            raise exceptions.NotAuthenticated
        held = _scopes(request.auth)
        if held is None:
            return isinstance(request.auth, Person | Capability)
        wanted = wanted_scopes(view, str(request.method))
        if wanted and not held & wanted:
            raise ScopeMissingError(max(wanted), _name(request.auth))
        return True


class PeopleOnlyError(exceptions.PermissionDenied):
    """A token asked for what is shown to people alone."""

    def __init__(self, claimed: str) -> None:
        super().__init__(
            "Tokens and sessions are seen and managed by people. Sign in.", "people-only"
        )
        self.claimed = claimed
        self.kind = ActorKind.TOKEN


class PeopleOnly(BasePermission):
    """Stands beside ReadAccess where no token has any business, whatever its scopes."""

    def has_permission(self, request: Request, view: object) -> bool:
        if _scopes(request.auth) is not None:
            raise PeopleOnlyError(_name(request.auth))
        return isinstance(request.auth, Person)


def wanted_scopes(view: object, method: str) -> frozenset[str]:
    """What a token needs one of. Reading takes ``read``, unless a view names ``read_scopes``."""
    if method in ("GET", "HEAD"):
        reading: frozenset[str] = getattr(view, "read_scopes", READ)
        return reading
    scopes: frozenset[str] = getattr(view, "token_scopes", READ)
    return scopes


def _scopes(behind: Any) -> frozenset[str] | None:
    """A token's; None for a person."""
    if isinstance(behind, ApiToken):
        return frozenset(behind.scopes)
    if isinstance(behind, Capability) and behind.kind == ActorKind.TOKEN:
        return frozenset(behind.scopes)
    return None


def _name(behind: Any) -> str:
    return behind.name if isinstance(behind, Capability) else str(behind)
