"""Which quotes may be traded on. Pure: the feed clock travels with each quote.

Rules, in the order in which they are tried; the first that is broken is the reason:

* ``malformed``: the feed could not read it (counted here so that one sum holds for all).
* ``halted``: the source says that the instrument cannot be traded there now. Its quotes may be
  anything then, and none at all.
* ``non-positive``: a bid or ask of zero or less.
* ``crossed``: the bid is above the ask. Equal (locked) is good.
* ``stale``: more than 30 s older than the feed clock.
* ``out-of-order``: older than the instrument's last good quote, or more than 30 s ahead of the
  feed clock.
* ``ahead``, of a live source: from so far in our future that its clock or ours is wrong
  (trading.feeds.skew).
* ``jump``: the mid differs from the last good one by more than the instrument's bound. Three
  such quotes in a row that agree with each other are a new level: the third is good, the first
  two stay refused. "In a row" is broken by a good quote or by one that disagrees.

A quote that comes more than the class's bound after the last good one is a *gap*: it is counted,
and good. Invariant: read = accepted + standby + sum of refused, per instrument and in all. Quotes
of several sources are judged source by source and then against each other (trading.feeds.arbiter).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trading.clock import NS
from trading.feeds.raw import REFUSALS, RawRows, Reason
from trading.feeds.skew import BOUND_NS
from trading.universe import UNIVERSE, AssetClass, Universe

STALE_NS = 30 * NS
AHEAD_NS = 30 * NS
GAP_NS = {
    AssetClass.FX: 30 * NS,
    AssetClass.EQUITY: 30 * NS,
    AssetClass.FUTURE: 90 * NS,  # recorded futures come as one quote a minute
    AssetClass.CRYPTO: 30 * NS,
}
BELIEVED_AFTER = 3
_ANY_JUMP = 1e19
"""No sum is so many times another: both have 63 bits."""

Codes = npt.NDArray[np.int8]
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Checked:
    """Reason of each row, shape (rows,), ``Reason`` values; and how many good ones ended a gap."""

    codes: Codes
    gaps: int

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        good: npt.NDArray[np.bool_] = self.codes == Reason.GOOD
        return good


class QuoteChecker:
    """Checks batches of raw quotes; results do not depend on how they are cut into batches.

    Vectorised: only instruments with a quote that breaks a rule of sequence (out-of-order, jump)
    within the batch are walked one by one. Mids are kept as bid + ask in nano, exact.
    """

    def __init__(
        self, universe: Universe = UNIVERSE, *, live: bool = False, recorded: bool = False
    ) -> None:
        """``recorded``: the quotes passed these checks before. A new level was believed then, by
        quotes that were refused and so are not among them: jumps are not judged again."""
        self._universe = universe
        self._ahead_ns = BOUND_NS if live else AHEAD_NS
        size = len(universe)
        self._bound = np.array([one.max_jump for one in universe.instruments], dtype=np.float64)
        if recorded:
            self._bound[:] = _ANY_JUMP
        self._gap = np.array(
            [GAP_NS[one.asset_class] for one in universe.instruments], dtype=np.int64
        )
        self._sum = np.zeros(size, dtype=np.int64)
        self._time = np.zeros(size, dtype=np.int64)
        # Quotes at a new level, not yet believed: how many, and the span of their sums.
        self._pending = np.zeros(size, dtype=np.int64)
        self._low = np.zeros(size, dtype=np.int64)
        self._high = np.zeros(size, dtype=np.int64)
        # Row ``size`` counts what names no instrument.
        self.counts = np.zeros((size + 1, len(Reason)), dtype=np.int64)
        self.gaps = np.zeros(size, dtype=np.int64)

    def check(self, rows: RawRows) -> Checked:
        """Judge ``rows`` (dtype RAW) in their order, and count them."""
        tick = rows["tick"]
        instrument = tick["instrument"].astype(np.int64)
        codes = _alone(rows, self._ahead_ns)
        before = int(self.gaps.sum())
        left = np.flatnonzero(codes == Reason.GOOD)
        if left.size:
            sums = tick["bid"] + tick["ask"]
            self._in_sequence(codes, left, instrument, sums, tick["time"])
        size = len(self._universe)
        where = np.where(instrument < 0, size, instrument) * len(Reason) + codes
        self.counts += np.bincount(where, minlength=self.counts.size).reshape(self.counts.shape)
        return Checked(codes, int(self.gaps.sum()) - before)

    def _in_sequence(
        self, codes: Codes, left: _Ints, instrument: _Ints, sums: _Ints, times: _Ints
    ) -> None:
        # numpy sorts 16 bits by radix, three times faster.
        order = left[np.argsort(instrument[left].astype(np.int16), kind="stable")]
        ids, mid2, when = instrument[order], sums[order], times[order]
        first = np.ones(len(order), dtype=bool)
        first[1:] = ids[1:] != ids[:-1]
        last_sum, last_time = np.empty_like(mid2), np.empty_like(when)
        last_sum[1:], last_time[1:] = mid2[:-1], when[:-1]
        last_sum[first], last_time[first] = self._sum[ids[first]], self._time[ids[first]]
        known = last_sum > 0
        jumped = np.abs(mid2 - last_sum).astype(np.float64) > self._bound[ids] * last_sum.astype(
            np.float64
        )
        broken = known & ((when < last_time) | jumped)
        gap = known & (when - last_time > self._gap[ids])
        ends = np.ones(len(order), dtype=bool)
        ends[:-1] = first[1:]
        smooth = np.ones(len(ids), dtype=bool)
        if broken.any():
            smooth = ~np.isin(ids, np.unique(ids[broken]))
            gap &= smooth
            ends &= smooth
        np.add.at(self.gaps, ids[gap], 1)
        self._sum[ids[ends]], self._time[ids[ends]] = mid2[ends], when[ends]
        self._pending[ids[ends]] = 0
        for at in np.flatnonzero(~smooth):
            codes[order[at]] = self._one(int(ids[at]), int(mid2[at]), int(when[at]))

    def _one(self, ident: int, mid2: int, when: int) -> Reason:
        """The rules of sequence for one quote."""
        last = int(self._sum[ident])
        if last > 0:
            if when < self._time[ident]:
                return Reason.OUT_OF_ORDER
            bound = float(self._bound[ident])
            if float(abs(mid2 - last)) > bound * float(last) and not self._believe(
                ident, mid2, bound
            ):
                return Reason.JUMP
            if when - self._time[ident] > self._gap[ident]:
                self.gaps[ident] += 1
        self._sum[ident], self._time[ident], self._pending[ident] = mid2, when, 0
        return Reason.GOOD

    def _believe(self, ident: int, mid2: int, bound: float) -> bool:
        """Note one more quote at a new level; true when it is the third that agrees."""
        low, high = min(int(self._low[ident]), mid2), max(int(self._high[ident]), mid2)
        if self._pending[ident] and float(high - low) <= bound * float(low):
            self._pending[ident] += 1
        else:
            low = high = mid2
            self._pending[ident] = 1
        self._low[ident], self._high[ident] = low, high
        return bool(self._pending[ident] >= BELIEVED_AFTER)

    def unpublish(self, rows: RawRows, codes: Codes) -> None:
        """Count the good ones of ``rows`` as stale after all: they could not be passed on."""
        self.recount(rows, codes, np.where(codes == Reason.GOOD, Reason.STALE, codes))

    def recount(self, rows: RawRows, counted: Codes, codes: Codes) -> None:
        """Count ``rows`` under ``codes`` instead of those they were ``counted`` under."""
        at = np.flatnonzero(counted != codes)
        ids = rows["tick"]["instrument"][at]
        np.subtract.at(self.counts, (ids, counted[at]), 1)
        np.add.at(self.counts, (ids, codes[at]), 1)

    def counters(self) -> dict[str, Any]:
        """{read, accepted, standby, refused: {reason: n}, gaps}, of all instruments."""
        return {**_counted(self.counts.sum(axis=0)), "gaps": int(self.gaps.sum())}

    @property
    def accepted(self) -> int:
        return int(self.counts[:, Reason.GOOD].sum())

    def refused(self) -> dict[str, int]:
        """Reason code -> number, of those that occurred."""
        return _named(self.counts.sum(axis=0))

    def by_symbol(self) -> dict[str, dict[str, Any]]:
        """Symbol -> {read, accepted, standby, gap, refused}; ``?`` names no symbol."""
        return symbol_counts(self._universe, self.counts, self.gaps)

    def state(self) -> dict[str, Any]:
        """All it remembers, as JSON values; ``restore`` takes it back."""
        return {
            "last": {
                self._universe.by_id(int(i)).symbol: [
                    int(column[i])
                    for column in (self._sum, self._time, self._pending, self._low, self._high)
                ]
                for i in np.flatnonzero((self._sum > 0) | (self._pending > 0))
            },
            "symbols": self.by_symbol(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from ``state()``. Symbols that are gone from the universe are dropped."""
        for symbol, values in state["last"].items():
            if symbol in self._universe:
                at = self._universe.by_symbol(symbol).id
                columns = (self._sum, self._time, self._pending, self._low, self._high)
                for column, value in zip(columns, values, strict=True):
                    column[at] = value
        for symbol, counted in state["symbols"].items():
            known = symbol in self._universe
            at = self._universe.by_symbol(symbol).id if known else len(self._universe)
            self.counts[at, Reason.GOOD] += counted["accepted"]
            self.counts[at, Reason.STANDBY] += counted.get("standby", 0)
            for reason in REFUSALS:
                self.counts[at, reason] += counted["refused"].get(reason.code, 0)
            if known:
                self.gaps[at] = counted["gap"]


def _alone(rows: RawRows, ahead_ns: int) -> Codes:
    """The rules that need nothing but the quote and the feed clock."""
    tick, clock = rows["tick"], rows["clock"]
    bid, ask, time = tick["bid"], tick["ask"], tick["time"]
    codes = np.zeros(len(rows), dtype=np.int8)
    codes[time > clock + ahead_ns] = Reason.AHEAD
    codes[time > clock + AHEAD_NS] = Reason.OUT_OF_ORDER
    codes[time < clock - STALE_NS] = Reason.STALE
    codes[bid > ask] = Reason.CROSSED
    codes[(bid <= 0) | (ask <= 0)] = Reason.NON_POSITIVE
    codes[rows["halted"]] = Reason.HALTED
    codes[rows["malformed"]] = Reason.MALFORMED
    return codes


def symbol_counts(universe: Universe, counts: _Ints, gaps: _Ints) -> dict[str, dict[str, Any]]:
    """As ``QuoteChecker.by_symbol`` says them, of any counts of its form."""
    found: dict[str, dict[str, Any]] = {}
    for ident in np.flatnonzero(counts.sum(axis=1)):
        unknown = ident == len(universe)
        found["?" if unknown else universe.by_id(int(ident)).symbol] = {
            **_counted(counts[ident]),
            "gap": 0 if unknown else int(gaps[ident]),
        }
    return found


def _counted(row: _Ints) -> dict[str, Any]:
    return {
        "read": int(row.sum()),
        "accepted": int(row[Reason.GOOD]),
        "standby": int(row[Reason.STANDBY]),
        "refused": _named(row),
    }


def _named(row: _Ints) -> dict[str, int]:
    return {reason.code: int(row[reason]) for reason in REFUSALS if row[reason]}
