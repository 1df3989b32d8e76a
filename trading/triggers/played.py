"""The feed's time as far as it was played, and a strategy's PnL before now on it. Pure.

A window on the feed's clock outlives a feed session: between two of them that clock stands still,
whatever decade the next one is of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


class Played:
    """One clock over all sessions, in ns; 0 when the first began. It never falls."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._session: str | None = None
        self._shift_ns = 0

    def at(self, session: str, feed_ns: int) -> int:
        """Now, while ``session`` has come to ``feed_ns``."""
        if session != self._session:
            self._session, self._shift_ns = session, self.now_ns - feed_ns
        self.now_ns = max(self.now_ns, feed_ns + self._shift_ns)
        return self.now_ns

    def of(self, session: str, feed_ns: int) -> int:
        """When ``session`` came to ``feed_ns``; of another session than runs it is not known, and
        taken for now: so nothing is forgotten too early."""
        return (
            min(self.now_ns, feed_ns + self._shift_ns) if session == self._session else self.now_ns
        )


@dataclass(frozen=True, slots=True)
class Session:
    """``spec``: its feed. Another one makes of positions something quite different at once."""

    id: str
    spec: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Stored points of one strategy that follow each other in one session.

    ``session``: None of those before the first that is known. ``settled``: not of its first
    seconds, when the feed time of a point may be that of the session before. ``feed_ns`` and
    ``last``: of its last point, ``first``: of its first, ``best``: the highest PnL.
    """

    session: Session | None
    settled: bool
    feed_ns: int
    best: Decimal
    first: Decimal
    last: Decimal


@dataclass(frozen=True, slots=True)
class Lately:
    """What a strategy's PnL was before the last point, which ``session`` had at ``feed_ns``.

    ``points``: (ns before that as the feed was played, PnL), oldest first; PnL as in that session:
    what a feed of another world made of positions is taken out.
    """

    session: str
    feed_ns: int
    points: tuple[tuple[int, Decimal], ...] = ()


def lately(stretches: Sequence[Stretch]) -> Lately | None:
    """None without any. ``stretches``: oldest first."""
    if not stretches:
        return None
    clock, times = Played(), list[int]()
    for one in stretches:
        known = one.session if one.settled else None
        times.append(clock.at(known.id, one.feed_ns) if known else clock.now_ns)
    newest, shift, points = stretches[-1], ZERO, list[tuple[int, Decimal]]()
    after = newest
    for one, at_ns in zip(reversed(stretches), reversed(times), strict=True):
        if one.session and after.session and one.session.spec != after.session.spec:
            shift += after.first - one.last
        points.append((clock.now_ns - at_ns, one.best + shift))
        after = one
    session = newest.session.id if newest.settled and newest.session else ""
    return Lately(session, newest.feed_ns, tuple(reversed(points)))
