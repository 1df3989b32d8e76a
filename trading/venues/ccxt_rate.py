"""An exchange's request budget, kept on our side so that its answer is never *too many*."""

from collections.abc import Mapping


class Budget:
    """``size`` units a ``window_s``, refilled evenly. ``reserve`` is kept for cancels.

    Time is passed in, in seconds of any clock that does not go back.
    """

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

    def take(self, path: str, now_s: float) -> bool:
        """Take the price of ``path`` if that leaves the reserve; whether it was taken."""
        self._refill(now_s)
        cost = self._costs.get(path, 1)
        if self._left - cost < self._reserve:
            return False
        self._left -= cost
        return True

    def force(self, path: str, now_s: float) -> None:
        """Take it whatever is left: what stops must not wait."""
        self._refill(now_s)
        self._left -= self._costs.get(path, 1)

    def wait_s(self, path: str, now_s: float) -> float:
        """How long until ``take`` of it succeeds."""
        self._refill(now_s)
        missing = self._reserve + self._costs.get(path, 1) - self._left
        return max(missing / self._rate, 0.0)

    def emptied(self, now_s: float) -> None:
        """The venue says it is spent, whatever we counted."""
        self._refill(now_s)
        self._left = min(self._left, 0.0)
