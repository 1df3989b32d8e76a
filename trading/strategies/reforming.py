"""A shard's strategies made anew between two ticks, where only some of them changed. Pure.

Who did not change keeps slots, averages, directions and warm-up to the last digit. Who did warms up
again, on averages that begin at the last price; what it holds, has open and has sent is kept.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from trading.indicators.ewma import EwmaBank
from trading.indicators.rounds import Splitter
from trading.strategies.parameters import ArbitrageParameters, MarketMakingParameters
from trading.strategies.slot import Slot
from trading.strategies.specs import StrategySpec
from trading.strategies.stack import Member, Stack, bank_of, stacks_of
from trading.universe import Universe

Name = tuple[str, str]
"""(strategy, symbol)"""


@dataclass(frozen=True, slots=True)
class Formed:
    """``fresh``: slots of strategies that are new or changed; ``leaving``: those of instruments
    that were left out and are still held; ``waits``: some strategy could not change yet."""

    stacks: list[Stack]
    bank: EwmaBank | None
    fresh: list[Slot]
    leaving: frozenset[Name]
    waits: bool


def formed(
    wanted: Sequence[StrategySpec],
    stacks: Sequence[Stack],
    bank: EwmaBank | None,
    splitter: Splitter,
    universe: Universe,
) -> Formed:
    """``wanted`` instead of what ``stacks`` has. Raises UnknownInstrumentError."""
    before = {one.spec.key: one for stack in stacks for one in stack.members}
    specs, leaving = _with_held(wanted, before)
    kept = {one.key: before[one.key] for one in specs if _same(one, before.get(one.key))}
    made = stacks_of(specs, universe, kept)
    fresh = []
    for stack in made:
        _take_rows(stack, stacks, kept, splitter)
        for member in stack.members:
            if member.spec.key not in kept:
                fresh += _take_slots(member, before.get(member.spec.key))
    new_bank = bank_of(made, universe)
    if new_bank is not None:
        new_bank.take_over(bank, splitter.last_mid)
    waits = any(not _same(one, before.get(one.key)) and one.key in kept for one in wanted)
    return Formed(made, new_bank, fresh, leaving, waits or bool(leaving))


def _same(spec: StrategySpec, member: Member | None) -> bool:
    """Size does not matter: it is on the terms."""
    return member is not None and replace(spec, size_notional=member.spec.size_notional) == (
        member.spec
    )


def _with_held(
    wanted: Sequence[StrategySpec], before: Mapping[str, Member]
) -> tuple[list[StrategySpec], frozenset[Name]]:
    """With instruments that are left out and not flat yet. A pair and a market maker change as a
    whole, and stay what they were until what they leave is flat."""
    specs, leaving = [], set()
    for spec in wanted:
        held = _held(before.get(spec.key), spec.symbols)
        whole = isinstance(spec.parameters, ArbitrageParameters | MarketMakingParameters)
        if held and whole:
            specs.append(before[spec.key].spec)
        else:
            specs.append(replace(spec, symbols=(*spec.symbols, *held)))
            leaving |= {(spec.key, symbol) for symbol in held}
    return specs, frozenset(leaving)


def _held(member: Member | None, symbols: Collection[str]) -> list[str]:
    slots: Iterable[Slot] = member.slots.values() if member is not None else ()
    return [
        one.instrument.symbol
        for one in slots
        if one.instrument.symbol not in symbols and not one.flat
    ]


def _take_rows(
    stack: Stack, before: Sequence[Stack], kept: Mapping[str, Member], splitter: Splitter
) -> None:
    rows = {member.spec.key: (old, row) for old in before for row, member in enumerate(old.members)}
    for row, member in enumerate(stack.members):
        if member.spec.key in kept:
            old, at = rows[member.spec.key]
            stack.kernel.take_over(row, old.kernel, at)
        else:
            stack.kernel.begin(row, splitter.count, splitter.last_time)
    stack.kernel.taken_over()


def _take_slots(member: Member, before: Member | None) -> list[Slot]:
    for at, slot in member.slots.items():
        if before is not None and at in before.slots:
            slot.take_over(before.slots[at])
    return list(member.slots.values())
