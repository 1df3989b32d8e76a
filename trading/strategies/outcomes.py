"""What became of each signal when its horizon had passed: by the price of that moment. Pure.

A signal of a side says that the mid will move that way within its horizon. It is judged by the
first quote at or after the horizon's end, on the feed's clock, against what it costs to act on it:
the spread of the moment it was made, paid once in and out at the touch. A *hit* moved its way by
more than that, a *miss* against it by more; what moved less is *flat*: no one could have earned or
lost on it. Where the first such quote came more than a horizon late (and half a minute), the price
at the horizon is *unknown*. A signal that says out is no forecast and is not judged.
"""

import heapq
import itertools
from decimal import Decimal
from enum import StrEnum

from trading.clock import NS
from trading.strategies.specs import OutcomeMade, SignalMade
from trading.ticks import Ticks
from trading.universe import from_nano

GRACE_NS = 30 * NS
MOST = 5_000
"""Signals that may wait to be judged; what comes beyond it is unknown."""


class Outcome(StrEnum):
    HIT = "hit"
    MISS = "miss"
    FLAT = "flat"
    UNKNOWN = "unknown"


def outcome_of(direction: int, price: Decimal, later: Decimal, cost: Decimal) -> Outcome:
    """Of a signal to a side made at the mid ``price``; ``cost`` in the same units."""
    gained = direction * (later - price)
    if gained > cost:
        return Outcome.HIT
    return Outcome.MISS if gained < -cost else Outcome.FLAT


class Outcomes:
    """Signals whose horizon has not passed yet, by instrument, the next to be judged first."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[tuple[int, int, SignalMade]]] = {}
        self._numbers = itertools.count()
        self._count = 0
        self._next_ns: int | None = None
        self._made: list[OutcomeMade] = []

    def add(self, signal: SignalMade, instrument: int) -> None:
        """Wait for its horizon; of a signal that says out there is nothing to wait for."""
        if not signal.direction:
            return
        due = signal.feed_time + int(signal.horizon_s * NS)
        if self._count >= MOST:
            self._unknown(signal, due)
            return
        heapq.heappush(self._waiting.setdefault(instrument, []), (due, next(self._numbers), signal))
        self._count += 1
        self._next_ns = due if self._next_ns is None else min(self._next_ns, due)

    def take(self) -> list[OutcomeMade]:
        """Outcomes since the last call."""
        made, self._made = self._made, []
        return made

    def judge(self, ticks: Ticks, clock_ns: int) -> None:
        """Judge what is due by ``ticks``, in the order of the feed, after which it is ``clock_ns``.

        Costs nothing while nothing is due.
        """
        if self._next_ns is None or clock_ns < self._next_ns:
            return
        for instrument, waiting in list(self._waiting.items()):
            if waiting[0][0] <= clock_ns:
                self._judge_one(waiting, ticks[ticks["instrument"] == instrument], clock_ns)
            if not waiting:
                del self._waiting[instrument]
        self._next_ns = min((one[0][0] for one in self._waiting.values()), default=None)

    def restart(self) -> None:
        """Another recording plays: what waits can be judged no more."""
        for waiting in self._waiting.values():
            for due, _, signal in sorted(waiting, key=lambda one: one[:2]):
                self._unknown(signal, due)
        self._waiting.clear()
        self._count, self._next_ns = 0, None

    def _judge_one(
        self, waiting: list[tuple[int, int, SignalMade]], own: Ticks, clock_ns: int
    ) -> None:
        while waiting and waiting[0][0] <= clock_ns:
            due, _, signal = waiting[0]
            late = due + max(int(signal.horizon_s * NS), GRACE_NS)
            after = own[own["time"] >= due]
            if not len(after) and clock_ns <= late:
                return
            heapq.heappop(waiting)
            self._count -= 1
            at = int(after[0]["time"]) if len(after) else clock_ns
            if at > late:
                self._unknown(signal, at)
            else:
                mid = from_nano(after[0]["bid"] + after[0]["ask"]) / 2
                said = outcome_of(signal.direction, signal.price, mid, signal.spread)
                self._made.append(OutcomeMade(signal.id, str(said), mid, at))

    def _unknown(self, signal: SignalMade, at_ns: int) -> None:
        self._made.append(OutcomeMade(signal.id, str(Outcome.UNKNOWN), None, at_ns))
