"""Public feeds of the stand-in over WebSocket: book, ticker, ticker_lite and trade, with faults.

Forms as the public documents of Kraken Futures have them: ``subscribe`` is answered by
``subscribed`` and a snapshot; a book's messages are numbered, each one price and what is there.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from tests.krakenfutures.private import PrivateFeed
from trading.clock import wall_ns

MS = 1_000_000
HALF_A_FRAME = b"\x81\x7e\x00\xc8" + b'{"feed":"book","product_id":'
"""A text of 200 bytes is announced, and cut off."""

encode = msgspec.json.Encoder(decimal_format="number").encode
Side = tuple[Decimal, Decimal]
"""Price and quantity."""


class Streams:
    """``tops``: best bid and ask of each market, as ``quote`` was told them last. What is asked of
    ``private`` over the same socket is its to answer."""

    def __init__(self, private: PrivateFeed) -> None:
        self._private = private
        self.tops: dict[str, tuple[Side, Side]] = {}
        self.suspended: set[str] = set()
        self.post_only: set[str] = set()
        self.silent = False
        """Pings are answered, and nothing is said."""
        self.away = False
        self.ahead_ns = 0
        self.opened = 0
        self._sockets: dict[web.WebSocketResponse, set[tuple[str, str]]] = {}
        self._queues: dict[web.WebSocketResponse, asyncio.Queue[str]] = {}
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._seq: dict[str, int] = defaultdict(lambda: 1_000)

    def now_ms(self) -> int:
        return (wall_ns() + self.ahead_ns) // MS

    # Life of a socket ------------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self.away or request.transport is None:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.opened += 1
        self._sockets[socket], self._queues[socket] = set(), asyncio.Queue()
        self._transports[socket] = request.transport
        writer = asyncio.create_task(self._write(socket))
        self._say(socket, {"event": "info", "version": 1})
        one = self._private.opened(socket, request)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    said = json.loads(message.data)
                    if not await self._private.told(one, said):
                        self._subscribe(socket, said)
        finally:
            self._private.closed(one)
            writer.cancel()
            for known in (self._sockets, self._queues, self._transports):
                known.pop(socket, None)
        return socket

    async def _write(self, socket: web.WebSocketResponse) -> None:
        while not socket.closed:
            text = await self._queues[socket].get()
            await socket.send_str(text)

    def _subscribe(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> None:
        feed, products = said["feed"], said["product_ids"]
        self._say(socket, {"event": "subscribed", "feed": feed, "product_ids": products})
        for product in products:
            self._sockets[socket].add((feed, product))
            for one in self._snapshot(feed, product):
                self._say(socket, one)

    def _snapshot(self, feed: str, product: str) -> Iterable[dict[str, Any]]:
        if feed == "trade":
            yield {"feed": "trade_snapshot", "product_id": product, "trades": []}
        elif product in self.tops and feed == "book":
            bid, ask = self.tops[product]
            yield {
                "feed": "book_snapshot", "product_id": product, "timestamp": self.now_ms(),
                "seq": self._seq[product], "tickSize": None,
                "bids": [{"price": bid[0], "qty": bid[1]}],
                "asks": [{"price": ask[0], "qty": ask[1]}],
            }  # fmt: skip
        elif product in self.tops:
            yield self._ticker(feed, product)

    def _say(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> None:
        if not self.silent:
            self._queues[socket].put_nowait(encode(said).decode())

    def _tell(self, feed: str, product: str, said: dict[str, Any]) -> None:
        for socket, wanted in self._sockets.items():
            if (feed, product) in wanted:
                self._say(socket, said)

    # What happens ----------------------------------------------------------------------------

    def quote(self, product: str, bid: Side, ask: Side) -> None:
        """The best prices from now on; those of before are gone."""
        before = self.tops.get(product, ())
        if before == (bid, ask):
            return
        self.tops[product] = (bid, ask)
        for side, old, now in zip(("buy", "sell"), before, (bid, ask), strict=False):
            if old[0] != now[0]:
                self._level(product, side, (old[0], Decimal(0)))
        for side, now in (("buy", bid), ("sell", ask)):
            if now not in before:
                self._level(product, side, now)
        self.tell_ticker(product)

    def tell_ticker(self, product: str) -> None:
        for feed in ("ticker", "ticker_lite"):
            self._tell(feed, product, self._ticker(feed, product))

    def _level(self, product: str, side: str, level: Side) -> None:
        self._seq[product] += 1
        self._tell(
            "book", product,
            {
                "feed": "book", "product_id": product, "side": side, "seq": self._seq[product],
                "price": level[0], "qty": level[1], "timestamp": self.now_ms(),
            },
        )  # fmt: skip

    def _ticker(self, feed: str, product: str) -> dict[str, Any]:
        (bid, bid_size), (ask, ask_size) = self.tops[product]
        lite = {"feed": feed, "product_id": product, "bid": bid, "ask": ask, "tag": "perpetual"}
        if feed == "ticker_lite":
            return lite
        return {
            **lite, "time": self.now_ms(), "bid_size": bid_size, "ask_size": ask_size,
            "suspended": product in self.suspended, "post_only": product in self.post_only,
        }  # fmt: skip

    def trade(self, product: str, side: str, quantity: str, price: str) -> None:
        self._tell(
            "trade", product,
            {
                "feed": "trade", "product_id": product, "uid": f"t-{self._seq[product]}",
                "side": side, "type": "fill", "seq": self._seq[product], "time": self.now_ms(),
                "qty": Decimal(quantity), "price": Decimal(price),
            },
        )  # fmt: skip

    # Faults ----------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Anything, to everybody."""
        for queue in self._queues.values():
            queue.put_nowait(text)

    def lose(self, product: str) -> None:
        """One message of a book does not come."""
        self._seq[product] += 1

    def cut(self) -> None:
        """Break every connection in the midst of a message."""
        for transport in self._transports.values():
            transport.write(HALF_A_FRAME)
            asyncio.get_running_loop().call_later(0.02, transport.abort)
