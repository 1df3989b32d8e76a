"""The risk page: triggers with live value, threshold and distance; the dead man's switch; holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe
from redis.exceptions import RedisError

from console.access.rights import page_actor
from console.access.visible import Sight, trigger_shown
from console.pages import formats, words
from console.pages.framing import framed, page_sight
from console.pages.holdread import holds_read
from console.pages.viewer import viewer_facts
from console.stores import redis_client
from riskctl.actors import NotAllowedError
from riskctl.deadman import deadman_confirm
from riskctl.models import TriggerFiring
from trading.triggers.publishing import triggers_now

ORDER = {"breach": 0, "warning": 1, "unknown": 2, "ok": 3}
NEAREST = 40
SCALE = 100
FIRINGS = 12


@dataclass(frozen=True)
class TriggerText:
    """One trigger on one scope. ``pointer``: where it is now, 0 to 100, the breach at 100."""

    name: str
    what: str
    scope: str
    state: str
    value: str
    unit: str
    threshold: str
    pointer: str
    share: str
    then: str
    seen_by: str
    title: str
    shadow: bool


@require_safe
def risk_page(request: HttpRequest) -> HttpResponse:
    page = framed(request, "risk")
    every = TriggerFiring.objects.order_by("-happened_at")
    firings = page.sight.narrowed_scopes(every)[:FIRINGS]
    context = {
        **page.context,
        **triggers_read(page.sight),
        "open": holds_read(page.sight, names=page.names, open_only=True),
        "firings": [_firing(one, figures=page.sight.sums(one.scope)) for one in firings],
        "confirms": page.actor.kind == "person",
    }
    return render(request, "pages/risk.html", context)


@require_safe
def risk_triggers(request: HttpRequest) -> HttpResponse:
    """The triggers' table alone, asked for every second."""
    context = {"viewer": viewer_facts(page_actor(request)), **triggers_read(page_sight(request))}
    return render(request, "parts/triggers.html", context)


@require_POST
def deadman_confirmed(request: HttpRequest) -> HttpResponse:
    """A person says that somebody watches. Lifts nothing."""
    there = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        there, {request.get_host()}, require_https=request.is_secure()
    )
    try:
        state = deadman_confirm(actor=page_actor(request))
    except NotAllowedError as error:
        messages.error(request, str(error))
    else:
        until = formats.clock(state.expires_at)
        messages.success(request, f"Confirmed: somebody watches, until {until} UTC.")
    return HttpResponseRedirect(there if safe else reverse("risk"), status=303)


def triggers_read(sight: Sight) -> dict[str, Any]:
    """Rows for the table, the nearest first; ``triggers_why`` says why there is none."""
    try:
        said = triggers_now(redis_client())
    except RedisError:
        return {"near": [], "far": [], "triggers_why": "Redis does not answer: triggers go on "
                "being evaluated, only their values cannot be shown."}  # fmt: skip
    rows = _merged(said, sight)
    shown = sorted(rows, key=lambda one: (ORDER.get(one.state, 2), -_number(one.pointer), one.what))
    path, watchdog = said["path"], said["watchdog"]
    heard = {
        "path": _as_of(path), "watchdog": _as_of(watchdog),
        "shadow": any(one and one.get("shadow") for one in (path, watchdog)),
        "warnings": [text for one in (path, watchdog) if one for text in one.get("warnings", [])],
    }  # fmt: skip
    why = "" if rows else "Nobody evaluates triggers: neither the path nor the watchdog."
    return {"near": shown[:NEAREST], "far": shown[NEAREST:], "triggers_why": why, "heard": heard}


def _as_of(said: Mapping[str, Any] | None) -> str:
    return str(said["as_of"])[11:19] if said else "silent"


def _merged(
    said: Mapping[str, Mapping[str, Any] | None], sight: Sight
) -> list[TriggerText]:  # fmt: skip
    """One row for each trigger and scope; the worse of the two who look decides."""
    found: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = {}
    for source, body in said.items():
        for one in (body or {}).get("triggers", []):
            shown = trigger_shown(one, sight)
            if shown is not None:
                found.setdefault((one["name"], one["scope"]), []).append((source, shown))
    return [_text(rows) for rows in found.values()]


def _text(rows: list[tuple[str, Mapping[str, Any]]]) -> TriggerText:
    _, one = min(rows, key=lambda row: ORDER.get(str(row[1].get("state")), 2))
    share = _decimal(one.get("share"))
    pointer = 0.0 if share is None else min(max(float(share), 0.0), 1.0) * SCALE
    return TriggerText(
        name=str(one["name"]),
        what=str(one["what"]),
        scope=words.scope_words(str(one["scope"])),
        state=str(one["state"]),
        value=_figure(_decimal(one.get("value"))),
        unit=str(one["unit"]),
        threshold=_figure(_decimal(one.get("threshold"))),
        pointer=f"{pointer:.1f}",
        share=formats.UNKNOWN if share is None else f"{formats.number(share * 100, 0)} %",
        then=f"{one['kind']}, {one['mode']}",
        seen_by="both" if len(rows) > 1 else rows[0][0],
        title=f"{one['formula']}. {one.get('detail') or ''}".strip(),
        shadow=bool(one.get("shadow")),
    )


def _figure(value: Decimal | None) -> str:
    """Two decimals where it is small, none where it is large."""
    if value is None:
        return formats.UNKNOWN
    return formats.number(value, 0 if abs(value) >= 1000 or value == value.to_integral() else 2)


def _decimal(text: Any) -> Decimal | None:
    try:
        return None if text is None else Decimal(str(text))
    except InvalidOperation:
        return None


def _number(text: str) -> float:
    return float(text)


def _firing(one: TriggerFiring, *, figures: bool) -> dict[str, Any]:
    return {
        "at": formats.clock(one.happened_at),
        "day": formats.day(one.happened_at),
        "what": one.trigger.replace("-", " "),
        "scope": words.scope_words(one.scope),
        "level": one.level,
        "value": _figure(one.value if figures else None),
        "threshold": _figure(one.threshold),
        "hold": one.hold,
        "shadow": one.shadow,
    }
