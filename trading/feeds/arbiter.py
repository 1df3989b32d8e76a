"""Which of several sources of an instrument is passed on, and when none may be. Pure.

Sources are numbered in order of preference; times are of the feed's clock, which all share. Of an
instrument exactly one source is *in use*; good quotes of the others stand by. Per instrument:

* **Divergence.** Each good quote is compared with the latest of every other source that was heard
  within ``FRESH_NS``: they are *apart* when their mids differ by more than both spreads together,
  and by more than the class's ``BOUND_BP``. Found apart ``APART_NS`` after they first were, without
  having agreed between or a pause of more than ``AGREED_NS`` in which nothing was compared, neither
  is believed by itself: the instrument is *withheld* until they have been compared and agreed for
  ``AGREED_NS``. That one of them has gone silent meanwhile settles nothing.
* **Switch-over** to the best source that is not failing, by its next good quote, when the one in
  use *fails*: it is disconnected; was silent for ``SILENT_NS`` and missed ``MISSED`` moves of the
  others, or one and is stale (a market that rests fails nobody); or more than ``REFUSED`` of its
  latest quotes were refused. A quote far from the last one passed on (the instrument's
  ``max_jump``) switches nothing: it is withheld.
* **Halts.** While the source in use says that the instrument cannot be traded there, nothing else
  is passed on either: it is where we would trade. Nor is a source taken into use that says so.
* **Back** to a better source when it has been well for ``WELL_NS`` without a break.

So a quote that is passed on is never older than the one before, and never of two sources in turn.
"""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import numpy as np

from trading.clock import NS
from trading.feeds.checks import STALE_NS, Codes
from trading.feeds.choices import Choice, Said, Seen, Turn, hear, silent_ns
from trading.feeds.raw import RawRows, Reason
from trading.universe import AssetClass, Universe, from_nano

FRESH_NS = 2 * NS
"""Older quotes are not compared: two sources of 2014-05-02 agree within it all day."""
APART_NS = 3 * NS
"""They part for up to 0.06 s, when one is quicker than the other."""
AGREED_NS = 5 * NS
WELL_NS = 30 * NS
REFUSED = 0.5
"""The dirtier of these two sources has 12 % of its day crossed, and up to 68 % of 200 quotes."""
REFUSED_OVER = 100
"""Quotes over which the share of refused ones fades."""
BOUND_BP = {
    AssetClass.FX: 2,  # 1.5 bp at the 99th percentile between the two sources
    AssetClass.EQUITY: 5,
    AssetClass.FUTURE: 5,
    AssetClass.CRYPTO: 20,  # each venue has its own price
}


class Arbiter:
    """Judges good quotes of several sources, in their order, however they are cut into batches."""

    def __init__(self, names: Sequence[str], universe: Universe) -> None:
        self._names = names
        self._universe = universe
        self._choices: dict[int, Choice] = {}
        self._down: frozenset[int] = frozenset()
        self._turns: list[Turn] = []

    def connected(self, down: Collection[int]) -> None:
        """Which sources are disconnected now; what they said before says nothing any more."""
        for source in set(down) - self._down:
            for choice in self._choices.values():
                choice.seen[source].heard = 0
        self._down = frozenset(down)

    def take(self, rows: RawRows, sources: Any, codes: Codes) -> Codes:
        """``codes`` with the verdict on those that are GOOD. ``sources``: of each row."""
        tick = rows["tick"]
        found = codes.copy()
        columns = (
            tick["instrument"], sources, codes, tick["bid"], tick["ask"], tick["time"],
            rows["clock"],
        )  # fmt: skip
        for at, (ident, *row) in enumerate(
            zip(*(np.asarray(one).tolist() for one in columns), strict=True)
        ):
            if ident >= 0:
                quote = Said(*row)
                found[at] = self._judge(ident, quote)
                choice = self._choices[ident]
                choice.judged += quote.source == choice.used and not choice.withheld
        return found

    def _judge(self, ident: int, quote: Said) -> int:
        source, clock = quote.source, quote.clock
        choice = self._choices.get(ident)
        if choice is None:
            choice = self._choices[ident] = Choice(clock, [Seen() for _ in self._names])
        seen = choice.seen[source]
        seen.halted = quote.code == Reason.HALTED or (seen.halted and quote.code != Reason.GOOD)
        if seen.halted:
            seen.well = clock
            return quote.code
        seen.refused += ((quote.code != Reason.GOOD) - seen.refused) / REFUSED_OVER
        if seen.refused > REFUSED:
            seen.well = clock
        if quote.code != Reason.GOOD:
            return quote.code
        hear(choice, quote)
        self._compare(ident, choice, source, clock)
        if choice.withheld:
            return Reason.DIVERGING if source == choice.used else Reason.STANDBY
        if source != choice.used and not self._turn_to(ident, choice, source, clock):
            return Reason.STANDBY
        if choice.withheld:
            return Reason.DIVERGING
        if quote.time < choice.out_time:
            return Reason.OUT_OF_ORDER
        choice.out_time, choice.out_clock, choice.out_sum = quote.time, clock, quote.bid + quote.ask
        return Reason.GOOD

    # Divergence ------------------------------------------------------------------------------

    def _compare(self, ident: int, choice: Choice, source: int, clock: int) -> None:
        one = choice.seen[source]
        others = [
            other
            for number, other in enumerate(choice.seen)
            if number != source and other.heard and clock - other.heard <= FRESH_NS
        ]
        if not others:
            return
        unbroken = clock - choice.compared <= AGREED_NS
        choice.compared = clock
        if any(self._apart(ident, one, other) for other in others):
            choice.apart, choice.agreed = (unbroken and choice.apart) or clock, 0
            if clock - choice.apart >= APART_NS and not choice.withheld:
                self._withhold(ident, choice, clock)
        else:
            choice.apart, choice.agreed = 0, (unbroken and choice.agreed) or clock
            if choice.withheld and clock - choice.agreed >= AGREED_NS:
                self._release(ident, choice, clock)

    def _apart(self, ident: int, one: Seen, other: Seen) -> bool:
        total = one.bid + one.ask
        distance = abs(total - other.bid - other.ask)  # of twice the mids
        spreads = one.ask - one.bid + other.ask - other.bid
        bp = BOUND_BP[self._universe.by_id(ident).asset_class]
        return distance > 2 * spreads and distance * 10_000 > bp * total

    def _withhold(self, ident: int, choice: Choice, clock: int) -> None:
        choice.withheld, choice.agreed = clock, 0
        choice.values = ", ".join(
            f"{name} {from_nano(one.bid):f}/{from_nano(one.ask):f}"
            for name, one in zip(self._names, choice.seen, strict=True)
            if one.bid
        )
        self._note("diverge", ident, clock, choice.values)

    def _release(self, ident: int, choice: Choice, clock: int) -> None:
        seconds = (clock - choice.withheld) / NS
        choice.withheld, choice.values = 0, ""
        self._note("agree", ident, clock, f"withheld for {seconds:.1f} s")

    # Switching -------------------------------------------------------------------------------

    def _turn_to(self, ident: int, choice: Choice, source: int, clock: int) -> bool:
        """Take ``source`` into use where that is due; whether it is in use now."""
        why = self._due(choice, source, clock)
        if not why:
            return False
        total = choice.seen[source].bid + choice.seen[source].ask
        recent = choice.out_sum and clock - choice.out_clock <= STALE_NS
        jump = abs(total - choice.out_sum) > self._universe.by_id(ident).max_jump * choice.out_sum
        if recent and jump:
            self._withhold(ident, choice, clock)
            return False
        words = f"{self._names[choice.used]} to {self._names[source]}: {why}"
        choice.used, choice.since, choice.why = source, clock, why
        self._note("switch", ident, clock, words)
        return True

    def _due(self, choice: Choice, source: int, clock: int) -> str:
        """Why ``source`` must be used from now on; empty when it must not."""
        if self._failing(choice, source):
            return ""
        failing = self._failing(choice, choice.used)
        if not failing:
            well = clock - choice.seen[source].well >= WELL_NS
            return "well again" if source < choice.used and well else ""
        better = (one for one in range(source) if one != choice.used)
        return "" if any(not self._failing(choice, one) for one in better) else failing

    def _failing(self, choice: Choice, source: int) -> str:
        """What is wrong with a source, in words; empty when nothing is."""
        seen = choice.seen[source]
        if seen.halted:
            return "" if source == choice.used else "halted"
        if source in self._down:
            return "disconnected"
        if seen.refused > REFUSED:
            return f"{seen.refused:.0%} of its quotes refused"
        silent = silent_ns(choice, source)
        return f"silent for {silent / NS:.1f} s" if silent else ""

    def _note(self, kind: str, ident: int, clock: int, words: str) -> None:
        self._turns.append(Turn(kind, self._universe.by_id(ident).symbol, clock, words))

    def believes(self, ident: int, source: int) -> bool:
        """Whether what ``source`` says of an instrument is passed on now."""
        choice = self._choices.get(ident)
        return choice is not None and choice.used == source and not choice.withheld

    def turns(self) -> list[Turn]:
        """What happened since this was asked last."""
        turns, self._turns = self._turns, []
        return turns

    # What it says and keeps ------------------------------------------------------------------

    def standing(self) -> dict[str, dict[str, Any]]:
        """Symbol -> {source, backup, since, why, withheld, values}; times in ns, 0: none."""
        return {
            self._universe.by_id(ident).symbol: {
                "source": self._names[one.used],
                "backup": one.used > 0,
                "since": one.since,
                "why": one.why,
                "withheld": one.withheld,
                "values": one.values,
            }
            for ident, one in self._choices.items()
        }

    @property
    def judged(self) -> int:
        return sum(one.judged for one in self._choices.values())

    def state(self) -> dict[str, Any]:
        """All it remembers, as JSON values; ``restore`` takes it back."""
        found: dict[str, Any] = msgspec.to_builtins(
            {self._universe.by_id(ident).symbol: one for ident, one in self._choices.items()}
        )
        return found

    def restore(self, state: dict[str, Any]) -> None:
        for symbol, one in msgspec.convert(state, dict[str, Choice]).items():
            if symbol in self._universe:
                self._choices[self._universe.by_symbol(symbol).id] = one
