"""The matching engine: pure, in order, no clock of its own; every time is passed in.

``feed_clock`` is where the feed stands; ``wall`` and ``now_ns`` are the machine's clock. A quote
trades while it is younger than ``quote_life_ns`` on both.
"""

import heapq
import itertools
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from trading.papervenue.book import Book, Match, Quote
from trading.papervenue.fees import FEES, Rate, fee
from trading.papervenue.holdings import Holdings
from trading.papervenue.money import NANO, text, to_nano
from trading.papervenue.orders import (
    CANCELLED,
    EXPIRED,
    FILLED,
    IOC,
    MARKET,
    REJECTED,
    WORKING,
    Done,
    Execution,
    Order,
    Outcome,
    Refusal,
    Triggered,
)
from trading.ticks import Ticks
from trading.universe import UNIVERSE, AssetClass, Universe

QUOTE_LIFE_NS = 30 * NANO
_NOTHING_SHOWN = "immediate or cancel: the rest found no quantity at its price"
_DATE_PAST = "good till date: its date is past"
_NOTHING_LEFT = "reduce_only: no position is left to reduce"
_FIELDS = ["instrument", "time", "bid", "ask", "bid_size", "ask_size"]


class MatchingEngine:
    """All books of the venue. ``fill_caps``: account -> most of an order that fills, in 1e-9.

    ``skew_ns``: what the venue's own clock, which judges ``not_after_ns``, is ahead of ``now_ns``.
    """

    def __init__(
        self,
        universe: Universe = UNIVERSE,
        *,
        fees: Mapping[AssetClass, Rate] = FEES,
        quote_life_ns: int = QUOTE_LIFE_NS,
    ) -> None:
        self.universe = universe
        self.feed_clock = 0
        self.fill_caps: dict[str, int] = {}
        self.skew_ns = 0
        self.holdings = Holdings()
        self._fees = fees
        self._life = quote_life_ns
        self._books = [Book(one, self._room) for one in universe.instruments]
        self._multipliers = [to_nano(one.multiplier) for one in universe.instruments]
        self._waiting: npt.NDArray[np.bool_] = np.zeros(len(universe), dtype=np.bool_)
        self._working: dict[tuple[str, str], Order] = {}
        self._expiring: list[tuple[int, int, Order]] = []
        self._rests = itertools.count()

    def working(self, account: str) -> list[Order]:
        """Open orders of the account, oldest first."""
        return [order for (owner, _), order in self._working.items() if owner == account]

    def find(self, account: str, client_order_id: str) -> Order | None:
        """The open order of that id, if any."""
        return self._working.get((account, client_order_id))

    def forget_quotes(self) -> None:
        """A new feed session began: its clock may be years apart. Resting orders stay."""
        self.feed_clock = 0
        for book in self._books:
            book.quote = None

    def shown(self, symbol: str) -> Quote | None:
        """What is displayed of it now, however old."""
        return self._books[self.universe.by_symbol(symbol).id].quote

    def export_quotes(self) -> list[Quote | None]:
        """What is displayed now, by instrument number: with the orders, all the engine's state."""
        return [book.quote for book in self._books]

    def import_quotes(self, quotes: list[Quote | None]) -> None:
        for book, quote in zip(self._books, quotes, strict=False):
            book.quote = quote

    def check(self, order: Order, now_ns: int) -> Refusal | None:
        """Why the order may not enter, or None. Known ids are the caller's to refuse."""
        if order.symbol not in self.universe:
            return Refusal("UNKNOWN_SYMBOL", f"symbol {order.symbol} is not traded here")
        book = self._book(order)
        if order.quantity <= 0 or order.quantity % book.lot:
            lot = text(book.lot)
            return Refusal("LOT_SIZE", f"quantity must be a positive multiple of {lot}")
        for field, price in (("limit_price", order.limit), ("stop_price", order.stop)):
            if price is not None and (price <= 0 or price % book.tick):
                tick = text(book.tick)
                return Refusal("TICK_SIZE", f"{field} must be a positive multiple of {tick}")
        late_ns = now_ns + self.skew_ns - order.not_after_ns
        if late_ns > 0:
            return Refusal("LATE", f"arrived {late_ns / 1e6:.3f} ms past not_after_ns")
        if order.expires_ns and order.expires_ns <= now_ns + self.skew_ns:
            return Refusal("EXPIRED", "expires_ns is past")
        return (
            self.holdings.refusal(order)
            or self._no_market(order, now_ns)
            or self._would_take(order, order.limit, now_ns)
        )

    def _would_take(self, order: Order, limit: int | None, now_ns: int) -> Refusal | None:
        """Why a post-only order may not enter at that limit."""
        book = self._book(order)
        quote = book.quote
        if not order.post_only or limit is None or quote is None or not self._fresh(book, now_ns):
            return None
        touch = quote.ask if order.sign > 0 else quote.bid
        if (limit - touch) * order.sign < 0:
            return None
        return Refusal("POST_ONLY", "post_only: it would trade on arrival")

    def _no_market(self, order: Order, now_ns: int) -> Refusal | None:
        at_once = order.order_type == MARKET or order.time_in_force == IOC
        if order.waits or not at_once or self._fresh(self._book(order), now_ns):
            return None
        return Refusal("NO_MARKET", f"{order.symbol} has no quote of the last 30 seconds")

    def enter(self, order: Order, now_ns: int) -> list[Outcome]:
        """Match a checked order, then rest or expire what is left."""
        book = self._book(order)
        fresh = self._fresh(book, now_ns)
        outcomes: list[Outcome] = []
        if order.waits:
            if not (fresh and book.reaches(order)):
                self.rest(order)
                return outcomes
            order.triggered = True
            outcomes.append(Triggered(order))
        return outcomes + self._taken(order, fresh=fresh) + self._rest_of_ioc(order)

    def _taken(self, order: Order, *, fresh: bool) -> list[Outcome]:
        """Put the order into its book; what it gets of the quote that is shown."""
        if order.limit is not None and (order.post_only or not fresh):
            order.taking = False
        self.rest(order)
        match = self._book(order).match(order) if fresh else None
        return [] if match is None else self._matched(match, self.feed_clock)

    def modify(
        self, order: Order, quantity: int, limit: int | None, now_ns: int
    ) -> Refusal | list[Outcome]:
        """Another quantity (in all) and limit of a working order; it keeps its number.

        At another limit it may take what is shown; a stop that waits keeps its stop price.
        """
        refusal = self._modify_refusal(order, quantity, limit, now_ns)
        if refusal is not None:
            return refusal
        moved = limit != order.limit
        self._leave(order)
        was, order.quantity = order.quantity, quantity
        promised = self.holdings.refusal(order) if quantity > was else None
        if promised is not None:
            order.quantity = was
            self.rest(order)
            return promised
        order.limit = limit
        if not moved:
            self.rest(order)
            return []
        order.taking = True
        return self._taken(order, fresh=self._fresh(self._book(order), now_ns))

    def _modify_refusal(
        self, order: Order, quantity: int, limit: int | None, now_ns: int
    ) -> Refusal | None:
        book = self._book(order)
        if quantity <= order.filled or quantity % book.lot:
            lot = text(book.lot)
            return Refusal("LOT_SIZE", f"quantity must be a multiple of {lot} above what is filled")
        if (limit is None) != (order.limit is None):
            return Refusal("BAD_REQUEST", "limit_price: it has one as before, or none")
        if limit is not None and (limit <= 0 or limit % book.tick):
            tick = text(book.tick)
            return Refusal("TICK_SIZE", f"limit_price must be a positive multiple of {tick}")
        return self._would_take(order, limit, now_ns)

    def next_expiry(self) -> int | None:
        """When, by the venue's own clock, the next GTD order expires."""
        while self._expiring and self._expiring[0][2].state != WORKING:
            heapq.heappop(self._expiring)
        return self._expiring[0][0] if self._expiring else None

    def expire(self, own_ns: int) -> list[Outcome]:
        """End the GTD orders whose date is past."""
        ended: list[Outcome] = []
        while (due := self.next_expiry()) is not None and due <= own_ns:
            ended.append(self._end(heapq.heappop(self._expiring)[2], EXPIRED, _DATE_PAST))
        return ended

    def _matched(self, match: Match, feed_time: int) -> list[Outcome]:
        """An execution, and the reduce-only orders it left nothing to reduce."""
        order = match.order
        outcomes: list[Outcome] = [self._execution(match, feed_time)]
        if not order.left:
            self._leave(order)
            order.state = FILLED
        return outcomes + self._end_spent(order.account, order.symbol)

    def _end_spent(self, account: str, symbol: str) -> list[Outcome]:
        spent = self.holdings.all_spent(account, symbol)
        return [self._end(one, EXPIRED, _NOTHING_LEFT) for one in spent]

    def _rest_of_ioc(self, order: Order) -> list[Outcome]:
        if order.state != WORKING or order.time_in_force != IOC:
            return []
        return [self._end(order, EXPIRED, _NOTHING_SHOWN)]

    def rest(self, order: Order) -> None:
        """Put a working order into its book (also after a restart, oldest first)."""
        book = self._book(order)
        book.rest(order)
        self.holdings.rest(order)
        self._working[order.account, order.client_order_id] = order
        self._waiting[book.instrument.id] = True
        if order.expires_ns:
            heapq.heappush(self._expiring, (order.expires_ns, next(self._rests), order))

    def cancel(self, order: Order, reason: str) -> Done:
        """End a working order."""
        return self._end(order, CANCELLED, reason)

    def _end(self, order: Order, state: str, reason: str) -> Done:
        self._leave(order)
        order.state, order.reason = state, reason
        return Done(order)

    def outside_trade(self, order: Order) -> list[Outcome]:
        """``order`` was done in full at its limit without the book."""
        assert order.limit is not None
        match = Match(order, order.quantity, order.limit, maker=False)
        done = self._execution(match, self.feed_clock)
        return [done, *self._end_spent(order.account, order.symbol)]

    def on_ticks(self, ticks: Ticks, feed_clock: int, wall_ns: int) -> Iterator[Outcome]:
        """Take quotes in their order; the last of each instrument, all where orders rest.

        Non-positive and crossed quotes and unknown numbers are no market and are passed over.
        """
        for ident, time, bid, ask, bid_size, ask_size in self._that_matter(ticks):
            self.feed_clock = max(self.feed_clock, time)
            book = self._books[ident]
            triggered = book.on_quote(Quote(time, wall_ns, bid, ask, bid_size, ask_size))
            if not book.waiting:
                continue
            yield from map(Triggered, triggered)
            for match in book.matches():
                yield from self._matched(match, time)
            for order in triggered:
                yield from self._rest_of_ioc(order)
        self.feed_clock = feed_clock

    def _that_matter(self, ticks: Ticks) -> list[tuple[int, int, int, int, int, int]]:
        ids = ticks["instrument"]
        good = (ids >= 0) & (ids < len(self.universe))
        good &= (ticks["bid"] > 0) & (ticks["ask"] >= ticks["bid"])
        good &= (ticks["bid_size"] >= 0) & (ticks["ask_size"] >= 0)
        ticks = ticks[good]
        ids = ticks["instrument"]
        keep = self._waiting[ids]
        keep[len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]] = True
        rows: list[tuple[int, int, int, int, int, int]] = ticks[keep][_FIELDS].tolist()
        return rows

    def _book(self, order: Order) -> Book:
        return self._books[self.universe.by_symbol(order.symbol).id]

    def _fresh(self, book: Book, now_ns: int) -> bool:
        quote = book.quote
        return (
            quote is not None
            and self.feed_clock - quote.time <= self._life
            and now_ns - quote.wall <= self._life
        )

    def _room(self, order: Order) -> int:
        room = self.holdings.room(order)
        cap = self.fill_caps.get(order.account)
        return room if cap is None else min(room, order.quantity * cap // NANO)

    def _leave(self, order: Order) -> None:
        """Take a working order out of its book."""
        book = self._book(order)
        book.remove(order)
        self.holdings.leave(order)
        del self._working[order.account, order.client_order_id]
        self._waiting[book.instrument.id] = book.waiting

    def _execution(self, match: Match, feed_time: int) -> Execution:
        order = match.order
        self.holdings.move(order.account, order.symbol, order.sign * match.quantity)
        instrument = self.universe.by_symbol(order.symbol)
        value = match.price * match.quantity * self._multipliers[instrument.id]
        charged = fee(
            instrument, match.price, match.quantity, maker=match.maker, fees=self._fees
        )  # fmt: skip
        return Execution(
            order, match.quantity, match.price, charged, instrument.currency, match.maker,
            -order.sign * value, feed_time,
        )  # fmt: skip


def refuse(order: Order, refusal: Refusal) -> Order:
    """The order as refused: final, nothing filled."""
    order.state, order.code, order.reason = REJECTED, refusal.code, refusal.reason
    return order
