"""A source's clock against ours, told from when its quotes arrive. Pure; of live sources only.

Between a quote's own time and its arrival lie the way here and the difference of the clocks. The
least of it over ``WINDOW_S`` is the *skew*: the quickest way takes milliseconds, so what is beyond
``BOUND_NS`` is a wrong clock, theirs (below zero: it is ahead) or ours.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trading.clock import NS

WINDOW_S = 60
BOUND_NS = 1 * NS
"""An intent lives for two seconds and is judged by the age of its price: half of that."""


class SkewWatch:
    """The least lag of each source in each of the last seconds."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._least: list[deque[tuple[int, int]]] = [deque() for _ in names]

    def take(self, sources: Any, times: Any, clocks: Any) -> None:
        """Quotes with a time, of these sources, that arrived at these moments (ns)."""
        for source, least in enumerate(self._least):
            mine = sources == source
            if not mine.any():
                continue
            second, lag = int(clocks[mine][-1]) // NS, int((clocks[mine] - times[mine]).min())
            if least and least[-1][0] == second:
                least[-1] = (second, min(lag, least[-1][1]))
            else:
                least.append((second, lag))

    def skews(self, clock_ns: int) -> Mapping[str, int]:
        """Name -> ns, of the sources that said anything within the window."""
        since = clock_ns // NS - WINDOW_S
        found = {}
        for name, least in zip(self._names, self._least, strict=True):
            while least and least[0][0] <= since:
                least.popleft()
            if least:
                found[name] = int(np.min([lag for _, lag in least]))
        return found
