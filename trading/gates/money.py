"""What a day on paper came to, from fills and marks; and the deepest fall over many days. Pure."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading.resume.measures import Traded

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Mark:
    symbol: str
    mid: Decimal


@dataclass(frozen=True, slots=True)
class DayMoney:
    """USD from the day's beginning: at its end, highest, lowest, and the deepest fall within."""

    pnl: Decimal
    high: Decimal
    low: Decimal
    drawdown: Decimal


class UnpricedError(ValueError):
    """Something was held of which no price is known; the message names it."""


def day_money(
    opening: Mapping[str, tuple[Decimal, Decimal | None]],
    events: Iterable[tuple[dt.datetime, Traded | Mark]],
    units: Mapping[str, Decimal],
) -> DayMoney:
    """``opening``: quantity and mid of each symbol when the day began; ``events`` by their time;
    ``units``: USD of one price unit of one quantity. Raises UnpricedError."""
    book = _Day(opening, units)
    for _, one in events:
        book.take(one)
    return DayMoney(book.equity, book.high, book.low, book.drawdown)


class _Day:
    def __init__(
        self, opening: Mapping[str, tuple[Decimal, Decimal | None]], units: Mapping[str, Decimal]
    ) -> None:
        self._units = units
        self._held: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self._mids: dict[str, Decimal] = {}
        for symbol, (quantity, mid) in opening.items():
            if quantity and mid is None:
                raise UnpricedError(f"no price of {symbol} when the day began")
            self._held[symbol] = quantity
            if mid is not None:
                self._mids[symbol] = mid
        self._cash = ZERO
        self._cash = -self._worth()
        self.equity = self.high = self.low = self.drawdown = ZERO

    def take(self, one: Traded | Mark) -> None:
        if isinstance(one, Mark):
            self._mids[one.symbol] = one.mid
        else:
            self._cash -= one.sign * one.quantity * one.price * one.unit + one.fee
            self._held[one.symbol] += one.sign * one.quantity
            self._mids[one.symbol] = one.price
        self.equity = self._cash + self._worth()
        self.high, self.low = max(self.high, self.equity), min(self.low, self.equity)
        self.drawdown = max(self.drawdown, self.high - self.equity)

    def _worth(self) -> Decimal:
        held = ((one, quantity) for one, quantity in self._held.items() if quantity)
        return sum((q * self._mids[one] * self._units[one] for one, q in held), ZERO)


@dataclass(frozen=True, slots=True)
class PaperMoney:
    """A day as it was kept. ``capital`` None or 0: not known, or no limit was set yet."""

    pnl: Decimal
    high: Decimal
    low: Decimal
    drawdown: Decimal
    capital: Decimal | None
    orders: int = 1

    @property
    def still(self) -> bool:
        """Before its first limit: nothing was ordered and nothing moved."""
        moved = (self.orders, self.pnl, self.high, self.low, self.drawdown)
        return self.capital is None and not any(moved)


def run_drawdown(days: Iterable[PaperMoney]) -> Decimal | None:
    """Deepest fall over ``days`` in their order, a share of the smallest capital among them.

    A day's high is taken to come before its low where the order is not known. Days before its first
    limit, on which it could not trade, ask for none. None: no other day, or a capital that is not
    known.
    """
    kept = [one for one in days if not one.still]
    capital = min((one.capital or ZERO for one in kept), default=ZERO)
    if capital <= 0:
        return None
    deepest = peak = closed = ZERO
    for one in kept:
        deepest = max(deepest, one.drawdown, peak - (closed + one.low))
        peak = max(peak, closed + one.high)
        closed += one.pnl
    return deepest / capital
