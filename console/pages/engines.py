"""TradingEngine documents: versions, what is in force, gates, reports; signing off, raising."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.engines_seen import engine_seen
from console.access.rights import page_actor
from console.pages.engineread import engine_facts, engine_rows
from console.pages.framing import framed, page_sight, person_at
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import RequestError
from riskctl.conditions import PreconditionError
from trading.engines.problems import EngineInvalidError
from trading.engines.service import Applied, engine_patch
from trading.engines.units import UnitError, percent
from trading.engines.versions import NoSuchEngineError, version_get
from trading.gates.drills import drill_record
from trading.gates.service import sign_off, sign_off_withdraw
from trading.models import Strategy

STATUS = {"sign-off-moved": 409, "sign-off-none": 409, "drill-not-rehearsal": 409,
          "hold-unknown": 404, "engine-version": 412}  # fmt: skip


@require_safe
def engines_page(request: HttpRequest) -> HttpResponse:
    page = framed(request, "engines")
    name = person_at(request).get_username()
    rows = engine_rows(lambda engine: engine_seen(page.sight, name, engine), page.names)
    return render(request, "pages/engines.html", {**page.context, "rows": rows})


@require_safe
def engine_page(request: HttpRequest, engine: str) -> HttpResponse:
    return _engine(request, engine)


def _check(request: HttpRequest, engine: str) -> None:
    """Raises NotSeenError, NoSuchEngineError."""
    sight = page_sight(request)
    if not engine_seen(sight, person_at(request).get_username(), engine):
        sight.check(engine)
    version_get(engine)


def _engine(
    request: HttpRequest, engine: str, *, error: Exception | None = None, status: int = 200
) -> HttpResponse:
    try:
        _check(request, engine)
    except NoSuchEngineError as missing:
        page = framed(request, "engines")
        context = {**page.context, "engine": engine, "missing": missing}
        return render(request, "pages/engine_none.html", context, status=404)
    known = Strategy.objects.filter(key=engine).exists()
    page = framed(request, "engines", strategy=engine if known else "")
    context = {
        **page.context, **engine_facts(engine, page, request.GET), "error": error,
        "said": request.POST, "step_up": not page.actor.stepped_up,
        "here": reverse("engine", args=[engine]),
    }  # fmt: skip
    return render(request, "pages/engine.html", context, status=status)


def _done(
    request: HttpRequest, engine: str, act: Callable[[Actor], HttpResponse | str]
) -> HttpResponse:
    """What ``act`` leads to; the page again with what was refused."""
    try:
        _check(request, engine)
        done = act(page_actor(request))
    except (PreconditionError, NoSuchEngineError) as error:
        return _engine(request, engine, error=error, status=409)
    except (RequestError, EngineInvalidError) as error:
        return _engine(request, engine, error=error, status=400)
    except NotAllowedError as error:
        return _engine(request, engine, error=error, status=STATUS.get(error.code, 403))
    if isinstance(done, HttpResponse):
        return done
    messages.success(request, done)
    return HttpResponseRedirect(reverse("engine", args=[engine]), status=303)


@require_POST
def gate_signed(request: HttpRequest, engine: str) -> HttpResponse:
    said = request.POST

    def act(actor: Actor) -> str:
        row = sign_off(
            strategy=engine, gate=said.get("gate", ""), shown=said.get("shown", ""), actor=actor,
            reason=said.get("reason", ""), accepts_latency=bool(said.get("accepts_latency")),
        )  # fmt: skip
        return f"Signed off: {row.gate}."

    return _done(request, engine, act)


@require_POST
def gate_withdrawn(request: HttpRequest, engine: str) -> HttpResponse:
    said = request.POST

    def act(actor: Actor) -> str:
        sign_off_withdraw(
            strategy=engine, gate=said.get("gate", ""), actor=actor, reason=said.get("reason", "")
        )
        return "Withdrawn. The gate is closed."

    return _done(request, engine, act)


@require_POST
def drill_recorded(request: HttpRequest, engine: str) -> HttpResponse:
    said = request.POST

    def act(actor: Actor) -> str:
        try:
            hold = uuid.UUID(said.get("hold", ""))
        except ValueError:
            raise RequestError("hold", "choose the kill that was rehearsed") from None
        drill_record(hold_id=hold, actor=actor, reason=said.get("reason", ""))
        return "Drill recorded."

    return _done(request, engine, act)


@require_POST
def document_asked(request: HttpRequest, engine: str) -> HttpResponse:
    """Bring the latest version into force: what it lowers at once, what it raises by request."""
    said = request.POST

    def act(actor: Actor) -> HttpResponse | str:
        done = _patched(engine, {}, actor, said)
        return _to_approval(done) or "It is in force: there was nothing to ask for."

    return _done(request, engine, act)


def _patched(
    engine: str, patch: Mapping[str, Any], actor: Actor, said: Mapping[str, str]
) -> Applied:
    version = said.get("version", "")
    return engine_patch(
        name=engine, patch=patch, actor=actor, reason=said.get("reason", ""),
        version=int(version) if version.isdecimal() else None,
    )  # fmt: skip


def _to_approval(done: Applied) -> HttpResponse | None:
    if done.asked is None:
        return None
    return HttpResponseRedirect(reverse("approval", args=[done.asked.id]), status=303)


@require_POST
def risk_limit_asked(request: HttpRequest, engine: str) -> HttpResponse:
    """Lower: at once. Higher: a request that a second person decides. Zero is a stop."""
    said = request.POST

    def act(actor: Actor) -> HttpResponse | str:
        wanted = said.get("risk_limit", "").strip()
        try:
            if percent(wanted) == 0:
                raise RequestError("risk_limit", "0% is a stop: use Stop")
        except UnitError as error:
            raise RequestError("risk_limit", str(error)) from None
        done = _patched(engine, {"spec": {"strategy": {"riskLimit": wanted}}}, actor, said)
        return _to_approval(done) or f"The riskLimit is {wanted}, in force now."

    return _done(request, engine, act)
