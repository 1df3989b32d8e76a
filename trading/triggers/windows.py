"""Extremes of a series over a moving window, exactly, at a bounded cost. Pure."""

from collections import deque
from collections.abc import Iterable
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
        self._at_ns = 0

    @property
    def value(self) -> Decimal | None:
        """The extreme as of the last ``add``; None before the first."""
        return self._kept[0][1] if self._kept else None

    def clear(self) -> None:
        self._kept.clear()

    def add(self, at_ns: int, value: Decimal, window_ns: int) -> Decimal:
        """Set ``value`` from ``at_ns`` on, which never falls; the extreme of the window there."""
        kept, self._at_ns = self._kept, at_ns
        grain = window_ns // RESOLUTION
        since_ns = at_ns
        while kept and self._sign * (value - kept[-1][1]) >= 0:
            since_ns = kept.pop()[0]  # from there on this is the extreme
        if not kept or since_ns < at_ns or at_ns - kept[-1][0] >= grain:
            kept.append((since_ns, value))
        while len(kept) > 1 and kept[1][0] <= at_ns - window_ns:
            kept.popleft()
        return kept[0][1]

    def merge(self, points: Iterable[tuple[int, Decimal]], window_ns: int) -> None:
        """Values that others saw at some time, beside those seen here: none of these is forgotten
        sooner for them. The same again changes nothing."""
        kept = list(self._kept)
        ends = [*(since_ns for since_ns, _ in kept[1:]), self._at_ns]
        held = [(end_ns, value) for end_ns, (_, value) in zip(ends, kept, strict=False)]
        known = sorted({*kept, *held, *points}, key=lambda one: (one[0], -self._sign * one[1]))
        self._kept.clear()
        for at_ns, value in known:
            self.add(at_ns, value, window_ns)
