"""Which position there is to reduce, as the executions so far make it. Pure; whole 1e-9."""

from collections import defaultdict

from trading.papervenue.money import text
from trading.papervenue.orders import Order, Refusal

Key = tuple[str, str]
"""Account and symbol."""


class Holdings:
    """Signed positions, and the working reduce-only orders that wait to reduce them."""

    def __init__(self) -> None:
        self._held: dict[Key, int] = defaultdict(int)
        self._reducing: dict[Key, dict[int, Order]] = defaultdict(dict)

    def move(self, account: str, symbol: str, quantity: int) -> None:
        """Add a signed quantity."""
        self._held[account, symbol] += quantity

    def reducible(self, order: Order) -> int:
        """How much an order of this side can fill before the position is flat."""
        return max(-order.sign * self._held[order.account, order.symbol], 0)

    def rest(self, order: Order) -> None:
        if order.reduce_only:
            self._reducing[order.account, order.symbol][order.number] = order

    def leave(self, order: Order) -> None:
        self._reducing[order.account, order.symbol].pop(order.number, None)

    def room(self, order: Order) -> int:
        """How much of the order may be filled in all."""
        if not order.reduce_only:
            return order.quantity
        return min(order.quantity, order.filled + self.reducible(order))

    def spent(self, order: Order) -> bool:
        """A reduce-only order with nothing to reduce: it must not outlive its position."""
        return order.reduce_only and not self.reducible(order)

    def all_spent(self, account: str, symbol: str) -> list[Order]:
        """Working reduce-only orders that have nothing to reduce any more, oldest first."""
        waiting = self._reducing.get((account, symbol))
        return [one for one in waiting.values() if self.spent(one)] if waiting else []

    def refusal(self, order: Order) -> Refusal | None:
        """Why a reduce-only order that is not working would not reduce, or None."""
        if not order.reduce_only:
            return None
        reducible = self.reducible(order)
        if not reducible:
            reason = f"reduce_only: there is no position that a {order.side} would reduce"
            return Refusal("REDUCE_ONLY", reason)
        waiting = self._reducing[order.account, order.symbol].values()
        promised = sum(one.left for one in waiting if one.side == order.side)
        if order.left + promised > reducible:
            reason = (
                f"reduce_only: {text(order.left)} and {text(promised)} of working reduce-only"
                f" orders are more than the position of {text(reducible)}"
            )
            return Refusal("REDUCE_ONLY", reason)
        return None
