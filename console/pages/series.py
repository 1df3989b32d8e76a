"""A strategy's charts: the series that the page draws, and the same as a table.

Columns of plain numbers, not rows of objects: ten thousand points are a quarter of a megabyte. They
are drawn, never reckoned with; what is exact is under /api/strategies/{strategy}/performance.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from console.pages import formats, words
from console.pages.framing import page_sight
from riskctl.models import Hold, TriggerFiring, TriggerSetting
from riskctl.triggers.specs import SPECS
from trading.models import Fill, Order, Signal, Strategy
from trading.orders.states import OrderState
from trading.resume.scope import scopes_over
from trading.selectors.performance import Performance, Period, PnlAt, performance, prices
from trading.universe import UNIVERSE

PERIODS = {Period.TODAY: "Today", Period.FIVE_DAYS: "5 d", Period.TWENTY_DAYS: "20 d"}
DRAWDOWN = "strategy-drawdown"
MARKS = 1_000
"""The newest so many signals and fills are drawn."""
HOLDS, INCIDENTS = 60, 60
GAP_S, MINUTE = 60, 60
RESTING = (
    OrderState.WORKING, OrderState.PARTIALLY_FILLED, OrderState.CANCEL_PENDING, OrderState.UNKNOWN,
)  # fmt: skip
TABLE_ROWS = 48


@dataclass(frozen=True)
class Chosen:
    """What the address asks for: another period, symbol or form than there is counts as none."""

    period: Period
    symbol: str
    table: bool

    @property
    def about(self) -> str:
        days = self.period.days
        return "PnL since 00:00 UTC" + ("" if days == 1 else f", {days} days with today")


def chosen(said: Mapping[str, str], row: Strategy) -> Chosen:
    symbols = [str(one) for one in row.symbols]
    symbol = said.get("symbol", "")
    period = said.get("period", "")
    return Chosen(
        Period(period) if period in set(Period) else Period.TODAY,
        symbol if symbol in symbols else next(iter(symbols), ""),
        said.get("as") == "table",
    )


@require_safe
def strategy_series(request: HttpRequest, key: str) -> JsonResponse:
    """What the charts of one strategy draw; with ``only=marks`` what lies on the lines."""
    page_sight(request).check(key)
    row = Strategy.objects.select_related("account").filter(key=key).first()
    if row is None:
        raise Http404
    asked, now = chosen(request.GET, row), dt.datetime.now(dt.UTC)
    if request.GET.get("only") == "marks":
        return JsonResponse(marks_of(row, asked, asked.period.since(now)))
    return JsonResponse(series_of(row, asked, now))


def series_of(row: Strategy, asked: Chosen, now: dt.datetime) -> dict[str, Any]:
    """Times are seconds since the epoch, money USD."""
    line = performance(key=row.key, period=asked.period, now=now)
    under = prices(symbol=asked.symbol, since=line.since, until=now, step_s=line.step_s)
    pnl = gapped([(_at(one.at), _cents(one.pnl), _cents(one.net)) for one in line.points],
                 line.step_s)  # fmt: skip
    mids = gapped([(_at(one.at), float(one.mid)) for one in under], max(line.step_s, MINUTE))
    return {
        "since": _at(line.since),
        "until": _at(now),
        "step_s": line.step_s,
        "opened": _cents(line.opened),
        "capital": None if line.capital is None else float(line.capital),
        "threshold": _threshold(),
        "pnl": {
            "at": [one[0] for one in pnl],
            "pnl": [one[1] for one in pnl],
            "net": [one[2] for one in pnl],
        },
        "price": {
            "symbol": asked.symbol,
            "places": _places(asked.symbol),
            "at": [one[0] for one in mids],
            "mid": [one[1] for one in mids],
        },
        **marks_of(row, asked, line.since),
    }


def marks_of(row: Strategy, asked: Chosen, since: dt.datetime) -> dict[str, Any]:
    """What is drawn upon the lines."""
    return {
        "fills": _fills(row.key, asked.symbol, since),
        "signals": _signals(row.key, asked.symbol, since),
        "stops": stops_of(row.key, asked.symbol),
        "holds": holds_of(row, since),
        "incidents": incidents_of(row, since),
    }


def gapped(points: Sequence[tuple[float, ...]], step_s: float) -> list[tuple[float | None, ...]]:
    """With a point of nothing where nothing was written for much longer than a step: the line ends
    there."""
    most = max(step_s * 6, GAP_S)
    found: list[tuple[float | None, ...]] = []
    for before, after in zip([None, *points], points, strict=False):
        if before is not None and after[0] - before[0] > most:
            found.append((round(before[0] + step_s, 1), *[None] * (len(before) - 1)))
        found.append(after)
    return found


def _at(moment: dt.datetime) -> float:
    return round(moment.timestamp(), 1)


def _cents(value: Decimal) -> float:
    return round(float(value), 2)


def _places(symbol: str) -> int:
    """Decimals of a mid: half a tick."""
    if symbol not in UNIVERSE:
        return 2
    exponent = (UNIVERSE.by_symbol(symbol).tick_size / 2).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _threshold() -> float:
    """Of the drawdown trigger, % of peak equity."""
    rows = TriggerSetting.objects.filter(name=DRAWDOWN)
    value = rows.values_list("threshold", flat=True).first()
    return float(SPECS[DRAWDOWN].threshold if value is None else value)


def _fills(key: str, symbol: str, since: dt.datetime) -> list[list[Any]]:
    rows = Fill.objects.filter(strategy=key, symbol=symbol, recorded_at__gte=since)
    found = rows.order_by("-recorded_at", "-id").values_list("recorded_at", "side", "price")
    return [[_at(at), side, float(price)] for at, side, price in found[:MARKS]][::-1]


def _signals(key: str, symbol: str, since: dt.datetime) -> list[list[Any]]:
    rows = Signal.objects.filter(strategy=key, symbol=symbol, created_at__gte=since)
    found = rows.order_by("-created_at", "-id").values_list("created_at", "direction", "price")
    return [[_at(at), direction, float(price)] for at, direction, price in found[:MARKS]][::-1]


def stops_of(key: str, symbol: str) -> list[float]:
    """Prices at which protective stops rest at the venue, or may."""
    rows = Order.objects.filter(
        strategy=key, symbol=symbol, order_type="stop", reduce_only=True, state__in=RESTING
    )
    found = rows.values_list("stop_price", flat=True)
    return sorted({float(price) for price in found if price is not None})


def holds_of(row: Strategy, since: dt.datetime) -> list[dict[str, Any]]:
    """Holds on all of it since then: from, until (null: still) and what they were."""
    symbols = {f"instrument:{one}" for one in row.symbols}
    scopes = scopes_over(row) - (symbols if len(symbols) > 1 else set())
    rows = Hold.objects.select_related("lift").filter(scope__in=scopes).order_by("-placed_at")
    found = []
    for one in rows[:HOLDS]:
        lift = getattr(one, "lift", None)
        if lift is None or lift.lifted_at >= since:
            over = None if lift is None else _at(lift.lifted_at)
            found.append(
                {
                    "from": _at(one.placed_at),
                    "to": over,
                    "kind": one.kind,
                    "words": f"{words.KIND_WORDS[one.kind].lower()} on {one.scope}: {one.reason}",
                }
            )
    return found[::-1]


def incidents_of(row: Strategy, since: dt.datetime) -> list[dict[str, Any]]:
    """Triggers that were breached on anything it trades through."""
    rows = TriggerFiring.objects.filter(
        scope__in=scopes_over(row), level="breach", happened_at__gte=since
    )
    return [
        {"at": _at(one.happened_at), "words": f"{SPECS[one.trigger].what}, {one.scope}"}
        for one in rows.order_by("-happened_at")[:INCIDENTS]
        if one.trigger in SPECS
    ][::-1]


@dataclass(frozen=True)
class TableRow:
    """One step of time; ``notes``: what happened in it."""

    at: str
    pnl: str
    tone: str
    drawdown: str
    net: str
    price: str
    notes: str


def table_of(row: Strategy, asked: Chosen, now: dt.datetime) -> list[TableRow]:
    """The charts as rows, the newest first."""
    line = performance(key=row.key, period=asked.period, now=now, points=TABLE_ROWS)
    under = prices(symbol=asked.symbol, since=line.since, until=now, step_s=line.step_s)
    step = dt.timedelta(seconds=line.step_s)
    mids = {(one.at - line.since) // step: one.mid for one in under}
    notes = _notes(row, line)
    points = {(one.at - line.since) // step: one for one in line.points}
    return [
        _table_row(asked, line.since + place * step, points.get(place), mids.get(place),
                   notes.get(place, []))
        for place in sorted({*points, *notes}, reverse=True)
    ]  # fmt: skip


def _table_row(
    asked: Chosen, begun: dt.datetime, one: PnlAt | None, mid: Decimal | None, notes: list[str]
) -> TableRow:
    """``begun``: where its step begins; what happened in it is said also where no point is."""
    at = one.at if one else begun
    return TableRow(
        at=formats.clock(at)
        if asked.period is Period.TODAY
        else f"{formats.day(at)} {formats.clock(at)[:5]}",
        pnl=formats.number(one.pnl if one else None, 2, plus=True),
        tone=formats.tone(one.pnl if one else None),
        drawdown=formats.number(one.drawdown if one else None, 2),
        net=formats.number(one.net if one else None, 0, plus=True),
        price=formats.number(mid, _places(asked.symbol)),
        notes="; ".join(notes),
    )


def _notes(row: Strategy, line: Performance) -> dict[int, list[str]]:
    """What the charts mark, by step of time."""
    since = _at(line.since)
    found: dict[int, list[str]] = {}

    def note(at: float, text: str) -> None:
        found.setdefault(int((at - since) // line.step_s), []).append(text)

    for one in holds_of(row, line.since):
        note(max(one["from"], since), one["words"])
        if one["to"] is not None:
            note(one["to"], f"{one['kind']} lifted")
    for one in incidents_of(row, line.since):
        note(one["at"], f"breach: {one['words']}")
    return found
