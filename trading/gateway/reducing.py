"""Whether an order only reduces a position that the venue confirms. Pure.

The venue nets all strategies of an account in one symbol. So a reading confirms a symbol when its
quantity is the sum of our strategies' positions at the same fill; from then on fills, which are the
venue's own word and come without a gap, carry the confirmation on. A create sent after the reading
ends it: nothing is sent on a position that our own order may just be changing unseen.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from riskctl.rules import Denial
from trading.gateway.book import Book, LiveOrder

ZERO = Decimal(0)


class Confirmed:
    """What the venue said last, and what was sent since."""

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        self._read_boot_ns = 0
        self._differing: frozenset[str] = frozenset()

    def on_reading(
        self, positions: Mapping[str, Decimal], begun_boot_ns: int, book: Book
    ) -> frozenset[str]:
        """Take a reading of all positions at the book's fill sequence; the symbols that differ."""
        ours: dict[str, Decimal] = {}
        for (_, symbol), holding in book.holdings.items():
            ours[symbol] = ours.get(symbol, ZERO) + holding.quantity
        symbols = ours.keys() | positions.keys()
        self._differing = frozenset(
            one for one in symbols if ours.get(one, ZERO) != positions.get(one, ZERO)
        )
        self._read_boot_ns = begun_boot_ns
        return self._differing

    def on_send(self, symbol: str, now_boot_ns: int) -> None:
        """A create in ``symbol`` was written."""
        self._sent[symbol] = now_boot_ns

    def forget(self) -> None:
        """The connection was lost: nothing is confirmed until the next reading."""
        self._read_boot_ns = 0

    def denial(self, symbol: str) -> Denial | None:
        """Why the position in ``symbol`` is not confirmed, or None."""
        if not self._read_boot_ns or self._read_boot_ns <= self._sent.get(symbol, 0):
            return Denial("READING_DUE", f"no reading of {symbol} is newer than the last send")
        if symbol in self._differing:
            return Denial("NOT_CONFIRMED", f"the venue's position in {symbol} is not the books'")
        return None


def increases(order: LiveOrder, book: Book) -> bool:
    """Whether a resting order would make its strategy's position larger if it filled now."""
    return order.side.sign * book.holding(order.strategy, order.symbol).quantity >= 0


def reducing_denial(order: LiveOrder, book: Book, others: Iterable[LiveOrder]) -> Denial | None:
    """Why ``order`` could take its strategy's position away from zero or through it, or None.

    ``others``: every other order of the strategy in the symbol that may still fill, UNKNOWN ones
    among them; those on the same side count in full.
    """
    position = book.holding(order.strategy, order.symbol).quantity
    if order.side.sign * position >= 0:
        return Denial("REDUCE_ONLY", f"REDUCE-ONLY: the position is {position:f}, it would grow")
    pending = sum((one.remaining for one in others if one.side is order.side), ZERO)
    if order.quantity + pending > abs(position):
        text = f"REDUCE-ONLY: {order.quantity:f} with {pending:f} open is more than {position:f}"
        return Denial("REDUCE_ONLY", text)
    return None
