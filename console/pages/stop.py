"""The stop as pages have it: a form that works without script, and the receipt that answers it.

Lets its caller in as every stop does (console.api.authentication): the database has 200 ms to say
who asks, then the browser's signed leave to stop does.
"""

import datetime as dt
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import APIView

from audit.models import ActorKind
from console.access.capability import Capability
from console.access.recorded import denial_recorded
from console.access.rights import page_actor
from console.access.sessions import Standing
from console.access.visible import Sight
from console.api.authentication import StopAuthentication
from console.api.base import ApiView
from console.api.naming import StopKey
from console.api.problems import CsrfFailedError, NoSuchError, RefusedError
from console.api.stops import looked_up
from console.pages import desk, framing, viewer
from console.pages.frames import frames_read
from console.pages.holdread import placing_view
from console.pages.preview import preview_read
from riskctl.actors import Actor, NotAllowedError
from riskctl.holds import FIRM, Kind, Mode, ScopeError, check_scope
from riskctl.placing import Placing, hold_place
from trading.liquidation.service import Flattening, flatten_order

WHATS: dict[str, tuple[Kind, Mode | None]] = {
    "pause": (Kind.PAUSE, None),
    "kill": (Kind.KILL, None),
    "reduce-only": (Kind.REDUCE_ONLY, None),
    "freeze": (Kind.KILL, Mode.FROZEN),
}
DID = {"pause": "paused", "kill": "killed", "reduce-only": "set to reduce-only", "freeze": "frozen"}
PART = "X-Haltline-Part"
"""Sent by the page's script: answer with the receipt alone."""
_AWAY = (DatabaseError, InterfaceError)


class StopPage(ApiView):
    """``place`` and ``flatten`` are the services, or what a test puts in their place."""

    schema = None
    http_method_names = ["get", "head", "post"]
    authentication_classes = (StopAuthentication,)
    token_scopes = frozenset({"stop"})
    place: ClassVar[Callable[..., Placing]] = staticmethod(hold_place)
    flatten: ClassVar[Callable[..., Flattening]] = staticmethod(flatten_order)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # The form is read before anything else reads the request's bytes.
        _ = request._request.body, request._request.POST
        APIView.initial(self, request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Any:
        request: HttpRequest = self.request._request
        if isinstance(exc, exceptions.NotAuthenticated | RefusedError):
            return _turned_away(request, exc)
        if isinstance(exc, CsrfFailedError | NotAllowedError):
            _denial_noted(request, exc)
        if isinstance(exc, CsrfFailedError):
            text = "The form was too old or did not come from this console. Open the page again."
            return refused(request, 403, text, "csrf-failed")
        if isinstance(exc, NotAllowedError):
            return refused(request, 403, str(exc), exc.code)
        if isinstance(exc, ScopeError | ValueError):
            return refused(request, 400, str(exc), "stop-malformed")
        if isinstance(exc, NoSuchError):
            return refused(request, 404, str(exc.detail), "scope-unknown")
        return super().handle_exception(exc)

    def get(self, request: Request) -> HttpResponse:
        plain = request._request
        given = plain.GET.get("scope", "")
        context = {
            "stop": _choices(self._actor(request), self.sight, given),
            "what": _what(plain.GET.get("what", "kill")),
            "nonce": uuid.uuid4(),
        }
        return render(plain, "pages/stop.html", context)

    def post(self, request: Request) -> HttpResponse:
        plain, actor = request._request, self._actor(request)
        said = plain.POST
        scope, what = scope_of(plain), _what(said.get("what", "kill"))
        kind, mode = WHATS[what]
        nonce = said.get("nonce", "")[:64]
        key = StopKey(actor, "/stop", nonce, scope, kind, mode, bool(said.get("protective_too")))
        silent = isinstance(request.auth, Capability)
        hold_id = looked_up(scope, key, silent=silent, sight=lambda: self.sight).hold_id
        closing: dict[str, str] | None = None
        if said.get("flatten") and what == "kill":
            done = self.flatten(
                scope=scope, actor=actor, reason=said.get("reason", ""), hold_id=hold_id
            )
            placing, closing = done.placing, dict(done.refused)
        else:
            placing = self.place(
                scope=scope, kind=kind, mode=mode, actor=actor, reason=said.get("reason", ""),
                protective_too=bool(said.get("protective_too")), hold_id=hold_id,
            )  # fmt: skip
        return answered(plain, placing, closing)

    @staticmethod
    def _actor(request: Request) -> Actor:
        """As authentication found out already."""
        actor: Actor = request._request.haltline_actor  # type: ignore[attr-defined]
        return actor


def _turned_away(
    request: HttpRequest, error: exceptions.NotAuthenticated | RefusedError
) -> HttpResponse:
    """To the step of signing in that is missing; recorded, as long as there is a database."""
    code = str(error.get_codes())
    claimed, kind = getattr(error, "claimed", ""), getattr(error, "kind", ActorKind.ANONYMOUS)
    with suppress(*_AWAY):
        denial_recorded(request, status=302, code=code, actor=claimed, actor_kind=kind)
    step = "sign-in-factor" if code == Standing.PASSWORD.value else "sign-in"
    there = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{reverse(step)}?{there}")


def _denial_noted(request: HttpRequest, error: CsrfFailedError | NotAllowedError) -> None:
    """Recorded, as long as there is a database."""
    code = error.code if isinstance(error, NotAllowedError) else str(error.get_codes())
    actor: Actor | None = getattr(request, "haltline_actor", None)
    name, kind = (actor.name, ActorKind(actor.kind)) if actor else ("", ActorKind.ANONYMOUS)
    with suppress(*_AWAY):
        denial_recorded(request, status=403, code=code, actor=name, actor_kind=kind)


def answered(
    request: HttpRequest, placing: Placing, closing: dict[str, str] | None
) -> HttpResponse:
    """The receipt; to a page without script, its address."""
    status = 200 if placing.effective else 202
    hold_id = placing.hold.id
    if PART not in request.headers and not placing.body()["not_recorded"]:
        query = "?flatten=1" if closing is not None else ""
        there = reverse("hold", args=[uuid.UUID(hold_id)])
        return HttpResponseRedirect(there + query, status=303)
    shown = placing_view(placing, flatten=closing is not None)
    context = {**shown, "closing_refused": closing or {}, "fresh": True}
    template = "parts/receipt.html" if PART in request.headers else "pages/stop_receipt.html"
    response = render(request, template, context, status=status)
    response["X-Haltline-Hold"] = hold_id
    return response


def refused(request: HttpRequest, status: int, text: str, code: str) -> HttpResponse:
    """Nothing was done, and why not."""
    context = {"title": "Not sent", "text": text, "code": code, "again": reverse("stop")}
    part = PART in request.headers
    template = "parts/refusal.html" if part else "pages/stop_refused.html"
    return render(request, template, context, status=status)


def scope_of(request: HttpRequest) -> str:
    """``scope`` as the form has it: whole, or its kind with the name beside it.

    Raises ScopeError.
    """
    said = request.POST
    scope = said.get("scope", "")
    if scope == "strategy":
        scope = f"strategy:{said.get('strategy', '')}"
    elif scope == "venue":
        scope = f"venue:{said.get('account', '')}"
    return check_scope(scope)


def _what(text: str) -> str:
    """Raises ValueError naming the field."""
    if text not in WHATS:
        raise ValueError(f"what: {text[:40]!r} is none of {', '.join(WHATS)}")
    return text


def _choices(actor: Actor, sight: Sight, scope: str) -> dict[str, Any]:
    """What there is to stop; from the last frame alone while the database is away."""
    kind, _, key = scope.partition(":")
    frame = frames_read(sight).desk
    try:
        lines = desk.lines_of(frame, sight)
    except _AWAY:
        lines = list(frame.strategies) if frame else []
    found = framing.stop_choices(lines, actor, key if kind == "strategy" else "")
    if kind == "venue":
        found |= {"scope": "venue", "account": key}
    if scope == FIRM:
        found["scope"] = FIRM
    return found


def _not_shown(request: HttpRequest, error: NotAllowedError) -> HttpResponse:
    """The preview of what is not theirs to see. Stopping it is for the stop itself to judge."""
    actor = page_actor(request)
    denial_recorded(
        request, status=403, code=error.code, actor=actor.name, actor_kind=ActorKind(actor.kind)
    )
    return render(request, "parts/stop_preview.html", {"why": str(error)}, status=403)


@require_safe
def stop_preview(request: HttpRequest) -> HttpResponse:
    """What the stop would do, as a part of the dialog. Nothing waits for it."""
    now = dt.datetime.now(dt.UTC)
    scope, what = request.GET.get("scope", FIRM), request.GET.get("what", "kill")
    try:
        sight = framing.page_sight(request)
        sight.check_scope(check_scope(scope))
        preview = preview_read(scope, frames_read(sight).desk, now, sight)
    except NotAllowedError as error:
        return _not_shown(request, error)
    except ScopeError as error:
        return render(request, "parts/stop_preview.html", {"why": str(error)}, status=400)
    actor = page_actor(request)
    kind = WHATS.get(what, (Kind.KILL, None))[0]
    allowed = viewer.may_place(kind, scope, actor)
    who = "" if allowed else viewer.placers_words(kind)
    context = {
        "preview": preview, "what": what, "who": who, "cancels": what in ("kill", "freeze"),
        "kind": kind,
    }  # fmt: skip
    return render(request, "parts/stop_preview.html", context)
