"""What open positions are worth now: mark, unrealised PnL and exposure, in USD. Pure.

A position is marked at the *mid* of the latest good quote, long or short: PnL then does not jump
by the spread when a position turns, and both sides of one trade are worth the same. What closing
would cost beyond the mid is slippage and measured as such. A position without a price has no
unrealised PnL and no exposure: None, never 0, and None in every sum it is part of.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext

from trading.universe import REPORTING_RATE, Instrument

ZERO = Decimal(0)

#: Digits for sums and products of stored numbers; more than they can need, so nothing rounds.
_DIGITS = 120


@dataclass(frozen=True, slots=True)
class Quote:
    """The latest good quote of one symbol; ``time_ns`` is feed time."""

    bid: Decimal
    ask: Decimal
    time_ns: int

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


@dataclass(frozen=True, slots=True)
class Valuation:
    """Worth of one position, or of several together, in USD. ``gross`` is never negative.

    ``unrealised``, ``gross`` and ``net`` are None where a price or a currency's rate is missing;
    ``realised`` is before fees.
    """

    realised: Decimal | None
    fees: Decimal | None
    unrealised: Decimal | None
    gross: Decimal | None
    net: Decimal | None

    @property
    def pnl(self) -> Decimal | None:
        """Realised plus unrealised less fees since the books began."""
        if self.realised is None or self.unrealised is None or self.fees is None:
            return None
        with localcontext(prec=_DIGITS):
            return self.realised + self.unrealised - self.fees


@dataclass(frozen=True, slots=True)
class StrategyWorth:
    """``worth`` of what counts for a strategy, ``paper`` in it only if it ``rehearses``.

    ``paper``: PnL of what it has on rehearsal accounts; None where not known.
    """

    worth: Valuation
    paper: Decimal | None
    rehearses: bool


UNKNOWN = Valuation(None, None, None, None, None)


def value_position(
    *,
    quantity: Decimal,
    cost: Decimal,
    realised: Decimal,
    fees: Decimal,
    mark: Decimal | None,
    instrument: Instrument,
) -> Valuation:
    """Worth of one position. A flat one needs no mark: its unrealised PnL and exposure are 0."""
    rate = REPORTING_RATE.get(instrument.currency)
    if rate is None:
        return UNKNOWN
    with localcontext(prec=_DIGITS):
        if quantity == 0:
            return Valuation(realised * rate, fees * rate, ZERO, ZERO, ZERO)
        if mark is None:
            return Valuation(realised * rate, fees * rate, None, None, None)
        worth = quantity * mark * instrument.multiplier * rate
        return Valuation(realised * rate, fees * rate, worth - cost * rate, abs(worth), worth)


def average_price(quantity: Decimal, cost: Decimal, instrument: Instrument) -> Decimal | None:
    """Average price of what is open, to a hundredth of a tick; None when flat."""
    if quantity == 0:
        return None
    with localcontext(prec=_DIGITS):
        average = cost / (quantity * instrument.multiplier)
        return average.quantize(instrument.tick_size.scaleb(-2))


def total(valuations: Iterable[Valuation]) -> Valuation:
    """The sum of each figure; None where any part of it is unknown."""
    parts = tuple(valuations)
    return Valuation(
        realised=add(one.realised for one in parts),
        fees=add(one.fees for one in parts),
        unrealised=add(one.unrealised for one in parts),
        gross=add(one.gross for one in parts),
        net=add(one.net for one in parts),
    )


def add(figures: Iterable[Decimal | None]) -> Decimal | None:
    """Exact sum; None when one of them is unknown, 0 when there are none."""
    known = ZERO
    with localcontext(prec=_DIGITS):
        for figure in figures:
            if figure is None:
                return None
            known += figure
    return known


def less(figure: Decimal | None, base: Decimal) -> Decimal | None:
    """``figure`` less ``base``, exact; unknown stays unknown."""
    if figure is None:
        return None
    with localcontext(prec=_DIGITS):
        return figure - base
