"""The data ingestor: raw quotes in, good ticks and refusals out, every one of them counted.

No Redis and no clock here: the same object serves the hosted loop and a run in lock-step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from trading import ticks as tick_format
from trading.clock import utc_from_ns
from trading.feeds.backed import BackedChecker
from trading.feeds.checks import STALE_NS, Codes, QuoteChecker
from trading.feeds.choices import Turn
from trading.feeds.raw import REFUSALS, RawBatch, Reason
from trading.feeds.skew import SkewWatch
from trading.gateway.words import worded
from trading.ticks import Ticks, Trades
from trading.universe import UNIVERSE, Universe, from_nano

_BYTES = np.dtype(f"V{tick_format.TICK.itemsize}")
EXAMPLES = 1_000
"""Refusals of one reason that are described, per session; all are counted."""


class Reject(msgspec.Struct, frozen=True):
    """One refused quote, described. ``symbol`` is empty where none could be read."""

    source: int
    line: int
    symbol: str
    reason: str
    detail: str


@dataclass(frozen=True)
class IngestResult:
    """``ticks`` may be traded on. ``codes`` has a Reason for each raw row, in their order."""

    raw: RawBatch
    ticks: Ticks
    codes: Codes
    rejects: list[Reject]
    turns: list[Turn]
    trades: Trades

    @property
    def clock_ns(self) -> int:
        return self.raw.clock_ns


class Ingestor:
    """Checks raw batches, keeps the counters and the latest good quote of each instrument.

    ``backed`` judges the quotes of a feed with several sources; ``live`` names those of a live one,
    whose ``tick.source`` is their place in it; ``recorded``: the one source is recorded days.
    """

    def __init__(
        self, universe: Universe = UNIVERSE, backed: BackedChecker | None = None,
        live: Sequence[str] = (), *, recorded: bool = False,
    ) -> None:  # fmt: skip
        self.checker = backed or QuoteChecker(universe, live=bool(live), recorded=recorded)
        self.backed = backed
        self._skew = SkewWatch(live) if live else None
        self._universe = universe
        self._latest = tick_format.empty(len(universe))
        self._changed = np.zeros(len(universe), dtype=bool)

    def process(self, raw: RawBatch) -> IngestResult:
        """Check and count ``raw``; the result's ticks are a packed copy of the good ones."""
        if self.backed:
            self.backed.arbiter.connected(raw.down)
        if self._skew:
            read = raw.rows[~raw.rows["malformed"]]
            self._skew.take(read["tick"]["source"], read["tick"]["time"], read["clock"])
        before = self.checker.counts.sum(axis=0)
        codes = self.checker.check(raw.rows).codes
        # As bytes: numpy copies structures field by field, ten times slower.
        ticks = raw.rows["tick"].view(_BYTES)[codes == Reason.GOOD].view(tick_format.TICK)
        # Where an index is repeated numpy keeps the last value: the latest quote.
        self._latest.view(_BYTES)[ticks["instrument"]] = ticks.view(_BYTES)
        self._changed[ticks["instrument"]] = True
        turns = self.backed.turns() if self.backed else []
        rejects = self._describe(raw, codes, before)
        return IngestResult(raw, ticks, codes, rejects, turns, self._trades(raw))

    def discard(self, result: IngestResult) -> None:
        """The ticks of ``result`` could not be published in time: they count as stale."""
        self.checker.unpublish(result.raw.rows, result.codes)

    def quotes(self, session: str, seq: int) -> dict[str, bytes]:
        """Symbol -> JSON of the latest good quote, of those that ``quotes_shown`` has not seen."""
        found = {}
        for ident in np.flatnonzero(self._changed):
            tick, symbol = self._latest[ident], self._universe.by_id(int(ident)).symbol
            found[symbol] = msgspec.json.encode(
                {
                    "symbol": symbol,
                    **{
                        name: f"{from_nano(tick[name]):f}"
                        for name in ("bid", "ask", "bid_size", "ask_size")
                    },
                    "time": rfc3339(int(tick["time"])),
                    "session": session,
                    "seq": seq,
                }
            )
        return found

    def quotes_shown(self) -> None:
        self._changed[:] = False

    def counters(self) -> dict[str, Any]:
        """{read, accepted, standby, refused: {reason: n}, gaps}; read = the sum of the others."""
        return self.checker.counters()

    def standing(self, clock_ns: int) -> dict[str, Any]:
        """{skew: {name: ns}} of a live feed."""
        return {"skew": self._skew.skews(clock_ns)} if self._skew else {}

    def _trades(self, raw: RawBatch) -> Trades:
        """Those that can have happened, of the sources in use."""
        one = raw.trades
        sound = np.abs(one["time"] - raw.clock_ns) <= STALE_NS
        sound &= (one["price"] > 0) & (one["size"] > 0)
        if self.backed:
            told = zip(one["instrument"].tolist(), one["source"].tolist(), strict=True)
            sound &= np.array([self.backed.arbiter.believes(*each) for each in told], dtype=bool)
        trades: Trades = one[sound]
        return trades

    def _describe(self, raw: RawBatch, codes: Codes, before: npt.NDArray[np.int64]) -> list[Reject]:
        """``before``: refusals of each reason before this batch."""
        rejects: list[Reject] = []
        if not codes.any():
            return rejects
        described = {reason.code: min(int(before[reason]), EXAMPLES) for reason in REFUSALS}
        for at in np.flatnonzero((codes != Reason.GOOD) & (codes != Reason.STANDBY)):
            reason = Reason(int(codes[at])).code
            if described.get(reason, 0) >= EXAMPLES:
                continue
            described[reason] = described.get(reason, 0) + 1
            row = raw.rows[at]
            tick, line = row["tick"], int(row["line"])
            source, ident = int(tick["source"]), int(tick["instrument"])
            detail = raw.faults.get((source, line)) or (
                f"{rfc3339(int(tick['time']))} bid {from_nano(tick['bid']):f} "
                f"ask {from_nano(tick['ask']):f}; feed clock {rfc3339(int(row['clock']))}"
            )
            symbol = self._universe.by_id(ident).symbol if ident >= 0 else ""
            rejects.append(Reject(source, line, symbol, reason, worded(detail)))
        return rejects


def rfc3339(ns: int) -> str:
    """Feed time as text, to the microsecond, in UTC."""
    return utc_from_ns(ns).isoformat(timespec="microseconds").replace("+00:00", "Z")
