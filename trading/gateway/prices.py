"""The latest good quote of each instrument, as the gateway needs it: touch, mid and age. Pure."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from riskctl.rules import Denial
from trading.clock import NS
from trading.ticks import Ticks
from trading.universe import NANO, Universe

STALE_NS = 30 * NS
"""A quote older than this on the feed's clock is not traded on (incident-response-runbook)."""

SILENT_NS = 30 * NS
"""No entry from the feed for this long on the boot clock: its clock cannot be believed."""


@dataclass(frozen=True, slots=True)
class Quote:
    bid: Decimal
    ask: Decimal
    time_ns: int

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


class PriceBoard:
    """Latest quotes by instrument number. ``unpriced``: why the feed has no price that this
    account trades at; then none is taken."""

    def __init__(self, universe: Universe) -> None:
        self.unpriced = ""
        self._universe = universe
        size = len(universe)
        self._bid = np.zeros(size, dtype=np.int64)
        self._ask = np.zeros(size, dtype=np.int64)
        self._time = np.zeros(size, dtype=np.int64)
        self._quotes: dict[str, Quote | None] = {}
        """Of those asked for since the last batch: every order asks for the same ones again."""
        self.clock_ns = 0
        self.heard_boot_ns = 0

    def on_ticks(self, ticks: Ticks, clock_ns: int, heard_boot_ns: int) -> None:
        """Take a batch, published at ``heard_boot_ns`` of this host's boot clock. For an instrument
        that is in it twice the later one stays."""
        self._quotes.clear()
        self.clock_ns = clock_ns
        self.heard_boot_ns = heard_boot_ns
        if self.unpriced:
            return
        where = ticks["instrument"]
        self._bid[where] = ticks["bid"]
        self._ask[where] = ticks["ask"]
        self._time[where] = ticks["time"]

    def forget(self) -> None:
        """Another session of the feed begins: prices of the one before are those of another time,
        or of another market."""
        self._quotes.clear()
        for one in (self._bid, self._ask, self._time):
            one[:] = 0

    def quote(self, symbol: str) -> Quote | None:
        """The latest quote however old, or None when there was none yet. Raises
        universe.UnknownInstrumentError."""
        if symbol not in self._quotes:
            self._quotes[symbol] = self._quote(symbol)
        return self._quotes[symbol]

    def _quote(self, symbol: str) -> Quote | None:
        ident = self._universe.by_symbol(symbol).id
        if self._bid[ident] == 0:
            return None
        return Quote(
            Decimal(int(self._bid[ident])) * NANO,
            Decimal(int(self._ask[ident])) * NANO,
            int(self._time[ident]),
        )

    def denial(self, symbol: str, now_boot_ns: int) -> Denial | None:
        """Why there is no price to trade ``symbol`` on, or None when there is."""
        if self.unpriced:
            return Denial("FEED_NOT_REAL", self.unpriced)
        quote = self.quote(symbol)
        if quote is None:
            return Denial("NO_PRICE", f"{symbol} has had no good quote yet")
        if now_boot_ns - self.heard_boot_ns > SILENT_NS:
            return Denial("FEED_SILENT", "nothing came from the feed for over 30 s")
        if abs(self.clock_ns - quote.time_ns) > STALE_NS:
            return Denial("STALE_PRICE", f"the last good quote of {symbol} is over 30 s away")
        return None
