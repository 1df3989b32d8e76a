"""The checks of a feed with more than one source: each by itself, then against each other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trading.feeds.arbiter import Arbiter
from trading.feeds.checks import Checked, Codes, QuoteChecker, symbol_counts
from trading.feeds.choices import Turn
from trading.feeds.raw import RawRows
from trading.universe import UNIVERSE, Universe


class BackedChecker:
    """A QuoteChecker a source, with its face. ``of``: the source of each ``tick.source``;
    ``recorded``: which sources are recorded days, none if empty."""

    def __init__(
        self, names: Sequence[str], of: Sequence[int], universe: Universe = UNIVERSE,
        *, live: bool = False, recorded: Sequence[bool] = (),
    ) -> None:  # fmt: skip
        self._names = names
        self._of: npt.NDArray[np.int64] = np.array(of, dtype=np.int64)
        self._universe = universe
        self._checkers = [
            QuoteChecker(universe, live=live, recorded=one)
            for one in recorded or [False] * len(names)
        ]
        self.arbiter = Arbiter(names, universe)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = np.sum([one.counts for one in self._checkers], axis=0)
        return found

    @property
    def gaps(self) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = np.sum([one.gaps for one in self._checkers], axis=0)
        return found

    def check(self, rows: RawRows) -> Checked:
        """Judge ``rows`` in their order, and count them."""
        sources = self._of[rows["tick"]["source"]]
        alone = np.zeros(len(rows), dtype=np.int8)
        gaps = 0
        for number, checker in enumerate(self._checkers):
            mine = sources == number
            checked = checker.check(rows[mine])
            alone[mine] = checked.codes
            gaps += checked.gaps
        codes = self.arbiter.take(rows, sources, alone)
        self._recount(rows, alone, codes)
        return Checked(codes, gaps)

    def _recount(self, rows: RawRows, counted: Codes, codes: Codes) -> None:
        sources = self._of[rows["tick"]["source"]]
        for number, checker in enumerate(self._checkers):
            mine = sources == number
            checker.recount(rows[mine], counted[mine], codes[mine])

    def unpublish(self, rows: RawRows, codes: Codes) -> None:
        """As QuoteChecker's."""
        sources = self._of[rows["tick"]["source"]]
        for number, checker in enumerate(self._checkers):
            mine = sources == number
            checker.unpublish(rows[mine], codes[mine])

    def turns(self) -> list[Turn]:
        return self.arbiter.turns()

    def counters(self) -> dict[str, Any]:
        each = [one.counters() for one in self._checkers]
        refused = {
            reason: sum(one["refused"].get(reason, 0) for one in each)
            for reason in {name for one in each for name in one["refused"]}
        }
        sums = {name: sum(one[name] for one in each) for name in each[0] if name != "refused"}
        return {**sums, "refused": refused}

    def state(self) -> dict[str, Any]:
        """As QuoteChecker's, of all together; and of each, and what is in use."""
        alone = [one.state() for one in self._checkers]
        named = zip(self._names, self._checkers, strict=True)
        return {
            "last": alone[0]["last"],
            "symbols": symbol_counts(self._universe, self.counts, self.gaps),
            "sources": [{"name": name, **one.counters()} for name, one in named],
            "judged": self.arbiter.judged,
            "choices": self.arbiter.standing(),
            "alone": alone,
            "arbiter": self.arbiter.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from ``state()``."""
        for checker, alone in zip(self._checkers, state["alone"], strict=True):
            checker.restore(alone)
        self.arbiter.restore(state["arbiter"])
