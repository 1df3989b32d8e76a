"""What stands at the ends of the sockets bench: the bare server to compare with, and the client.

``python -m scripts.bench.live_peers bare PORT`` serves; ``client URL COOKIE COUNT`` opens
sockets, prints ``open``, and at SIGTERM one line of JSON: {frames, bytes, p50_ms, p99_ms}.
A frame says when it was published in the ``as_of`` near its beginning.
"""

import asyncio
import base64
import contextlib
import datetime as dt
import json
import os
import signal
import struct
import sys
import time
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from websockets.asyncio.server import ServerConnection, broadcast, serve

EVERY_S = 0.1
STAMP = b'"as_of":"'
STAMP_LENGTH = 27
_HEAD = 120


def stamped(body: str) -> str:
    """A frame of ``body`` published now."""
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    number = time.time_ns() // 1_000_000
    return f'{{"topic":"desk","seq":{number},"as_of":"{now}",{body[1:]}'


class Reader(asyncio.Protocol):
    """One socket: shakes hands, then finds frames in what comes and how old each is."""

    def __init__(self, url: str, cookie: str, ages: list[float], opened: asyncio.Future[None]):
        self._url, self._cookie, self._ages, self._opened = urlsplit(url), cookie, ages, opened
        self._waiting = bytearray()
        self._open = False
        self.bytes = 0

    def connection_made(self, transport: Any) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        host = self._url.netloc
        transport.write(
            f"GET {self._url.path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nCookie: {self._cookie}\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        self._waiting += data
        if not self._open:
            head, found, rest = self._waiting.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise ConnectionError(head.decode(errors="replace"))
            self._open, self._waiting = True, bytearray(rest)
            self._opened.set_result(None)
        while (length := self._length()) is not None:
            start, end = length
            self._frame(bytes(self._waiting[start : min(end, start + _HEAD)]))
            del self._waiting[:end]

    def _length(self) -> tuple[int, int] | None:
        """Where the first frame's payload lies; None until all of it is here."""
        have = self._waiting
        if len(have) < 2:
            return None
        size, start = have[1] & 127, 2
        if size == 126:
            start = 4
            size = struct.unpack_from(">H", have, 2)[0] if len(have) >= 4 else 1 << 62
        elif size == 127:
            start = 10
            size = struct.unpack_from(">Q", have, 2)[0] if len(have) >= 10 else 1 << 62
        return (start, start + size) if len(have) >= start + size else None

    def _frame(self, head: bytes) -> None:
        at = head.find(STAMP)
        if at < 0:
            return  # the hub's own word
        text = head[at + len(STAMP) : at + len(STAMP) + STAMP_LENGTH].decode()
        published = dt.datetime.fromisoformat(text).timestamp()
        self._ages.append((time.time() - published) * 1e3)


def _same(reader: Reader) -> Reader:
    return reader


async def client(url: str, cookie: str, count: int) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    ages: list[float] = []
    readers: list[Reader] = []
    loop.add_signal_handler(signal.SIGUSR1, ages.clear)  # from here on it counts
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    where = urlsplit(url)
    for _ in range(count):
        opened: asyncio.Future[None] = loop.create_future()
        made = Reader(url, cookie, ages, opened)
        await loop.create_connection(partial(_same, made), where.hostname or "", where.port or 80)
        await opened
        readers.append(made)
    print("open", flush=True)
    await ended.wait()
    found = list(ages)
    p50, p99 = np.percentile(found, [50, 99]) if found else (-1.0, -1.0)
    total = sum(one.bytes for one in readers)
    said = {"frames": len(found), "bytes": total, "p50_ms": float(p50), "p99_ms": float(p99)}
    print(json.dumps(said), flush=True)


async def bare(port: int, body: str) -> None:
    """The least that could do it: one task sends one text to every connection."""
    connections: set[ServerConnection] = set()

    async def hold(connection: ServerConnection) -> None:
        connections.add(connection)
        try:
            await connection.wait_closed()
        finally:
            connections.discard(connection)

    async with serve(hold, "127.0.0.1", port, compression=None):
        due = time.monotonic()
        while True:
            due += EVERY_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            broadcast(connections, stamped(body))


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        if kind == "client":
            asyncio.run(client(rest[0], rest[1], int(rest[2])))
        else:
            asyncio.run(bare(int(rest[0]), sys.stdin.read()))
