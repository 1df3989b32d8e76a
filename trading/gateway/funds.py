"""What an account can pay for: its last balances, carried on by its fills, less what is promised.

A margin account needs, of every symbol, its margin rate of the larger side that could come of its
open orders, and what these would lose at once against the mid; together no more than its equity. A
cash account buys with cash that no open buy is promised, and sells what it holds. An order that
only makes the worst case smaller is asked nothing. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from weakref import WeakSet

from riskctl.rules import Denial
from trading.clock import NS
from trading.gateway.book import Book, LiveOrder
from trading.gateway.prices import Quote
from trading.gateway.reducing import reducing_denial
from trading.margin import MARGIN_RATE
from trading.messages import Side
from trading.universe import REPORTING_RATE, Universe

READING_LIFE_NS = 30 * NS
"""The venue is read every ten seconds: balances older than this say that it cannot be."""

ZERO = Decimal(0)
Quotes = Callable[[str], Quote | None]


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """``margin``: it may owe and be short; else it is a cash account.

    ``cash_by_value``: its cash moves by the whole value of a fill; else by profit and fees alone.
    """

    margin: bool = True
    cash_by_value: bool = True


@dataclass(slots=True)
class _Side:
    """Of one symbol, which the venue nets over all strategies: what is held and what it cost, what
    open orders may add and take, what these would lose at once; ``mid`` and ``unit`` value it."""

    mid: Decimal
    unit: Decimal
    rate: Decimal
    held: Decimal = ZERO
    cost: Decimal = ZERO
    buys: Decimal = ZERO
    sells: Decimal = ZERO
    slips: Decimal = ZERO

    @property
    def worst(self) -> Decimal:
        return max(abs(self.held + self.buys), abs(self.held - self.sells))

    def add(self, order: LiveOrder, quantity: Decimal, price: Decimal) -> None:
        """``order`` may fill so much more, at ``price`` at worst."""
        if order.side is Side.BUY:
            self.buys += quantity
            worse = price - self.mid
        else:
            self.sells += quantity
            worse = self.mid - price
        if worse > 0:
            self.slips += quantity * worse


class Asked:
    """Balances that are asked for. ``moved``: the most that our fills came to, by currency, since;
    so what is answered has no more of them."""

    def __init__(self, moved: dict[str, Decimal]) -> None:
        self.moved = moved


class Funds:
    """The cash of one account. ``quotes``: the latest of a symbol, however old."""

    def __init__(self, universe: Universe, book: Book, quotes: Quotes, terms: AccountTerms) -> None:
        self._universe = universe
        self._book = book
        self._quotes = quotes
        self._terms = terms
        self._before: dict[str, Decimal] = {}
        self._read_boot_ns = 0
        self._open: WeakSet[Asked] = WeakSet()

    # What the venue says --------------------------------------------------------------------

    def ask(self) -> Asked:
        """Balances are about to be asked for."""
        asked = Asked(self._moved())
        self._open.add(asked)
        return asked

    def on_fill(self) -> None:
        """One was booked: whether balances that were asked for before have it is not known."""
        if not self._open:
            return
        moved = self._moved()
        for asked in self._open:
            for currency, amount in moved.items():
                asked.moved[currency] = max(asked.moved.get(currency, ZERO), amount)

    def on_balances(
        self, asked: Asked, balances: Mapping[str, Decimal], begun_boot_ns: int
    ) -> None:
        """The answer: cash that our fills since the account was opened do not explain."""
        if asked not in self._open or begun_boot_ns < self._read_boot_ns:
            return
        self._open.discard(asked)
        self._before = {
            one: balances.get(one, ZERO) - asked.moved.get(one, ZERO)
            for one in balances.keys() | asked.moved.keys()
        }
        self._read_boot_ns = begun_boot_ns

    def forget(self) -> None:
        """The connection was lost, or something moved that is not in the books."""
        self._read_boot_ns = 0
        self._open.clear()

    # What can be paid -----------------------------------------------------------------------

    def denial(self, order: LiveOrder, now_boot_ns: int) -> Denial | None:
        """Why the account cannot pay for ``order``, which is not in the book yet, or None."""
        if order.reduce_only:
            return None
        sides = self._sides()
        mine = self._side(sides, order.symbol)
        if self._terms.margin:
            return self._margin_denial(order, sides, mine, now_boot_ns)
        if order.side is Side.SELL:
            return self._holding_denial(order, mine)
        return self._cash_denial(order, now_boot_ns)

    def free_margin(self) -> Decimal:
        """Equity less what positions and open orders take, USD."""
        sides = self._sides()
        return self._equity(sides) - self._taken(sides)

    def _margin_denial(
        self, order: LiveOrder, sides: Mapping[str, _Side], mine: _Side, now_boot_ns: int
    ) -> Denial | None:
        before = mine.worst
        mine.add(order, order.quantity, self._price(order))
        if mine.worst <= before:
            return None
        unknown = self._unknown(now_boot_ns)
        if unknown is not None:
            return None if self._reduces(order) else unknown
        taken, equity = self._taken(sides), self._equity(sides)
        if taken <= equity:
            return None
        text = f"{taken:.2f} USD of margin would be taken, the account is worth {equity:.2f}"
        return Denial("MARGIN", text)

    def _reduces(self, order: LiveOrder) -> bool:
        """Its strategy's position, though others hold the opposite and the account's may grow."""
        others = self._book.open_of(order.strategy, order.symbol)
        return reducing_denial(order, self._book, others) is None

    def _cash_denial(self, order: LiveOrder, now_boot_ns: int) -> Denial | None:
        currency = self._universe.by_symbol(order.symbol).currency
        promised = sum(
            (
                self._value(one, one.remaining)
                for one in self._book.open_orders()
                if one.side is Side.BUY
                and not one.reduce_only
                and self._universe.by_symbol(one.symbol).currency == currency
            ),
            ZERO,
        )
        unknown = self._unknown(now_boot_ns)
        if unknown is not None:
            return unknown
        wanted = self._value(order, order.quantity)
        free = self._before.get(currency, ZERO) + self._moved().get(currency, ZERO) - promised
        if wanted <= free:
            return None
        return Denial("BALANCE", f"{wanted:.2f} {currency} are needed, {free:.2f} are free")

    @staticmethod
    def _holding_denial(order: LiveOrder, mine: _Side) -> Denial | None:
        free = mine.held - mine.sells
        if order.quantity <= free:
            return None
        text = f"a cash account sells what it holds: {free:f} {order.symbol} are free"
        return Denial("BALANCE", text)

    def _unknown(self, now_boot_ns: int) -> Denial | None:
        if self._read_boot_ns and now_boot_ns - self._read_boot_ns <= READING_LIFE_NS:
            return None
        return Denial("FUNDS_UNKNOWN", "no reading of the account's balances is younger than 30 s")

    def _sides(self) -> dict[str, _Side]:
        found: dict[str, _Side] = {}
        for (_, symbol), holding in self._book.holdings.items():
            side = self._side(found, symbol)
            side.held += holding.quantity
            side.cost += holding.cost
        for order in self._book.open_orders():
            if not order.reduce_only:
                price = self._price(order)
                self._side(found, order.symbol).add(order, order.quantity - order.filled, price)
        return found

    def _side(self, sides: dict[str, _Side], symbol: str) -> _Side:
        side = sides.get(symbol)
        if side is None:
            one, quote = self._universe.by_symbol(symbol), self._quotes(symbol)
            unit = one.multiplier * REPORTING_RATE[one.currency]
            mid = self._mid_at_cost(symbol) if quote is None else quote.mid
            side = sides[symbol] = _Side(mid, unit, MARGIN_RATE[one.asset_class])
        return side

    def _mid_at_cost(self, symbol: str) -> Decimal:
        """Of what this feed does not carry."""
        if symbol not in self._book.symbols():
            return ZERO
        return self._book.value_at_cost(symbol) / self._book.unit_value(symbol, Decimal(1))

    def _price(self, order: LiveOrder) -> Decimal:
        """What a unit of it trades at, at worst."""
        if order.limit_price is not None:
            return order.limit_price
        quote = self._quotes(order.symbol)
        if quote is None:
            return order.reference_price
        return quote.ask if order.side is Side.BUY else quote.bid

    def _value(self, order: LiveOrder, quantity: Decimal) -> Decimal:
        return self._price(order) * quantity * self._universe.by_symbol(order.symbol).multiplier

    def _moved(self) -> dict[str, Decimal]:
        """Cash by currency that all our fills so far have moved."""
        found: dict[str, Decimal] = {}
        for (_, symbol), held in self._book.holdings.items():
            moved = held.realised - held.fees
            if self._terms.cash_by_value:
                moved -= held.cost
            currency = self._universe.by_symbol(symbol).currency
            found[currency] = found.get(currency, ZERO) + moved
        return found

    def _equity(self, sides: Mapping[str, _Side]) -> Decimal:
        """Cash in currencies that have a rate, and positions at the mid, USD."""
        worth = ZERO
        for cash in (self._before, self._moved()):
            for currency, amount in cash.items():
                worth += amount * REPORTING_RATE.get(currency, ZERO)
        for symbol, one in sides.items():
            worth += one.held * one.mid * one.unit
            if not self._terms.cash_by_value:
                worth -= one.cost * REPORTING_RATE[self._universe.by_symbol(symbol).currency]
        return worth

    @staticmethod
    def _taken(sides: Mapping[str, _Side]) -> Decimal:
        return sum(
            ((one.worst * one.mid * one.rate + one.slips) * one.unit for one in sides.values()),
            ZERO,
        )
