"""An exchange's private stream, heard as a wake-up: what moved is then read, as always.

A message of it books nothing. Of a reading it is known what it may say and in which order
(ccxt_watch.py); a stream may be late, repeat itself, skip, or say nothing for hours. So whatever it
says, the worst it can do is one reading too many, and whatever it does not say is read a moment
later all the same. How many it may cause is bounded below what the budget of requests refills.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from trading.venues.ccxt_dialect import Heard, StreamDialect, Word

log = logging.getLogger(__name__)

ANSWER_S = 5.0
"""For the challenge, and for what is subscribed to be confirmed."""
SILENT_S = 15.0
"""The exchange sends a heartbeat every second or so."""
APART_S = 0.1
RETRY_S = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
MAX_MESSAGE = 1 << 20


class StreamState(StrEnum):
    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"
    SILENT = "silent"
    REFUSED = "refused"
    NONSENSE = "nonsense"


class StreamError(Exception):
    """It is of no use like this: begun anew. ``state`` says what it was."""

    def __init__(self, state: StreamState, text: str) -> None:
        super().__init__(text)
        self.state = state


class Stream:
    """``moved`` is called when an order or a fill is said to have moved, not more often than every
    ``APART_S``. ``state`` is for people."""

    def __init__(
        self, address: str, tls: ssl.SSLContext | None, dialect: StreamDialect, client: Any,
        moved: Callable[[], None],
    ) -> None:  # fmt: skip
        self._url = f"{'wss' if tls else 'ws'}://{address}{dialect.stream_path}"
        self._tls = tls
        self._dialect = dialect
        self._client = client
        self._moved = moved
        self._moved_at = 0.0
        self._due: asyncio.TimerHandle | None = None
        self.state = StreamState.CONNECTING

    async def run(self) -> None:
        """Listen for ever."""
        tries = 0
        try:
            while True:
                try:
                    async with connect(
                        self._url, ssl=self._tls, proxy=None, compression=None,
                        open_timeout=ANSWER_S, close_timeout=1, max_size=MAX_MESSAGE,
                    ) as socket:  # fmt: skip
                        await self._begin(socket)
                        tries = 0
                        await self._listen(socket)
                except StreamError as error:
                    self._is(error.state, str(error))
                except (OSError, WebSocketException) as error:
                    self._is(StreamState.LOST, str(error) or "no answer in time")
                self._moved()  # what was said meanwhile was not heard
                await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1
        finally:
            if self._due is not None:
                self._due.cancel()

    def _is(self, state: StreamState, why: str) -> None:
        if state is not self.state:
            level = logging.INFO if state is StreamState.LIVE else logging.WARNING
            log.log(level, "venue.stream-%s: %s", state, why)
        self.state = state

    async def _begin(self, socket: ClientConnection) -> None:
        """Prove who we are and subscribe. Raises StreamError."""
        await socket.send(self._dialect.stream_hello(self._client))
        missing = set(self._dialect.stream_feeds)
        try:
            async with asyncio.timeout(ANSWER_S):
                while missing:
                    heard = self._heard(await socket.recv())
                    if heard.word is Word.CHALLENGE:
                        for text in self._dialect.stream_subscribe(self._client, heard.text):
                            await socket.send(text)
                    elif heard.word is Word.SUBSCRIBED:
                        missing.discard(heard.text)
        except TimeoutError:
            what = ", ".join(sorted(missing))
            raise StreamError(StreamState.SILENT, f"{what} was not confirmed") from None
        self._is(StreamState.LIVE, "")
        self._moved()

    async def _listen(self, socket: ClientConnection) -> None:
        """Raises StreamError, WebSocketException."""
        while True:
            try:
                async with asyncio.timeout(SILENT_S):
                    heard = self._heard(await socket.recv())
            except TimeoutError:
                text = f"not even a heartbeat for {SILENT_S:g} s"
                raise StreamError(StreamState.SILENT, text) from None
            if heard.word is Word.MOVED:
                self._soon()

    def _heard(self, message: str | bytes) -> Heard:
        try:
            heard = self._dialect.stream_heard(json.loads(message))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StreamError(StreamState.NONSENSE, f"{message[:80]!r}: {error!r}") from error
        if heard.word is Word.REFUSED:
            raise StreamError(StreamState.REFUSED, heard.text)
        return heard

    def _soon(self) -> None:
        """Now, or as soon as the last time is long enough ago."""
        running = asyncio.get_running_loop()
        if (
            self._due is not None
            and not self._due.cancelled()
            and self._due.when() > running.time()
        ):
            return
        at = max(self._moved_at + APART_S, running.time())
        self._moved_at = at
        self._due = running.call_at(at, self._moved)
