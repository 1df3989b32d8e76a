"""Quotes as a feed hands them over, before any check; and why a quote is refused.

Pure: no Django, no Redis, no clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from trading.ticks import TICK, Trades, no_trades

RAW = np.dtype(
    [
        ("tick", TICK),
        ("clock", "<i8"),  # feed clock ns when the quote was read
        ("line", "<i8"),  # line in its file, or running number of a simulated quote
        ("malformed", "?"),  # no quote at all: nothing but line and source count
        ("halted", "?"),  # the source says that the instrument cannot be traded there now
    ]
)
"""One raw quote. ``tick.source`` is the number of its file; ``tick.instrument`` is -1 where the
symbol could not be read."""

RawRows = npt.NDArray[np.void]
Place = tuple[int, int]
"""Source and line of one raw quote."""


class Reason(IntEnum):
    """Why a quote is refused; 0 is a good one. A quote wrong in several ways has the first.

    STANDBY is no refusal: the quote is good, and of a source that is not in use.
    """

    GOOD = 0
    MALFORMED = 1
    NON_POSITIVE = 2
    CROSSED = 3
    STALE = 4
    OUT_OF_ORDER = 5
    JUMP = 6
    DIVERGING = 7
    STANDBY = 8
    AHEAD = 9
    HALTED = 10

    @property
    def code(self) -> str:
        """The stable name under which it is counted and shown, e.g. ``non-positive``."""
        return self.name.lower().replace("_", "-")


REFUSALS: tuple[Reason, ...] = tuple(
    one for one in Reason if one not in (Reason.GOOD, Reason.STANDBY)
)


@dataclass(frozen=True)
class RawBatch:
    """Raw quotes in the order they are to be checked.

    ``clock_ns`` is the feed clock after the batch. ``faults`` says of each malformed row what is
    wrong with it. ``down``: sources, in order of preference, that are disconnected.
    """

    rows: RawRows
    clock_ns: int
    faults: Mapping[Place, str] = field(default_factory=dict)
    down: frozenset[int] = frozenset()
    trades: Trades = field(default_factory=no_trades)


def empty(count: int) -> RawRows:
    """``count`` zeroed raw rows."""
    return np.zeros(count, dtype=RAW)
