"""The private side of the stand-in's WebSocket: challenge checked, fills, open orders, faults."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from aiohttp import web

from tests.krakenfutures import words
from trading.papervenue.recording import Event

PRIVATE = ("fills", "open_orders", "balances")
WRONG = ("mute", "refuse", "drop", "twice", "backwards", "stale", "silent", "nonsense")
"""No answer to a challenge; no subscription; cut in the middle of a message; each message twice;
each behind the next; the same old one for ever; nothing, not even heartbeats; no JSON."""
BEAT_S = 0.5


@dataclass
class Faults:
    """``limited`` answers are *too many*, those of ``limited_paths`` always; ``lose`` answers of a
    path are done and not given."""

    limited: int = 0
    limited_paths: set[str] = field(default_factory=set)
    lose: dict[str, int] = field(default_factory=dict)
    status: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Path -> HTTP status and text that it answers instead, without doing anything."""
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    """Path -> set when its answers, which are ready, may be given."""
    stream: str = ""
    """What is wrong with the private stream: one of tests.krakenfutures.private.WRONG."""


@dataclass(eq=False)
class Listener:
    """A connection, once it proved whose it is."""

    socket: web.WebSocketResponse
    request: web.Request
    challenge: str = ""
    account: str = ""
    feeds: set[str] = field(default_factory=set)
    kept: list[dict[str, Any]] = field(default_factory=list)
    beating: asyncio.Task[None] | None = None


class PrivateFeed:
    """``keys``: API key -> account and secret (base64). ``proven`` counts good signatures."""

    def __init__(self, keys: Mapping[str, tuple[str, str]], faults: Faults) -> None:
        self._keys = keys
        self._faults = faults
        self.listeners: set[Listener] = set()
        self.proven = 0
        self._writing: set[asyncio.Task[None]] = set()

    def opened(self, socket: web.WebSocketResponse, request: web.Request) -> Listener:
        one = Listener(socket, request)
        self.listeners.add(one)
        one.beating = asyncio.create_task(self._beat(one))
        return one

    def closed(self, one: Listener) -> None:
        if one.beating is not None:
            one.beating.cancel()
        self.listeners.discard(one)

    async def told(self, one: Listener, said: dict[str, Any]) -> bool:
        """Whether it was for the private side, and was answered there."""
        if said.get("event") == "challenge":
            await self._challenge(one)
            return True
        if said.get("feed") in (*PRIVATE, "heartbeat"):
            await self._subscribe(one, said)
            return True
        return False

    async def _beat(self, one: Listener) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            if "heartbeat" in one.feeds and self._faults.stream != "silent":
                with contextlib.suppress(ConnectionError):
                    await one.socket.send_str(_text({"feed": "heartbeat", "time": 0}))

    async def _challenge(self, one: Listener) -> None:
        if self._faults.stream == "mute":
            return
        one.challenge = str(uuid.uuid4())
        await one.socket.send_str(_text({"event": "challenge", "message": one.challenge}))

    async def _subscribe(self, one: Listener, said: dict[str, Any]) -> None:
        feed = said["feed"]
        if feed in PRIVATE:
            one.account = self._whose(one, said)
            if not one.account or self._faults.stream == "refuse":
                await one.socket.send_str(
                    _text({"event": "alert", "message": "Failed to subscribe"})
                )
                return
            self.proven += 1
        one.feeds.add(feed)
        await one.socket.send_str(_text({"event": "subscribed", "feed": feed}))
        if feed == "fills":
            await one.socket.send_str(_text({"feed": "fills_snapshot", "fills": []}))

    def _whose(self, one: Listener, said: dict[str, Any]) -> str:
        """The account whose secret signed the challenge that this connection was given."""
        account, secret = self._keys.get(said.get("api_key", ""), ("", ""))
        digest = hashlib.sha256(one.challenge.encode()).digest()
        right = hmac.new(base64.b64decode(secret), digest, hashlib.sha512).digest()
        signed = said.get("signed_challenge") == base64.b64encode(right).decode()
        return account if signed and said.get("original_challenge") == one.challenge else ""

    def push(self, event: Event) -> None:
        """Tell who listens what happened."""
        message = _message(event)
        if message is None:
            return
        for one in self.listeners:
            if one.account == event.account and message["feed"] in one.feeds:
                work = asyncio.ensure_future(self._write(one, message))
                self._writing.add(work)
                work.add_done_callback(self._writing.discard)

    async def _write(self, one: Listener, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):
            match self._faults.stream:
                case "silent":
                    return
                case "nonsense":
                    await one.socket.send_str("<html>")
                case "drop":
                    self._cut(one)
                case "twice":
                    for _ in range(2):
                        await one.socket.send_str(_text(message))
                case "backwards":
                    one.kept.append(message)
                    if len(one.kept) > 1:
                        for late in (one.kept.pop(), one.kept.pop()):
                            await one.socket.send_str(_text(late))
                case "stale":
                    one.kept = one.kept or [message]
                    await one.socket.send_str(_text(one.kept[0]))
                case _:
                    await one.socket.send_str(_text(message))

    @staticmethod
    def _cut(one: Listener) -> None:
        """The head of a text of 256 bytes, a few of them, and no more."""
        transport = one.request.transport
        if transport is not None:
            transport.write(b"\x81\x7e\x01\x00" + b'{"feed": "fi')
            asyncio.get_running_loop().call_later(0.05, transport.abort)


def _text(message: dict[str, Any]) -> str:
    return words.encode(message).decode()


def _message(event: Event) -> dict[str, Any] | None:
    body = event.body
    ident = str(body.get("client_order_id", ""))
    if event.kind == "fill":
        return {
            "feed": "fills",
            "fills": [
                {
                    "instrument": words.market_ident(str(body["symbol"])), "time": 0,
                    "price": Decimal(str(body["price"])), "seq": body["sequence"],
                    "buy": body["side"] == "buy", "qty": Decimal(str(body["quantity"])),
                    "remaining_order_qty": 0, "order_id": "", "cli_ord_id": ident,
                    "fill_id": body["venue_fill_id"], "fill_type": "taker",
                    "fee_paid": Decimal(str(body["fee"])), "fee_currency": "USD",
                }
            ],
        }  # fmt: skip
    if event.kind in ("accepted", "ended", "triggered"):
        gone = event.kind == "ended"
        reason = "cancelled_by_user" if gone else "new_placed_order_by_user"
        return {"feed": "open_orders", "cli_ord_id": ident, "is_cancel": gone, "reason": reason}
    return None
