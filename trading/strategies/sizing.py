"""From a direction to a quantity, and from a quote to a limit price. Exact decimals."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal

from trading.messages import Side
from trading.universe import REPORTING_RATE, Instrument

UNMATCHED = Decimal("0.05")
"""Legs in whole lots may differ by so much of both together: half of what counts as an open leg."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The last good bid and ask of an instrument. Times as in OrderIntent."""

    bid: Decimal
    ask: Decimal
    time: int
    boot: int

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


def whole_lots(quantity: Decimal, instrument: Instrument) -> Decimal:
    """``quantity`` rounded towards zero to whole lots."""
    lots = (quantity / instrument.lot_size).to_integral_value(ROUND_DOWN)
    return lots * instrument.lot_size


def lots_for(size_notional: Decimal, mid: Decimal, instrument: Instrument) -> Decimal:
    """The quantity worth at most ``size_notional`` dollars at ``mid``, in whole lots."""
    return whole_lots(size_notional / unit_worth(mid, instrument), instrument)


def unit_worth(mid: Decimal, instrument: Instrument) -> Decimal:
    """Dollars that a quantity of 1 is worth at ``mid``."""
    return mid * instrument.multiplier * REPORTING_RATE[instrument.currency]


def legs_for(
    size_notional: Decimal, mids: Sequence[Decimal], instruments: Sequence[Instrument]
) -> tuple[Decimal, Decimal]:
    """Quantities of both legs of a pair, worth the same and at most ``size_notional`` dollars each;
    zeros where whole lots are too coarse for that."""
    units = [unit_worth(mid, of) for mid, of in zip(mids, instruments, strict=True)]
    return matched_lots([size_notional / one for one in units], units, instruments)


def matched_lots(
    most: Sequence[Decimal], units: Sequence[Decimal], instruments: Sequence[Instrument]
) -> tuple[Decimal, Decimal]:
    """Two quantities in whole lots, of the same worth and ``most`` at most; ``units`` is what a
    quantity of 1 is worth. Zeros where whole lots are too coarse for that."""
    lots = [whole_lots(one, of) for one, of in zip(most, instruments, strict=True)]
    least = min(one * unit for one, unit in zip(lots, units, strict=True))
    first, second = (
        one if one * unit == least else whole_lots(least / unit, of)
        for one, unit, of in zip(lots, units, instruments, strict=True)
    )
    if not same_worth(first * units[0], second * units[1], UNMATCHED):
        return Decimal(0), Decimal(0)
    return first, second


def same_worth(first: Decimal, second: Decimal, share: Decimal) -> bool:
    """Whether two sizes above 0 differ by no more than ``share`` of both together."""
    return first > 0 < second and abs(first - second) <= share * (first + second)


def crossing_price(side: Side, quote: Quote, instrument: Instrument, ticks: int) -> Decimal:
    """A limit that trades at once: the other side's touch and ``ticks`` price steps beyond."""
    room = ticks * instrument.tick_size
    if side is Side.BUY:
        return on_grid(quote.ask + room, instrument, ROUND_CEILING)
    price = on_grid(quote.bid - room, instrument, ROUND_FLOOR)
    return max(price, instrument.tick_size)


def resting_price(side: Side, quote: Quote, instrument: Instrument) -> Decimal:
    """A limit that waits at our own side's touch."""
    if side is Side.BUY:
        return max(on_grid(quote.bid, instrument, ROUND_FLOOR), instrument.tick_size)
    return on_grid(quote.ask, instrument, ROUND_CEILING)


def on_grid(price: Decimal, instrument: Instrument, rounding: str) -> Decimal:
    """``price`` in whole price steps, rounded by ``rounding`` of the decimal module."""
    steps = (price / instrument.tick_size).to_integral_value(rounding)
    return steps * instrument.tick_size
