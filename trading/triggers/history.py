"""What the PnL of one scope has been: steadied, and its extremes over each window. Pure."""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from trading.triggers.windows import Extreme


@dataclass(slots=True)
class History:
    """``document_loss`` is over sessions, of PnL plus ``base``: that keeps out what the feed of
    another world made of positions. ``resumes``: the PnL from which such a session goes on."""

    last: deque[Decimal] = field(default_factory=lambda: deque(maxlen=3))
    facts: int | None = None
    peak: Extreme = field(default_factory=lambda: Extreme(1))
    loss: Extreme = field(default_factory=lambda: Extreme(1))
    high: Extreme = field(default_factory=lambda: Extreme(1))
    low: Extreme = field(default_factory=lambda: Extreme(-1))
    document_loss: Extreme = field(default_factory=lambda: Extreme(1))
    document_peak: Extreme = field(default_factory=lambda: Extreme(1))
    steadied: Decimal | None = None
    base: Decimal = Decimal(0)
    resumes: Decimal | None = None

    def steady(self, pnl: Decimal, facts: int) -> Decimal | None:
        """The middle one of the last three, each of other facts: what one bad quote cannot move."""
        if self.resumes is not None:
            self.base, self.resumes = self.base + self.resumes - pnl, None
        if facts != self.facts:
            self.facts = facts
            self.last.append(pnl)
        self.steadied = sorted(self.last)[1] if len(self.last) == 3 else None
        return self.steadied

    def before(
        self, extreme: Extreme, pnl: Decimal, at_ns: int, window_ns: int, base: Decimal = Decimal(0)
    ) -> Decimal:
        """The extreme of what was; a PnL that one bad quote made is judged, but not remembered.

        ``base``: what the extreme's values have been raised by.
        """
        if self.steadied is None:
            return pnl if extreme.value is None else extreme.value - base
        return extreme.add(at_ns, self.steadied + base, window_ns) - base

    def restart(self, kept_out: Decimal, *, differs: bool) -> None:
        """Another feed session: the minute's moves are of one market only.

        What a document's stop-loss looks back on stays. ``kept_out``: of PnL in the session that
        ended, and no longer. ``differs``: the next feed sees positions anew, so that nothing is
        lost but what was until then; else it is the same market, and what is lost is lost.
        """
        if differs:
            self.resumes = self.steadied if self.resumes is None else self.resumes
        else:
            self.base -= kept_out
        self.last.clear()
        self.steadied = None
        for one in (self.loss, self.high, self.low):
            one.clear()
