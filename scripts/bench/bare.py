"""The floor of the path: the same arithmetic on the same quotes, straight through.

Numpy calls only: each quote is checked, sorted into rounds, averaged and judged as by the path,
with its state in plain arrays. There is nothing of what makes it a product: no counters by reason
and instrument, no refusals, no warm-up or restart of a series, no quotes kept for the pages, no
signals, no sizing, no slots.
"""

import numpy as np
import numpy.typing as npt

from scripts.bench.workload import INSTRUMENTS
from trading.feeds.checks import AHEAD_NS, STALE_NS
from trading.feeds.raw import RawRows
from trading.strategies.parameters import MeanReversionParameters, MomentumParameters
from trading.strategies.specs import StrategySpec
from trading.ticks import SCALE, Ticks

Floats = npt.NDArray[np.float64]
_FLOOR = (0.005) ** 2


class Bare:
    """State of the bare loop."""

    def __init__(self, specs: list[StrategySpec]) -> None:
        momentum = [s.parameters for s in specs if isinstance(s.parameters, MomentumParameters)]
        reversion = [
            s.parameters for s in specs if isinstance(s.parameters, MeanReversionParameters)
        ]
        self.fast = -1 / np.array([one.fast_s for one in momentum])
        self.slow = -1 / np.array([one.slow_s for one in momentum])
        self.mean = -1 / np.array([one.mean_s for one in reversion])
        self.enter = np.array([one.enter for one in momentum])
        self.keep = np.array([one.exit for one in momentum]) / self.enter
        self.reach = np.array([one.enter for one in reversion])
        self.leave = np.array([one.leave for one in reversion]) / self.reach
        self.stop = np.array([one.stop for one in reversion]) / self.reach
        # fast mean, slow mean, slow variance, direction; mean, variance, direction.
        self.momentum = np.zeros((4, INSTRUMENTS, len(momentum)))
        self.reversion = np.zeros((3, INSTRUMENTS, len(reversion)))
        self.last_time = np.zeros(INSTRUMENTS, dtype=np.int64)
        self.last_mid = np.zeros(INSTRUMENTS)
        self.last_sum = np.ones(INSTRUMENTS, dtype=np.int64)

    def run(self, rows: RawRows) -> None:
        ticks = self._check(rows)
        order = np.argsort(ticks["instrument"].astype(np.int16), kind="stable")
        at = ticks["instrument"][order].astype(np.intp)
        times = ticks["time"][order]
        mids = (ticks["bid"] + ticks["ask"])[order] * (SCALE / 2)
        first = np.empty(len(at), dtype=bool)
        first[0] = True
        np.not_equal(at[1:], at[:-1], out=first[1:])
        starts = np.flatnonzero(first)
        before, held = np.empty_like(times), np.empty_like(mids)
        before[1:], held[1:] = times[:-1], mids[:-1]
        before[starts], held[starts] = self.last_time[at[starts]], self.last_mid[at[starts]]
        lengths = np.diff(starts, append=len(at))
        ends = starts + lengths - 1
        self.last_time[at[ends]], self.last_mid[at[ends]] = times[ends], mids[ends]
        rank = np.arange(len(at)) - np.repeat(starts, lengths)
        by_round = np.argsort(rank, kind="stable")
        edges = np.concatenate(([0], np.cumsum(np.bincount(rank)))).tolist()
        dt = ((times - before) * SCALE)[by_round]
        at, mids, held = at[by_round], mids[by_round], held[by_round, None]
        weights = [np.exp(np.multiply.outer(dt, rate)) for rate in (self.fast, self.slow)]
        self._momentum(at, held, weights, edges)
        self._reversion(at, mids, held, np.exp(np.multiply.outer(dt, self.mean)), edges)

    def _check(self, rows: RawRows) -> Ticks:
        tick = rows["tick"]
        bid, ask, time, clock = tick["bid"], tick["ask"], tick["time"], rows["clock"]
        bad = (time > clock + AHEAD_NS) | (time < clock - STALE_NS) | (bid > ask)
        bad |= (bid <= 0) | (ask <= 0) | rows["malformed"]
        sums = bid + ask
        at = tick["instrument"].astype(np.int64)
        order = np.argsort(at, kind="stable")
        by, total, when = at[order], sums[order], time[order]
        first = np.ones(len(by), dtype=bool)
        first[1:] = by[1:] != by[:-1]
        last, last_time = np.empty_like(total), np.empty_like(when)
        last[1:], last_time[1:] = total[:-1], when[:-1]
        last[first], last_time[first] = self.last_sum[by[first]], self.last_time[by[first]]
        jumped = np.abs(total - last) > 0.05 * last
        bad[order] |= ((when < last_time) | jumped) & (last > 1)
        final = np.ones(len(by), dtype=bool)
        final[:-1] = first[1:]
        self.last_sum[by[final]] = total[final]
        good: Ticks = tick[~bad]
        return good

    def _momentum(
        self, at: npt.NDArray[np.intp], held: Floats, weights: list[Floats], edges: list[int]
    ) -> None:
        fast_all, slow_all, variance_all, direction = self.momentum
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            one, was = at[low:high], held[low:high]
            fast = fast_all[one]
            fast += (1 - weights[0][low:high]) * (was - fast)
            fast_all[one] = fast
            weight, slow, variance = weights[1][low:high], slow_all[one], variance_all[one]
            diff = was - slow
            step = (1 - weight) * diff
            slow += step
            slow_all[one] = slow
            step *= diff
            variance += step
            variance *= weight
            variance_all[one] = variance
            score = (fast - slow) / (np.sqrt(np.maximum(variance, _FLOOR)) * self.enter)
            old = direction[one]
            new = np.where(old * score >= self.keep, old, 0.0)
            new[score >= 1] = 1
            new[score <= -1] = -1
            if (new != old).any():
                direction[one] = new

    def _reversion(
        self, at: npt.NDArray[np.intp], mids: Floats, held: Floats, weights: Floats,
        edges: list[int],
    ) -> None:  # fmt: skip
        mean_all, variance_all, direction = self.reversion
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            one, weight = at[low:high], weights[low:high]
            mean, variance = mean_all[one], variance_all[one]
            diff = held[low:high] - mean
            step = (1 - weight) * diff
            mean += step
            mean_all[one] = mean
            step *= diff
            variance += step
            variance *= weight
            variance_all[one] = variance
            sigma = np.sqrt(np.maximum(variance, _FLOOR))
            score = (mean - mids[low:high, None]) / (sigma * self.reach)
            old, stretch = direction[one], np.abs(score)
            new = np.where(old * score >= self.leave, old, 0.0)
            np.copyto(new, np.sign(score), where=stretch >= 1)
            new[stretch >= self.stop] = 0
            if (new != old).any():
                direction[one] = new
