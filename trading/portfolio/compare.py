"""What the fills say, held against what is written down and what the venue says. Pure.

Rows come in, differences come out. Quantities must be equal, money equal to the cent. What differs
is named, one difference a figure.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from trading.portfolio.replay import (
    Book,
    Filled,
    Flow,
    fixed,
    same_to_the_cent,
    to_the_cent,
)
from trading.universe import Universe

#: A venue reading that includes fills we have not booked yet may be just ahead of their commit.
AHEAD_GRACE = dt.timedelta(seconds=10)

NEVER_FILLED = ("rejected", "denied", "pending")

Key = tuple[str, str, str]


class FillRow(NamedTuple):
    account: str
    sequence: int
    order: str | None
    strategy: str | None
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal


class PositionRow(NamedTuple):
    account: str
    strategy: str
    symbol: str
    quantity: Decimal
    cost: Decimal
    realised: Decimal
    fees: Decimal
    turnover: Decimal
    fills: int
    last_sequence: int


class OrderRow(NamedTuple):
    ident: str
    state: str
    quantity: Decimal
    filled: Decimal
    filled_value: Decimal
    fees: Decimal


class Reading(NamedTuple):
    """The newest reading of one account at its venue."""

    account: str
    taken_at: dt.datetime
    fill_sequence: int
    positions: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Difference:
    """``kept`` is what is written down (or what the venue says), ``again`` what the fills say."""

    kind: str
    subject: str
    field: str
    kept: str
    again: str

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.field} is {self.kept}, fills say {self.again}"


@dataclass(frozen=True, slots=True)
class AccountReport:
    """One account. ``venue`` says how it was compared with the newest reading of the venue.

    ``realised`` (before fees) and ``fees`` are recomputed, each symbol in its own currency.
    """

    account: str
    fills: int
    last_sequence: int
    realised: str
    fees: str
    venue: str


@dataclass
class _Again:
    """Everything that the fills say."""

    books: dict[Key, Book] = field(default_factory=dict)
    orders: defaultdict[str, Filled] = field(default_factory=lambda: defaultdict(Filled))
    #: As of the account's newest venue reading.
    flows: defaultdict[tuple[str, str], Flow] = field(default_factory=lambda: defaultdict(Flow))
    count: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    last: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


class Comparison:
    """Take all fills first, then compare."""

    def __init__(self, universe: Universe, readings: Iterable[Reading], now: dt.datetime) -> None:
        self._universe = universe
        self._now = now
        self._again = _Again()
        self._readings = {one.account: one for one in readings}
        self.differences: list[Difference] = []

    @property
    def fills(self) -> int:
        return sum(self._again.count.values())

    def _differs(self, kind: str, subject: str, name: str, kept: object, again: object) -> None:
        self.differences.append(Difference(kind, subject, name, str(kept), str(again)))

    # What the fills say ----------------------------------------------------------------------

    def take(self, fill: FillRow) -> None:
        """Take one fill; those of an account come in the order of their sequence."""
        account, sequence, order, strategy, symbol, side, quantity, price, fee = fill
        again, subject = self._again, f"{account} #{sequence}"
        if sequence != again.last[account] + 1:
            missing = f"{again.last[account] + 1} to {sequence - 1}"
            self._differs("fill-missing", account, "sequence", f"without {missing}", "no gap")
        again.last[account] = sequence
        again.count[account] += 1
        if symbol not in self._universe:
            self._differs("instrument-unknown", subject, "symbol", symbol, "an instrument")
            return
        multiplier = Fraction(self._universe.by_symbol(symbol).multiplier)
        paid, charged = Fraction(price), Fraction(fee)
        change = Fraction(quantity) if side == "buy" else -Fraction(quantity)
        reading = self._readings.get(account)
        if reading is not None and sequence <= reading.fill_sequence:
            again.flows[account, symbol].add(change, change * paid * multiplier, charged)
        if order is not None:
            again.orders[order].add(abs(change), paid, charged)
        if order is None or strategy is None:
            what = f"{side} {quantity.normalize():f} {symbol}"
            self._differs("fill-unordered", subject, "order", "none", f"{what} that was executed")
            return
        key = (account, strategy, symbol)
        again.books.setdefault(key, Book(multiplier)).add(change, paid, charged, sequence)

    # Against what is written down -------------------------------------------------------------

    def positions(self, rows: Iterable[PositionRow]) -> int:
        """Compare the stored positions; how many there are."""
        left = dict(self._again.books)
        count = 0
        for row in rows:
            count += 1
            key = (row.account, row.strategy, row.symbol)
            self._position(" ".join(key), row, left.pop(key, Book(Fraction(1))))
        for key, book in left.items():
            self._differs(
                "position-missing", " ".join(key), "quantity", "no row", fixed(book.quantity, 12)
            )
        return count

    def _position(self, subject: str, row: PositionRow, book: Book) -> None:
        if Fraction(row.quantity) != book.quantity:
            again = fixed(book.quantity, 12)
            self._differs("position", subject, "quantity", row.quantity, again)
        self._money("position", subject, "cost", row.cost, book.cost)
        self._money("position", subject, "realised", row.realised, book.realised)
        self._money("position", subject, "fees", row.fees, book.fees)
        self._money("position", subject, "turnover", row.turnover, book.turnover)
        if row.fills != book.fills:
            self._differs("position", subject, "fills", row.fills, book.fills)
        if row.last_sequence != book.last_sequence:
            again = str(book.last_sequence)
            self._differs("position", subject, "last_sequence", row.last_sequence, again)

    def orders(self, rows: Iterable[OrderRow]) -> int:
        """Compare the stored orders, at least all that have a fill; how many there are."""
        count = 0
        for row in rows:
            count += 1
            self._order(row, self._again.orders.get(row.ident, Filled()))
        return count

    def _order(self, row: OrderRow, again: Filled) -> None:
        if Fraction(row.filled) != again.quantity:
            self._differs("order", row.ident, "filled", row.filled, fixed(again.quantity, 12))
        self._money("order", row.ident, "filled_value", row.filled_value, again.value)
        self._money("order", row.ident, "fees", row.fees, again.fees)
        complete = again.quantity == Fraction(row.quantity)
        if (row.state == "filled") != complete or (again.quantity and row.state in NEVER_FILLED):
            said = f"{fixed(again.quantity, 12)} of {row.quantity}"
            self._differs("order", row.ident, "state", row.state, said)

    def _money(self, kind: str, subject: str, name: str, kept: Decimal, again: Fraction) -> None:
        ours = Fraction(kept)
        if not same_to_the_cent(ours, again):
            digits = 2 if to_the_cent(ours) != to_the_cent(again) else 4
            self._differs(kind, subject, name, fixed(ours, digits), fixed(again, digits))

    # Against the venue ------------------------------------------------------------------------

    def accounts(self) -> tuple[AccountReport, ...]:
        """Compare each account with its reading, and sum it up."""
        names = sorted({*self._again.count, *self._readings})
        return tuple(self._account(name) for name in names)

    def _account(self, account: str) -> AccountReport:
        books = [book for key, book in self._again.books.items() if key[0] == account]
        return AccountReport(
            account=account,
            fills=self._again.count[account],
            last_sequence=self._again.last[account],
            realised=to_the_cent(sum((book.realised for book in books), Fraction(0))),
            fees=to_the_cent(sum((book.fees for book in books), Fraction(0))),
            venue=self._venue(account),
        )

    def _venue(self, account: str) -> str:
        reading = self._readings.get(account)
        if reading is None:
            return "not read yet"
        if reading.fill_sequence > self._again.last[account]:
            return self._venue_ahead(account, reading)
        before = len(self.differences)
        said = {one["symbol"]: one for one in reading.positions}
        ours = {symbol for name, symbol in self._again.flows if name == account}
        for symbol in sorted(ours.union(said)):
            self._symbol(f"{account} {symbol}", said.get(symbol), account, symbol)
        verdict = "agrees" if len(self.differences) == before else "differs"
        return f"{verdict} as of fill {reading.fill_sequence}"

    def _venue_ahead(self, account: str, reading: Reading) -> str:
        last = self._again.last[account]
        if self._now - reading.taken_at > AHEAD_GRACE:
            self._differs("venue", account, "last fill", reading.fill_sequence, last)
        return f"has fill {reading.fill_sequence}, ours end at {last}"

    def _symbol(
        self, subject: str, said: Mapping[str, Any] | None, account: str, symbol: str
    ) -> None:
        flow = self._again.flows[account, symbol]
        if said is None:
            # A venue may leave out what is flat; then it also tells no cash flow to compare.
            if flow.quantity:
                self._differs("venue", subject, "quantity", "none", fixed(flow.quantity, 12))
            return
        if Fraction(said["quantity"]) != flow.quantity:
            self._differs("venue", subject, "quantity", said["quantity"], fixed(flow.quantity, 12))
        # Not every venue says what flowed.
        for name, ours in (("cash_flow", flow.cash_flow), ("fees", flow.fees)):
            theirs = said[name]
            if theirs is not None:
                self._money("venue", subject, name, Decimal(theirs), ours)
