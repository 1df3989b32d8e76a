"""One connection: lines in, lines out, and the faults that live on the wire."""

import asyncio
import secrets
from collections import deque
from typing import Protocol, cast

from trading.papervenue.faults import AccountFaults
from trading.papervenue.money import NANO
from trading.papervenue.protocol import MAX_LINE, ProtocolError

LOGIN_WITHIN_S = 5.0
MAX_UNREAD = 8 * 1024 * 1024
"""Bytes a client may leave unread before it is cut off."""


class Host(Protocol):
    """What a session needs of the server."""

    def opened(self, session: "Session") -> None: ...

    def closed(self, session: "Session") -> None: ...

    def handle(self, session: "Session", line: bytes) -> None: ...

    def malformed(self, session: "Session", error: ProtocolError) -> None: ...

    def faults(self, session: "Session") -> AccountFaults: ...

    def now_ns(self) -> int: ...


class Session(asyncio.Protocol):
    """``account`` is empty until the login. ``cut``: nothing more is said or heard."""

    def __init__(self, host: Host) -> None:
        self.account = ""
        self.nonce = secrets.token_hex(16)
        self.cut = False
        self._host = host
        self._buffer = bytearray()
        self._skipping = False
        self._held: deque[bytes] = deque()
        self._outbox: deque[tuple[int, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    # -- the wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._host.opened(self)
        asyncio.get_running_loop().call_later(LOGIN_WITHIN_S, self._check_login)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._host.closed(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        for line in lines:
            self._line(bytes(line))
        if len(rest) > MAX_LINE:
            self._buffer = bytearray()
            if not self._skipping:
                self._too_long()
            self._skipping = True

    def _line(self, line: bytes) -> None:
        if self._skipping:  # the end of a line that was refused already
            self._skipping = False
        elif len(line) > MAX_LINE:
            self._too_long()
        elif not line.strip() or self.cut:
            return
        elif self._held or self._stalled():
            self._held.append(line)
            self._arm()
        else:
            self._host.handle(self, line)

    def _too_long(self) -> None:
        error = ProtocolError("LINE_TOO_LONG", "", f"a line has at most {MAX_LINE} bytes")
        self._host.malformed(self, error)

    def _check_login(self) -> None:
        if not self.account:
            self.abort()

    # -- saying

    def write(self, line: bytes) -> None:
        """Say a line, now or when the faults of the account let it pass; order is kept."""
        if self.cut or self._transport is None:
            return
        faults = self._host.faults(self)
        now = self._host.now_ns()
        due = max(now + faults.answer_delay_ns, faults.stalled_until_ns)
        if self._outbox or due > now:
            self._outbox.append((max(due, self._outbox[-1][0] if self._outbox else 0), line))
            self._arm()
            return
        self._send(line)

    def close(self) -> None:
        """Say what was said so far, then close."""
        self.cut = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Break the connection; what was not yet sent is lost."""
        self.cut = True
        if self._transport is not None:
            self._transport.abort()

    def _send(self, line: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(line)
        if self._transport.get_write_buffer_size() > MAX_UNREAD:
            self.abort()

    # -- faults of time

    def _stalled(self) -> bool:
        return self._host.faults(self).stalled_until_ns > self._host.now_ns()

    def release(self) -> None:
        """Faults were cleared: say and hear at once all that was held back."""
        self._outbox = deque((0, line) for _, line in self._outbox)
        self._wake()

    def _wake(self) -> None:
        self._timer = None
        now = self._host.now_ns()
        while self._outbox and self._outbox[0][0] <= now:
            self._send(self._outbox.popleft()[1])
        while self._held and not self.cut and not self._stalled():
            self._host.handle(self, self._held.popleft())
        self._arm()

    def _arm(self) -> None:
        """Set the timer for what is held back next."""
        if self._timer is not None or self.cut:
            return
        dues = [self._outbox[0][0]] if self._outbox else []
        if self._held:
            dues.append(self._host.faults(self).stalled_until_ns)
        if dues:
            wait = max(min(dues) - self._host.now_ns(), 0) / NANO
            self._timer = asyncio.get_running_loop().call_later(wait, self._wake)
