"""The gateway's control socket: stops are told here, with no database and no broker between.

One line is one request, answered in order. Whoever cannot sign with the desk's control key is cut
off. Answering never waits for the database.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from riskctl.control import (
    MAX_LINE,
    Answer,
    ControlError,
    Refused,
    Request,
    Seal,
    encode,
    request_decoder,
)

log = structlog.get_logger(__name__)

NONCE_BYTES = 32


class ControlServer:
    """``answer`` carries out one request."""

    def __init__(self, key: bytes, answer: Callable[[Request], Awaitable[Answer]]) -> None:
        self._key = key
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.StreamWriter] = set()

    async def start(self, host: str) -> str:
        """Listen on a free port of ``host``; the address. Raises OSError."""
        self._server = await asyncio.start_server(self._session, host, 0, limit=MAX_LINE)
        port = self._server.sockets[0].getsockname()[1]
        return f"{host}:{port}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._sessions):
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sessions.add(writer)
        nonce = secrets.token_bytes(NONCE_BYTES)
        come, go = Seal(self._key, nonce, "request"), Seal(self._key, nonce, "answer")
        try:
            writer.write(nonce.hex().encode() + b"\n")
            while line := await reader.readline():
                answer = await self._carry_out(come.open(line))
                writer.write(go.line(encode(answer)))
                await writer.drain()
        except (ControlError, ValueError) as error:  # ValueError: a line without end
            log.warning(
                "control.refused", peer=str(writer.get_extra_info("peername")), why=str(error)
            )
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            log.debug("control.cut", error=str(error))
        finally:
            self._sessions.discard(writer)
            with contextlib.suppress(ConnectionError):
                writer.close()

    async def _carry_out(self, body: bytes) -> Answer:
        try:
            request = request_decoder.decode(body)
        except msgspec.MsgspecError as error:
            return Refused(f"the request cannot be read: {error}")
        return await self._answer(request)
