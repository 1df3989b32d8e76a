"""Limits in force and what is used of them; lowering one at once, asking for more."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.rights import page_actor
from console.access.visible import NotSeenError
from console.pages import formats, words
from console.pages.framing import Framed, framed, page_sight
from console.pages.limitread import LimitLine, limit_lines
from riskctl.actors import NotAllowedError
from riskctl.approvals import RequestError
from riskctl.approvals.limits import level_of
from riskctl.holds import OWN, RISK
from riskctl.limiting import limit_change, limits_read
from riskctl.rules import FIRM, OPEN_ORDERS, ORDER_RATE, PRICE_COLLAR

UNITS = {OPEN_ORDERS: "orders", ORDER_RATE: "orders/s", PRICE_COLLAR: "bp"}
NEAR, AT = Decimal("0.8"), Decimal("0.95")
WIDTH = 96
ORDER = {"firm": 0, "account": 1, "strategy": 2}


@require_safe
def limits_page(request: HttpRequest) -> HttpResponse:
    return _limits(request)


@require_POST
def limit_changed(request: HttpRequest) -> HttpResponse:
    """Lower: at once. Higher: a request that a second person decides."""
    said = request.POST
    scope, kind = said.get("scope", ""), said.get("kind", "")
    version = said.get("version", "")
    try:
        level_of(scope, kind)
        if scope != FIRM:
            page_sight(request).check_scope(scope.replace("account:", "venue:", 1))
        done = limit_change(
            scope=scope, kind=kind, value=said.get("value", "").replace(",", "").strip(),
            actor=page_actor(request), reason=said.get("reason", ""),
            version=int(version) if version.isascii() and version.isdigit() else None,
        )  # fmt: skip
    except NotSeenError:
        raise  # answered and recorded as every page that is not theirs to see
    except RequestError as error:
        return _limits(request, error=error, status=400)
    except NotAllowedError as error:
        status = 412 if error.code == "limit-moved" else 403
        return _limits(request, error=error, status=status)
    if done.asked is not None:
        return HttpResponseRedirect(reverse("approval", args=[done.asked.id]), status=303)
    assert done.limit is not None
    messages.success(request, f"{kind} of {scope} is {_figure(done.limit.value)}, in force now.")
    return HttpResponseRedirect(reverse("limits"), status=303)


def _limits(
    request: HttpRequest, *, error: Exception | None = None, status: int = 200
) -> HttpResponse:
    page = framed(request, "limits")
    lines = limit_lines(limits_read(), page.snapshot.desk, page.sight)
    lines.sort(key=lambda one: (ORDER.get(one.scope.partition(":")[0], 3), one.scope, one.kind))
    context = {
        **page.context,
        "rows": [_row(one, page) for one in lines],
        "known": page.snapshot.desk is not None,
        "step_up": not page.actor.stepped_up,
        "changes": bool(page.actor.roles & {"risk", "trader"}),
        "error": error,
        "said": request.POST,
    }
    return render(request, "pages/limits.html", context, status=status)


def _row(one: LimitLine, page: Framed) -> dict[str, Any]:
    share = one.share
    near = "ok" if share is None or share < NEAR else "warning" if share < AT else "breach"
    return {
        "scope": one.scope,
        "scope_words": words.scope_words(one.scope),
        "kind": one.kind,
        "record": f"{one.scope}/{one.kind}",
        "label": f"{one.kind} of {words.scope_words(one.scope)}",
        "kind_words": one.kind.replace("-", " ").capitalize(),
        "unit": UNITS.get(one.kind, "USD"),
        "value": _figure(one.value),
        "in_force": _figure(one.in_force),
        "reduced": one.in_force != one.value,
        "used": formats.number(one.used, 0),
        "each": one.used is None and one.kind in ("order-notional", PRICE_COLLAR, ORDER_RATE),
        "share": "" if share is None else f"{share * 100:.0f} %",
        "width": 0 if share is None else round(min(share, Decimal(1)) * WIDTH),
        "near": near,
        "version": one.version,
        "by": words.who_words(one.changed_by, page.names) or "set up",
        "at": f"{formats.day(one.changed_at)} {formats.clock(one.changed_at)}",
        "mine": bool(page.actor.standings(one.scope) & {RISK, OWN}),
    }


def _figure(value: Decimal) -> str:
    return f"{value.normalize():,f}"
