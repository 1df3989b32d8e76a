"""One TCP connection to a venue that speaks in lines."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast


class Link(asyncio.Protocol):
    """One connection: whole lines in, and how it ended."""

    def __init__(self, on_line: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._on_lost = on_lost
        self._buffer = bytearray()
        self.transport: asyncio.Transport | None = None
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._linger(on=True)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            if self.transport is None or self.transport.is_closing():
                return
            self._on_line(bytes(line))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.lost.set()
        self._on_lost(str(exc) if exc else "the venue closed the connection")

    def _linger(self, *, on: bool) -> None:
        """With linger 0 a dying process takes its unsent bytes with it; off, a close sends them."""
        assert self.transport is not None
        raw: socket.socket = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", int(on), 0))

    def close(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self._linger(on=False)
            self.transport.close()
