"""Stop-losses that people set on positions: what is wanted, and at which price. Pure.

The price is reckoned from the latest mid, not from what the position cost: from there each position
is equally far from being closed, and none that is deep in loss is sold the moment it is protected.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from math import lcm

from trading.messages import Side

HUNDRED = Decimal(100)


class StopState(StrEnum):
    PENDING = "pending"  # an order is on its way to the venue, or away from it
    RESTING = "resting"  # it works at the venue
    WATCHED = "watched"  # nothing rests there: the gateway closes when the price is reached
    CLOSING = "closing"  # reached, and being closed by the gateway
    ENDED = "ended"


@dataclass(slots=True)
class StopLoss:
    """Of one strategy in one symbol. ``side`` of the order: a sell protects a long position.

    ``quantity``: how much of the position is covered, at most what it was when this was set;
    ``orders`` counts the orders there were, whose ids follow from ``id``; ``order``: the newest
    that is not accounted for.
    """

    id: str
    strategy: str
    symbol: str
    side: Side
    percentage: Decimal
    mark: Decimal
    stop_price: Decimal
    quantity: Decimal
    placed_by: str
    reason: str
    set_wall_ns: int
    state: StopState = StopState.PENDING
    why: str = ""
    order: str = ""
    orders: int = 0
    refusals: int = 0
    not_before_ns: int = 0
    """By the boot clock: when an order is tried again."""
    replacing: bool = False
    blind: bool = False
    """Watched, and there is no price to watch, or nothing may leave."""
    doubted: str = ""
    """An order before the newest of which the venue has not told what became of it."""
    doubt_boot_ns: int = 0
    """Since when, by the boot clock, it is not known whether its stop rests; 0: it is."""
    version: int = 0

    @property
    def live(self) -> bool:
        return self.state is not StopState.ENDED

    def end(self, why: str) -> None:
        self.state, self.why = StopState.ENDED, why

    def reached(self, bid: Decimal, ask: Decimal) -> bool:
        """Whether the touch it would close at is at its price or through it."""
        return bid <= self.stop_price if self.side is Side.SELL else ask >= self.stop_price

    def tighter(self, price: Decimal) -> bool:
        """Whether its price protects at least as well as ``price``."""
        return self.side.sign * (self.stop_price - price) <= 0

    def facts(self) -> tuple[object, ...]:
        """What is worth writing down when it changes."""
        return (
            self.id, self.state, self.why, self.order, self.orders, self.quantity,
            self.stop_price,
        )  # fmt: skip


def stop_price(
    mid: Decimal, percentage: Decimal, side: Side, tick: Decimal, step: Decimal | None = None
) -> Decimal:
    """``percentage`` from ``mid`` against the position, to a whole tick, never further away.

    ``step``: what the venue's own prices are multiples of; then it is a multiple of both.
    """
    exact = mid * (1 + side.sign * percentage / HUNDRED)
    rounding = ROUND_CEILING if side is Side.SELL else ROUND_FLOOR
    both = tick if step is None else _common(tick, step)
    return (exact / both).to_integral_value(rounding) * both


def _common(one: Decimal, other: Decimal) -> Decimal:
    """The least multiple of both: the coarser, where it is one of the finer."""
    (top, bottom), (other_top, other_bottom) = one.as_integer_ratio(), other.as_integer_ratio()
    return Decimal(lcm(top * other_bottom, other_top * bottom)) / (bottom * other_bottom)


class StopLosses:
    """Of one account, by strategy and symbol; ended ones stay until another takes their place."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], StopLoss] = {}
        self._written: dict[tuple[str, str], tuple[object, ...]] = {}

    def load(self, stops: Iterable[StopLoss]) -> None:
        for one in stops:
            self.put(one)
            self._written[one.strategy, one.symbol] = one.facts()

    def put(self, one: StopLoss) -> None:
        self._all[one.strategy, one.symbol] = one

    def of(self, strategy: str, symbol: str) -> StopLoss | None:
        return self._all.get((strategy, symbol))

    def live(self) -> list[StopLoss]:
        return [one for one in self._all.values() if one.live]

    def end_where(self, goes: Callable[[StopLoss], bool], why: str) -> None:
        """By a person's word: their orders are cancelled, and none comes after them."""
        for one in self.live():
            if goes(one):
                one.end(why)

    def unwritten(self) -> list[StopLoss]:
        """Those that changed since they were last asked for here, each with a new version."""
        found = []
        for key, one in self._all.items():
            facts = one.facts()
            if self._written.get(key) != facts:
                self._written[key] = facts
                one.version += 1
                found.append(one)
        return found
