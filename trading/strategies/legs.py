"""The rule of two legs: both are filled, or what was filled is given back. Pure.

Both legs are ordered at once. One that is filled alone is a position that nobody wanted: when the
other has not followed within ``patience_ns`` both go back to nothing, at any price, and after that
nothing is begun for a while. Patience is with a venue, by the host's clock; the pause is for the
market, by the feed's. What cannot be given back either (the venue refuses, a stop holds it)
is an open leg: the trigger ``open-leg`` (trading.triggers.legs) sees it in the books, independently
of this, and places a hold that names it. The two together keep it within five seconds.
"""

from decimal import Decimal
from enum import Enum

ZERO = Decimal(0)
EVEN = Decimal("0.1")
"""Legs whose filled shares differ by no more than this are even: the rest is whole lots."""

Pair = tuple[Decimal, Decimal]
NOTHING: Pair = (ZERO, ZERO)


class Stage(Enum):
    FLAT = "flat"
    ENTERING = "entering"  # on the way to ``full``, also from more
    HELD = "held"
    LEAVING = "leaving"


class LegRule:
    """Targets of both legs; ``full`` is what they are when all is filled."""

    def __init__(self, patience_ns: int, pause_ns: int) -> None:
        self.stage = Stage.FLAT
        self.full: Pair = NOTHING
        self._patience_ns = patience_ns
        self._pause_ns = pause_ns
        self._since_ns = 0
        self._not_before = 0

    @property
    def targets(self) -> Pair:
        return self.full if self.stage in (Stage.ENTERING, Stage.HELD) else NOTHING

    def step(
        self, wish: Pair, held: Pair, *, paired: bool, ready: bool, clock_ns: int, now_ns: int
    ) -> Pair:
        """Targets now. ``wish``: what is wanted, nothing for out; ``held``: what is.

        ``clock_ns`` is the feed's time, ``now_ns`` the host's. ``paired``: it is one long and one
        short, worth the same; ``ready``: both legs can trade now, and nothing of either is under
        way.
        """
        if self.stage is Stage.FLAT:
            if held != NOTHING:  # found at a start: kept when it is a pair, else given back
                self._find(held, clock_ns, paired=paired)
            elif ready and all(wish) and clock_ns >= self._not_before:
                self.stage, self.full, self._since_ns = Stage.ENTERING, wish, now_ns
        elif self.stage is Stage.ENTERING:
            self._enter(wish, held, clock_ns, now_ns)
        elif self.stage is Stage.HELD:
            self._hold(wish, held, clock_ns)
        elif self.stage is Stage.LEAVING and held == NOTHING and ready:
            self.stage, self.full = Stage.FLAT, NOTHING
        return self.targets

    def shrink(self, full: Pair, now_ns: int) -> None:
        """Go down to ``full``, both at once and within the patience that an entry has; out where a
        leg would be nothing. An entry that is under way gets no more time by it."""
        if not all(full):
            self.stage = Stage.LEAVING
            return
        if self.stage is Stage.HELD:
            self._since_ns = now_ns
        self.stage, self.full = Stage.ENTERING, full

    def restart(self) -> None:
        """Another recording: its time compares with nothing known. What is held is looked at."""
        self.stage, self.full, self._not_before = Stage.FLAT, NOTHING, 0

    def _find(self, held: Pair, clock_ns: int, *, paired: bool) -> None:
        if paired:
            self.stage, self.full = Stage.HELD, held
        else:
            self._leave_and_pause(clock_ns)

    def _enter(self, wish: Pair, held: Pair, clock_ns: int, now_ns: int) -> None:
        if held == self.full:
            self.stage = Stage.HELD
        elif now_ns - self._since_ns >= self._patience_ns:
            self._leave_and_pause(clock_ns)
        elif _against(wish, self.full):
            self.stage = Stage.LEAVING

    def _hold(self, wish: Pair, held: Pair, clock_ns: int) -> None:
        """Keep it while it is wanted. What somebody else took away is not bought again."""
        if _against(wish, self.full):
            self.stage = Stage.LEAVING
        elif held != self.full:
            if all(held) and even(held, self.full):
                self.full = held
            else:
                self._leave_and_pause(clock_ns)

    def _leave_and_pause(self, clock_ns: int) -> None:
        self.stage = Stage.LEAVING
        self._not_before = clock_ns + self._pause_ns


def _against(wish: Pair, full: Pair) -> bool:
    """Whether ``full`` is no longer wanted: out, or the other way."""
    return wish[0] * full[0] <= 0


def even(held: Pair, full: Pair) -> bool:
    """Whether both legs are filled by the same share of ``full``."""
    if not all(full):
        return held == NOTHING
    return abs(held[0] / full[0] - held[1] / full[1]) <= EVEN
