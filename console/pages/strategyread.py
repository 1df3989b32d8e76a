"""What the page of one strategy says: register, orders as they happen, limits, distances."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from console.access.visible import Sight
from console.pages import formats
from console.pages.desk import Figure
from console.pages.frames import DeskFrame, StrategyLine
from console.pages.limitbars import LimitBar, bar_of
from console.pages.limitread import limit_lines
from console.pages.series import DRAWDOWN
from console.pages.triggerread import TriggerText, triggers_heard
from riskctl.limiting import limits_read
from riskctl.rules import strategy_scope
from trading.clock import utc_now
from trading.models import Fill, Order, Signal, Strategy
from trading.portfolio.books import day_start
from trading.rehearsals import rehearsal_accounts
from trading.resume.scope import scopes_over
from trading.selectors.performance import answers
from trading.strategies.parameters import ParameterError, bounds_of, read_parameters

SHOWN = 14
DISTANCES = 8
DIRECTIONS = {1: "long", 0: "flat", -1: "short"}


@dataclass(frozen=True)
class HeldText:
    """An open position; ``rehearsal``: paper money."""

    account: str
    rehearsal: bool
    symbol: str
    quantity: str
    average: str
    mark: str
    unrealised: str
    tone: str


def positions_of(line: StrategyLine) -> list[HeldText]:
    return [
        HeldText(
            one.account, one.rehearsal, one.symbol, formats.exact(one.quantity, plus=True),
            formats.exact(one.average_price), formats.price(one.mark),
            formats.number(one.unrealised, 2, plus=True), formats.tone(one.unrealised),
        )
        for one in line.position or []
    ]  # fmt: skip


@dataclass(frozen=True)
class OrderText:
    """One order, fill or signal in the list; the newest first. ``record``: the id of its story;
    ``paper``: of a rehearsal account, so no money of the firm's."""

    key: str
    at: str
    what: str
    side: str
    quantity: str
    symbol: str
    price: str
    state: str
    filled: str
    slip: str
    note: str
    record: str
    paper: bool = False


def figures_of(line: StrategyLine, stop: str, now: dt.datetime) -> list[Figure]:
    """The register of one strategy; ``stop``: where its drawdown stops it. Raises db.Error."""
    sent = answers(key=line.key, since=day_start(now))
    ack, _, unit = formats.latency(sent.p99_us).partition(" ")
    orders = formats.UNKNOWN if line.orders_open is None else f"{line.orders_open:,}"
    gross = " ".join(formats.compact(line.gross))
    down = None if line.drawdown is None else -line.drawdown
    realised = formats.number(line.realised, 2, plus=True)
    return [
        _money("pnl", "PnL today", line.pnl, f"realised {realised}"),
        _money("unrealised", "Unrealised", line.unrealised, f"fees {formats.number(line.fees, 2)}"),
        Figure("net", "Net exposure", *formats.compact(line.net, plus=True), f"gross {gross}"),
        Figure("drawdown", "Drawdown", formats.number(down, 2), "%", stop),
        Figure("hit", "Hit ratio", formats.number(line.hit, 1), "%", _trips(line.trips)),
        Figure("slip", "Slippage", formats.number(line.slippage_bp, 1), "bp", "today, + costs"),
        Figure("filled", "Fill rate", formats.number(line.filled, 1), "%",
               f"{sent.refused:,} of {sent.orders:,} refused"),
        Figure("orders", "Open orders", orders, "", fills_words(line.fills)),
        Figure("ack", "Order to ack p99", ack, unit, f"{sent.orders:,} orders today"),
    ]  # fmt: skip


def _money(name: str, label: str, value: Decimal | None, sub: str) -> Figure:
    return Figure(name, label, formats.number(value, 2, plus=True), "USD", sub, formats.tone(value))


def _trips(count: int) -> str:
    return f"{count:,} round {'trip' if count == 1 else 'trips'}"


def fills_words(fills: int | None) -> str:
    return f"{formats.UNKNOWN if fills is None else f'{fills:,}'} fills, all days"


def stop_words(distances: list[TriggerText]) -> str:
    """Where the drawdown trigger stops it."""
    one = next((row for row in distances if row.name == DRAWDOWN), None)
    return "not measured now" if one is None else f"stop at −{one.threshold} %"


def orders_read(key: str) -> list[OrderText]:
    """The newest orders, fills and signals of one strategy. Raises django.db.Error."""
    now, paper = utc_now(), rehearsal_accounts()
    orders = Order.objects.filter(strategy=key).order_by("-created_at", "client_order_id")[:SHOWN]
    fills = Fill.objects.filter(strategy=key).order_by("-recorded_at", "-id")
    signals = Signal.objects.filter(strategy=key).order_by("-created_at", "-id")[:SHOWN]
    told = [
        *((one.created_at, _order(one, now, paper)) for one in orders),
        *(
            (one.recorded_at, _fill(one, now, paper))
            for one in fills.select_related("order")[:SHOWN]
        ),
        *((one.created_at, _signal(one, now)) for one in signals),
    ]
    told.sort(key=lambda one: one[0], reverse=True)
    return [row for _, row in told[:SHOWN]]


def _order(one: Order, now: dt.datetime, paper: Collection[str]) -> OrderText:
    price = one.limit_price or one.stop_price
    note = one.reason_code.replace("_", " ").lower() or ("by warrant" if one.warrant else "")
    if one.reduce_only and one.order_type == "stop":
        note = "protective"
    return OrderText(
        f"o{one.client_order_id}", formats.precise_on(one.created_at, now), one.order_type,
        one.side, formats.exact(one.quantity), one.symbol,
        formats.exact(price) if price else "market", one.state, formats.exact(one.filled), "",
        note, one.client_order_id, one.account_id in paper,
    )  # fmt: skip


def _fill(one: Fill, now: dt.datetime, paper: Collection[str]) -> OrderText:
    note = "by warrant" if one.order and one.order.warrant else ""
    return OrderText(
        f"f{one.pk}", formats.precise_on(one.recorded_at, now), "fill", one.side,
        formats.exact(one.quantity), one.symbol, formats.exact(one.price), "filled",
        formats.exact(one.quantity), _slip(one), note, f"{one.account_id}/{one.sequence}",
        one.account_id in paper,
    )  # fmt: skip


def _slip(one: Fill) -> str:
    """What the fill cost beyond the mid that the strategy saw, bp."""
    if one.order is None or not one.order.reference_price:
        return formats.UNKNOWN
    reference = one.order.reference_price
    sign = 1 if one.side == "buy" else -1
    return formats.number(sign * (one.price - reference) / reference * 10_000, 1, plus=True)


def _signal(one: Signal, now: dt.datetime) -> OrderText:
    return OrderText(
        f"s{one.id}", formats.precise_on(one.created_at, now), "signal",
        DIRECTIONS.get(one.direction, ""), "", one.symbol, formats.exact(one.price),
        "signalled", "", "", f"confidence {one.confidence:.2f}", one.id,
    )  # fmt: skip


def limits_of(row: Strategy, frame: DeskFrame | None, sight: Sight) -> list[LimitBar]:
    """Its own limits. Raises django.db.Error."""
    lines = limit_lines(limits_read(strategy_scope(row.key)), frame, sight)
    lines.sort(key=lambda one: (one.used is None, -(one.share or 0), one.kind))
    return [bar_of(one) for one in lines]


def distances_of(row: Strategy, sight: Sight) -> tuple[list[TriggerText], str]:
    """The triggers that would hold it: its own, then the nearest of others; why there is none."""
    heard = triggers_heard(sight, scopes_over(row))
    own = [one for one in heard.rows if one.scope_key == strategy_scope(row.key)]
    others = [one for one in heard.rows if one.scope_key != strategy_scope(row.key)]
    return [*own, *others][: max(len(own), DISTANCES)], heard.why


@dataclass(frozen=True)
class ParameterText:
    name: str
    value: str
    unit: str
    bounds: str


def parameters_of(row: Strategy) -> tuple[list[ParameterText], str]:
    """As its kernel reads them, defaults filled in; what is wrong with them, in words."""
    try:
        read, bounds = read_parameters(row.kind, row.parameters), bounds_of(row.kind)
    except ParameterError as error:
        return [], str(error)
    return [
        ParameterText(
            name.replace("_", " "), f"{getattr(read, name):g}", one.unit,
            f"{one.low:g} to {one.high:g}",
        )
        for name, one in bounds.items()
    ], ""  # fmt: skip
