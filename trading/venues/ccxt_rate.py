"""An exchange's request budget, kept on our side so that its answer is never *too many*.

What matters more may go deeper into it: readings leave two reserves to everything else, creates
leave one to what reduces, readings that prove a stop leave what two closings cost, and what reduces
may take the last. A cancel never waits, nor does what keeps the venue's switch from running out.
"""

from collections.abc import Mapping
from enum import Enum


class Use(float, Enum):
    """How many reserves a request leaves."""

    NOW = -1.0
    """It takes what it costs, whatever is left."""
    REDUCE = 0.0
    PROVE = 0.2
    CREATE = 1.0
    READ = 2.0


class Budget:
    """``size`` units a ``window_s``, refilled evenly. Time is passed in, in seconds of any clock
    that does not go back."""

    def __init__(
        self, *, size: float, window_s: float, reserve: float, costs: Mapping[str, float]
    ) -> None:  # fmt: skip
        self._size = size
        self._rate = size / window_s
        self._reserve = reserve
        self._costs = costs
        self._left = size
        self._at: float | None = None

    def _refill(self, now_s: float) -> None:
        if self._at is not None:
            self._left = min(self._size, self._left + (now_s - self._at) * self._rate)
        self._at = now_s

    def take(self, path: str, use: Use, now_s: float) -> bool:
        """Take the price of ``path`` if that leaves what ``use`` must leave; whether it did."""
        if self.wait_s(path, use, now_s):
            return False
        self._left -= self._costs.get(path, 1)
        return True

    def force(self, path: str, now_s: float, *, more: int = 0) -> None:
        """Take it, and ``more`` units, whatever is left."""
        self._refill(now_s)
        self._left -= self._costs.get(path, 1) + more

    def wait_s(self, path: str, use: Use, now_s: float) -> float:
        """How long until ``take`` of it succeeds."""
        self._refill(now_s)
        if use is Use.NOW:
            return 0.0
        missing = use * self._reserve + self._costs.get(path, 1) - self._left
        return max(missing / self._rate, 0.0)

    def emptied(self, now_s: float) -> None:
        """The venue says it is spent, whatever we counted."""
        self._refill(now_s)
        self._left = min(self._left, 0.0)
