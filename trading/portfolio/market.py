"""What the tick stream has told so far: latest quotes, the feed's clock, and how long it is silent.

No IO: entries and times are passed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np

from trading.clock import NS
from trading.portfolio.marks import Quote
from trading.ticks import unpack
from trading.universe import NANO, Universe, to_nano

FRESH_NS = 5 * NS
LATE_NS = 30 * NS
SILENT_NS = 30 * NS

DataStatus = Literal["fresh", "late", "stale", "dead"]
FeedPhase = Literal["running", "waiting", "ended", "dead"]

Entry = tuple[bytes, Mapping[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class DataAge:
    """``age_ms`` is None when the symbol has had no quote in this session."""

    status: DataStatus
    age_ms: int | None


class Market:
    """Latest quote of each instrument in the feed session that runs now."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        size = len(universe)
        self._bid = np.zeros(size, dtype=np.int64)
        self._ask = np.zeros(size, dtype=np.int64)
        self._time = np.zeros(size, dtype=np.int64)
        self._quotes: dict[int, Quote] = {}
        self.session = ""
        self.clock_ns: int | None = None
        self.heard_wall_ns: int | None = None
        self.ended = False

    def seed(self, session: str, quotes: Mapping[str, Quote]) -> None:
        """Start from quotes kept elsewhere of the session that runs."""
        self._forget()
        self.session = session
        for symbol, quote in quotes.items():
            if symbol in self._universe:
                ident = self._universe.by_symbol(symbol).id
                self._bid[ident] = to_nano(quote.bid)
                self._ask[ident] = to_nano(quote.ask)
                self._time[ident] = quote.time_ns

    def on_entries(self, entries: Sequence[Entry]) -> None:
        """Take entries of the tick stream, oldest first, however many there are at once."""
        start = 0
        for index, (_, fields) in enumerate(entries):
            session = fields[b"s"].decode()
            if session != self.session:
                # Prices of another session, perhaps of another decade, say nothing about this one.
                self._take(entries[start:index])
                start = index
                self._forget()
                self.session = session
        self._take(entries[start:])
        if entries:
            last = entries[-1][1]
            self.clock_ns = int(last[b"clk"])
            self.heard_wall_ns = int(last[b"wall"])
            self.ended = b"end" in last

    def _take(self, entries: Sequence[Entry]) -> None:
        ticks = unpack(b"".join(fields.get(b"d", b"") for _, fields in entries))
        if not len(ticks):
            return
        where = ticks["instrument"]
        # numpy keeps the last value where an index is repeated: the latest quote.
        self._bid[where] = ticks["bid"]
        self._ask[where] = ticks["ask"]
        self._time[where] = ticks["time"]
        for ident in np.unique(where):
            self._quotes.pop(int(ident), None)

    def _forget(self) -> None:
        self._bid[:] = 0
        self._quotes.clear()
        self.clock_ns = None
        self.ended = False

    def quote(self, symbol: str) -> Quote | None:
        """Latest quote however old; None when there was none, or the symbol is not known."""
        if symbol not in self._universe:
            return None
        ident = self._universe.by_symbol(symbol).id
        if self._bid[ident] == 0:
            return None
        if ident not in self._quotes:
            self._quotes[ident] = Quote(
                bid=Decimal(int(self._bid[ident])) * NANO,
                ask=Decimal(int(self._ask[ident])) * NANO,
                time_ns=int(self._time[ident]),
            )
        return self._quotes[ident]

    def symbols(self) -> list[str]:
        """Symbols that have had a quote, in universe order."""
        return [one.symbol for one in self._universe.instruments if self._bid[one.id]]

    def silent_ns(self, wall_ns: int) -> int | None:
        """Real time since the last entry; None before the first."""
        return None if self.heard_wall_ns is None else max(0, wall_ns - self.heard_wall_ns)

    def age(self, symbol: str, wall_ns: int) -> DataAge:
        """Age of the latest quote by the feed's clock, which is taken to run on when silent."""
        quote, silent = self.quote(symbol), self.silent_ns(wall_ns)
        if quote is None or silent is None or self.clock_ns is None:
            return DataAge("dead", None)
        age_ns = max(0, self.clock_ns - quote.time_ns) + silent
        return DataAge(_status(age_ns, silent), age_ns // 1_000_000)

    def phase(self, said: str, wall_ns: int) -> FeedPhase:
        """What the feed does. ``said`` is its own word, believed while it is heard."""
        silent = self.silent_ns(wall_ns)
        if self.ended or said == "ended":
            return "ended"
        if silent is not None and silent > SILENT_NS:
            return "dead"
        if silent is None or said == "waiting":
            return "waiting"
        return "running"


def _status(age_ns: int, silent_ns: int) -> DataStatus:
    if silent_ns > SILENT_NS:
        return "dead"
    if age_ns < FRESH_NS:
        return "fresh"
    return "late" if age_ns < LATE_NS else "stale"
