"""Positions carried into a feed of another world, and what its first prices make of them. Pure.

A desk that traded simulated prices yesterday and replays 2014 today holds positions that are worth
something quite different at once. That is no loss of the day: each such position counts at cost
until the session's first quote of it, and the revaluation by that quote is kept out of PnL. The
same feed continued (or another recording of the same name) is the same market: nothing is kept out.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from riskctl.triggers.evaluate import NS
from trading.portfolio.books import PositionRow

PATIENCE_NS = 5 * NS
"""So long it is waited to hear what kind of session this is; after that it is like the last."""


@dataclass(frozen=True, slots=True)
class SessionFact:
    """``differs``: its feed is not that of the session before.

    ``late``: it began before this process could see it. ``offsets`` then are, of each strategy,
    what its first prices made of it; ``rehearsed``: of what it has on rehearsal accounts.
    """

    session: str
    differs: bool
    late: bool = False
    offsets: Mapping[str, Decimal] = field(default_factory=dict)
    rehearsed: Mapping[str, Decimal] = field(default_factory=dict)


class Carried:
    """What is kept out of PnL in this session, by strategy."""

    def __init__(self) -> None:
        self._session = ""
        self._since_ns = 0
        self._ready = False
        self._differs = self._late = False
        self._seen: set[tuple[str, str, str]] = set()
        self._offsets: dict[tuple[str, bool], Decimal] = defaultdict(Decimal)
        self._left: dict[tuple[str, bool], Decimal] = defaultdict(Decimal)

    def begin(self, session: str, fact: SessionFact | None, now_ns: int) -> bool:
        """Whether it is known what kind of session this is; of none there is nothing to know."""
        if not session:
            return True
        if session != self._session:
            self._session, self._since_ns, self._ready = session, now_ns, False
            self._differs = self._late = False
            self._seen.clear()
            for key, offset in self._offsets.items():
                self._left[key] += offset
            self._offsets.clear()
        if self._ready:
            return True
        if fact is not None and fact.session == session:
            self._ready, self._differs, self._late = True, fact.differs, fact.late
            for rehearsal, offsets in ((False, fact.offsets), (True, fact.rehearsed)):
                self._offsets.update({(key, rehearsal): one for key, one in offsets.items()})
        elif now_ns - self._since_ns > PATIENCE_NS:
            self._ready = True
        return self._ready

    @property
    def differs(self) -> bool:
        """Whether this session's first prices are seen here, and make of positions what they do."""
        return self._differs and not self._late

    def left(self) -> dict[tuple[str, bool], Decimal]:
        """What was kept out in sessions that ended since this was last asked, by strategy, and
        whether it was on rehearsal accounts."""
        found = self._left
        self._left = defaultdict(Decimal)
        return found

    def quoted(
        self, row: PositionRow, unrealised: Decimal, *, at_cost: bool, rehearsal: bool
    ) -> None:
        """A position as it is valued now, in a session that ``begin`` knows."""
        key = (row.account, row.strategy, row.symbol)
        if at_cost or key in self._seen:
            return
        self._seen.add(key)
        if self._differs and row.quantity and not self._late:
            self._offsets[row.strategy, rehearsal] += unrealised

    def valued(self) -> None:
        """Every position has been valued once: what gets a first quote from now on was seen."""
        self._late = False

    def offset(self, strategy: str, *, rehearsal: bool = False) -> Decimal:
        return self._offsets.get((strategy, rehearsal), Decimal(0))
