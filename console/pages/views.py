"""The desk and the pipeline. Reading only; who may come here is settled by the door."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.pages import desk, deskview, lists, marketclock, pipeline, register, stagelines
from console.pages.enginealerts import desk_alerts
from console.pages.frames import age_of
from console.pages.framing import framed, page_sight
from trading.feeds.spec import is_simulated


@require_safe
def desk_page(request: HttpRequest) -> HttpResponse:
    """Every strategy, and what the desk holds."""
    page = framed(request, "desk")
    frame = page.snapshot.desk
    age_ms = age_of(frame.as_of, page.now) if frame else 0
    view = deskview.view_of(request.GET)
    lines = deskview.shown(view, page.lines, page.names, page.actor.name)
    context = {
        **page.context,
        "figures": register.figures_of(frame, page.now, page.names),
        "rows": desk.rows_of(lines, page.names, age_ms, page.actor),
        "any": bool(page.lines),
        "view": view,
        "columns": desk_columns(view),
        "shows": desk_shows(view, deskview.counts(page.lines, page.actor.name)),
        "blank": desk.Row(),
        "instruments": lists.instruments_of(page.lines),
        "none_held": frame is not None and all(one.position is not None for one in page.lines),
        "accounts": lists.accounts_of(page.lines),
        "traders": lists.traders_of(page.lines, page.names),
        "ringing": desk_alerts(page.lines, frame),
        "tape": lists.tape_read(page.sight),
        "known": frame is not None,
        "blind": page.sight.strategies == frozenset(),
    }
    return render(request, "pages/desk.html", context)


COLUMNS = (
    ("state", "State", "c-state"), ("key", "Strategy", "c-name"), ("stage", "Stage", "c-stage"),
    ("hold", "Hold and why", "c-hold"), ("", "Position", "c-position"), ("", "Today", "c-line"),
    ("pnl", "PnL today, USD", "num c-pnl"), ("unrealised", "Unrealised", "num c-unrealised"),
    ("drawdown", "DD, %", "num c-drawdown"), ("gross", "Gross, k", "num c-gross"),
    ("net", "Net, k", "num c-net"), ("limit", "Limit use", "c-limit"),
    ("hit", "Hit, %", "num c-hit"), ("slip", "Slip, bp", "num c-slip"),
    ("filled", "Fill, %", "num c-filled"), ("signal", "Signal", "num c-signal"),
    ("data", "Data", "num c-data"),
)  # fmt: skip
TITLES = {
    "drawdown": "Drawdown from its peak, percent of its capital, as its trigger sees it",
    "limit": "The limit of which most is used",
    "hit": "Round trips of today that made money after fees",
    "slip": "What today’s fills cost beyond the mid the strategy saw",
    "filled": "How much of each of today’s orders was filled",
    "signal": "Age of its last signal",
    "data": "Age of the oldest price it rests on",
}
SHOWS = {"all": "All", "mine": "Mine", "held": "Held", "near": "Near a limit"}


def desk_columns(view: deskview.DeskView) -> list[dict[str, str]]:
    """Heads of the table: where each sorts to, and how it is sorted now."""
    return [
        {
            "name": name, "label": label, "css": css, "title": TITLES.get(name, ""),
            "href": view.address(sort=name, down=name == view.sort and not view.down),
            "sorted": ("descending" if view.down else "ascending") if name == view.sort else "",
        }
        for name, label, css in COLUMNS
    ]  # fmt: skip


def desk_shows(view: deskview.DeskView, counts: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {"name": name, "label": label, "count": counts[name], "on": name == view.show,
         "href": view.address(show=name)}
        for name, label in SHOWS.items()
    ]  # fmt: skip


@require_safe
def desk_tape(request: HttpRequest) -> JsonResponse:
    """The newest orders and fills; asked for when the live frame says that there are new ones."""
    return JsonResponse({"tape": lists.as_json(lists.tape_read(page_sight(request)))})


@require_safe
def pipeline_page(request: HttpRequest) -> HttpResponse:
    """The critical path as it is now."""
    page = framed(request, "pipeline")
    frame = page.snapshot.pipeline
    clock = (page.snapshot.desk and page.snapshot.desk.feed.clock) or page.now
    context = {
        **page.context,
        "market": marketclock.market_facts(clock, every=True),
        "markets": marketclock.tiles_of(clock),
        "always_open": is_simulated(settings.FEED),
        "stages": pipeline.stages_of(frame),
        "quotes": pipeline.quotes_of(frame),
        "feed": pipeline.feed_of(frame),
        "gateways": pipeline.gateways_of(frame),
        "leases": pipeline.leases_of(frame),
        "services": pipeline.services_of(frame),
        "workers": stagelines.workers_of(frame.workers if frame else None),
        "past": stagelines.past_read(),
        "spans": stagelines.spans_of(request.GET.get("past", "")),
        "known": frame is not None,
    }
    return render(request, "pages/pipeline.html", context)
