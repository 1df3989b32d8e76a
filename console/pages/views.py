"""The desk and the pipeline. Reading only; who may come here is settled by the door."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.pages import desk, lists, pipeline, stagelines
from console.pages.frames import age_of
from console.pages.framing import framed, page_sight


@require_safe
def desk_page(request: HttpRequest) -> HttpResponse:
    """Every strategy, and what the desk holds."""
    page = framed(request, "desk")
    frame = page.snapshot.desk
    age_ms = age_of(frame.as_of, page.now) if frame else 0
    context = {
        **page.context,
        "figures": desk.figures_of(frame, page.now, page.names),
        "rows": desk.rows_of(page.lines, page.names, age_ms, page.actor),
        "blank": desk.Row(),
        "instruments": lists.instruments_of(page.lines),
        "accounts": lists.accounts_of(page.lines),
        "traders": lists.traders_of(page.lines, page.names),
        "tape": lists.tape_read(page.sight),
        "known": frame is not None,
        "blind": page.sight.strategies == frozenset(),
    }
    return render(request, "pages/desk.html", context)


@require_safe
def desk_tape(request: HttpRequest) -> JsonResponse:
    """The newest orders and fills; asked for when the live frame says that there are new ones."""
    return JsonResponse({"tape": lists.as_json(lists.tape_read(page_sight(request)))})


@require_safe
def pipeline_page(request: HttpRequest) -> HttpResponse:
    """The critical path as it is now."""
    page = framed(request, "pipeline")
    frame = page.snapshot.pipeline
    context = {
        **page.context,
        "stages": pipeline.stages_of(frame),
        "quotes": pipeline.quotes_of(frame),
        "feed": pipeline.feed_of(frame),
        "gateways": pipeline.gateways_of(frame),
        "leases": pipeline.leases_of(frame),
        "services": pipeline.services_of(frame),
        "workers": stagelines.workers_of(frame.workers if frame else None),
        "past": stagelines.past_read(),
        "known": frame is not None,
    }
    return render(request, "pages/pipeline.html", context)
