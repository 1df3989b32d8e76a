"""Orders at a rate: strategies without a mind, each slot with one order under way.

Most are IOC away from the market (accepted and expired), some trade, back and forth, so that fills,
books and positions are part of it. Prices stand still. At the end what is held is sold. An answer
is waited for from when its order was due: one that a stall kept from being made has waited, too.
"""

import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from redis import Redis

from trading import clock, streams
from trading.clock import NS
from trading.messages import (
    OrderIntent,
    OrderType,
    OrderUpdate,
    Side,
    TimeInForce,
    encode,
    gateway_decoder,
)
from trading.ticks import empty, pack
from trading.universe import UNIVERSE, to_nano
from workers.loadtest.plan import ACCOUNT, SHARD, SHARD_TOKEN, STRATEGIES, SYMBOLS, Plan

QUOTE_NS = NS // 10
TURN_S = 0.004
"""What is due is made so often, and what was answered heard: without a rest this would take a core
from what is measured. Redis cannot be asked to wait: it ends what waits in vain ten times a second,
so that orders would come in bursts."""
READ_COUNT = 2_000
TRADES_EVERY = 7
"""One order in so many trades."""
AWAY_TICKS = -50
BEYOND_TICKS = 3
SETTLE_S = 10.0
TOLD = 4_096
"""Latencies that the progress tells of: the newest."""


@dataclass(slots=True)
class Slot:
    strategy: str
    symbol: str
    position: Decimal = Decimal(0)
    in_flight: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Seen:
    """How it goes: ``left_s`` until its end, ``p99_ms`` of the newest answers, told to us."""

    left_s: float
    made: int
    answered: int
    rate: float
    p99_ms: float | None


@dataclass
class Load:
    """Against one world; ``run`` may be called again and again."""

    redis: Redis
    name: str = "l"
    made: dict[str, int] = field(default_factory=dict)
    """Boot ns at which every order made was due, by intent."""
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        slots = [Slot(one, symbol) for one in STRATEGIES for symbol in SYMBOLS]
        self._slots = {(one.strategy, one.symbol): one for one in slots}
        self._free = deque(slots)
        self._busy: dict[str, Slot] = {}
        self._numbers = itertools.count(1)
        self._boot = clock.boot_id()
        self._after: bytes | str = f"{clock.wall_ns() // 1_000_000}-0"
        self._quoted = 0
        self._turn_at = 0.0
        self._answered = 0
        self._latencies: deque[float] = deque(maxlen=TOLD)

    def run(self, plan: Plan, tell: Callable[[Seen], None] = lambda _: None) -> None:
        """Make the plan's orders, and wait until each has ended. Raises redis.RedisError."""
        begun, made, told = clock.boot_ns(), 0, 0
        while (at_s := (clock.boot_ns() - begun) / NS) < plan.duration_s:
            due = range(made + 1, plan.due(at_s) + 1)
            made += self._turn([begun + int(plan.due_s(one) * NS) for one in due])
            if int(at_s) > told:
                told = int(at_s)
                tell(self._seen(plan.duration_s - at_s, made / at_s))
        self.settle()

    def settle(self) -> None:
        """Until every order has ended, or for so long."""
        until = time.monotonic() + SETTLE_S
        while self._busy and time.monotonic() < until:
            self._turn(())

    def flatten(self) -> bool:
        """Sell what is held; whether nothing is left."""
        self.settle()
        pipe = self.redis.pipeline(transaction=False)
        for slot in list(self._free):
            if slot.position:
                self._free.remove(slot)
                held = abs(slot.position)
                self._order(pipe, slot, clock.boot_ns(), trades=True, quantity=held)
        pipe.execute()
        self.settle()
        return not any(one.position for one in self._slots.values())

    def _seen(self, left_s: float, rate: float) -> Seen:
        ordered = sorted(self._latencies)
        p99 = ordered[int(len(ordered) * 0.99)] if ordered else None
        return Seen(left_s, len(self.made), self._answered, rate, p99)

    def _turn(self, dues: Sequence[int]) -> int:
        """Hear what was answered, then make the orders that were due at these boot ns; how many
        there were slots for."""
        time.sleep(max(0.0, self._turn_at - time.monotonic()))
        self._turn_at = time.monotonic() + TURN_S
        answer: Any = self.redis.xread({streams.ORDERS: self._after}, count=READ_COUNT)
        for _, entries in answer or ():
            for ident, fields in entries:
                self._after = ident
                self._hear(gateway_decoder.decode(fields[b"m"]))
        pipe = self.redis.pipeline(transaction=False)
        now = clock.boot_ns()
        if now - self._quoted >= QUOTE_NS:
            self._quoted = now
            pipe.xadd(streams.TICKS, self._quotes(), maxlen=streams.TICKS_MAXLEN)
        count = min(len(dues), len(self._free))
        for due in dues[:count]:
            trades = len(self.made) % TRADES_EVERY == 0
            self._order(pipe, self._free.popleft(), due, trades=trades)
        if len(pipe):
            pipe.execute()
        return count

    def _hear(self, message: Any) -> None:
        if not isinstance(message, OrderUpdate):
            return
        slot = self._slots[message.strategy, message.symbol]
        slot.position, slot.in_flight = message.position, message.in_flight
        if not message.final or message.intent_id not in self._busy:
            return
        self._answered += 1
        self._latencies.append((clock.boot_ns() - self.made[message.intent_id]) / 1e6)
        if message.state in ("denied", "rejected"):
            self.refused[message.reason_code] += 1
        self._free.append(self._busy.pop(message.intent_id))

    def _order(
        self, pipe: Any, slot: Slot, due: int, *, trades: bool, quantity: Decimal | None = None
    ) -> None:
        one, now = UNIVERSE.by_symbol(slot.symbol), clock.boot_ns()
        ident = f"{self.name}{next(self._numbers):x}"
        side = Side.SELL if slot.position > 0 else Side.BUY
        ticks = BEYOND_TICKS if trades else AWAY_TICKS
        intent = OrderIntent(
            intent_id=ident,
            correlation_id=ident,
            strategy=slot.strategy,
            account=ACCOUNT,
            symbol=slot.symbol,
            side=side,
            quantity=quantity or one.lot_size,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            limit_price=one.reference_price + side.sign * ticks * one.tick_size,
            reference_price=one.reference_price,
            expected_position=slot.position + slot.in_flight,
            shard=SHARD,
            shard_token=SHARD_TOKEN,
            tick_time=clock.wall_ns(),
            tick_boot=due,
            created_boot=now,
            created_wall=clock.wall_ns(),
            boot_id=self._boot,
        )
        self.made[ident] = due
        self._busy[ident] = slot
        pipe.xadd(streams.intents(ACCOUNT), {"m": encode(intent)}, maxlen=streams.INTENTS_MAXLEN)

    def _quotes(self) -> Any:
        ticks, wall = empty(len(SYMBOLS)), clock.wall_ns()
        for row, symbol in enumerate(SYMBOLS):
            one = UNIVERSE.by_symbol(symbol)
            ticks["instrument"][row], ticks["time"][row] = one.id, wall
            ticks["bid"][row] = to_nano(one.reference_price)
            ticks["ask"][row] = to_nano(one.reference_price + one.tick_size)
        return {
            "d": pack(ticks), "clk": wall, "boot": clock.boot_ns(), "wall": wall,
            "bid": self._boot, "s": "load",
        }  # fmt: skip
