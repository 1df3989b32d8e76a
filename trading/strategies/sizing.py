"""From a direction to a quantity, and from a quote to a limit price. Exact decimals."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal

from trading.messages import Side
from trading.universe import REPORTING_RATE, Instrument


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
    worth = mid * instrument.multiplier * REPORTING_RATE[instrument.currency]
    return whole_lots(size_notional / worth, instrument)


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
