"""Strategies without a mind: orders as fast as each is answered, quotes for them, every kind mixed.

Most orders are IOC away from the market (accepted, expired), some trade, some rest and are
cancelled. Each slot (strategy, symbol) has one intent under way, and follows the gateway's word of
position and open quantity, so that most of what it sends is admitted.
"""

import itertools
import random
import threading
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from trading import clock, streams
from trading.messages import (
    BookSnapshot,
    CancelIntent,
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

log = structlog.get_logger(__name__)

ACCOUNTS = ("paper-1", "paper-2")
SYMBOLS = ("EURUSD", "GBPUSD", "AUDUSD", "SPY", "AAPL")
STRATEGIES = tuple(f"s{number:02}" for number in range(10))
SHARD, SHARD_TOKEN = "shard:0", 1
MS = 1_000_000
LOST_NS = 400 * MS
REST_NS = 250 * MS
QUOTE_NS = 100 * MS
CALM_NS, BUSY_NS = 140 * MS, 70 * MS
"""Between two orders of a slot: while things fail, and for halts that must meet load."""


def account_of(strategy: str) -> str:
    return ACCOUNTS[int(strategy[1:]) % 2]


@dataclass
class Slot:
    """One strategy in one symbol."""

    strategy: str
    symbol: str
    position: Decimal = Decimal(0)
    in_flight: Decimal = Decimal(0)
    asked: str = ""
    resting: str = ""
    due_ns: int = 0
    accepted_ns: int = 0

    @property
    def account(self) -> str:
        return account_of(self.strategy)


class Load:
    """Runs in a thread of its own from ``start`` to ``stop``."""

    def __init__(self, redis_url: str, *, pause_ns: int = CALM_NS, seed: int = 1) -> None:
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
        )
        self._pause_ns = pause_ns
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._boot = clock.boot_id()
        self._quoted_ns = 0
        self._after: bytes | str = f"{clock.wall_ns() // MS}-0"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")
        self.slots = {
            (strategy, SYMBOLS[(number // 2 + shift) % len(SYMBOLS)]): Slot(
                strategy, SYMBOLS[(number // 2 + shift) % len(SYMBOLS)]
            )
            for number, strategy in enumerate(STRATEGIES)
            for shift in (0, 1)
        }
        self.sent = 0
        self.refused: dict[str, int] = {}
        self.born: dict[str, int] = {}
        """Wall ns of each intent, by the id of the order that it becomes."""

    def start(self) -> None:
        self._thread.start()

    def pace(self, pause_ns: int) -> None:
        """So long between two orders of a slot from now on."""
        self._pause_ns = pause_ns

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        self._redis.close()

    def accepted_ns(self, scope: str) -> int:
        """When, by the boot clock, an order in ``scope`` was last known to be accepted."""
        kind, _, key = scope.partition(":")
        names = {"strategy": "strategy", "venue": "account", "instrument": "symbol"}
        return max(
            one.accepted_ns
            for one in self.slots.values()
            if kind == "firm" or getattr(one, names[kind]) == key
        )

    # The loop --------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._turn()
            except redis.RedisError:
                self._over.wait(0.05)

    def _turn(self) -> None:
        answer: Any = self._redis.xread({streams.ORDERS: self._after}, count=500, block=4)
        for _, entries in answer or ():
            for ident, fields in entries:
                self._after = ident
                self._hear(gateway_decoder.decode(fields[b"m"]))
        now = clock.boot_ns()
        pipe = self._redis.pipeline(transaction=False)
        if now - self._quoted_ns >= QUOTE_NS:
            self._quoted_ns = now
            pipe.xadd(streams.TICKS, self._quotes(), maxlen=2_000)
        for slot in self.slots.values():
            if now >= slot.due_ns:
                slot.due_ns = now + LOST_NS
                intent = self._intent(slot, now)
                slot.asked = intent.intent_id
                pipe.xadd(streams.intents(slot.account), {"m": encode(intent)}, maxlen=5_000)
                self.sent += 1
        if len(pipe):
            pipe.execute()

    def _hear(self, message: OrderUpdate | BookSnapshot) -> None:
        if isinstance(message, BookSnapshot):
            for one in message.holdings:
                slot = self.slots.get((one.strategy, one.symbol))
                if slot is not None:
                    slot.position, slot.in_flight = one.position, one.in_flight
            return
        slot = self.slots.get((message.strategy, message.symbol))
        if slot is None:
            return
        now = clock.boot_ns()
        slot.position, slot.in_flight = message.position, message.in_flight
        if message.state == "denied":
            self.refused[message.reason_code] = self.refused.get(message.reason_code, 0) + 1
        elif message.state != "rejected":
            slot.accepted_ns = now
        if message.state == "working":
            slot.resting = message.client_order_id
        elif message.client_order_id == slot.resting and message.final:
            slot.resting = ""
        if message.intent_id == slot.asked and (message.final or message.state == "working"):
            slot.due_ns = now + (REST_NS if slot.resting else self._pause_ns)

    # What it sends ---------------------------------------------------------------------------

    def _intent(self, slot: Slot, now: int) -> OrderIntent | CancelIntent:
        ident = f"{slot.strategy}.{slot.symbol}.{next(self._numbers):x}"
        if slot.resting:
            order, slot.resting = slot.resting, ""
            slot.due_ns = now + self._pause_ns
            return CancelIntent(
                ident, slot.strategy, slot.account, order, SHARD, SHARD_TOKEN, "its time is over"
            )
        self.born[f"{slot.account}.{ident}"] = clock.wall_ns()
        one = UNIVERSE.by_symbol(slot.symbol)
        side = Side.SELL if slot.position > 0 else Side.BUY
        dice = self._random.random()
        ticks = 3 if dice < 0.15 else -50  # beyond the touch, or far on the near side
        return OrderIntent(
            intent_id=ident,
            correlation_id=f"load-{slot.strategy}",
            strategy=slot.strategy,
            account=slot.account,
            symbol=slot.symbol,
            side=side,
            quantity=one.lot_size,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC if dice > 0.9 else TimeInForce.IOC,
            limit_price=one.reference_price + side.sign * ticks * one.tick_size,
            reference_price=one.reference_price,
            expected_position=slot.position + slot.in_flight,
            shard=SHARD,
            shard_token=SHARD_TOKEN,
            tick_time=clock.wall_ns(),
            tick_boot=now,
            created_boot=now,
            created_wall=clock.wall_ns(),
            boot_id=self._boot,
        )

    def _quotes(self) -> Any:
        ticks = empty(len(SYMBOLS))
        wall = clock.wall_ns()
        for row, symbol in enumerate(SYMBOLS):
            one = UNIVERSE.by_symbol(symbol)
            ticks["instrument"][row] = one.id
            ticks["time"][row] = wall
            ticks["bid"][row] = to_nano(one.reference_price)
            ticks["ask"][row] = to_nano(one.reference_price + one.tick_size)
        return {
            "d": pack(ticks), "clk": wall, "boot": clock.boot_ns(), "wall": wall,
            "bid": self._boot, "s": "load",
        }  # fmt: skip
