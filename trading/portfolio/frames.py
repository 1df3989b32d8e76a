"""The desk's live frame, built from what was last read. Pure: no IO, no clock.

A frame is a complete snapshot of its topic. Money is decimal strings in USD to the cent, ages are
whole milliseconds, unknown is null.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from riskctl.holds import FIRM
from riskctl.rules import GROSS_NOTIONAL
from trading.clock import utc_from_ns
from trading.portfolio.accounts import accounts_body, used_apart
from trading.portfolio.alerts import alerting, alerts_body
from trading.portfolio.books import Books, Counting, SignalRow, StrategyRow
from trading.portfolio.held import (
    dead_man_body,
    firm_body,
    held_firm,
    held_strategy,
    rung_body,
    stopped_body,
    triggers_body,
)
from trading.portfolio.holdings import Holding, holdings_of
from trading.portfolio.market import DataAge, FeedPhase, Market
from trading.portfolio.marks import Valuation, average_price, less, total
from trading.portfolio.results import drawdowns, gauges_body, limit_body, results_body
from trading.portfolio.standing import (
    Gateway,
    Stages,
    books_status,
    firm_standing,
    gateway_of,
    standing_of,
    worst,
)
from trading.portfolio.text import age_ms, exact, moment, money, ns_of, price
from trading.universe import Universe

DESK = "desk"
PIPELINE = "pipeline"

Frame = dict[str, Any]


@dataclass(frozen=True)
class View:
    """Everything a frame is built from, as known at ``now``."""

    now: dt.datetime
    books: Books
    market: Market
    universe: Universe
    stages: Stages = field(default_factory=dict)
    feed_state: Mapping[str, Any] = field(default_factory=dict)
    redis_ms: float | None = None
    triggers: Mapping[str, Any] | None = None
    """As last published under ``hl:triggers``; None: not read, or nobody evaluates them."""

    @property
    def now_ns(self) -> int:
        return ns_of(self.now)

    @property
    def books_age_ms(self) -> int | None:
        return None if self.books.as_of is None else age_ms(self.books.as_of, self.now)

    @property
    def phase(self) -> FeedPhase:
        return self.market.phase(str(self.feed_state.get("status", "")), self.now_ns)

    def ages(self) -> dict[str, DataAge]:
        """Of every symbol that is traded or has had a quote, in universe order."""
        wanted = {symbol for one in self.books.strategies for symbol in one.symbols}
        wanted.update(self.market.symbols())
        known = [one.symbol for one in self.universe.instruments if one.symbol in wanted]
        strange = sorted(wanted.difference(known))
        return {symbol: self.market.age(symbol, self.now_ns) for symbol in [*known, *strange]}

    def gateways(self) -> dict[str, Gateway]:
        return {one.name: gateway_of(one, self.stages) for one in self.books.accounts}


def head(topic: str, seq: int, view: View) -> Frame:
    return {"topic": topic, "seq": seq, "as_of": moment(view.now)}


def feed_head(view: View) -> Frame:
    """What the feed is and how far it has come."""
    silent_ns = view.market.silent_ns(view.now_ns)
    clock_ns = view.market.clock_ns
    return {
        "clock": None if clock_ns is None else moment(utc_from_ns(clock_ns)),
        "speed": str(view.feed_state.get("speed", "")),
        "state": view.phase,
        "age_ms": None if silent_ns is None else silent_ns // 1_000_000,
        "spec": str(view.feed_state.get("spec", "")),
    }


def traded_mids(view: View) -> dict[str, Decimal]:
    """The mid of each symbol that a strategy trades; none where its price is stale."""
    found = {}
    for symbol in sorted({one for row in view.books.strategies for one in row.symbols}):
        quote = view.market.quote(symbol)
        fresh = view.market.age(symbol, view.now_ns).status in ("fresh", "late")
        if quote is not None and fresh:
            found[symbol] = quote.mid
    return found


def _marks(view: View) -> dict[str, str | None]:
    mids = traded_mids(view)
    grain = {symbol: view.universe.by_symbol(symbol).tick_size / 2 for symbol in mids}
    return {symbol: price(mid, grain[symbol]) for symbol, mid in mids.items()}


def desk_frame(view: View, seq: int) -> Frame:
    """The frame of topic ``desk``; see docs/live-frames.md for its fields."""
    counting, ages, gateways = Counting(view.books), view.ages(), view.gateways()
    held = holdings_of(view.books, view.market, view.universe, counting)
    strategies = [
        _strategy(
            one,
            held[one.key],
            view,
            ages,
            {name: gateways.get(name) for name in one.accounts},
            counting=counting,
        )
        for one in view.books.strategies
    ]
    drops = drawdowns(view.triggers)
    for body in strategies:
        key = body["key"]
        trips, orders = view.books.trips.get(key), view.books.orders.get(key)
        body.update(results_body(orders, trips, drops.get(key)))
    firm = held_firm(view.books.holds)
    standing = firm_standing(list(gateways.values()), firm.mode)
    return {
        **head(DESK, seq, view),
        "firm": {
            "state": standing.state,
            "why": standing.why,
            **firm_body(firm, view.books.holds, [one["holds"] for one in strategies]),
        },
        "dead_man": dead_man_body(view.books.dead_man),
        "triggers": triggers_body(view.triggers),
        "waiting": view.books.waiting,
        "waiting_mark": view.books.waiting_mark,
        "glass": [
            {**one, "used_at": moment(one["used_at"]), "until": moment(one["until"])}
            for one in view.books.glass
        ],
        "alerting": alerting(view.stages),
        "books": {
            "as_of": moment(view.books.as_of),
            "age_ms": view.books_age_ms,
            "status": books_status(view.books_age_ms),
        },
        "gauges": gauges_body(view.triggers, view.books.limits.get(FIRM, {}).get(GROSS_NOTIONAL)),
        "pnl_since": moment(view.books.day),
        "feed": feed_head(view),
        "totals": _totals(view, held, strategies),
        "marks": _marks(view),
        "strategies": strategies,
    }


def _strategy(
    row: StrategyRow,
    every: list[Holding],
    view: View,
    ages: Mapping[str, DataAge],
    gateways: Mapping[str, Gateway | None],
    *,
    counting: Counting,
) -> Frame:
    """``every``: all it has books of; its own figures are of those that count for it."""
    held = [one for one in every if one.counts]
    worth = total(one.worth for one in held)
    gross, orders = used_apart(row, held, view.books, counting)
    stopped, rung = held_strategy(row, view.books.holds), view.books.rungs.get(row.key)
    standing = standing_of(
        row,
        gateways=gateways,
        stages=view.stages,
        phase=view.phase,
        ages=ages,
        books_age_ms=view.books_age_ms,
        mode=stopped.mode,
        rung=rung.rung if rung else "",
    )
    data = worst([ages[symbol] for symbol in row.symbols])
    line = [money(one) for one in view.books.lines.get(row.key, ())]
    orders_open = sum(count for (key, _), count in view.books.orders_open.items() if key == row.key)
    return {
        "key": row.key,
        "kind": row.kind,
        "owner": row.owner,
        "account": row.account,
        "venue": row.venue,
        "live": row.live,
        "state": standing.state,
        "why": standing.why,
        **stopped_body(row, stopped),
        "stage": rung_body(rung),
        "alerts": alerts_body(view.books.alerts.get(row.key, ())),
        "pnl": money(less(worth.pnl, counting.base(row.key))),
        **_figures(worth),
        "real": _real(row, held, view),
        "accounts": accounts_body(row, every, view.books, counting),
        "position": [_position(one, view, ages) for one in held if one.row.quantity != 0],
        "orders_open": orders_open,
        "limit": limit_body(
            view.books.limits.get(row.key, {}),
            gross=gross,
            values=[one.worth.gross for one in held],
            orders_open=orders,
        ),
        "fills": sum(one.row.fills for one in held),
        "last_signal": _signal(view.books.signals.get(row.key), view.now),
        "data_age_ms": data.age_ms,
        "data": data.status,
        "line": line,
    }


def _real(row: StrategyRow, held: list[Holding], view: View) -> Frame | None:
    """Its figures without what lies on rehearsal accounts; None: nothing does."""
    mine = [one for one in held if one.firm]
    if len(mine) == len(held):
        return None
    worth = total(one.worth for one in mine)
    base = view.books.baselines.get(row.key, Decimal(0))
    return {
        "pnl": money(less(worth.pnl, base)),
        **_figures(worth),
        "fills": sum(one.row.fills for one in mine),
    }


def _figures(worth: Valuation) -> Frame:
    return {
        "realised": money(worth.realised),
        "unrealised": money(worth.unrealised),
        "fees": money(worth.fees),
        "gross": money(worth.gross),
        "net": money(worth.net),
    }


def _position(held: Holding, view: View, ages: Mapping[str, DataAge]) -> Frame:
    row = held.row
    if row.symbol not in view.universe:
        average, mark = None, None
    else:
        instrument = view.universe.by_symbol(row.symbol)
        average = exact(average_price(row.quantity, row.cost, instrument))
        quote = view.market.quote(row.symbol)
        mark = None if quote is None else price(quote.mid, instrument.tick_size / 2)
    age = ages.get(row.symbol) or view.market.age(row.symbol, view.now_ns)
    return {
        "symbol": row.symbol,
        "account": row.account,
        "rehearsal": not held.firm,
        "quantity": exact(row.quantity),
        "average_price": average,
        "mark": mark,
        "unrealised": money(held.worth.unrealised),
        "mark_age_ms": age.age_ms,
    }


def _signal(row: SignalRow | None, now: dt.datetime) -> Frame | None:
    if row is None:
        return None
    return {
        "symbol": row.symbol,
        "direction": row.direction,
        "confidence": row.confidence,
        "at": moment(row.created_at),
        "feed_time": moment(row.feed_time),
        "age_ms": age_ms(row.created_at, now),
    }


def _totals(view: View, held: Mapping[str, list[Holding]], strategies: list[Frame]) -> Frame:
    every = [one for rows in held.values() for one in rows if one.firm]
    marked = [one for one in every if one.worth.pnl is not None]
    by_symbol: dict[str, int] = defaultdict(int)
    for one in every:
        by_symbol[one.row.symbol] += one.worth.pnl is None
    base = sum(view.books.baselines.values(), Decimal(0))
    worth, known = total(one.worth for one in every), total(one.worth for one in marked)
    return {
        "pnl_today": money(less(worth.pnl, base)),
        **_figures(worth),
        "fills": sum(one.row.fills for one in every),
        "orders_open": sum(view.books.orders_open.values()),
        "strategies": len(strategies),
        "active": sum(one["state"] == "ACTIVE" for one in strategies),
        "held": sum(one["mode"] != "ACTIVE" for one in strategies),
        "unknown": sum(one["state"] == "UNKNOWN" for one in strategies),
        "unmarked": sorted(symbol for symbol, count in by_symbol.items() if count),
        "marked": {
            "pnl_today": money(less(known.pnl, base)),
            "unrealised": money(known.unrealised),
            "gross": money(known.gross),
            "net": money(known.net),
        },
    }
