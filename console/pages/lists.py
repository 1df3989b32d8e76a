"""The lists under the desk's table: what is held by instrument, by account and by trader; the tape.

Sums are of exact decimals; one unknown part makes the sum unknown.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from console.access.visible import Sight
from console.pages import formats
from console.pages.frames import Held, StrategyLine
from trading.models import Fill, Order
from trading.orders.states import OrderState

TAPE_LENGTH = 12
_ENDED_UNFILLED = {
    OrderState.DENIED: "denied",
    OrderState.REJECTED: "rejected",
    OrderState.CANCELLED: "cancelled",
    OrderState.EXPIRED: "expired",
    OrderState.UNKNOWN: "UNKNOWN",
}


@dataclass(frozen=True)
class InstrumentRow:
    symbol: str
    net: str
    mark: str
    unrealised: str
    tone: str


@dataclass(frozen=True)
class GroupRow:
    name: str
    sub: str
    pnl: str
    tone: str
    gross: str
    net: str


@dataclass(frozen=True)
class TapeRow:
    """One line of the tape; ``at`` is UTC with milliseconds."""

    at: str
    what: str
    strategy: str
    text: str


def instruments_of(lines: Iterable[StrategyLine]) -> list[InstrumentRow]:
    """Open positions summed over strategies, by symbol."""
    held: dict[str, list[Held]] = defaultdict(list)
    for line in lines:
        for one in line.position or []:
            held[one.symbol].append(one)
    rows = []
    for symbol in sorted(held):
        unrealised = _sum(one.unrealised for one in held[symbol])
        rows.append(
            InstrumentRow(
                symbol,
                formats.exact(_sum(one.quantity for one in held[symbol]), plus=True),
                formats.price(held[symbol][0].mark),
                formats.number(unrealised, 2, plus=True),
                formats.tone(unrealised),
            )
        )
    return rows


def accounts_of(lines: Iterable[StrategyLine]) -> list[GroupRow]:
    return _groups(lines, lambda line: (line.account, line.venue))


def traders_of(lines: Iterable[StrategyLine], owners: dict[str, str]) -> list[GroupRow]:
    return _groups(lines, lambda line: (owners.get(line.owner, line.owner), ""))


def tape_read(sight: Sight) -> list[TapeRow]:
    """The newest fills, and orders that ended without one, newest first; no quotes taken back."""
    fills = sight.narrowed(Fill.objects.order_by("-recorded_at", "-id"))[:TAPE_LENGTH]
    unfilled = Order.objects.filter(state__in=list(_ENDED_UNFILLED), filled=0)
    unfilled = unfilled.exclude(life_ms__gt=0, state=OrderState.CANCELLED)
    ended = sight.narrowed(unfilled).order_by("-created_at", "client_order_id")[:TAPE_LENGTH]
    told: list[tuple[dt.datetime, TapeRow]] = [
        *((fill.recorded_at, _filled(fill)) for fill in fills),
        *((order.ended_at or order.created_at, _unfilled(order)) for order in ended),
    ]
    told.sort(key=lambda one: one[0], reverse=True)
    return [row for _, row in told[:TAPE_LENGTH]]


def _filled(fill: Fill) -> TapeRow:
    verb = "bought" if fill.side == "buy" else "sold"
    text = f"{verb} {formats.exact(fill.quantity)} {fill.symbol} at {formats.exact(fill.price)}"
    return TapeRow(
        formats.precise(fill.recorded_at), "fill", fill.strategy_id or "nobody ordered it", text
    )


def _unfilled(order: Order) -> TapeRow:
    why = order.reason_code.replace("-", " ") or order.reason[:40]
    text = f"{order.side} {formats.exact(order.quantity)} {order.symbol}" + (why and f": {why}")
    return TapeRow(
        formats.precise(order.ended_at or order.created_at),
        _ENDED_UNFILLED[OrderState(order.state)],
        order.strategy_id or "nobody’s books",
        text,
    )


def _groups(
    lines: Iterable[StrategyLine], name_of: Callable[[StrategyLine], tuple[str, str]]
) -> list[GroupRow]:
    groups: dict[tuple[str, str], list[StrategyLine]] = defaultdict(list)
    for line in lines:
        groups[name_of(line)].append(line)
    rows = []
    for (name, sub), members in sorted(groups.items()):
        pnl = _sum(one.pnl for one in members)
        count = f"{len(members)} strategies" if len(members) != 1 else "1 strategy"
        rows.append(
            GroupRow(
                name,
                f"{sub} · {count}" if sub else count,
                formats.number(pnl, 2, plus=True),
                formats.tone(pnl),
                formats.thousands(_sum(one.gross for one in members)),
                formats.thousands(_sum(one.net for one in members), plus=True),
            )
        )
    return rows


def _sum(parts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for part in parts:
        if part is None:
            return None
        total += part
    return total


def as_json(rows: Iterable[TapeRow]) -> list[dict[str, Any]]:
    return [{"at": r.at, "what": r.what, "strategy": r.strategy, "text": r.text} for r in rows]
