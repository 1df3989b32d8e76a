"""One TCP connection to a venue: how it is written, measured, reset and lost; and one in lines."""

import asyncio
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable
from typing import cast


class Wire(asyncio.Protocol):
    """One connection, whatever is said on it, and how it ended."""

    def __init__(self, on_lost: Callable[[str], None]) -> None:
        self._on_lost = on_lost
        self.transport: asyncio.Transport | None = None
        self.reset = False
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._linger(on=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.lost.set()
        self._on_lost(str(exc) if exc else "the venue closed the connection")

    def _linger(self, *, on: bool) -> None:
        """With linger 0 a dying process takes its unsent bytes with it; off, a close sends them."""
        assert self.transport is not None
        raw: socket.socket = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", int(on), 0))

    @property
    def unsent_bytes(self) -> int:
        """What our buffer holds, and the kernel's until the peer's kernel has acknowledged it."""
        if self.transport is None or self.reset:
            return 0
        raw: socket.socket = self.transport.get_extra_info("socket")
        (queued,) = struct.unpack("i", fcntl.ioctl(raw.fileno(), termios.TIOCOUTQ, bytes(4)))
        return self.transport.get_write_buffer_size() + int(queued)

    def abort(self) -> None:
        """Reset the connection before this returns; ``on_lost`` is called soon."""
        if self.transport is None or self.reset:
            return
        self.reset = True
        raw: socket.socket = self.transport.get_extra_info("socket")
        self._linger(on=True)
        self.transport.abort()
        # The transport closes its socket a turn of the loop later, and a process stopped before
        # would go on sending: put another file in its place, so that the kernel closes it now.
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(nothing, raw.fileno(), inheritable=False)
        os.close(nothing)

    def close(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self._linger(on=False)
            self.transport.close()


class Link(Wire):
    """A connection that speaks in lines: whole ones are passed on."""

    def __init__(self, on_line: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        super().__init__(on_lost)
        self._on_line = on_line
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            if self.transport is None or self.transport.is_closing():
                return
            self._on_line(bytes(line))
