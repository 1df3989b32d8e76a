"""Initial margin: the venue takes no order that its account could not carry. Pure; whole numbers.

Every account is a margin account, in dollars; a USDT is one. Of every symbol the larger side that
could come of working orders takes its rate of the value at the mid; all of it may be no more than
the account is worth. An order that makes no side larger is not asked.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from trading.papervenue.book import Quote
from trading.papervenue.money import CASH_SCALE, text, to_nano
from trading.papervenue.orders import BUY, Order, Refusal
from trading.universe import AssetClass, Universe

THIRTIETHS = {
    AssetClass.FX: 1, AssetClass.EQUITY: 15, AssetClass.FUTURE: 3, AssetClass.CRYPTO: 15,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """Quantity in 1e-9; what it cost and was charged, less what it brought, in 1e-27."""

    quantity: int
    cash: int


class _Side:
    __slots__ = ("buys", "held", "sells")

    def __init__(self) -> None:
        self.held = self.buys = self.sells = 0

    @property
    def worst(self) -> int:
        return max(abs(self.held + self.buys), abs(self.held - self.sells))

    def add(self, order: Order, quantity: int) -> None:
        if order.side == BUY:
            self.buys += quantity
        else:
            self.sells += quantity


def refusal(
    order: Order, *, more: int, deposits: int, held: Mapping[str, Held], working: Iterable[Order],
    quote: Callable[[str], Quote | None], universe: Universe,
) -> Refusal | None:  # fmt: skip
    """Why ``more`` of ``order`` may not be wanted, or None. ``deposits`` in 1e-27."""
    if order.reduce_only:
        return None
    sides: dict[str, _Side] = defaultdict(_Side)
    for symbol, one in held.items():
        sides[symbol].held = one.quantity
    for other in working:
        if not other.reduce_only:
            sides[other.symbol].add(other, other.left)
    before = sides[order.symbol].worst
    sides[order.symbol].add(order, more)
    if sides[order.symbol].worst <= before:
        return None
    worth, taken = 2 * deposits, 0
    for symbol, side in sides.items():
        known, cash = quote(symbol), held[symbol].cash if symbol in held else 0
        if known is None:  # nobody knows what it is worth: what it cost
            taken += abs(cash) * 2 * THIRTIETHS[universe.by_symbol(symbol).asset_class]
            continue
        instrument = universe.by_symbol(symbol)
        twice = (known.bid + known.ask) * to_nano(instrument.multiplier)
        worth += 2 * cash + side.held * twice
        taken += side.worst * twice * THIRTIETHS[instrument.asset_class]
    if taken <= 30 * worth:
        return None
    scale = CASH_SCALE
    return Refusal(
        "MARGIN", f"it would take {text(taken // 60, scale)}, the account is worth"
        f" {text(worth // 2, scale)}",
    )  # fmt: skip
