"""The door: every address is closed unless a second factor was given, by exception only.

Addresses answered by DRF views are left to DRF, whose own default is closed as well; what is open
is named here and nowhere else.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control

from audit.models import ActorKind
from console.access.recorded import denial_recorded
from console.access.sessions import Person, Standing, person
from console.api.base import ApiView
from console.api.permissions import ReadAccess

OPEN = frozenset({"sign-in", "favicon", "healthz", "healthz-stage", "readyz"})
"""Names of addresses that answer anybody."""

PASSWORD_ENOUGH = frozenset(
    {"sign-in-factor", "sign-in-passkey", "sign-out"}
    | {"enrol", "enrol-password", "enrol-authenticator", "enrol-passkey", "enrol-passkey-options"}
)
"""Names of addresses that answer a session with the password alone."""


class DefaultDeny:
    """Middleware; stands after the session and CSRF middleware."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            patch_cache_control(response, no_store=True)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: object, _kwargs: object
    ) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in OPEN or guarded_by_drf(view):
            return None
        behind = person(request)
        if behind.standing is Standing.FACTOR:
            return None
        if behind.standing is Standing.PASSWORD and name in PASSWORD_ENOUGH:
            return None
        return denied(request, behind)


def guarded_by_drf(view: object) -> bool:
    """Whether ``view`` is one of ours that asks for ReadAccess itself."""
    cls = getattr(view, "cls", None)
    return (
        isinstance(cls, type) and issubclass(cls, ApiView) and ReadAccess in cls.permission_classes
    )


def denied(request: HttpRequest, behind: Person) -> HttpResponse:
    """Send a person to the step that is missing; what is no plain reading of a page gets 401."""
    code = behind.standing.value
    reading = request.method in ("GET", "HEAD") and "HX-Request" not in request.headers
    status = 302 if reading else 401
    denial_recorded(
        request,
        status=status,
        code=code,
        actor=behind.name,
        actor_kind=ActorKind.PERSON if behind.user else ActorKind.ANONYMOUS,
    )
    step = "sign-in-factor" if behind.standing is Standing.PASSWORD else "sign-in"
    address = reverse(step)
    if reading:
        there = request.get_full_path()
        query = f"?{urlencode({'next': there})}" if there != "/" else ""
        return HttpResponseRedirect(address + query)
    response = render(
        request,
        "access/problem.html",
        {"title": "Not signed in", "detail": "Sign in to go on.", "step": address},
        status=401,
    )
    response["WWW-Authenticate"] = 'Session realm="haltline"'
    response["HX-Redirect"] = address
    return response
