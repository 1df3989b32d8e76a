"""One strategy in full: state, figures, charts, orders and fills, limits, holds; its buttons."""

import datetime as dt
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from audit.reading import SearchTooWideError, entries_read
from audit.search import Search
from console.access.record_readers import reads_whole_record
from console.access.rights import page_actor
from console.access.visible import Sight
from console.pages import desk, formats, words
from console.pages.auditread import Line, lines_of
from console.pages.enginealerts import none_rings, ringing_of
from console.pages.frames import DeskFrame, StrategyLine, age_of, frames_read
from console.pages.framing import Framed, framed, page_sight
from console.pages.holdread import HoldText, holds_text
from console.pages.resultread import PERIODS as PERFORMANCE_PERIODS
from console.pages.resultread import performance_of
from console.pages.series import PERIODS, chosen, table_of
from console.pages.signalread import signals_of
from console.pages.strategyread import (
    distances_of,
    figures_of,
    limits_of,
    orders_read,
    parameters_of,
    positions_of,
    stop_words,
)
from console.pages.triggerread import TriggerText
from console.pages.viewer import viewer_facts
from riskctl.actors import NotAllowedError
from riskctl.approvals import RequestError
from riskctl.conditions import Condition
from riskctl.ladder import promote_conditions, stage_demote, stage_of, stage_promote_request
from riskctl.models import Approval, Hold, Stage
from riskctl.rungs import Rung, next_up
from trading.clock import utc_now
from trading.models import EngineVersion, Strategy
from trading.resume.scope import scopes_over
from trading.resume.versions import version_of
from trading.strategies.resize import most_within

HISTORY = 30
TOLD = 6


@require_safe
def strategy_page(request: HttpRequest, key: str) -> HttpResponse:
    return strategy_shown(request, key)


@require_safe
def strategy_parts(request: HttpRequest, key: str) -> HttpResponse:
    """What moves beside the figures, as the server says it: orders, limits, distances; with
    ``only=measured`` what is dear to measure, asked for less often."""
    sight = page_sight(request)
    sight.check(key)
    row = Strategy.objects.select_related("account").filter(key=key).first()
    if row is None:
        raise Http404
    frame = frames_read(sight).desk
    if request.GET.get("only") == "measured":
        line = next(one for one in desk.lines_of(frame, sight) if one.key == key)
        measured = _measured(line, distances_of(row, sight)[0], utc_now())
        return render(request, "parts/strategy_measured.html", measured)
    parts = _parts(row, frame, sight)
    context = {"viewer": viewer_facts(page_actor(request)), **parts}
    return render(request, "parts/strategy_parts.html", context)


def _measured(line: StrategyLine, distances: list[TriggerText], now: dt.datetime) -> dict[str, Any]:
    """Of all the day's orders, and of periods up to ``now``. Raises django.db.Error."""
    return {
        "figures": figures_of(line, stop_words(distances), now),
        "performance": performance_of(line.key, now),
        "result_periods": list(PERFORMANCE_PERIODS),
        "measured_at": formats.clock(now),
    }


def _parts(row: Strategy, frame: DeskFrame | None, sight: Sight) -> dict[str, Any]:
    distances, why = distances_of(row, sight)
    return {
        "orders": orders_read(row.key),
        "bars": limits_of(row, frame, sight),
        "distances": distances,
        "distances_why": why,
        "own_scope": f"strategy:{row.key}",
        "signals": signals_of(row.key, utc_now()),
    }


def _charts(request: HttpRequest, row: Strategy, now: dt.datetime) -> dict[str, Any]:
    """What the charts are asked for; as rows where they are asked for so."""
    asked = chosen(request.GET, row)
    symbols = [str(one) for one in row.symbols]
    return {
        "asked": asked,
        "periods": [(str(one), word, one is asked.period) for one, word in PERIODS.items()],
        "symbols": [(one, one == asked.symbol) for one in symbols] if len(symbols) > 1 else [],
        "table": table_of(row, asked, now) if asked.table else None,
    }


@require_POST
def stage_moved(request: HttpRequest, key: str) -> HttpResponse:
    """Down a rung at once; up one by a request that a second person decides."""
    page_sight(request).check(key)
    actor, said = page_actor(request), request.POST
    to, reason = said.get("to", ""), said.get("reason", "")
    try:
        if to in set(Rung) and Rung(to).height > stage_of(key).height:
            row = stage_promote_request(strategy=key, to=to, actor=actor, reason=reason)
            return HttpResponseRedirect(reverse("approval", args=[row.id]), status=303)
        stands = stage_demote(strategy=key, to=to, actor=actor, reason=reason)
    except RequestError as error:
        return strategy_shown(request, key, error=error, status=400)
    except NotAllowedError as error:
        return strategy_shown(request, key, error=error, status=403)
    messages.success(request, f"{key} stands on {stands}.")
    return HttpResponseRedirect(reverse("strategy", args=[key]), status=303)


def strategy_shown(
    request: HttpRequest, key: str, *, error: Exception | None = None, status: int = 200
) -> HttpResponse:
    page_sight(request).check(key)
    row = Strategy.objects.select_related("account").filter(key=key).first()
    if row is None:
        raise Http404
    page = framed(request, "strategy", strategy=key)
    line = next(one for one in page.lines if one.key == key)
    age_ms = age_of(page.snapshot.desk.as_of, page.now) if page.snapshot.desk else 0
    (text,) = desk.rows_of([line], page.names, age_ms, page.actor)
    parts = _parts(row, page.snapshot.desk, page.sight)
    context = {
        **page.context,
        "row": text,
        "line": line,
        "strategy": row,
        "alerts": ringing_of(line),
        "alerts_none": none_rings(line, page.snapshot.desk),
        "documents": EngineVersion.objects.filter(name=key).count(),
        "held": positions_of(line),
        "real_pnl": formats.number(line.real.pnl, 2, plus=True),
        **_charts(request, row, page.now),
        **parts,
        **_measured(line, parts["distances"], page.now),
        "parameters": parameters_of(row),
        "version": version_of(row)[:12],
        "told": _told(row, page),
        **_holds(row, page),
        "stage": _stage(row, page),
        "size": _size(row, page),
        "here": reverse("strategy", args=[key]),
        "error": error,
        "said": request.POST,
    }
    return render(request, "pages/strategy.html", context, status=status)


def _told(row: Strategy, page: Framed) -> list[Line] | None:
    """The last that the record has of it; None for who does not read all of the record."""
    if not reads_whole_record(page.actor.roles):
        return None
    asked = Search(object_kind="strategy", object_id=row.key)
    try:
        return lines_of(entries_read(asked, limit=TOLD).entries, page.names)
    except SearchTooWideError:
        return []  # the page stands without; the link leads to the search, which says why


def _size(row: Strategy, page: Framed) -> dict[str, Any]:
    """Its size, up to where one person may set it, and whether this one may."""
    pending = Approval.objects.filter(
        kind="size-raise", subject=f"strategy:{row.key}", state=Approval.State.PENDING
    )
    most = most_within(row)
    return {
        "now": formats.number(row.size_notional, 2),
        "most": formats.number(most, 2) if most is not None else formats.UNKNOWN,
        "version": row.version,
        "may": page.actor.resizes_one(row.key),
        "step_up": not page.actor.stepped_up,
        "pending": pending.first(),
    }


def _holds(row: Strategy, page: Framed) -> dict[str, list[HoldText]]:
    """Open ones on all its scopes; of those that are over, its own and the firm's too."""
    rows = Hold.objects.select_related("lift").filter(scope__in=scopes_over(row))
    still = list(rows.filter(lift=None).order_by("-placed_at")[:HISTORY])
    over = list(rows.filter(lift__isnull=False).order_by("-placed_at")[:HISTORY])
    return {
        "holds_open": holds_text(still, page.names),
        "holds_over": holds_text(over, page.names),
    }


def _stage(row: Strategy, page: Framed) -> dict[str, Any]:
    """Where it stands, what the next rung takes, measured now, and who may move it."""
    stage = Stage.objects.filter(strategy=row.key).first()
    rung = Rung(stage.rung) if stage else Rung.STOPPED
    above = next_up(rung)
    conditions: list[Condition] = []
    if above is not None:
        conditions = promote_conditions(row.key, rung, above)
    moves = page.actor.standings(f"strategy:{row.key}") & {"own", "risk", "sre"}
    pending = Approval.objects.filter(
        kind="stage-promote", subject=f"strategy:{row.key}", state=Approval.State.PENDING
    )
    return {
        "row": stage,
        "rung": rung,
        "word": words.rung_words(str(rung), str(stage.size_factor)) if stage else "none",
        "above": above,
        "below": [one for one in Rung if one.height < rung.height][::-1],
        "ladder": [(words.RUNG_WORDS[str(one)], one is rung, one.height < rung.height)
                   for one in Rung],
        "conditions": conditions,
        "may": bool(moves),
        "step_up": not page.actor.stepped_up,
        "pending": pending.first(),
        "by": words.who_words(stage.entered_by, page.names) if stage else "",
        "since": (
            f"{formats.day(stage.since)} {formats.clock(stage.since)[:5]} UTC" if stage else ""
        ),
    }  # fmt: skip
