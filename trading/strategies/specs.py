"""What goes into a shard's engine, and the signals that come out."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from trading.strategies.parameters import Parameters


@dataclass(frozen=True, slots=True)
class StrategySpec:
    """One strategy as the engine runs it. ``size_notional`` is dollars per symbol.

    ``second_account``: of arbitrage, where its second symbol is traded; empty: where the first is.
    """

    key: str
    kind: str
    account: str
    symbols: tuple[str, ...]
    parameters: Parameters
    size_notional: Decimal
    second_account: str = ""

    @property
    def accounts(self) -> tuple[str, ...]:
        return (self.account, self.second_account) if self.second_account else (self.account,)

    @property
    def second_symbol(self) -> str:
        """The symbol that is traded on ``second_account``; empty: none."""
        return self.symbols[1] if self.second_account else ""


class SignalMade(msgspec.Struct, frozen=True):
    """A strategy changed its mind. Fields as on trading.models.Signal; times in nanoseconds."""

    id: str
    strategy: str
    symbol: str
    direction: int
    score: float
    confidence: float
    horizon_s: float
    price: Decimal
    spread: Decimal
    feed_time: int
    created_wall: int
    latency_ns: int


class SignalNow(msgspec.Struct, frozen=True):
    """What a strategy thinks of one symbol now; no ``signal``: it has seen no tick of it yet.

    ``warm``: it has seen enough for its averages to mean something.
    """

    strategy: str
    warm: bool
    signal: SignalMade | None


class OutcomeMade(msgspec.Struct, frozen=True):
    """What became of signal ``id``: the mid at its horizon, or None where it was not known."""

    id: str
    outcome: str
    price: Decimal | None
    feed_time: int


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where the engine gets its host times (trading.clock), so that lock-step can give its own."""

    boot_ns: Callable[[], int]
    wall_ns: Callable[[], int]
    boot_id: str
