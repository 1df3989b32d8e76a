"""Share of good quotes among the last many, and for how long sources disagree. Pure.

From the feed's own counters and states (trading.feeds.session).
"""

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from riskctl.holds import FIRM
from riskctl.triggers.evaluate import Reading
from riskctl.triggers.specs import CLOCK_SKEW, FEED_DIVERGENCE

QUOTES = 10_000
LEAST = 500
_GRAIN = 100


class QualityWatch:
    """Counters of one feed session: (read, accepted) at even steps, as far back as needed."""

    def __init__(self) -> None:
        self._session = ""
        self._counts: deque[tuple[int, int]] = deque()

    def take(self, state: dict[str, Any]) -> Reading | None:
        """The reading after ``hl:feed:state``; None before enough quotes were read."""
        session = str(state.get("session", ""))
        # Of several sources those count that are in use: what a backup refuses moves no order, and
        # what it says before it is taken into use is neither accepted nor refused.
        read = int(state.get("judged", state.get("read")) or 0)
        accepted = int(state.get("accepted") or 0)
        counts = self._counts
        if session != self._session or (counts and read < counts[-1][0]):
            self._session = session
            counts.clear()
            counts.append((read, accepted))
        if not counts or read - counts[-1][0] >= _GRAIN:
            counts.append((read, accepted))
        while len(counts) > 1 and read - counts[1][0] >= QUOTES:
            counts.popleft()
        before_read, before_accepted = counts[0]
        count = read - before_read
        if count < LEAST:
            return None
        share = Decimal(accepted - before_accepted) / count
        return Reading("data-quality", FIRM, share, read, f"of the last {count} quotes")


def divergence_readings(state: Mapping[str, Any]) -> Iterable[Reading]:
    """Of every instrument that has several sources; 0 while they agree."""
    clock = int(state.get("clock") or 0)
    for symbol, one in (state.get("choices") or {}).items():
        withheld_ns = clock - one["withheld"] if one["withheld"] else 0
        seconds = Decimal(withheld_ns // 1_000_000) / 1_000
        yield Reading(FEED_DIVERGENCE, f"instrument:{symbol}", seconds, clock, one["values"])


def skew_readings(state: Mapping[str, Any]) -> Iterable[Reading]:
    """Of the source whose clock is furthest from ours; none of a feed that is not live."""
    skews = state.get("skew") or {}
    if not skews:
        return
    name = max(skews, key=lambda one: abs(skews[one]))
    seconds = Decimal(abs(skews[name]) // 1_000_000) / 1_000
    way = "ahead" if skews[name] < 0 else "behind or slow"
    detail = f"{name} is {way} by {seconds:.3f} s"
    yield Reading(CLOCK_SKEW, FIRM, seconds, int(state["clock"]), detail)
