"""Rate limits of the API, by DRF's own step after the permissions (console.access.ratelimit)."""

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from console.access import ratelimit
from console.access.sessions import Person
from console.api.authentication import StopAuthentication
from console.api.problems import LimitedError
from console.models import ApiToken


class RateLimit(BaseThrottle):
    """Every view's. What stops is not limited: whatever lets its caller in as a stop does, and what
    says ``limited = False`` of itself because it takes something away.
    """

    def allow_request(self, request: Request, view: object) -> bool:
        """Raises LimitedError when this caller has to wait."""
        if never_limited(view):
            return True
        caller = _caller(request)
        if caller is not None:
            reads = request.method in ("GET", "HEAD")
            wait = ratelimit.wait_s(*caller, ratelimit.READ if reads else ratelimit.WRITE)
            if wait:
                raise LimitedError(wait)
        return True


def never_limited(view: object) -> bool:
    classes: tuple[type, ...] = tuple(getattr(view, "authentication_classes", ()))
    stops = any(issubclass(one, StopAuthentication) for one in classes)
    return stops or not getattr(view, "limited", True)


def _caller(request: Request) -> tuple[str, str] | None:
    behind = request.auth
    if isinstance(behind, ApiToken):
        return ratelimit.TOKEN, str(behind.pk)
    if isinstance(behind, Person) and behind.session_id is not None:
        return ratelimit.SESSION, str(behind.session_id)
    return None
