"""Numbers an exchange's executions: from 1, without a gap, each once, never another again.

Exchanges name their fills and do not count them. The desk does, in its own books: what is booked
keeps its number for ever, and after a restart the numbering goes on from there.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from trading.clock import utc_from_ns
from trading.venues.base import Filled, KnownFills
from trading.venues.ccxt_dialect import RawFill

OVERLAP_NS = 600 * 1_000_000_000
"""An execution that shows up so long after younger ones is still found."""
KEPT = 10_000
"""Executions of this process that are kept to be asked for again."""


class FillBook:
    """``since_ns``: executions before that are not the desk's and are never counted."""

    def __init__(self, since_ns: int = 0) -> None:
        self._since_ns = since_ns
        self._numbers: dict[str, int] = {}
        self._fills: list[Filled] = []
        self._base = 0
        self._newest_ns = 0
        self.resumed = False
        """Whether the books have said what they hold; before that nothing can be numbered."""

    def resume(self, known: KnownFills) -> None:
        """Go on after what is booked."""
        self._base = known.last_sequence
        self._fills.clear()
        self._numbers = dict(known.numbers)
        self._newest_ns = known.newest_ns
        self.resumed = True

    @property
    def horizon_ns(self) -> int:
        """Executions before this are all known."""
        return max(self._since_ns, self._newest_ns - OVERLAP_NS)

    def knows(self, venue_fill_id: str) -> bool:
        return venue_fill_id in self._numbers

    def fresh(self, raw: Iterable[RawFill]) -> list[RawFill]:
        """Those not counted yet, each once, oldest first."""
        found: dict[str, RawFill] = {}
        for one in raw:
            if one.time_ns >= self.horizon_ns and one.venue_fill_id not in self._numbers:
                found.setdefault(one.venue_fill_id, one)
        return sorted(found.values(), key=lambda one: one.time_ns)

    def add(self, raw: Iterable[RawFill], fees: Mapping[str, Decimal]) -> list[Filled]:
        """Count what ``fresh`` found."""
        made = []
        for one in raw:
            number = self._base + len(self._fills) + 1
            at = utc_from_ns(one.time_ns)
            fill = Filled(
                number, one.venue_fill_id, one.client_order_id, one.symbol, one.side,
                one.quantity, one.price, fees[one.venue_fill_id], one.fee_currency, at, one.time_ns,
            )  # fmt: skip
            self._numbers[one.venue_fill_id] = number
            self._fills.append(fill)
            self._newest_ns = max(self._newest_ns, one.time_ns)
            made.append(fill)
        if len(self._fills) > 2 * KEPT:
            self._forget()
        return made

    def _forget(self) -> None:
        """Nobody asks for these any more, and they are too old to be listed as new."""
        for fill in self._fills[:KEPT]:
            if fill.feed_time_ns >= self.horizon_ns:
                break
            self._base = fill.sequence
            del self._numbers[fill.venue_fill_id]
        self._fills = [one for one in self._fills if one.sequence > self._base]

    def since(self, sequence: int) -> list[Filled]:
        """Raises LookupError for what was booked before this process began."""
        if sequence < self._base:
            raise LookupError(f"fills up to {self._base} are in the books")
        return self._fills[sequence - self._base :]
