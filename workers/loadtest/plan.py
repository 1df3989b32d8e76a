"""What is asked of a load test, and who trades in it. Pure."""

import math
from dataclasses import dataclass

ACCOUNT = "load"
SHARD, SHARD_TOKEN = "shard:0", 1
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BTCUSDT-PERP")
"""Traded at any hour of any day."""
STRATEGIES = tuple(f"load-{number:02}" for number in range(12))
"""Each slot (strategy, symbol) has one order under way: so many bear the rate."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``rate`` orders a second for ``duration_s``, reached evenly over the first ``ramp_s``."""

    rate: float
    duration_s: float
    ramp_s: float = 0.0

    def due(self, at_s: float) -> int:
        """How many orders are to have been made ``at_s`` after the start."""
        at_s = min(at_s, self.duration_s)
        if at_s < self.ramp_s:
            return int(self.rate * at_s * at_s / (2 * self.ramp_s))
        return int(self.rate * (at_s - self.ramp_s / 2))

    def due_s(self, number: int) -> float:
        """Seconds after the start at which order ``number``, from 1, is due: an answer is waited
        for from then on. What a stall kept from being made has waited through it."""
        ramped = self.rate * self.ramp_s / 2
        if number <= ramped:
            return math.sqrt(2 * self.ramp_s * number / self.rate)
        return number / self.rate + self.ramp_s / 2
