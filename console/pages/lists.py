"""The lists under the desk's table: what is held by instrument, by account and by trader; the tape.

Sums are of exact decimals; one unknown part makes the sum unknown. Paper money is in no sum but
that of the account it lies on.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from console.access.visible import Sight
from console.pages import formats
from console.pages.frames import AccountPart, Held, RealFigures, StrategyLine
from trading.clock import utc_now
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
    """``paper``: an account on which others rehearse."""

    name: str
    sub: str
    pnl: str
    tone: str
    gross: str
    net: str
    paper: bool = False


@dataclass(frozen=True)
class TapeRow:
    """One line of the tape; ``at`` is UTC: with milliseconds, or the day where it is another."""

    at: str
    what: str
    strategy: str
    text: str


def instruments_of(lines: Iterable[StrategyLine]) -> list[InstrumentRow]:
    """Open positions summed over strategies, by symbol; without those on paper."""
    held: dict[str, list[Held]] = defaultdict(list)
    for line in lines:
        for one in line.position or []:
            if not one.rehearsal:
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
    """By the account that a position lies on, whatever the strategy's first account is."""
    groups: dict[str, list[AccountPart]] = defaultdict(list)
    for line in lines:
        for one in line.accounts or [AccountPart(line.account, line.venue)]:
            groups[one.account].append(one)
    return [
        _group(name, parts[0].venue, parts, paper=parts[0].rehearsal)
        for name, parts in sorted(groups.items())
    ]


def traders_of(lines: Iterable[StrategyLine], owners: dict[str, str]) -> list[GroupRow]:
    groups: dict[str, list[RealFigures]] = defaultdict(list)
    for line in lines:
        groups[owners.get(line.owner, line.owner)].append(line.real)
    return [_group(name, "", parts) for name, parts in sorted(groups.items())]


def tape_read(sight: Sight) -> list[TapeRow]:
    """The newest fills, and orders that ended without one, newest first; no quotes taken back."""
    fills = sight.narrowed(Fill.objects.order_by("-recorded_at", "-id"))[:TAPE_LENGTH]
    unfilled = Order.objects.filter(state__in=list(_ENDED_UNFILLED), filled=0)
    unfilled = unfilled.exclude(life_ms__gt=0, state=OrderState.CANCELLED)
    ended = sight.narrowed(unfilled).order_by("-created_at", "client_order_id")[:TAPE_LENGTH]
    now = utc_now()
    told: list[tuple[dt.datetime, TapeRow]] = [
        *((fill.recorded_at, _filled(fill, now)) for fill in fills),
        *((order.ended_at or order.created_at, _unfilled(order, now)) for order in ended),
    ]
    told.sort(key=lambda one: one[0], reverse=True)
    return [row for _, row in told[:TAPE_LENGTH]]


def _filled(fill: Fill, now: dt.datetime) -> TapeRow:
    verb = "bought" if fill.side == "buy" else "sold"
    text = f"{verb} {formats.exact(fill.quantity)} {fill.symbol} at {formats.exact(fill.price)}"
    return TapeRow(
        formats.precise_on(fill.recorded_at, now),
        "fill",
        fill.strategy_id or "nobody ordered it",
        text,
    )


def _unfilled(order: Order, now: dt.datetime) -> TapeRow:
    why = order.reason_code.replace("-", " ") or order.reason[:40]
    text = f"{order.side} {formats.exact(order.quantity)} {order.symbol}" + (why and f": {why}")
    return TapeRow(
        formats.precise_on(order.ended_at or order.created_at, now),
        _ENDED_UNFILLED[OrderState(order.state)],
        order.strategy_id or "nobody’s books",
        text,
    )


def _group(
    name: str, sub: str, parts: Sequence[AccountPart | RealFigures], *, paper: bool = False
) -> GroupRow:
    pnl = _sum(one.pnl for one in parts)
    count = f"{len(parts)} strategies" if len(parts) != 1 else "1 strategy"
    return GroupRow(
        name,
        f"{sub} · {count}" if sub else count,
        formats.number(pnl, 2, plus=True),
        formats.tone(pnl),
        formats.thousands(_sum(one.gross for one in parts)),
        formats.thousands(_sum(one.net for one in parts), plus=True),
        paper,
    )


def _sum(parts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for part in parts:
        if part is None:
            return None
        total += part
    return total


def as_json(rows: Iterable[TapeRow]) -> list[dict[str, Any]]:
    return [{"at": r.at, "what": r.what, "strategy": r.strategy, "text": r.text} for r in rows]
