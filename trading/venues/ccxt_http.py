"""Warm HTTP/1.1 connections to one host, and nothing that sends anything of itself.

A request is written in the step that asks for it, on a connection that is open and idle, or not at
all: nothing is queued, followed, retried or sent again. Framing is h11's.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from trading.venues.base import VenueDisconnectedError
from trading.venues.link import Wire

log = logging.getLogger(__name__)

REFILL_S = (0.02, 0.1, 0.5, 1.0, 2.0)
MAX_ANSWER = 32_000_000
"""Bytes of one answer; the longest (all instruments) is about a hundredth of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


class BusyError(VenueDisconnectedError):
    """Every connection that might be used waits for an answer; nothing was written."""


class HttpWire(Wire):
    """One connection: one request at a time, its answer or how it was lost."""

    def __init__(
        self, host: str, timeout_s: float, on_lost: Callable[["HttpWire", str], None]
    ) -> None:  # fmt: skip
        super().__init__(lambda reason: on_lost(self, reason))
        self._host = host
        self._timeout_s = timeout_s
        self._timer: asyncio.TimerHandle | None = None
        self._http = h11.Connection(h11.CLIENT)
        self._head: h11.Response | None = None
        self._body = bytearray()
        self.waiting: asyncio.Future[Answer] | None = None

    @property
    def idle(self) -> bool:
        if self.transport is None or self.reset or self.transport.is_closing():
            return False
        return self.waiting is None and self._http.our_state is h11.IDLE

    def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes,
        timeout_s: float | None = None,
    ) -> asyncio.Future[Answer]:  # fmt: skip
        """Write the request at once. The future raises TimeoutError, VenueDisconnectedError."""
        assert self.transport is not None
        assert self.idle
        head = [("Host", self._host), ("Content-Length", str(len(body)))]
        head += [(k, v) for k, v in headers.items() if k.lower() not in ("host", "content-length")]
        raw = self._http.send(h11.Request(method=method, target=target, headers=head)) or b""
        raw += (self._http.send(h11.Data(data=body)) or b"") if body else b""
        raw += self._http.send(h11.EndOfMessage()) or b""
        running = asyncio.get_running_loop()
        self.waiting = running.create_future()
        self.transport.write(raw)
        self._timer = running.call_later(timeout_s or self._timeout_s, self._late)
        return self.waiting

    def _late(self) -> None:
        """An answer that comes now would be taken for another's: the connection is of no use."""
        waiting, self.waiting = self.waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(TimeoutError("no answer in time"))
            waiting.exception()  # it may have no reader any more, and that is no mistake
        self._abort_transport()

    def data_received(self, data: bytes) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        try:
            self._http.receive_data(data)
            self._read()
        except h11.ProtocolError as error:
            log.error("venue sent nonsense: %s", error)
            self.transport.abort()

    def _read(self) -> None:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.Response):
                self._head, self._body = event, bytearray()
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > MAX_ANSWER:
                    raise h11.RemoteProtocolError("the answer has no end")
            elif isinstance(event, h11.EndOfMessage):
                self._answered()
            elif isinstance(event, h11.ConnectionClosed):
                self._abort_transport()
                return

    def _answered(self) -> None:
        assert self._head is not None
        if self._timer is not None:
            self._timer.cancel()
        head, waiting = self._head, self.waiting
        self._head = self.waiting = None
        headers = {k.decode().title(): v.decode("latin-1") for k, v in head.headers}
        if waiting is not None and not waiting.done():
            reason = head.reason.decode("latin-1")
            waiting.set_result(Answer(head.status_code, reason, headers, bytes(self._body)))
        if h11.MUST_CLOSE in (self._http.our_state, self._http.their_state):
            self._abort_transport()
        else:
            self._http.start_next_cycle()

    def _abort_transport(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def abandon(self, reason: str) -> None:
        """Nobody will answer any more."""
        if self._timer is not None:
            self._timer.cancel()
        waiting, self.waiting = self.waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(VenueDisconnectedError(reason))
            waiting.exception()  # it may have no reader any more, and that is no mistake


class HttpPool:
    """``size`` connections to ``address`` (host:port), kept open; ``tls`` verifies the host.

    ``on_lost`` is called once when the last of them is gone.
    """

    def __init__(
        self, address: str, *, tls: ssl.SSLContext | None, size: int, timeout_s: float,
        on_lost: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._address = address
        self._tls = tls
        self._size = size
        self._timeout_s = timeout_s
        self._on_lost = on_lost
        self._wires: list[HttpWire] = []
        self._refilling: asyncio.Task[None] | None = None
        self._open = False

    @property
    def base(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._address}"

    @property
    def connected(self) -> bool:
        return self._open and any(
            one.transport is not None and not one.reset and not one.transport.is_closing()
            for one in self._wires
        )

    @property
    def unsent_bytes(self) -> int:
        return sum(one.unsent_bytes for one in self._wires)

    async def open(self) -> None:
        """All connections, each within the time that an answer may take. Raises OSError, of which
        TimeoutError is one."""
        self._open = True
        made = await asyncio.gather(
            *(self._connect() for _ in range(self._size)), return_exceptions=True
        )
        wrong = [one for one in made if isinstance(one, BaseException)]
        if wrong:
            raise wrong[0]

    async def _connect(self) -> None:
        running = asyncio.get_running_loop()
        host = self._address if self._port not in (80, 443) else self._host
        wire = HttpWire(host, self._timeout_s, self._lost)
        # The kernel goes on for two minutes where packets are dropped, later each time.
        async with asyncio.timeout(self._timeout_s):
            await running.create_connection(
                lambda: wire, self._host, self._port, ssl=self._tls,
                server_hostname=self._host if self._tls else None,
            )  # fmt: skip
        if not self._open:
            wire.abort()
            return
        self._wires.append(wire)

    def has_idle(self, spare: int) -> bool:
        """Whether one is idle beside ``spare`` others, or all that there are."""
        idle = sum(one.idle for one in self._wires)
        return idle > spare or 0 < idle == len(self._wires)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, spare: int = 0, *,
        timeout_s: float | None = None,
    ) -> asyncio.Future[Answer]:  # fmt: skip
        """Write the request now, on the connection that rested longest, leaving ``spare`` idle ones
        to what matters more. ``timeout_s``: for its answer, where it is not the usual.

        Raises VenueDisconnectedError when nothing was written; BusyError, when one may be idle
        soon.
        """
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != self.base:
            raise VenueDisconnectedError(f"{parts.netloc} is not this account's venue")
        if not self.connected:
            raise VenueDisconnectedError("not connected to the venue")
        if not self.has_idle(spare):
            raise BusyError("every connection to the venue waits for an answer")
        wire = next(one for one in self._wires if one.idle)
        self._wires.remove(wire)
        self._wires.append(wire)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        return wire.send(method, target, headers, body, timeout_s)

    def _lost(self, wire: HttpWire, reason: str) -> None:
        if wire in self._wires:
            self._wires.remove(wire)
        wire.abandon(reason)
        if not self._open:
            return
        if not self._wires:
            self._open = False
            self._on_lost(reason)
        elif self._refilling is None or self._refilling.done():
            self._refilling = asyncio.create_task(self._refill())

    async def _refill(self) -> None:
        tries = 0
        while self._open and len(self._wires) < self._size:
            await asyncio.sleep(REFILL_S[min(tries, len(REFILL_S) - 1)])
            try:
                await self._connect()
                tries = 0
            except OSError as error:
                tries += 1
                log.warning("no further connection to the venue: %s", error)

    def abort(self) -> None:
        """Reset every connection before this returns; ``on_lost`` is called soon."""
        for wire in list(self._wires):
            wire.abort()

    async def settle_reset(self) -> None:
        """After an abort: until ``on_lost`` was called."""
        for wire in [one for one in self._wires if one.reset]:
            await wire.lost.wait()

    async def close(self) -> None:
        """Close without a word; what was written is still sent."""
        self._open = False
        if self._refilling is not None:
            self._refilling.cancel()
        wires = list(self._wires)
        for wire in wires:
            wire.abandon("closed")
            wire.close()
        try:
            async with asyncio.timeout(self._timeout_s):
                for wire in wires:
                    if wire.transport is not None:
                        await wire.lost.wait()
        except TimeoutError:
            for wire in wires:
                if wire.transport is not None:
                    wire.transport.abort()
        self._wires.clear()
