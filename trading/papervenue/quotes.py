"""Reads the feed's quotes from the tick stream into the exchange, each entry exactly once.

The place in the stream is committed together with what the entry matched, so a killed venue goes
on where it was. Without Redis there are no new quotes; those there are age out.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from trading import ticks
from trading.papervenue.exchange import Exchange

log = logging.getLogger("papervenue")

NAME = "papervenue"
BATCH = 64
BLOCK_MS = 1_000
RETRY_S = 0.25
ACKS_MAXLEN = 1_000

Fields = dict[bytes, bytes]


class QuoteReader:
    """``flush`` commits and tells what the quotes matched; an entry is acknowledged after it."""

    def __init__(
        self, url: str, ticks_stream: str, acks_stream: str, exchange: Exchange,
        flush: Callable[[], None],
    ) -> None:  # fmt: skip
        self._url = url
        self._stream = ticks_stream
        self._acks = acks_stream
        self._exchange = exchange
        self._flush = flush

    async def run(self) -> None:
        """Read for ever; cancel to stop."""
        down = False
        while True:
            client: Redis = Redis.from_url(
                self._url, socket_timeout=5, socket_connect_timeout=2, socket_keepalive=True,
                health_check_interval=5, retry=Retry(NoBackoff(), 0),
            )  # fmt: skip
            try:
                await self._resume(client)
                if down:
                    log.info("redis is back: reading %s from %s", self._stream, self._place)
                down = False
                while True:
                    await self._read(client)
            except (RedisError, OSError) as error:
                if not down:
                    log.warning("redis is gone (%s): no new quotes until it is back", error)
                down = True
            finally:
                await client.aclose()
            await asyncio.sleep(RETRY_S)  # between two attempts to connect

    @property
    def _place(self) -> str:
        return self._exchange.feed_entry

    async def _resume(self, client: Redis) -> None:
        """Find our place, and acknowledge again what a killed venue may have left unsaid."""
        newest = await client.xrevrange(self._stream, count=1)
        if newest and _order(newest[0][0].decode()) < _order(self._place):
            self._exchange.rewind_feed()
        done = await client.xrevrange(self._stream, max=self._place, count=BATCH)
        await self._acknowledge(client, list(reversed(done)))

    async def _read(self, client: Redis) -> None:
        answer = await client.xread({self._stream: self._place}, count=BATCH, block=BLOCK_MS)
        for _, entries in answer:
            for ident, fields in entries:
                self._match(ident.decode(), fields)
            self._flush()
            await self._acknowledge(client, entries)

    def _match(self, ident: str, fields: Fields) -> None:
        now = time.time_ns()
        try:
            batch = ticks.unpack(fields[b"d"])
            clock = int(fields[b"clk"])
            wall = min(int(fields.get(b"wall", now)), now)
        except (KeyError, ValueError) as error:
            log.error("tick entry %s is malformed and was passed over: %r", ident, error)
            batch, clock, wall = ticks.empty(0), self._exchange.engine.feed_clock, now
        session = fields.get(b"s", b"").decode()
        self._exchange.on_ticks(batch, clock, wall, now, session=session, entry=ident)

    async def _acknowledge(self, client: Redis, entries: list[tuple[bytes, Fields]]) -> None:
        locked = [ident for ident, fields in entries if fields.get(b"lock") == b"1"]
        if locked:
            async with client.pipeline(transaction=False) as pipe:
                for ident in locked:
                    pipe.xadd(self._acks, {"who": NAME, "id": ident}, maxlen=ACKS_MAXLEN)
                await pipe.execute()


def _order(ident: str) -> tuple[int, int]:
    """A stream id as it sorts."""
    ms, _, number = ident.partition("-")
    return int(ms), int(number or 0)
