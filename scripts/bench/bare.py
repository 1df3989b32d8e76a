"""The floor of the path: the same numpy work on the same quotes, straight through.

Each quote is checked and counted by reason, sorted into rounds, averaged and judged as by the
path, with the same sums on plain arrays. There is nothing of what makes it a product: no
description of refusals, no believed new levels, no warm-up or restart of a series, no bars after a
stop, no going back over ticks in which a mind changed, no signals, no sizing, no slots.
"""

import itertools

import numpy as np
import numpy.typing as npt

from scripts.bench.workload import INSTRUMENTS
from trading.feeds.checks import AHEAD_NS, GAP_NS, STALE_NS
from trading.feeds.raw import RawRows, Reason
from trading.strategies.parameters import MeanReversionParameters, MomentumParameters
from trading.strategies.specs import StrategySpec
from trading.ticks import SCALE, TICK, Ticks
from trading.universe import AssetClass

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_LEAST = 0.005**2
_REASONS = len(Reason)
_BYTES = np.dtype(f"V{TICK.itemsize}")


class Bare:
    """State of the bare loop: ``size`` columns of averages, directions of both kinds."""

    def __init__(self, specs: list[StrategySpec]) -> None:
        momentum = [s.parameters for s in specs if isinstance(s.parameters, MomentumParameters)]
        reversion = [
            s.parameters for s in specs if isinstance(s.parameters, MeanReversionParameters)
        ]
        taus = [one.fast_s for one in momentum] + [one.slow_s for one in momentum]
        # As in the path, an average that two strategies need is made once.
        assert [one.mean_s for one in reversion] == taus[len(momentum) :]
        self.rows = len(momentum)
        self.rate = -1 / np.array(taus)
        self.enter = np.array([one.enter for one in momentum])
        self.keep = np.array([one.exit for one in momentum]) / self.enter
        self.reach = np.array([one.enter for one in reversion])
        self.leave = np.array([one.leave for one in reversion]) / self.reach
        self.stop = np.array([one.stop for one in reversion]) / self.reach
        self.mean = np.zeros((INSTRUMENTS, len(taus)))
        self.variance = np.zeros((INSTRUMENTS, len(taus)))
        self.momentum = np.zeros((INSTRUMENTS, self.rows))
        self.reversion = np.zeros((INSTRUMENTS, self.rows))
        self.last = np.zeros((4, INSTRUMENTS), dtype=np.int64)  # time, bid + ask, bid, ask
        self.gaps = 0
        self.latest = np.zeros(INSTRUMENTS, dtype=_BYTES)
        self.last_mid = np.zeros(INSTRUMENTS)
        self.counts = np.zeros(INSTRUMENTS * _REASONS, dtype=np.int64)

    def run(self, rows: RawRows) -> None:
        ticks = self._check(rows)
        order = ticks["instrument"].astype(np.int16).argsort(kind="stable")
        at = ticks["instrument"][order].astype(np.intp)
        times = ticks["time"][order]
        mids = (ticks["bid"] + ticks["ask"])[order] * (SCALE / 2)
        starts, ends = _groups(at)
        held = np.empty_like(mids)
        before = np.empty_like(times)
        before[1:], held[1:] = times[:-1], mids[:-1]
        before[starts], held[starts] = self.last[0][at[starts]], self.last_mid[at[starts]]
        self.last[0][at[ends]], self.last_mid[at[ends]] = times[ends], mids[ends]
        self.last[2][ticks["instrument"]] = ticks["bid"]
        self.last[3][ticks["instrument"]] = ticks["ask"]
        rank = np.arange(len(at)) - starts.repeat(ends + 1 - starts)
        by_round = rank.argsort(kind="stable")
        edges = np.concatenate(([0], np.cumsum(np.bincount(rank)))).tolist()
        dt = (times - before)[by_round] * SCALE
        at, mids = at[by_round], mids[by_round]
        mean, sigma = self._average(at, dt, held[by_round], edges)
        self._judge(at, mids, mean, sigma)

    def _check(self, rows: RawRows) -> Ticks:
        tick = rows["tick"]
        bid, ask, time, clock = tick["bid"], tick["ask"], tick["time"], rows["clock"]
        codes = np.zeros(len(rows), dtype=np.int8)
        codes[time > clock + AHEAD_NS] = Reason.OUT_OF_ORDER
        codes[time < clock - STALE_NS] = Reason.STALE
        codes[bid > ask] = Reason.CROSSED
        codes[(bid <= 0) | (ask <= 0)] = Reason.NON_POSITIVE
        codes[rows["malformed"]] = Reason.MALFORMED
        sums, at = bid + ask, tick["instrument"].astype(np.int64)
        order = at.astype(np.int16).argsort(kind="stable")
        by, total, when = at[order], sums[order], time[order]
        starts, ends = _groups(by)
        last, last_time = np.empty_like(total), np.empty_like(when)
        last[1:], last_time[1:] = total[:-1], when[:-1]
        last[starts], last_time[starts] = self.last[1][by[starts]], self.last[0][by[starts]]
        self.gaps += int(np.count_nonzero(when - last_time > GAP_NS[AssetClass.EQUITY]))
        jumped = np.abs(total - last) > 0.05 * last
        codes[order[((when < last_time) | jumped) & (last > 0)]] = Reason.JUMP
        self.last[1][by[ends]] = total[ends]
        self.counts += np.bincount(at * _REASONS + codes, minlength=len(self.counts))
        # As bytes: numpy copies structures field by field.
        good = tick.view(_BYTES)[codes == Reason.GOOD]
        ticks: Ticks = good.view(TICK)
        self.latest[ticks["instrument"]] = good
        return ticks

    def _average(
        self, at: npt.NDArray[np.intp], dt: Floats, held: Floats, edges: list[int]
    ) -> tuple[Floats, Floats]:
        weight = np.multiply.outer(dt, self.rate)
        np.exp(weight, out=weight)
        new, was = 1.0 - weight, held[:, None]
        means, variances = np.empty_like(weight), np.empty_like(weight)
        for low, high in itertools.pairwise(edges):
            one, mean, variance = at[low:high], means[low:high], variances[low:high]
            self.mean.take(one, axis=0, out=mean, mode="clip")
            diff = was[low:high] - mean
            step = new[low:high] * diff
            mean += step
            self.mean[one] = mean
            self.variance.take(one, axis=0, out=variance, mode="clip")
            step *= diff
            variance += step
            variance *= weight[low:high]
            self.variance[one] = variance
        np.maximum(variances, _LEAST, out=variances)
        return means, np.sqrt(variances, out=variances)

    def _judge(self, at: npt.NDArray[np.intp], mids: Floats, mean: Floats, sigma: Floats) -> None:
        fast, slow, sigma = mean[:, : self.rows], mean[:, self.rows :], sigma[:, self.rows :]
        score = (fast - slow) / sigma
        score /= self.enter
        old = self.momentum.take(at, axis=0)
        if np.where(old == 0, np.abs(score) >= 1, old * score < self.keep).any():
            new = np.where(old * score >= self.keep, old, 0.0)
            new[score >= 1] = 1
            new[score <= -1] = -1
            self.momentum[at] = new
        score = (slow - mids[:, None]) / sigma
        score /= self.reach
        old = self.reversion.take(at, axis=0)
        gain, stretch = old * score, np.abs(score)
        if (np.where(old == 0, stretch >= 1, gain < self.leave) | (gain >= self.stop)).any():
            new = np.where(gain >= self.leave, old, 0.0)
            np.copyto(new, np.sign(score), where=stretch >= 1)
            new[stretch >= self.stop] = 0
            self.reversion[at] = new


def _groups(at: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First and last places of equal neighbours in ``at``."""
    first = np.empty(len(at), dtype=bool)
    first[0] = True
    np.not_equal(at[1:], at[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    return starts, np.append(starts[1:], len(at)) - 1
