"""Figures of a run on the ladder, computed from its fills. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Traded:
    """One fill. ``unit``: USD of one price unit of one quantity; ``reference``: mid it was made on.

    ``sign`` is 1 for a buy.
    """

    symbol: str
    sign: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    unit: Decimal
    reference: Decimal | None


def drawdown_usd(fills: Iterable[Traded], mids: Mapping[str, Decimal]) -> Decimal:
    """Deepest fall of equity below its highest so far, from nothing at the start, after fees.

    Equity is marked at each fill's own price, and at the end at ``mids``.
    """
    book = _Equity()
    for fill in fills:
        book.add(fill)
    book.mark(mids)
    return book.deepest


class _Equity:
    def __init__(self) -> None:
        self.deepest = ZERO
        self._peak = ZERO
        self._cash = ZERO
        self._held: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self._price: dict[str, Decimal] = {}

    def add(self, fill: Traded) -> None:
        change = fill.sign * fill.quantity * fill.unit
        self._cash -= change * fill.price + fill.fee
        self._held[fill.symbol] += change
        self._price[fill.symbol] = fill.price
        self._look()

    def mark(self, mids: Mapping[str, Decimal]) -> None:
        self._price |= {symbol: mids[symbol] for symbol in self._held if symbol in mids}
        self._look()

    def _look(self) -> None:
        open_value = sum((held * self._price[one] for one, held in self._held.items()), ZERO)
        equity = self._cash + open_value
        self._peak = max(self._peak, equity)
        self.deepest = max(self.deepest, self._peak - equity)


def slippage_bp(fills: Sequence[Traded]) -> Decimal | None:
    """Average cost against the mid each order was made on, by value; None without fills.

    Positive is worse than the mid.
    """
    known = [one for one in fills if one.reference]
    value = sum((one.quantity * (one.reference or ZERO) * one.unit for one in known), ZERO)
    if not value:
        return None
    cost = sum(
        (
            one.sign * (one.price - (one.reference or ZERO)) * one.quantity * one.unit
            for one in known
        ),
        ZERO,
    )
    return cost / value * 10_000
