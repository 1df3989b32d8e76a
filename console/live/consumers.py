"""The socket of one open page: frames go out, nothing comes in.

Close codes: 4401 not signed in with a second factor, 4403 signed out or expired meanwhile,
4408 the session could not be checked for a minute, 4409 the page talks too much.
"""

import asyncio
import contextlib
import random
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from console.access.sessions import Standing, person_of_key
from console.live.hub import hub
from console.live.inbox import Inbox

TOPICS_OF_PAGE = {"desk": ("desk",), "pipeline": ("desk", "pipeline")}
"""What a page is sent. The frame of every page draws the strategies, so each gets ``desk``."""

NOT_SIGNED_IN = 4401
SIGNED_OUT = 4403
UNCHECKED = 4408
TALKS_TOO_MUCH = 4409

CHECK_EVERY_S = 4.0
UNCHECKED_S = 60.0
MESSAGES = 10
MESSAGE_LENGTH = 256


class FrameConsumer(AsyncWebsocketConsumer):
    """Sends the newest frames of its page until the page or the session ends."""

    channel_layer_alias = "none"  # frames come by the hub; a layer would tie us to Redis being up

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.inbox = Inbox()
        self.session_key = ""
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
        try:
            refusal = None if await self._may_see() else NOT_SIGNED_IN
        except DatabaseError:
            refusal = UNCHECKED
        if refusal:
            await self.close(refusal)
            return
        await hub().join(self.inbox, TOPICS_OF_PAGE[self.scope["url_route"]["kwargs"]["page"]])
        self._tasks = [
            asyncio.create_task(self._send_frames()),
            asyncio.create_task(self._check_session()),
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
                    await self.send(text_data=text)

    async def _check_session(self) -> None:
        checked_at = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(CHECK_EVERY_S * random.uniform(0.8, 1.0))
            try:
                if not await self._may_see():
                    return await self._shut(SIGNED_OUT)
            except DatabaseError:
                # Watching goes on without the database for a while: it is when it matters most.
                if asyncio.get_running_loop().time() - checked_at > UNCHECKED_S:
                    return await self._shut(UNCHECKED)
            else:
                checked_at = asyncio.get_running_loop().time()

    async def _may_see(self) -> bool:
        if not self.session_key:
            return False
        person = await database_sync_to_async(person_of_key)(self.session_key)
        return person.standing is Standing.FACTOR

    async def _shut(self, code: int) -> None:
        await self._end()  # first: nothing may be sent once the session is known to be over
        await self.close(code)

    async def _end(self) -> None:
        await hub().leave(self.inbox)
        tasks = [one for one in self._tasks if one is not asyncio.current_task()]
        self._tasks = []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
