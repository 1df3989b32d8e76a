"""The paper venue over TCP, as any other venue: one connection, no retry, nothing ever re-sent."""

import asyncio
import hashlib
import hmac
import logging
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec

from trading.clock import boot_ns
from trading.venues.base import (
    Capabilities,
    Disconnected,
    Filled,
    NewOrder,
    OrderStatus,
    StatusAnswer,
    VenueDisconnectedError,
    VenueError,
    VenueEvent,
    VenuePosition,
)
from trading.venues.link import Link
from trading.venues.paper_wire import (
    Message,
    create_message,
    decimal,
    event_of,
    fill_of,
    modify_message,
    position_of,
    refused_request,
    status_of,
)

log = logging.getLogger(__name__)

_MS = 1_000_000
_MAX_UNSENT = 65_536
"""Bytes that may wait in our own buffer before creates are refused: the venue is not reading."""

_NONSENSE = (msgspec.MsgspecError, KeyError, ValueError, TypeError, InvalidOperation)
T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class PaperVenue:
    """``address`` is host:port, ``credentials`` has ``key`` and ``secret``; answers are waited for
    ``timeout_s``. ``reading_sequence`` is the last fill that the latest positions include.
    """

    def __init__(
        self, account: str, address: str, credentials: Mapping[str, str], *, timeout_s: float = 2.0
    ) -> None:
        self.reading_sequence = 0
        self._account = account
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._link: Link | None = None
        self._ready = False
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._hello: asyncio.Future[Message] | None = None
        self._on_event: Callable[[VenueEvent], None] | None = None
        self._clocks: deque[tuple[int, int]] = deque(maxlen=8)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities()

    @property
    def connected(self) -> bool:
        transport = self._link.transport if self._link else None
        return self._ready and transport is not None and not transport.is_closing()

    @property
    def unsent_bytes(self) -> int:
        return self._link.unsent_bytes if self._link else 0

    async def connect(self, on_event: Callable[[VenueEvent], None]) -> None:
        await self.close()
        loop = asyncio.get_running_loop()
        self._hello = loop.create_future()
        self._on_event = on_event
        link = Link(self._heard, lambda reason: self._lost(link, reason))
        self._link = link
        try:
            async with asyncio.timeout(self._timeout_s):
                await loop.create_connection(lambda: link, self._host, self._port)
                hello = await self._hello
                self._clocks.clear()
                await self._login(str(hello["nonce"]))
        except VenueError:
            await self.close()
            raise
        except OSError as error:
            await self.close()
            reason = str(error) or "no answer in time"
            message = f"cannot reach the venue at {self._host}:{self._port}: {reason}"
            raise VenueDisconnectedError(message) from error
        if not self.connected:
            raise VenueDisconnectedError("the connection broke while signing in")

    async def _login(self, nonce: str) -> None:
        key, secret = self._credentials["key"], self._credentials["secret"]
        said = f"{nonce}:{self._account}:{key}".encode()
        signature = hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()
        await self._ask("login", dict, account=self._account, key=key, signature=signature)
        for _ in range(2):
            await self.ping()
        self._ready = self._link is not None and self._link.transport is not None

    async def close(self) -> None:
        """Close without a Disconnected event; what was written is still sent."""
        if self._link is not None and self._link.reset:
            await self._link.lost.wait()  # a turn of the loop: the event of the abort comes first
        link, self._link, self._ready = self._link, None, False
        if link is None:
            return
        self._abandon("closed")
        if link.transport is not None:
            link.close()
            try:
                await asyncio.wait_for(link.lost.wait(), self._timeout_s)
            except TimeoutError:
                if link.transport is not None:
                    link.transport.abort()

    def abort(self) -> None:
        if self._link is not None:
            self._link.abort()

    # -- what comes in

    def _heard(self, line: bytes) -> None:
        try:
            event = self._read(_decode(line))
        except _NONSENSE as error:
            log.error("venue sent nonsense (%r): %.200r", error, line)
            if self._link is not None and self._link.transport is not None:
                self._link.transport.abort()
            return
        if event is not None:
            self._deliver(event)

    def _read(self, said: Message) -> VenueEvent | None:
        """The event in a message; an answer goes to whoever waits for it."""
        if "event" not in said:
            refused = refused_request(said)
            waiting = self._waiting.pop(said["id"], None) if refused is None else None
            if waiting is not None and not waiting.done():
                waiting.set_result(said)
            return refused
        if said["event"] != "hello":
            return event_of(said)
        if self._hello is not None and not self._hello.done():
            self._hello.set_result(said)
        return None

    def _deliver(self, event: VenueEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)

    def _lost(self, link: Link, reason: str) -> None:
        if self._link is not link:
            return
        was_ready, self._link, self._ready = self._ready, None, False
        self._abandon(reason)
        if was_ready:
            self._deliver(Disconnected(reason))

    def _abandon(self, reason: str) -> None:
        """Nobody will answer what is still waited for."""
        waiting = [*self._waiting.values(), *([self._hello] if self._hello else [])]
        self._waiting.clear()
        for one in waiting:
            if not one.done():
                one.set_exception(VenueDisconnectedError(reason))
                one.exception()  # it may have no reader any more, and that is no mistake

    # -- what goes out

    def _write(self, body: Mapping[str, object], *, unsent: int | None = None) -> None:
        transport = self._link.transport if self._link else None
        if transport is None or transport.is_closing():
            raise VenueDisconnectedError("not connected to the venue")
        if unsent is not None and transport.get_write_buffer_size() > unsent:
            raise VenueDisconnectedError("the venue does not read: nothing was written")
        transport.write(_encode(body) + b"\n")

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _ask(self, op: str, read: Callable[[Message], T], **fields: object) -> T:
        """What ``read`` makes of the answer."""
        number = self._next()
        waiting: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._write({"op": op, "id": number, **fields})
        self._waiting[number] = waiting
        try:
            async with asyncio.timeout(self._timeout_s):
                said = await waiting
        finally:
            self._waiting.pop(number, None)
        try:
            if not said["ok"]:
                raise VenueError(str(said["error"]["code"]), str(said["error"]["message"]))
            return read(said)
        except _NONSENSE as error:
            raise VenueError(
                "BAD_ANSWER", f"the answer to {op} makes no sense: {error!r}"
            ) from error

    def price_step(self, symbol: str) -> Decimal | None:
        return None

    def not_after(self, life_ms: int) -> int:
        """Never later than ``life_ms`` from now by the venue's clock: offset of the quickest of the
        last eight pings, taken at its end. Raises VenueDisconnectedError before the first."""
        if not self._clocks:
            raise VenueDisconnectedError("the venue's clock is not known yet")
        return boot_ns() + min(self._clocks)[1] + life_ms * _MS

    def send_create(self, order: NewOrder) -> None:
        if not self._ready:
            raise VenueDisconnectedError("not connected to the venue")
        self._write(create_message(order, self._next()), unsent=_MAX_UNSENT)

    def send_modify(
        self, client_order_id: str, quantity: Decimal, limit_price: Decimal | None
    ) -> None:
        if not self._ready:
            raise VenueDisconnectedError("not connected to the venue")
        message = modify_message(client_order_id, quantity, limit_price, self._next())
        self._write(message, unsent=_MAX_UNSENT)

    def send_cancel(self, client_order_id: str) -> None:
        if not self._ready:
            raise VenueDisconnectedError("not connected to the venue")
        self._write({"op": "cancel", "id": self._next(), "client_order_id": client_order_id})

    async def cancel_all_after(self, timeout_ms: int) -> None:
        def read(said: Message) -> None:
            if (said["trigger_time_ns"] is None) == bool(timeout_ms):
                raise ValueError("the dead man's switch is not as asked")

        await self._ask("cancel_all_after", read, timeout_ms=timeout_ms)

    # -- questions

    async def order_status(self, client_order_id: str, since_ns: int = 0) -> StatusAnswer:
        def read(said: Message) -> StatusAnswer:
            order = said["order"]
            status = None if order is None else status_of(order)
            return StatusAnswer(status, int(said["venue_time_ns"]))

        return await self._ask("order_status", read, client_order_id=client_order_id)

    async def open_orders(self) -> list[OrderStatus]:
        return await self._ask("open_orders", lambda said: [status_of(o) for o in said["orders"]])

    async def fills_since(self, sequence: int) -> list[Filled]:
        def read(said: Message) -> tuple[list[Filled], int]:
            return [fill_of(one) for one in said["fills"]], int(said["last_sequence"])

        fills: list[Filled] = []
        while True:
            page, last = await self._ask("fills_since", read, sequence=sequence)
            fills += page
            if not page or page[-1].sequence >= last:
                return fills
            sequence = page[-1].sequence

    async def positions(self) -> list[VenuePosition]:
        def read(said: Message) -> tuple[list[VenuePosition], int]:
            return [position_of(one) for one in said["positions"]], int(said["last_sequence"])

        positions, self.reading_sequence = await self._ask("positions", read)
        return positions

    async def balances(self) -> dict[str, Decimal]:
        def read(said: Message) -> dict[str, Decimal]:
            return {currency: decimal(amount) for currency, amount in said["balances"].items()}

        return await self._ask("balances", read)

    async def ping(self) -> float:
        started = boot_ns()
        venue_time = await self._ask("ping", lambda said: int(said["venue_time_ns"]))
        ended = boot_ns()
        self._clocks.append((ended - started, venue_time - ended))
        return (ended - started) / 1e9
