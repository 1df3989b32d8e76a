"""The socket of one open page: frames go out, nothing comes in.

Close codes: 4401 not signed in with a second factor, 4403 signed out, revoked or expired meanwhile,
4408 the session could not be checked for a minute, 4409 the page talks too much, 4410 what the
person may do has changed: open it anew.
"""

import asyncio
import contextlib
from typing import Any

from asgiref.typing import WebSocketSendEvent
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from console.live.hub import hub
from console.live.inbox import Inbox
from console.live.watch import UNCHECKED, Mark, Watch, look, watches

TOPICS_OF_PAGE = {"desk": ("desk",), "pipeline": ("desk", "pipeline")}
"""What a page is sent. The frame of every page draws the strategies, so each gets ``desk``."""

NOT_SIGNED_IN = 4401
TALKS_TOO_MUCH = 4409

MESSAGES = 10
MESSAGE_LENGTH = 256


class FrameConsumer(AsyncWebsocketConsumer):
    """Sends the newest frames of its page until the page or the session ends."""

    channel_layer_alias = "none"  # frames come by the hub; a layer would tie us to Redis being up

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.inbox = Inbox()
        self.session_key = ""
        self.watch: Watch | None = None
        self.heard = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # However it ended: a server that stops cancels us without a disconnect.
            await self._end()

    async def connect(self) -> None:
        await self.accept()
        self.session_key = self.scope["session"].session_key or ""
        person: Any = self.scope["user"]  # the door lets nobody without one come here
        self.watch = watches().join(self.session_key, person.get_username())
        since = self.watch.begun
        try:
            mark = await look(self.session_key)
        except DatabaseError:
            await self._shut(UNCHECKED)
            return
        if mark is None:
            await self._shut(NOT_SIGNED_IN)
            return
        topics = TOPICS_OF_PAGE[self.scope["url_route"]["kwargs"]["page"]]
        await hub().join(self.inbox, topics, mark[1])
        self._tasks = [
            asyncio.create_task(self._send_frames()),
            asyncio.create_task(self._stay(self.watch, mark, since)),
        ]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Commands never travel over sockets: what comes is not read, only counted."""
        self.heard += 1
        if self.heard > MESSAGES or len(text_data or bytes_data or "") > MESSAGE_LENGTH:
            await self._shut(TALKS_TOO_MUCH)

    async def disconnect(self, code: int) -> None:
        await self._end()

    async def _send_frames(self) -> None:
        with contextlib.suppress(OSError):  # the other side has gone; disconnect follows
            while True:
                for text in await self.inbox.take():
                    # Past the consumer's own wrappers, which cost more than all else of a frame.
                    event = WebSocketSendEvent(type="websocket.send", bytes=None, text=text)
                    await self.base_send(event)

    async def _stay(self, watch: Watch, mark: Mark, since: int) -> None:
        await self._shut(await watch.refusal(mark, since))

    async def _shut(self, code: int) -> None:
        await self._end()  # first: nothing may be sent once the session is known to be over
        await self.close(code)

    async def _end(self) -> None:
        tasks = [one for one in self._tasks if one is not asyncio.current_task()]
        self._tasks = []
        for task in tasks:
            task.cancel()
        await hub().leave(self.inbox)
        if self.watch is not None:
            self.watch = None
            await watches().leave(self.session_key)
        await asyncio.gather(*tasks, return_exceptions=True)
