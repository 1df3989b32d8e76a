"""The size of a strategy, from its page: set at once, or asked for beyond the limits."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from console.access.rights import page_actor
from console.pages import formats
from console.pages.framing import page_sight
from console.pages.strategy import strategy_shown
from riskctl.actors import NotAllowedError
from riskctl.approvals import RequestError
from trading.strategies.resize import BeyondLimitsError, size_raise_request, size_set


@require_POST
def size_changed(request: HttpRequest, key: str) -> HttpResponse:
    """Within the limits at once; beyond them by a request that a second person decides."""
    page_sight(request).check(key)
    actor, said = page_actor(request), request.POST
    size = said.get("size", "").replace(",", "").strip()
    reason, version = said.get("reason", ""), said.get("version", "")
    try:
        try:
            done = size_set(
                strategy=key, size=size, actor=actor, reason=reason,
                version=int(version) if version.isascii() and version.isdigit() else None,
            )  # fmt: skip
        except BeyondLimitsError:
            row = size_raise_request(strategy=key, size=size, actor=actor, reason=reason)
            return HttpResponseRedirect(reverse("approval", args=[row.id]), status=303)
    except RequestError as error:
        return strategy_shown(request, key, error=error, status=400)
    except NotAllowedError as error:
        status = 412 if error.code == "size-version" else 403
        return strategy_shown(request, key, error=error, status=status)
    messages.success(request, f"{key}: {formats.number(done.size, 2)} USD per symbol.")
    return HttpResponseRedirect(reverse("strategy", args=[key]), status=303)
