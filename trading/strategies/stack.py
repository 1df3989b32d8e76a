"""The strategies of one kind, stacked into one kernel, and each one's slots."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import numpy as np

from trading.clock import NS
from trading.indicators.ewma import EwmaBank
from trading.strategies.kernel import Flags, Kernel
from trading.strategies.market_making import MarketMakingKernel
from trading.strategies.mean_reversion import MeanReversionKernel
from trading.strategies.momentum import MomentumKernel
from trading.strategies.pair_kernel import PairKernel
from trading.strategies.parameters import (
    ArbitrageParameters,
    MarketMakingParameters,
    MeanReversionParameters,
    MomentumParameters,
)
from trading.strategies.quoter import Quoter
from trading.strategies.slot import Leg, Slot
from trading.strategies.specs import StrategySpec
from trading.strategies.terms import full_terms
from trading.universe import Instrument, Universe

#: A price moves in whole ticks: a standard deviation below half of one is rounding, not movement.
LEAST_SIGMA_TICKS = 0.5

KINDS = (
    MomentumParameters,
    MeanReversionParameters,
    MarketMakingParameters,
    ArbitrageParameters,
)
"""In the order of their stacks."""

LEG_PAUSE_NS = NS // 2
"""A leg that stands alone cannot wait long, whatever was refused."""


@dataclass(frozen=True, slots=True)
class Member:
    """One strategy of a stack; ``slots`` by instrument number."""

    spec: StrategySpec
    horizon_s: float
    cross_ticks: int
    slots: dict[int, Slot]


class Stack:
    """Strategies of one kind in the order given, one row of the kernel each."""

    def __init__(
        self,
        members: Sequence[Member],
        instruments: int,
        make: Callable[[Flags], Kernel],
    ) -> None:
        self.members = tuple(members)
        self.traded: Flags = np.zeros((instruments, len(self.members)), dtype=bool)
        for row, member in enumerate(self.members):
            self.traded[list(member.slots), row] = True
        self._make = make
        self.kernel = make(self.traded)

    def renew(self) -> None:
        """Forget all prices seen; the kernel must be bound to a bank again."""
        self.kernel = self._make(self.traded)


def bank_of(stacks: Sequence[Stack], universe: Universe) -> EwmaBank | None:
    """The averages that ``stacks`` need, each once; their kernels are told where. None for none."""
    wanted = [column for stack in stacks for column in stack.kernel.columns()]
    place = {column: at for at, column in enumerate(dict.fromkeys(wanted))}
    for stack in stacks:
        stack.kernel.bind(place)
    floors = np.array([float(one.tick_size) * LEAST_SIGMA_TICKS for one in universe.instruments])
    return EwmaBank(list(place), floors) if place else None


def stacks_of(
    strategies: Sequence[StrategySpec],
    universe: Universe,
    kept: Mapping[str, Member] = MappingProxyType({}),
) -> list[Stack]:
    """A stack for each kind that occurs; ``kept``: members that are there, by key.

    Raises UnknownInstrumentError.
    """
    numbers = itertools.count()
    stacks = []
    for kind in KINDS:
        specs = [one for one in strategies if isinstance(one.parameters, kind)]
        if specs:
            members = [
                _renumbered(kept[one.key], numbers)
                if one.key in kept
                else _member(one, universe, numbers)
                for one in specs
            ]
            make = _maker(specs)
            stacks.append(Stack(members, len(universe), make))
    return stacks


def _renumbered(member: Member, numbers: "itertools.count[int]") -> Member:
    for slot in member.slots.values():
        slot.number = next(numbers)
    return member


def _maker(specs: Sequence[StrategySpec]) -> Callable[[Flags], Kernel]:
    """How to make the kernel of ``specs``, all of one kind."""
    parameters = [one.parameters for one in specs]
    if isinstance(parameters[0], MomentumParameters):
        momentum = cast(list[MomentumParameters], parameters)
        return lambda traded: MomentumKernel(momentum, traded)
    if isinstance(parameters[0], MarketMakingParameters):
        making = cast(list[MarketMakingParameters], parameters)
        return lambda traded: MarketMakingKernel(making, traded)
    if isinstance(parameters[0], ArbitrageParameters):
        pairs = cast(list[ArbitrageParameters], parameters)
        return lambda traded: PairKernel(pairs, traded)
    reversion = cast(list[MeanReversionParameters], parameters)
    return lambda traded: MeanReversionKernel(reversion, traded)


def _member(spec: StrategySpec, universe: Universe, numbers: "itertools.count[int]") -> Member:
    given = spec.parameters
    slots: dict[int, Slot] = {}
    if isinstance(given, MarketMakingParameters):
        for instrument in _instruments(spec, universe):
            quoter = Quoter(next(numbers), spec.key, spec.account, instrument, given)
            slots[instrument.id] = quoter
        return Member(spec, given.sigma_s, 0, slots)
    if isinstance(given, ArbitrageParameters):
        for instrument in _instruments(spec, universe):
            account = full_terms(spec).account_of(instrument.symbol)
            slots[instrument.id] = Leg(
                next(numbers), spec.key, account, instrument, None,
                longest_pause_ns=LEG_PAUSE_NS,
            )  # fmt: skip
        return Member(spec, given.mean_s, given.cross_ticks, slots)
    if isinstance(given, MomentumParameters):
        horizon_s, rest_ns = given.slow_s, None
    else:
        horizon_s, rest_ns = given.mean_s, int(given.rest_s * NS)
    for instrument in _instruments(spec, universe):
        slots[instrument.id] = Slot(next(numbers), spec.key, spec.account, instrument, rest_ns)
    return Member(spec, horizon_s, given.cross_ticks, slots)


def _instruments(spec: StrategySpec, universe: Universe) -> list[Instrument]:
    """Raises UnknownInstrumentError."""
    return [universe.by_symbol(symbol) for symbol in dict.fromkeys(spec.symbols)]
