"""The pages. Reading only; who may come here is settled by the door (console.access.middleware)."""

import datetime as dt
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.access import sessions
from console.pages import band, desk, lists, pipeline
from console.pages.frames import Snapshot, age_of, frames_read


def _person(request: HttpRequest) -> User:
    user = sessions.person(request).user
    assert user is not None, "the door lets only people with a second factor come here"
    return user


def _framed(
    request: HttpRequest, page: str, snapshot: Snapshot, now: dt.datetime
) -> dict[str, Any]:
    lines = desk.lines_of(snapshot.desk)
    return {
        "page": page,
        "person": band.person_words(_person(request)),
        "band": band.band_of(snapshot.desk, lines, now),
        "lines": lines,
        "why": snapshot.why,
    }


@require_safe
def desk_page(request: HttpRequest) -> HttpResponse:
    """Every strategy, and what the desk holds."""
    now, snapshot = dt.datetime.now(dt.UTC), frames_read()
    framed = _framed(request, "desk", snapshot, now)
    owners = desk.owner_names()
    lines = framed["lines"]
    age_ms = age_of(snapshot.desk.as_of, now) if snapshot.desk else 0
    context = {
        **framed,
        "figures": desk.figures_of(snapshot.desk, now),
        "rows": desk.rows_of(lines, owners, age_ms),
        "blank": desk.Row(),
        "owners": owners,
        "instruments": lists.instruments_of(lines),
        "accounts": lists.accounts_of(lines),
        "traders": lists.traders_of(lines, owners),
        "tape": lists.tape_read(),
        "known": snapshot.desk is not None,
    }
    return render(request, "pages/desk.html", context)


@require_safe
def desk_tape(request: HttpRequest) -> JsonResponse:
    """The newest orders and fills; asked for when the live frame says that there are new ones."""
    return JsonResponse({"tape": lists.as_json(lists.tape_read())})


@require_safe
def pipeline_page(request: HttpRequest) -> HttpResponse:
    """The critical path as it is now."""
    now, snapshot = dt.datetime.now(dt.UTC), frames_read()
    frame = snapshot.pipeline
    context = {
        **_framed(request, "pipeline", snapshot, now),
        "stages": pipeline.stages_of(frame),
        "quotes": pipeline.quotes_of(frame),
        "feed": pipeline.feed_of(frame),
        "gateways": pipeline.gateways_of(frame),
        "leases": pipeline.leases_of(frame),
        "services": pipeline.services_of(frame),
        "known": frame is not None,
    }
    return render(request, "pages/pipeline.html", context)
