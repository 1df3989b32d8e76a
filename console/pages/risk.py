"""The risk page: exposure, limits, triggers, the dead man's switch, holds and kills."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from console.access.rights import page_actor
from console.pages import formats
from console.pages.frames import frames_read
from console.pages.framing import framed, page_sight
from console.pages.holdread import holds_read
from console.pages.riskread import exposure_read, kills_read
from console.pages.stoplosses import stop_losses_seen
from console.pages.triggerread import firings_read, triggers_read
from console.pages.viewer import viewer_facts
from riskctl.actors import NotAllowedError
from riskctl.deadman import deadman_confirm


@require_safe
def risk_page(request: HttpRequest) -> HttpResponse:
    page = framed(request, "risk")
    context = {
        **page.context,
        **triggers_read(page.sight),
        "open": holds_read(page.sight, names=page.names, open_only=True),
        "firings": firings_read(page.sight),
        "kills": kills_read(page.sight, page.names),
        **exposure_read(page.snapshot.desk, page.sight),
        "stop_losses": stop_losses_seen(page.sight).count(),
        "confirms": page.actor.kind == "person",
    }
    return render(request, "pages/risk.html", context)


@require_safe
def risk_triggers(request: HttpRequest) -> HttpResponse:
    """The triggers' table alone, asked for every second."""
    context = {"viewer": viewer_facts(page_actor(request)), **triggers_read(page_sight(request))}
    return render(request, "parts/triggers.html", context)


@require_safe
def risk_exposure(request: HttpRequest) -> HttpResponse:
    """Exposure, concentration and the limits' use alone, asked for every second."""
    sight = page_sight(request)
    return render(request, "parts/risk_parts.html", exposure_read(frames_read(sight).desk, sight))


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
