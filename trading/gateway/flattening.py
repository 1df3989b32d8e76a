"""What would close the positions in a scope, from the venue's own reading. Pure.

The venue nets all strategies of an account in one symbol, so for the firm, a venue or an
instrument its net position is closed, in the name of strategies that hold that side. For one
strategy its own position is closed, if the venue confirms the books in that symbol. Every closing
goes towards zero and not beyond.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal

from trading.gateway.book import Book
from trading.messages import Side
from trading.universe import Universe

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Closing:
    """``quantity`` in ``symbol`` to trade on ``side``; ``strategy`` empty: nobody's books have it.

    ``reduce_only``: the venue can be told that it must only reduce.
    """

    symbol: str
    side: Side
    quantity: Decimal
    strategy: str
    reduce_only: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """``unclosable``: symbol -> why no order can close what is there."""

    closings: tuple[Closing, ...]
    unclosable: Mapping[str, str]

    @property
    def flat(self) -> bool:
        return not self.closings and not self.unclosable


def closing_plan(
    scope: str, at_venue: Mapping[str, Decimal], book: Book, universe: Universe
) -> Plan:
    """``at_venue``: signed quantity by symbol, read at the book's own fill sequence."""
    kind, _, key = scope.partition(":")
    if kind == "strategy":
        wanted = _of_strategy(key, at_venue, book)
    else:
        symbols = [key] if kind == "instrument" else sorted(at_venue)
        wanted = [one for symbol in symbols for one in _of_symbol(symbol, at_venue, book)]
    closings: list[Closing] = []
    unclosable: dict[str, str] = {}
    for one in wanted:
        why = _why_not(one, universe, book, at_venue, own=kind == "strategy")
        if why:
            unclosable[one.symbol] = why
        else:
            closings.append(one)
    return Plan(tuple(closings), unclosable)


def _of_symbol(symbol: str, at_venue: Mapping[str, Decimal], book: Book) -> list[Closing]:
    net = at_venue.get(symbol, ZERO)
    left, side = abs(net), Side.SELL if net > 0 else Side.BUY
    holders = sorted(
        (
            (abs(holding.quantity), strategy)
            for (strategy, held), holding in book.holdings.items()
            if held == symbol and holding.quantity * net > 0
        ),
        reverse=True,
    )
    found = []
    for quantity, strategy in holders:
        part = min(quantity, left)
        if part:
            found.append(Closing(symbol, side, part, strategy, reduce_only=True))
            left -= part
    if left:
        found.append(Closing(symbol, side, left, "", reduce_only=True))
    return found


def _of_strategy(key: str, at_venue: Mapping[str, Decimal], book: Book) -> list[Closing]:
    found = []
    for (strategy, symbol), holding in sorted(book.holdings.items()):
        quantity = holding.quantity
        if strategy != key or not quantity:
            continue
        net = at_venue.get(symbol, ZERO)
        bounded = net * quantity > 0 and abs(quantity) <= abs(net)
        side = Side.SELL if quantity > 0 else Side.BUY
        found.append(Closing(symbol, side, abs(quantity), key, reduce_only=bounded))
    return found


def _why_not(
    one: Closing, universe: Universe, book: Book, at_venue: Mapping[str, Decimal], *, own: bool
) -> str:
    if one.symbol not in universe:
        return "not an instrument of this desk"
    lot = universe.by_symbol(one.symbol).lot_size
    if one.quantity % lot:
        return f"{one.quantity:f} is no whole number of lots of {lot:f}"
    if own:
        ours = sum(
            (held.quantity for (_, symbol), held in book.holdings.items() if symbol == one.symbol),
            ZERO,
        )
        if ours != at_venue.get(one.symbol, ZERO):
            return f"the venue holds {at_venue.get(one.symbol, ZERO):f}, the books say {ours:f}"
    return ""


def tranche(
    quantity: Decimal,
    unit_value: Decimal,
    first: Decimal,
    *,
    above: Decimal,
    most: int,
    lot: Decimal,
) -> Decimal:
    """How much of ``quantity`` to trade next.

    A position whose ``first`` value (USD, when its closing began) is over ``above`` is closed in
    parts: as many as ``above`` asks for, ``most`` at the most. Whole lots, at least one.
    """
    if first <= above or unit_value <= 0:
        return quantity
    parts = min(Decimal(most), (first / above).to_integral_value(ROUND_CEILING))
    part = (first / parts / unit_value / lot).to_integral_value(ROUND_CEILING) * lot
    return min(quantity, max(part, lot)).quantize(lot, ROUND_DOWN) if part else quantity
