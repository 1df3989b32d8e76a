"""Extremes of a series over a moving window, exactly, at a bounded cost. Pure."""

from collections import deque
from decimal import Decimal

RESOLUTION = 1_000
"""A window is kept in at most about this many steps."""


class Extreme:
    """The highest (``sign`` 1) or lowest (-1) value within the window, a step function of time.

    The value that held when the window begins is part of it, however long ago it was set.
    """

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._kept: deque[tuple[int, Decimal]] = deque()

    def clear(self) -> None:
        self._kept.clear()

    def add(self, at_ns: int, value: Decimal, window_ns: int) -> Decimal:
        """Set ``value`` from ``at_ns`` on, which never falls; the extreme of the window there."""
        kept = self._kept
        grain = window_ns // RESOLUTION
        while kept and self._sign * (value - kept[-1][1]) >= 0:
            kept.pop()
        if not kept or at_ns - kept[-1][0] >= grain:
            kept.append((at_ns, value))
        while len(kept) > 1 and kept[1][0] <= at_ns - window_ns:
            kept.popleft()
        return kept[0][1]
