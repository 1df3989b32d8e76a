"""One strategy in full: state, rung, position, line, orders and fills, holds; and its buttons."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.rights import page_actor
from console.pages import desk, formats, words
from console.pages.chart import Chart, chart_of
from console.pages.frames import StrategyLine, age_of
from console.pages.framing import Framed, framed, page_sight
from console.pages.holdread import HoldText, holds_text
from riskctl.actors import NotAllowedError
from riskctl.approvals import RequestError
from riskctl.conditions import Condition
from riskctl.ladder import promote_conditions, stage_demote, stage_of, stage_promote_request
from riskctl.models import Approval, Hold, Stage
from riskctl.rungs import Rung, next_up
from trading.models import Fill, Order, PnlPoint, Strategy
from trading.portfolio.books import day_start
from trading.resume.scope import scopes_over
from trading.strategies.resize import most_within

SHOWN = 12
HISTORY = 30


@dataclass(frozen=True)
class OrderText:
    """One order or fill in the list; the newest first."""

    at: str
    what: str
    side: str
    quantity: str
    symbol: str
    price: str
    state: str
    filled: str
    note: str
    ident: str


@require_safe
def strategy_page(request: HttpRequest, key: str) -> HttpResponse:
    return strategy_shown(request, key)


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
    context = {
        **page.context,
        "row": text,
        "line": line,
        "strategy": row,
        "figures": figures_of(line),
        "held": line.position or [],
        "chart": _chart(row, page.now),
        "orders": orders_read(key),
        **_holds(row, page),
        "stage": _stage(row, page),
        "size": _size(row, page),
        "here": reverse("strategy", args=[key]),
        "error": error,
        "said": request.POST,
    }
    return render(request, "pages/strategy.html", context, status=status)


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


def figures_of(line: StrategyLine) -> list[desk.Figure]:
    """The register of one strategy."""

    def money(name: str, label: str, sub: str) -> desk.Figure:
        value = getattr(line, name)
        text = formats.number(value, 2, plus=True)
        return desk.Figure(name, label, text, "USD", sub, formats.tone(value))

    orders = formats.UNKNOWN if line.orders_open is None else f"{line.orders_open:,}"
    fills = formats.UNKNOWN if line.fills is None else f"{line.fills:,}"
    return [
        money("pnl", "PnL today", "since 00:00 UTC, after fees"),
        money("unrealised", "Unrealised", "at the latest mid"),
        money("realised", "Realised", "all days, before fees"),
        desk.Figure("fees", "Fees", formats.number(line.fees, 2), "USD", "all days"),
        desk.Figure("gross", "Gross exposure", *formats.compact(line.gross), "long and short"),
        desk.Figure(
            "net", "Net exposure", *formats.compact(line.net, plus=True), "long less short"
        ),
        desk.Figure("orders", "Open orders", orders, "", f"{fills} fills, all days"),
    ]


def orders_read(key: str) -> list[OrderText]:
    """The newest orders and fills of one strategy."""
    orders = Order.objects.filter(strategy=key).order_by("-created_at", "client_order_id")[:SHOWN]
    fills = Fill.objects.filter(strategy=key).order_by("-recorded_at", "-id")[:SHOWN]
    told = [
        *((one.created_at, _order(one)) for one in orders),
        *((one.recorded_at, _fill(one)) for one in fills),
    ]
    told.sort(key=lambda one: one[0], reverse=True)
    return [row for _, row in told[:SHOWN]]


def _order(one: Order) -> OrderText:
    price = one.limit_price or one.stop_price
    note = one.reason_code.replace("_", " ").lower() or ("by warrant" if one.warrant else "")
    if one.reduce_only and one.order_type == "stop":
        note = "protective"
    return OrderText(
        formats.precise(one.created_at), one.order_type, one.side, formats.exact(one.quantity),
        one.symbol, formats.exact(price) if price else "market", one.state,
        formats.exact(one.filled), note, one.client_order_id,
    )  # fmt: skip


def _fill(one: Fill) -> OrderText:
    note = "by warrant" if one.order and one.order.warrant else ""
    return OrderText(
        formats.precise(one.recorded_at), "fill", one.side, formats.exact(one.quantity),
        one.symbol, formats.exact(one.price), "filled", formats.exact(one.quantity), note,
        f"{one.account_id}/{one.sequence}",
    )  # fmt: skip


def _chart(row: Strategy, now: dt.datetime) -> Chart:
    """Of today; holds on anything that applies to it."""
    start = day_start(now)
    points = PnlPoint.objects.filter(strategy=row, at__gte=start).order_by("at")
    before = PnlPoint.objects.filter(strategy=row, at__lt=start).order_by("-at").first()
    base = before.realised + before.unrealised - before.fees if before else 0
    rows = points.values_list("at", "realised", "unrealised", "fees")
    values = [(at, realised + unrealised - fees - base) for at, realised, unrealised, fees in rows]
    holds = Hold.objects.select_related("lift").filter(scope__in=_scopes(row))
    bands = [
        (one.placed_at, one.lift.lifted_at if getattr(one, "lift", None) else None, one.kind)
        for one in holds.order_by("placed_at")[:HISTORY]
        if getattr(one, "lift", None) is None or one.lift.lifted_at >= start
    ]
    return chart_of(values, bands, now)


def _scopes(row: Strategy) -> set[str]:
    """Scopes that hold all of it: one of several symbols does not."""
    symbols = {f"instrument:{one}" for one in row.symbols}
    return scopes_over(row) - (symbols if len(symbols) > 1 else set())


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
            f"{formats.day(stage.since)} {formats.clock(stage.since)[:5]}" if stage else ""
        ),
    }  # fmt: skip
