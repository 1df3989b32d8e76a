"""What is asked of a load test, and who trades in it. Pure."""

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
