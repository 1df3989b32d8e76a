"""A shard's arbitrage strategies: what each wants of its two slots now. Pure.

The slots order what is missing as those of every other strategy do, crossing the touch; here is
only what they aim at.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.clock import NS
from trading.strategies.arbitrage import PairMeasure, Turn
from trading.strategies.legs import EVEN, NOTHING, LegRule, Pair, Stage
from trading.strategies.parameters import ArbitrageParameters
from trading.strategies.sizing import (
    Quote,
    legs_for,
    lots_for,
    matched_lots,
    same_worth,
    unit_worth,
)
from trading.strategies.slot import Slot
from trading.strategies.stack import Member
from trading.strategies.terms import Terms
from trading.ticks import Ticks
from trading.universe import Instrument


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
        #: Why it does not begin although its prices say so; empty: nothing is wrong.
        self.why = ""
        self._size: Decimal | None = None

    @property
    def legs(self) -> tuple[Slot, Slot]:
        return self.first, self.second

    @property
    def _instruments(self) -> tuple[Instrument, Instrument]:
        return self.first.instrument, self.second.instrument

    def take(self, ticks: Ticks) -> list[Turn]:
        stays = self.rule.targets != NOTHING
        held = bool(self.first.position or self.second.position)
        return self.measure.take(ticks, held=stays and held)

    def restart(self) -> None:
        self.measure.restart()
        self.rule.restart()

    def step(self, seen: LegsSeen, terms: Terms) -> list[Slot]:
        """Aim both legs; those whose target changed."""
        if not seen.known or not terms.orders:
            return []
        held = (self.first.position, self.second.position)
        begins = self.rule.stage is Stage.FLAT
        if begins and all(held) and seen.quotes is None:
            return []  # found at a start: whether it is a pair, two prices say
        self.rule.step(
            self._wish(seen, terms), held, paired=self._paired(held, seen.quotes),
            ready=self.measure.warm and self._tradable(seen), clock_ns=seen.clock_ns,
            now_ns=seen.now_ns,
        )  # fmt: skip
        if begins and self.rule.stage is Stage.HELD:
            self.measure.direction = 1 if held[0] > 0 else -1  # kept or left by its own rule
        self._keep_to_size(seen, terms)
        changed = []
        for slot, target in zip(self.legs, self.rule.targets, strict=True):
            if slot.target != target:
                slot.aim(target, slot.signal_id, urgent=True)
                changed.append(slot)
        return changed

    def _wish(self, seen: LegsSeen, terms: Terms) -> Pair:
        """Equal worth of both, one long and one short; what there is, while it is to stay."""
        self.why = ""
        full, way = self.rule.full, self.measure.direction
        known = seen.open and self._fresh(seen) and self.measure.warm
        if not known or way * full[0] > 0:
            return full  # one leg alone could be begun or left, nothing is known, or it is wanted
        if seen.quotes is None or not way:
            return NOTHING
        mids = [one.mid for one in seen.quotes]
        first, second = legs_for(terms.size_notional, mids, self._instruments)
        if not first:
            names = " and ".join(one.symbol for one in self._instruments)
            size = terms.size_notional.normalize()
            self.why = f"in whole lots {names} are not worth the same at a size of {size:f}"
        return way * first, -way * second

    def _keep_to_size(self, seen: LegsSeen, terms: Terms) -> None:
        """Bring both down to a size that was cut. Nothing is raised before the next entry.

        A held pair waits for fresh prices as an entry does: one leg that is brought down alone is
        worse than two that are not. Of one found at a start only what is clearly beyond the size
        goes, since prices moved after it was begun.
        """
        before, size = self._size, terms.size_notional
        if self.rule.stage not in (Stage.ENTERING, Stage.HELD):
            return
        if before is None or size < before:
            waits = self.rule.stage is Stage.HELD and not self._tradable(seen)
            if waits or seen.quotes is None:
                return
            most = [
                lots_for(size, quote.mid, of)
                for quote, of in zip(seen.quotes, self._instruments, strict=True)
            ]
            keeps = 1 - EVEN if before is None else 1
            if any(m < keeps * abs(one) for m, one in zip(most, self.rule.full, strict=True)):
                self.rule.shrink(self._lowered(most), seen.now_ns)
        self._size = size

    def _lowered(self, most: Sequence[Decimal]) -> Pair:
        """The same share of both legs, of which ``most`` may stay; nothing where whole lots are too
        coarse for that."""
        first, second = self.rule.full
        now = (abs(first), abs(second))
        lots = matched_lots(
            [min(*both) for both in zip(most, now, strict=True)], now[::-1], self._instruments
        )
        return lots[0].copy_sign(first), lots[1].copy_sign(second)

    def _paired(self, held: Pair, quotes: tuple[Quote, Quote] | None) -> bool:
        if quotes is None or held[0] * held[1] >= 0:
            return False
        first, second = (
            abs(one) * unit_worth(quote.mid, of)
            for one, quote, of in zip(held, quotes, self._instruments, strict=True)
        )
        return same_worth(first, second, EVEN)

    def _tradable(self, seen: LegsSeen) -> bool:
        """Fresh prices of both, and nothing of either under way or held back."""
        idle = all(one.idle(seen.clock_ns) for one in self.legs)
        return idle and seen.open and self._fresh(seen)

    def _fresh(self, seen: LegsSeen) -> bool:
        limit = self._p.fresh_s * NS
        quotes = seen.quotes or ()
        return len(quotes) == 2 and all(seen.clock_ns - one.time <= limit for one in quotes)


def pairs_of(members: Iterable[Member], kept: Iterable[ArbitragePair] = ()) -> list[ArbitragePair]:
    """Of those that are arbitrage; those of ``kept`` whose member is there still go on."""
    known = {id(one.member): one for one in kept}
    return [
        known.get(id(one)) or ArbitragePair(one, one.spec.parameters)
        for one in members
        if isinstance(one.spec.parameters, ArbitrageParameters)
    ]
