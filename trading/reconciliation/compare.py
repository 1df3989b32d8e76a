"""The venue's word against our books at the same fill: each difference is one break. Pure.

Fills of an account have the venue's gap-free sequence and never change, so our books are known as
of exactly the fill that the venue's reading ends with: a fill in between is no break. Orders move
without a fill as well, so what is open here and not there is a break only when the venue left it
out of every reading of the last ``ORDER_GRACE``.

* position: the venue's total of a symbol against all strategies together. Under the key
  ``SYMBOL books``: the stored positions against our own fills.
* order: open there and not ours, open here and not there, or not the same order.
* fill: a sequence we do not have; a fill that nobody ordered; an instrument we do not know.
* cash: what the account opened with, its cash flows less fees, and what the venue's log says moved
  besides, by currency, to the cent. Where cash moves by profit alone, what is open counts at what
  the venue says it was entered at.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Literal

from trading.portfolio.marks import value_position
from trading.portfolio.replay import same_to_the_cent
from trading.portfolio.text import exact
from trading.reconciliation.word import VenueOrder, Word
from trading.universe import REPORTING_RATE, UNIVERSE, Universe

ORDER_GRACE = dt.timedelta(seconds=5)
"""An order younger than this, or in doubt for less, may be between two states on either side."""

What = Literal["position", "order", "fill", "cash"]

ZERO = Decimal(0)
NONE = "none"
_DIGITS = 120
_KEY = 80


@dataclass(frozen=True, slots=True)
class OurOrder:
    """One order of ours. ``filled`` is what its fills up to the reading's fill add up to."""

    ident: str
    symbol: str
    side: str
    quantity: Decimal
    filled: Decimal
    state: str
    is_open: bool
    created_at: dt.datetime
    ended_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class StrayFill:
    """A fill that no order of ours explains."""

    sequence: int
    symbol: str
    side: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Ours:
    """What our books say of one account as of one fill.

    ``held`` are stored positions and ``filled`` what strategies' fills add up to, by symbol.
    ``cash`` are flows less fees and other movements by currency. ``missing`` are sequences we do
    not have, as first and last. ``unknown`` are symbols that are no instrument of ours: with one,
    no cash is known.
    """

    held: Mapping[str, Decimal] = field(default_factory=dict)
    filled: Mapping[str, Decimal] = field(default_factory=dict)
    cash: Mapping[str, Decimal] = field(default_factory=dict)
    orders: Mapping[str, OurOrder] = field(default_factory=dict)
    missing: Sequence[tuple[int, int]] = ()
    stray: Sequence[StrayFill] = ()
    more_stray: int = 0
    unknown: Sequence[str] = ()
    fills: int = 0

    @property
    def whole(self) -> bool:
        """Whether cash can be worked out from the fills at all."""
        return not self.missing and not self.unknown


@dataclass(frozen=True, slots=True)
class Found:
    """One break. ``quantity`` of ``symbol``, or of ``currency``, is what it is worth; None: who
    knows. ``unordered``: a fill that nobody ordered.
    """

    what: What
    key: str
    ours: str
    theirs: str
    quantity: Decimal | None = None
    symbol: str = ""
    currency: str = ""
    unordered: bool = False

    @property
    def name(self) -> str:
        return f"{self.what}:{self.key}"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A reading that is older than the grace: when it was taken, and the orders open in it."""

    taken_at: dt.datetime
    orders: Collection[str]


def compare(
    ours: Ours, word: Word, *, opening: Mapping[str, Decimal] | None, earlier: Earlier | None,
    universe: Universe = UNIVERSE,
) -> list[Found]:  # fmt: skip
    """Every break, by kind and key.

    ``opening`` is the cash that the account opened with; None: not known, no cash is compared.
    ``earlier`` is the newest reading older than the grace, perhaps ``word`` itself; None: there is
    none, so no order can be missed yet.
    """
    found = [*_positions(ours, word), *_orders(ours, word, earlier), *_fills(ours)]
    said = word.cash(universe)
    if opening is not None and ours.whole and said is not None:
        found += _cash(ours, said, opening)
    return sorted(found, key=lambda one: (one.what, one.key))


def opening_of(ours: Ours, word: Word, universe: Universe = UNIVERSE) -> dict[str, Decimal] | None:
    """The cash that explains the venue's by our fills and movements; None when these have a hole,
    or the venue does not say enough."""
    said = word.cash(universe)
    if not ours.whole or said is None:
        return None
    return {
        one: _less(said.get(one, ZERO), ours.cash.get(one, ZERO))
        for one in sorted(said.keys() | ours.cash.keys())
    }


def difference(what: str, ours: str, theirs: str) -> str:
    """What two people accept when they accept a break: it stays the same while both sides move."""
    if what in ("position", "cash"):
        return str(exact(_less(Decimal(theirs), Decimal(ours))))
    return f"ours {ours}, theirs {theirs}"


def worth(
    found: Found, price: Callable[[str], Decimal | None], universe: Universe
) -> Decimal | None:
    """Value in USD at ``price``; None when it cannot be valued."""
    if found.quantity is None:
        return None
    if found.currency:
        rate = REPORTING_RATE.get(found.currency)
        with localcontext(prec=_DIGITS):
            return None if rate is None else abs(found.quantity) * rate
    if found.symbol not in universe:
        return None
    return value_position(
        quantity=found.quantity, cost=ZERO, realised=ZERO, fees=ZERO, mark=price(found.symbol),
        instrument=universe.by_symbol(found.symbol),
    ).gross  # fmt: skip


def _less(figure: Decimal, base: Decimal) -> Decimal:
    with localcontext(prec=_DIGITS):
        return figure - base


def _positions(ours: Ours, word: Word) -> Iterator[Found]:
    for symbol in ours.filled.keys() | word.positions.keys() | ours.held.keys():
        filled, held = ours.filled.get(symbol, ZERO), ours.held.get(symbol, ZERO)
        yield from _position(symbol, symbol, filled, word.positions.get(symbol, ZERO))
        yield from _position(f"{symbol} books", symbol, held, filled)


def _position(key: str, symbol: str, ours: Decimal, theirs: Decimal) -> Iterator[Found]:
    if ours != theirs:
        yield Found(
            "position", key[:_KEY], str(exact(ours)), str(exact(theirs)), _less(theirs, ours),
            symbol,
        )  # fmt: skip


def _orders(ours: Ours, word: Word, earlier: Earlier | None) -> Iterator[Found]:
    for ident, said in word.orders.items():
        mine = ours.orders.get(ident)
        differs = _at_venue(mine, said, word.taken_at)
        if differs:
            left = None if said.quantity is None else _less(said.quantity, said.filled)
            yield Found("order", ident[:_KEY], differs, _words(said), left, said.symbol)
    if earlier is None:
        return
    before = earlier.taken_at - ORDER_GRACE
    for ident, mine in ours.orders.items():
        missed = ident not in word.orders and ident not in earlier.orders
        if mine.is_open and missed and mine.created_at <= before:
            left = _less(mine.quantity, mine.filled)
            yield Found("order", ident[:_KEY], _words(mine), "not open", left, mine.symbol)


def _at_venue(mine: OurOrder | None, said: VenueOrder, taken_at: dt.datetime) -> str:
    """Our side where it differs from an order that is open at the venue; empty when it agrees."""
    if mine is None:
        return "not ours"
    if mine.ended_at is not None and mine.ended_at < taken_at - ORDER_GRACE:
        return f"{mine.state}, no longer open"
    same = (mine.symbol, mine.side, mine.quantity, mine.filled) == (
        said.symbol, said.side, said.quantity, said.filled,
    )  # fmt: skip
    return "" if same else _words(mine)


def _words(order: OurOrder | VenueOrder) -> str:
    if order.quantity is None:
        return f"an order in {order.symbol} of a form that is not understood"
    quantity, filled = exact(order.quantity), exact(order.filled)
    return f"{order.side} {quantity} {order.symbol}, {filled} filled"


def _fills(ours: Ours) -> Iterator[Found]:
    for first, last in ours.missing:
        key = f"#{first}" if first == last else f"#{first}-{last}"
        yield Found("fill", key, NONE, "filled")
    for one in ours.stray:
        text = f"{one.side} {exact(one.quantity)} {one.symbol}"
        yield Found(
            "fill", f"#{one.sequence}", "nobody ordered it", text, one.quantity, one.symbol,
            unordered=True,
        )  # fmt: skip
    if ours.more_stray:
        text = f"{ours.more_stray} more fills"
        yield Found("fill", "more", "nobody ordered them", text, unordered=True)
    for symbol in ours.unknown:
        yield Found("fill", symbol[:_KEY], "no instrument of ours", "filled")


def _cash(
    ours: Ours, theirs: Mapping[str, Decimal], opening: Mapping[str, Decimal]
) -> Iterator[Found]:
    for currency in opening.keys() | ours.cash.keys() | theirs.keys():
        with localcontext(prec=_DIGITS):
            expected = opening.get(currency, ZERO) + ours.cash.get(currency, ZERO)
        said = theirs.get(currency, ZERO)
        if not same_to_the_cent(Fraction(expected), Fraction(said)):
            yield Found(
                "cash", currency[:_KEY], str(exact(expected)), str(exact(said)),
                _less(said, expected), currency=currency,
            )  # fmt: skip
