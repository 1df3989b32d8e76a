"""What a gateway reads from Redis: prices to judge by, and what its strategies want."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from trading import streams
from trading.feeds.flow import NONE
from trading.feeds.reading import TickEntry, read_entry
from trading.gateway.core import GatewayCore
from trading.gateway.effects import Effect
from trading.gateway.intake import MalformedIntentError, read_intent
from trading.gateway.session import now
from trading.gateway.teller import Teller
from trading.messages import OrderIntent

log = structlog.get_logger(__name__)

INTENTS_FROM_MS = 10_000
"""Intents up to this old are read at the start, so that what a predecessor left is answered."""
WARM_ENTRIES = 2_000
REDIS_RETRY_S = 0.2
TURN_NS = 20_000_000
"""So long a burst is worked at before others have a turn: readings of the licence wait behind it,
and one that came too late would license nothing."""


class Inbox:
    """``strategies`` reads, once the database answers, whose intents may be taken, and which of
    them trade on two accounts: both are fixed when a strategy is made."""

    def __init__(
        self, *, redis: Redis, core: GatewayCore, teller: Teller,
        perform: Callable[[list[Effect]], None],
        strategies: Callable[[], Awaitable[Mapping[str, bool]]],
    ) -> None:  # fmt: skip
        self._redis = redis
        self._core = core
        self._teller = teller
        self._perform = perform
        self._read_strategies = strategies
        self._strategies: Mapping[str, bool] = {}
        self._learn = asyncio.Event()
        self._session = ""
        self._where: dict[Any, Any] = {}

    def at(self, stream: str) -> bytes | None:
        """The last entry of ``stream`` that was taken in."""
        return self._where.get(stream)

    async def learn(self) -> None:
        self._strategies = await self._read_strategies()
        spanning = frozenset(key for key, spans in self._strategies.items() if spans)
        self._core.gate.spanning = spanning

    async def keep_learning(self) -> None:
        """Read the strategies again when an intent names one that is not known."""
        while True:
            await self._learn.wait()
            await self.learn()
            self._learn.clear()

    async def _warm(self) -> tuple[bytes, bytes]:
        """Learn the latest quotes; returns where to read ticks and intents from, as
        flow.START_RULE says."""
        entries = await self._redis.xrevrange(streams.TICKS, count=WARM_ENTRIES)
        for ident, fields in reversed(entries):
            self._on_tick_entry(ident, fields)
        start_id: bytes = entries[0][0] if entries else NONE
        self._teller.acknowledge(start_id)
        start = f"{now().wall_ns // 1_000_000 - INTENTS_FROM_MS}-0".encode()
        return start_id, start

    async def run(self) -> None:
        """Read until cancelled; while Redis is away nothing is known, so nothing is done."""
        intents = streams.intents(self._core.account)
        where = self._where
        while True:
            try:
                if not where:
                    where[streams.TICKS], where[intents] = await self._warm()
                answer = await self._redis.xread(where, count=200, block=500)
            except (RedisError, OSError) as error:
                log.warning("redis.away", error=str(error))
                where.clear()
                await asyncio.sleep(REDIS_RETRY_S)
                continue
            for name, entries in answer:
                await self._take(name.decode(), entries, where)
            self._teller.wake()

    async def _take(
        self, key: str, entries: list[tuple[bytes, dict[bytes, bytes]]], where: dict[Any, Any]
    ) -> None:
        begun = now().boot_ns
        for ident, fields in entries:
            where[key] = ident
            if key == streams.TICKS:
                self._on_tick_entry(ident, fields)
            else:
                self._on_intent(fields[b"m"])
            if now().boot_ns - begun > TURN_NS:
                await asyncio.sleep(0)
                begun = now().boot_ns

    def _on_tick_entry(self, ident: bytes, fields: dict[bytes, bytes]) -> None:
        entry = read_entry(ident, fields)
        if entry.session != self._session:
            self._session = entry.session
            self._core.prices.forget()
        self._core.prices.on_ticks(entry.ticks, entry.clock_ns, _published_boot(entry))
        if entry.lock:
            self._teller.acknowledge(ident)

    def _on_intent(self, data: bytes) -> None:
        moment = now()
        try:
            intent = read_intent(data)
        except MalformedIntentError as error:
            log.error("intent.malformed", account=self._core.account, error=str(error))
            self._teller.risk.error("MALFORMED_INTENT")
            return
        if intent.strategy not in self._strategies:
            log.error("intent.unknown-strategy", strategy=intent.strategy)
            self._teller.risk.error("UNKNOWN_STRATEGY")
            self._learn.set()
            return
        effects = self._core.on_intent(intent, moment)
        if isinstance(intent, OrderIntent):
            self._teller.risk.observe(now().boot_ns - moment.boot_ns)
        self._perform(effects)


def _published_boot(entry: TickEntry) -> int:
    """When it was published, by our boot clock. A gateway that begins, or comes back to Redis,
    reads old entries: their prices are as old as they are, not as new as the reading."""
    moment = now()
    if entry.boot_id == moment.boot_id:
        return entry.published_boot
    return moment.boot_ns - max(0, moment.wall_ns - entry.published_wall)
