"""Share of good quotes among the last many, from the feed's own counters. Pure."""

from collections import deque
from decimal import Decimal
from typing import Any

from riskctl.holds import FIRM
from riskctl.triggers.evaluate import Reading

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
        read, accepted = int(state.get("read") or 0), int(state.get("accepted") or 0)
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
