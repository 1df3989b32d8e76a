"""One instrument's market at the venue: the feed's last quote and the orders that rest against it.

Orders meet only the feed's quotes, never each other. Rules, chosen to be sober:

* An order that can trade when it arrives takes the opposite touch up to the size displayed there.
  What is left of a GTC order goes on taking what each new quote shows while it still can (a market
  order always can); what is left of an IOC order expires at once.
* An order that rests is filled when the opposite touch reaches its price, at its own price and as
  maker, up to the size displayed there.
* A stop order waits until the bid (sell) or ask (buy) reaches its stop price; from then on it is a
  market order.
* What was taken is gone until the next quote of the instrument; all accounts share it. A quote
  without sizes shows the instrument's ``depth``. Only whole lots trade.
"""

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from trading.papervenue.money import to_nano
from trading.papervenue.orders import BUY, WORKING, Order
from trading.universe import Instrument


class Match(NamedTuple):
    order: Order
    quantity: int
    price: int
    maker: bool


class Quote(NamedTuple):
    """A quote and what is left of it. Times: feed ns, and wall ns when it was published."""

    time: int
    wall: int
    bid: int
    ask: int
    bid_left: int
    ask_left: int


def _priority(order: Order) -> tuple[bool, int, int]:
    """Market orders first, then the best price, then the earliest."""
    if order.limit is None:
        return (False, 0, order.number)
    return (True, -order.sign * order.limit, order.number)


@dataclass(slots=True)
class Book:
    """``room`` says how much of an order may be filled in all (a fault may cap it)."""

    instrument: Instrument
    room: Callable[[Order], int]
    quote: Quote | None = None
    buys: list[Order] = field(default_factory=list)
    sells: list[Order] = field(default_factory=list)
    stops: list[Order] = field(default_factory=list)
    tick: int = 0
    lot: int = 0
    depth: int = 0

    def __post_init__(self) -> None:
        self.tick = to_nano(self.instrument.tick_size)
        self.lot = to_nano(self.instrument.lot_size)
        self.depth = to_nano(self.instrument.depth)

    def _list(self, order: Order) -> list[Order]:
        if order.waits:
            return self.stops
        return self.buys if order.side == BUY else self.sells

    def rest(self, order: Order) -> None:
        bisect.insort(self._list(order), order, key=_priority)

    def remove(self, order: Order) -> None:
        self._list(order).remove(order)

    @property
    def waiting(self) -> bool:
        return bool(self.buys or self.sells or self.stops)

    def on_quote(self, quote: Quote) -> list[Order]:
        """Take the quote; the stop orders it triggers, oldest first, are market orders now."""
        self.quote = quote._replace(
            bid_left=quote.bid_left or self.depth, ask_left=quote.ask_left or self.depth
        )
        reached = [order for order in self.stops if self.reaches(order)]
        for order in reached:
            self.stops.remove(order)
            order.triggered = True
            self.rest(order)
        return reached

    def reaches(self, order: Order) -> bool:
        """Whether the quote is at the order's stop price or through it."""
        if self.quote is None or order.stop is None:
            return False
        touch = self.quote.ask if order.side == BUY else self.quote.bid
        return (touch - order.stop) * order.sign >= 0

    def matches(self) -> Iterator[Match]:
        """Match what rests against the quote. Who takes a match removes orders that it ends."""
        for resting in (self.buys, self.sells):
            for order in list(resting):
                if order.state == WORKING and (match := self.match(order)) is not None:
                    yield match

    def match(self, order: Order) -> Match | None:
        """What ``order`` gets of the quote now; it and the displayed size are changed."""
        quote = self.quote
        if quote is None:
            return None
        buying = order.side == BUY
        touch, shown = (quote.ask, quote.ask_left) if buying else (quote.bid, quote.bid_left)
        if order.limit is not None and (touch - order.limit) * order.sign > 0:
            order.taking = False
            return None
        quantity = min(order.left, shown, max(self.room(order) - order.filled, 0))
        quantity -= quantity % self.lot
        if quantity <= 0:
            return None
        self.quote = (
            quote._replace(ask_left=shown - quantity)
            if buying
            else quote._replace(bid_left=shown - quantity)
        )
        order.filled += quantity
        if order.limit is None or order.taking:
            return Match(order, quantity, touch, maker=False)
        return Match(order, quantity, order.limit, maker=True)
