"""A shard's arbitrage strategies: what each wants of its two slots now. Pure.

The slots order what is missing as those of every other strategy do, crossing the touch; here is
only what they aim at.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trading.clock import NS
from trading.strategies.arbitrage import PairMeasure, Turn
from trading.strategies.legs import NOTHING, LegRule, Pair
from trading.strategies.parameters import ArbitrageParameters
from trading.strategies.sizing import Quote, lots_for
from trading.strategies.slot import Slot
from trading.strategies.stack import Member
from trading.strategies.terms import Terms
from trading.ticks import Ticks


@dataclass(frozen=True, slots=True)
class LegsSeen:
    """What is known now. ``quotes``: of both legs, None before the first of either; ``open``:
    whether the markets of both are."""

    quotes: tuple[Quote, Quote] | None
    known: bool
    open: bool
    clock_ns: int
    now_ns: int


class ArbitragePair:
    """One arbitrage strategy."""

    def __init__(self, member: Member, parameters: ArbitrageParameters) -> None:
        """Raises ValueError unless it has two slots."""
        self.member = member
        self.key = member.spec.key
        self.first, self.second = member.slots.values()
        self._p = parameters
        self.measure = PairMeasure(parameters, self.first.instrument.id, self.second.instrument.id)
        self.rule = LegRule(int(parameters.patience_s * NS), int(parameters.pause_s * NS))

    @property
    def legs(self) -> tuple[Slot, Slot]:
        return self.first, self.second

    def take(self, ticks: Ticks) -> list[Turn]:
        return self.measure.take(ticks)

    def restart(self) -> None:
        self.measure.restart()
        self.rule.restart()

    def step(self, seen: LegsSeen, terms: Terms) -> list[Slot]:
        """Aim both legs; those whose target changed."""
        if not seen.known or not terms.orders:
            return []
        held = (self.first.position, self.second.position)
        wish = self._wish(seen, terms)
        targets = self.rule.step(wish, held, ready=self._ready(seen), now_ns=seen.now_ns)
        changed = []
        for slot, target in zip(self.legs, targets, strict=True):
            if slot.target != target:
                slot.aim(target, slot.signal_id, urgent=True)
                changed.append(slot)
        return changed

    def _wish(self, seen: LegsSeen, terms: Terms) -> Pair:
        """Equal worth of both, one long and one short."""
        if not seen.open:
            return self.rule.full  # nothing is begun or left: one leg could do it alone
        if seen.quotes is None or not self.measure.direction:
            return NOTHING
        sizes = [
            lots_for(terms.size_notional, quote.mid, slot.instrument)
            for slot, quote in zip(self.legs, seen.quotes, strict=True)
        ]
        way = Decimal(self.measure.direction)
        return way * sizes[0], -way * sizes[1]

    def _ready(self, seen: LegsSeen) -> bool:
        """Fresh prices of both, and nothing of either under way or held back."""
        if seen.quotes is None or not (seen.open and self.measure.warm):
            return False
        limit = self._p.fresh_s * NS
        fresh = all(seen.clock_ns - one.time <= limit for one in seen.quotes)
        return fresh and all(one.idle(seen.clock_ns) for one in self.legs)


def pairs_of(members: Iterable[Member], kept: Iterable[ArbitragePair] = ()) -> list[ArbitragePair]:
    """Of those that are arbitrage; those of ``kept`` whose member is there still go on."""
    known = {id(one.member): one for one in kept}
    return [
        known.get(id(one)) or ArbitragePair(one, one.spec.parameters)
        for one in members
        if isinstance(one.spec.parameters, ArbitrageParameters)
    ]
