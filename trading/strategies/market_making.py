"""Market making: a bid and an ask about a price that leans against what is held.

M. Avellaneda, S. Stoikov, *High-frequency trading in a limit order book*, Quantitative Finance
8(3), 2008: the reservation price r = s - q * gamma * sigma^2 * (T - t) and the spread that is best
about it, gamma * sigma^2 * (T - t) + 2 / gamma * ln(1 + gamma / kappa). The session has no end
here, so T - t is a rolling horizon, prices are counted in standard deviations d of the mid over
that horizon, and the inventory in shares q of the largest one, from -1 to 1. So sigma^2 * (T - t)
is 1, and with the mid s::

    r = s - q * gamma * d          half = d * (gamma / 2 + ln(1 + gamma / kappa) / gamma)

``d`` is the time-weighted deviation about the mean of ``sigma_s`` seconds. The half spread is
never below ``least_half_bp`` of the mid, nor below half a price tick. Quotes lie on the grid,
rounded away from r, and never reach the other side's touch: a quote gives liquidity or is none. A
side quotes ``share`` of the largest inventory, and no more than may still be held that way.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np

from trading.indicators.ewma import Averages, Column
from trading.indicators.rounds import Batch, Floats
from trading.messages import Side
from trading.strategies.kernel import Columns, Flags, Kernel, columns_at
from trading.strategies.parameters import MarketMakingParameters
from trading.strategies.sizing import Quote, on_grid, whole_lots
from trading.universe import Instrument


@dataclass(frozen=True, slots=True)
class Wanted:
    """One quote as it should stand."""

    side: Side
    price: Decimal
    quantity: Decimal


def reservation(mid: float, deviation: float, inventory: float, gamma: float) -> float:
    """The price at which it does not matter whether one more is bought or sold."""
    return mid - inventory * gamma * deviation


def half_spread(mid: float, deviation: float, p: MarketMakingParameters, tick: float) -> float:
    """From the reservation price to either quote."""
    best = deviation * (p.gamma / 2 + math.log1p(p.gamma / p.kappa) / p.gamma)
    return max(best, mid * p.least_half_bp / 10_000, tick / 2)


def quotes_for(
    p: MarketMakingParameters,
    instrument: Instrument,
    quote: Quote,
    deviation: float,
    *,
    position: Decimal,
    most: Decimal,
) -> list[Wanted]:
    """The quotes wanted now: buy before sell, none for a side that has no room.

    ``most``: the largest inventory either way, in whole lots. A quote that cannot be (crossed, not
    positive, not a number) wants none.
    """
    sane = 0 < quote.bid < quote.ask and math.isfinite(deviation) and deviation > 0
    if not sane or most <= 0:
        return []
    mid, tick = float(quote.mid), float(instrument.tick_size)
    inventory = max(-1.0, min(1.0, float(position / most)))
    centre = reservation(mid, deviation, inventory, p.gamma)
    half = half_spread(mid, deviation, p, tick)
    step = instrument.tick_size
    bid = min(on_grid(_exact(centre - half), instrument, ROUND_FLOOR), _below(quote.ask, step))
    ask = max(on_grid(_exact(centre + half), instrument, ROUND_CEILING), _above(quote.bid, step))
    each = whole_lots(most * _exact(p.share), instrument)
    found = []
    for side, price in ((Side.BUY, bid), (Side.SELL, ask)):
        room = most - side.sign * position
        quantity = whole_lots(min(each, room), instrument)
        if price > 0 and quantity > 0:
            found.append(Wanted(side, price, quantity))
    return found


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))


def _below(price: Decimal, step: Decimal) -> Decimal:
    """The highest price on the grid under ``price``."""
    return ((price / step).to_integral_value(ROUND_CEILING) - 1) * step


def _above(price: Decimal, step: Decimal) -> Decimal:
    return ((price / step).to_integral_value(ROUND_FLOOR) + 1) * step


class MarketMakingKernel(Kernel):
    """Knows the deviation that quotes are made of; it changes no mind about any direction."""

    PER_ROW = (*Kernel.PER_ROW, "deviation")

    def __init__(self, parameters: Sequence[MarketMakingParameters], traded: Flags) -> None:
        """``traded``: (instruments, strategies)."""
        taus = np.array([one.sigma_s for one in parameters])
        super().__init__(traded, taus, [one.warmup_ticks for one in parameters])
        self._columns = [
            Column(one.sigma_s, float(gap)) for one, gap in zip(parameters, self._gap, strict=True)
        ]
        self._at: Columns = slice(0)
        #: Of every strategy in every instrument, after the last tick: (instruments, strategies).
        self.deviation = np.zeros(traded.shape)

    def columns(self) -> list[Column]:
        return self._columns

    def bind(self, place: dict[Column, int]) -> None:
        self._at = columns_at(place, self._columns)

    def _score(self, batch: Batch, averages: Averages) -> Floats:
        sigma: Floats = averages.sigma[:, self._at]
        # Where an instrument comes more than once the last value stays.
        self.deviation[batch.instruments] = sigma
        return np.zeros_like(sigma)

    def _suspect(self, batch: Batch, score: Floats, old: Floats) -> Flags:
        return np.zeros(score.shape, dtype=bool)

    def _decide(self, at: int, row: int, score: float, old: int) -> int:
        return old
