"""Arbitrage: two linked instruments whose prices strayed from one another, and are expected back.

The basis is mid_b / mid_a - 1 (a perpetual against its spot, a future against its underlying).
With its time-weighted mean and standard deviation z = (basis - mean) / sigma: the threshold rule of
E. Gatev, W. Goetzmann, K. Rouwenhorst (*Pairs Trading: Performance of a Relative-Value Arbitrage
Rule*, Review of Financial Studies 19(3), 2006). Where b is dear it is sold against a: in at
abs(z) >= ``enter`` if the basis is also ``least_bp`` from its mean, which has to pay for four
trades; out at abs(z) < ``leave``. The direction is that of the first instrument.

Only two prices of about one time make a basis: while one leg is silent for longer than ``fresh_s``
the other's quotes say nothing of it. Where the basis itself was silent for ``GAP_TAUS`` of
``mean_s`` its mean and deviation are of another market, and it warms up anew.
"""

import math
from dataclasses import dataclass

from trading.clock import NS
from trading.strategies.kernel import GAP_TAUS
from trading.strategies.parameters import ArbitrageParameters
from trading.ticks import SCALE, Ticks

LEAST_SIGMA = 1e-6
"""A basis that moves by less is rounding."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The direction changed; ``score`` is in thresholds, positive to buy the first instrument."""

    direction: int
    score: float


class PairMeasure:
    """The basis of one pair. Between two quotes it is what it was (trading.indicators.ewma)."""

    def __init__(self, parameters: ArbitrageParameters, first: int, second: int) -> None:
        """``first`` and ``second`` are instrument numbers."""
        self._p = parameters
        self._first, self._second = first, second
        self.restart()

    def restart(self) -> None:
        """Forget all prices."""
        self.direction = 0
        self._mids: dict[int, float] = {}
        self._times: dict[int, int] = {}
        self._start_over()

    def _start_over(self) -> None:
        self._basis = math.nan
        self._mean = self._variance = 0.0
        self._count = self._since_ns = self._time_ns = 0

    @property
    def warm(self) -> bool:
        """Whether it saw enough, for long enough."""
        seen_ns = self._time_ns - self._since_ns
        return self._count >= self._p.warmup_ticks and seen_ns >= self._p.mean_s * NS

    def take(self, ticks: Ticks, *, held: bool) -> list[Turn]:
        """Its own of ``ticks``, in their order; how the direction changed.

        Quotes of one time are judged together, once. ``held``: the pair is there, so that it is
        the pair's direction that is kept or left after a silence.
        """
        which = (ticks["instrument"] == self._first) | (ticks["instrument"] == self._second)
        own = ticks[which][["instrument", "time", "bid", "ask"]].tolist()
        turns = []
        for number, (ident, at, bid, ask) in enumerate(own):
            self._mids[ident], self._times[ident] = (bid + ask) * (SCALE / 2), at
            if not self._together():
                continue
            self._begin_anew_after_silence(at, held=held)
            self._count += 1
            if number + 1 < len(own) and own[number + 1][1] == at:
                continue  # half of a moment
            self._move(max(at, self._time_ns))
            turn = self._decide()
            if turn is not None:
                turns.append(turn)
        return turns

    def _together(self) -> bool:
        """Whether there are two prices of about one time."""
        times = list(self._times.values())
        return len(times) == 2 and abs(times[0] - times[1]) <= self._p.fresh_s * NS

    def _begin_anew_after_silence(self, at_ns: int, *, held: bool) -> None:
        begun = not math.isnan(self._basis)
        if begun and at_ns - self._time_ns > GAP_TAUS * self._p.mean_s * NS:
            self._start_over()
            self.direction *= held

    def _move(self, at_ns: int) -> None:
        basis = self._mids[self._second] / self._mids[self._first] - 1
        if math.isnan(self._basis):
            self._mean, self._since_ns = basis, at_ns
        else:
            weight = math.exp((self._time_ns - at_ns) / NS / self._p.mean_s)
            diff = self._basis - self._mean
            self._variance = weight * (self._variance + (1 - weight) * diff * diff)
            self._mean += (1 - weight) * diff
        self._basis, self._time_ns = basis, at_ns

    def _decide(self) -> Turn | None:
        if not self.warm:
            return None
        away = self._basis - self._mean
        z = away / max(math.sqrt(self._variance), LEAST_SIGMA)
        old, new = self.direction, self.direction
        if abs(z) >= self._p.enter and abs(away) >= self._p.least_bp / 10_000:
            new = 1 if z > 0 else -1
        elif old * z < self._p.leave:
            new = 0
        self.direction = new
        return None if new == old else Turn(new, z / self._p.enter)
