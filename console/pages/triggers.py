"""Triggers' settings in force; tightening one at once, asking for what would loosen it."""

import os
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.rights import page_actor
from console.pages import formats, words
from console.pages.framing import Framed, framed
from riskctl.actors import NotAllowedError
from riskctl.approvals import RequestError
from riskctl.models import TriggerSetting
from riskctl.triggers.changing import trigger_change
from riskctl.triggers.config import read_environment
from riskctl.triggers.inforce import InForce, Setting, SettingError
from riskctl.triggers.settings import triggers_in_force
from riskctl.triggers.specs import SPECS, Direction

FIELDS = {
    "threshold": "Threshold",
    "confirmations": "Confirmations",
    "cooldown_s": "Cool-down, s",
    "warn_at": "Warns at, share",
    "window_s": "Window, s",
}
"""What the form changes, one at a time; shadow mode is for the firm as a whole, by Approvals."""


@require_safe
def triggers_page(request: HttpRequest) -> HttpResponse:
    return _triggers(request)


@require_POST
def trigger_changed(request: HttpRequest) -> HttpResponse:
    """Tighter: at once. Looser: a request that a second person decides."""
    said = request.POST
    name, field = said.get("name", ""), said.get("field", "")
    if name not in SPECS or field not in FIELDS:
        raise Http404
    value = said.get("value", "").replace(",", "").strip()
    try:
        done = trigger_change(
            name=name, request={field: value}, actor=page_actor(request),
            reason=said.get("reason", ""),
        )  # fmt: skip
    except SettingError as error:
        return _triggers(request, error=f"{FIELDS[field]} of {name}: {error}", status=400)
    except RequestError as error:
        return _triggers(request, error=error, status=400)
    except NotAllowedError as error:
        return _triggers(request, error=error, status=403)
    if done.asked is not None:
        return HttpResponseRedirect(reverse("approval", args=[done.asked.id]), status=303)
    messages.success(request, f"{SPECS[name].what}: {FIELDS[field]} is {value}, in force now.")
    return HttpResponseRedirect(reverse("triggers"), status=303)


def _triggers(
    request: HttpRequest, *, error: Exception | str | None = None, status: int = 200
) -> HttpResponse:
    page = framed(request, "triggers")
    settings = triggers_in_force(read_environment(os.environ))
    rows = {row.name: row for row in TriggerSetting.objects.all()}
    context = {
        **page.context,
        "rows": [_row(one, rows.get(one.name), page) for one in _in_order(settings)],
        "shadow": settings.shadow,
        "warnings": settings.warnings,
        "fields": FIELDS.items(),
        "changes": bool(page.actor.roles & {"risk", "sre"}),
        "step_up": not page.actor.stepped_up,
        "error": error,
    }
    return render(request, "pages/triggers.html", context, status=status)


def _in_order(settings: InForce) -> list[Setting]:
    """By what they measure, the firm's before those of its parts."""
    by_name = settings.settings.values()
    return sorted(by_name, key=lambda one: (SPECS[one.name].what, SPECS[one.name].level != "firm"))


def _row(one: Setting, row: TriggerSetting | None, page: Framed) -> dict[str, Any]:
    spec = SPECS[one.name]
    sense = "at most" if spec.direction is Direction.BELOW else "at least"
    return {
        "name": one.name,
        "what": spec.what,
        "level": f"each {spec.level}" if spec.level != "firm" else "the firm",
        "formula": f"{spec.formula}. Breaches at {sense} this.",
        "threshold": formats.exact(one.threshold.normalize()),
        "unit": spec.unit,
        "confirmations": one.confirmations,
        "cooldown": formats.age(one.cooldown_s * 1000, whole=True),
        "warn_at": f"{formats.number(one.warn_at * 100, 0)} %",
        "window": formats.age(one.window_s * 1000, whole=True) if one.window_s else "none",
        "then": f"{spec.kind}, {spec.mode}",
        "origin": one.origin,
        "by": words.who_words(row.changed_by, page.names) if row else "",
        "at": f"{formats.day(row.changed_at)} {formats.clock(row.changed_at)}" if row else "",
        "shadow": spec.shadowable and (one.shadow or page.context.get("shadow", False)),
        "fixed": spec.fixed,
    }
