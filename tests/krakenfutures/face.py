"""The face of the stand-in: HTTP over TCP, signatures checked, faults on demand."""

import asyncio
import base64
import fcntl
import hashlib
import hmac
import struct
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.krakenfutures import words
from tests.krakenfutures.private import Faults, PrivateFeed
from tests.krakenfutures.streams import Streams
from trading.clock import NS, wall_ns
from trading.papervenue.exchange import Exchange

POSTED = frozenset({
    "sendorder", "editorder", "cancelorder", "cancelallorders", "batchorder",
    "cancelallordersafter", "orders/status",
})  # fmt: skip
"""Documented as POST; all else is a GET, and what comes otherwise is not found."""

Body = dict[str, Any]
Handler = Callable[["Asked"], Body]


class KrakenError(Exception):
    """An answer ``{"result": "error", "error": …}``."""


class LostError(Exception):
    """What was asked was done, and nothing is said about it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of one account; ``query`` is what was signed."""

    account: str
    query: Mapping[str, str]


class Face:
    """``keys``: API key -> account and secret (base64). Who inherits gives ``handlers`` by path."""

    exchange: Exchange
    handlers: dict[str, Handler]

    def __init__(self, keys: Mapping[str, tuple[str, str]]) -> None:
        self.keys = keys
        self.faults = Faults()
        self.feed = PrivateFeed(keys, self.faults)
        self.streams = Streams(self.feed)
        self.well = asyncio.Event()
        self.well.set()
        self.requests: list[str] = []
        """Paths as they came, after their signature was checked."""
        self.dropped = False
        """The exchange took the request in hand and is not to tell."""
        self.port = 0
        self._nonces: dict[str, int] = {}
        self._runner: web.AppRunner | None = None

    def settle(self) -> None:
        """Make true what happened."""

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.router.add_get("/ws/v1", self.streams.serve)
        app.router.add_route("*", "/{tail:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.settle()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def stop_listening(self) -> None:
        """Nobody is there, until it is started again."""
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    async def stop(self) -> None:
        self.cut()
        self.well.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def cut(self) -> None:
        """Break every connection."""
        server = self._runner.server if self._runner else None
        for one in list(server.connections if server else ()):
            if one.transport is not None:
                one.transport.abort()

    def unread_bytes(self) -> int:
        """What the kernel has for us and we have not read."""
        server = self._runner.server if self._runner else None
        unread = 0
        for one in list(server.connections if server else ()):
            raw = one.transport.get_extra_info("socket") if one.transport else None
            if raw is not None:
                (queued,) = struct.unpack(
                    "i", fcntl.ioctl(raw.fileno(), termios.FIONREAD, bytes(4))
                )
                unread += int(queued)
        return unread

    # The face --------------------------------------------------------------------------------

    async def _take(self, request: web.Request) -> web.StreamResponse:
        path, account = request.path, ""
        if path == "/standin":
            return self._set_faults(request.query)
        try:
            await self.well.wait()
            name, handler, private = self._route(request.method, path)
            said_by = request.raw_path.partition("?")[2] or await request.text()
            query = dict(parse_qsl(said_by, keep_blank_values=True))
            account = self._signed(request, said_by) if private else ""
            self.requests.append(name)
            said = self._faulty(name) or self._answer(handler, Asked(account, query))
            await self._lose(name, account, request)
            if name in self.faults.held:
                await self.faults.held[name].wait()
        except KrakenError as error:
            said = self._said({"result": "error", "error": str(error)})
        except LostError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        delay_s = self.exchange.faults.of(account).answer_delay_ns / NS
        await asyncio.sleep(delay_s)
        return said

    def _set_faults(self, wanted: Mapping[str, str]) -> web.Response:
        self.faults.stream = wanted.get("stream", "")
        self.faults.limited = int(wanted.get("limited", 0))
        lose = filter(None, wanted.get("lose", "").split(","))
        self.faults.lose = {
            name: int(count) for name, _, count in (one.partition(":") for one in lose)
        }
        return web.Response(text="set")

    def _said(self, body: Body, status: int = 200) -> web.Response:
        body = {"serverTime": words.moment(self.exchange.own(wall_ns())), **body}
        return web.Response(body=words.encode(body), status=status, content_type="application/json")

    def _answer(self, handler: Handler, asked: Asked) -> web.Response:
        body = {"result": "success", **handler(asked)}
        self.settle()
        return self._said(body)

    def _faulty(self, name: str) -> web.Response | None:
        if name in self.faults.limited_paths:
            return self._said({"result": "error", "error": "apiLimitExceeded"})
        if self.faults.limited:
            self.faults.limited -= 1
            return self._said({"result": "error", "error": "apiLimitExceeded"})
        if name in self.faults.status:
            status, said = self.faults.status[name]
            return web.Response(status=status, text=said)
        return None

    async def _lose(self, name: str, account: str, request: web.Request) -> None:
        if self.faults.lose.get(name, 0):
            self.faults.lose[name] -= 1
            raise LostError
        dropped, self.dropped = self.dropped, False
        if dropped or (account and self.exchange.faults.of(account).disconnects()):
            raise LostError

    def _route(self, method: str, path: str) -> tuple[str, Handler, bool]:
        if path.startswith("/derivatives/api/v3/"):
            name = path.removeprefix("/derivatives/api/v3/")
            public = name in ("instruments", "tickers")
        elif path.startswith("/api/history/"):
            name, public = path.split("/", 4)[-1], False
        else:
            raise KrakenError("notFound")
        handler = self.handlers.get(name)
        if handler is None or method != ("POST" if name in POSTED else "GET"):
            raise KrakenError("notFound")
        return name, handler, not public

    def _signed(self, request: web.Request, said_by: str) -> str:
        """The account whose secret signed exactly what is said. Raises KrakenError."""
        known = self.keys.get(request.headers.get("APIKey", ""))
        if known is None:
            raise KrakenError("authenticationError")
        account, secret = known
        nonce = request.headers.get("Nonce", "")
        endpoint = request.path.removeprefix("/derivatives")
        said = (said_by + nonce + endpoint).encode()
        digest = hashlib.sha256(said).digest()
        right = hmac.new(base64.b64decode(secret), digest, hashlib.sha512).digest()
        if request.headers.get("Authent", "") != base64.b64encode(right).decode():
            raise KrakenError("authenticationError")
        if nonce and not self._newer(account, int(nonce)):
            raise KrakenError("nonceBelowThreshold")
        return account

    def _newer(self, account: str, nonce: int) -> bool:
        newer = nonce > self._nonces.get(account, 0)
        self._nonces = {**self._nonces, account: max(nonce, self._nonces.get(account, 0))}
        return newer
