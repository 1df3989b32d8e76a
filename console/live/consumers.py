"""The socket of one open page: frames go out, nothing comes in.

Close codes: 4401 not signed in with a second factor, 4403 signed out, revoked or expired meanwhile,
4408 the session could not be checked for a minute, 4409 the page talks too much, 4410 what the
person may do has changed: open it anew.
"""

import asyncio
import contextlib
import random
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from console.access.revocation import RightsMark, rights_mark
from console.access.sessions import Standing, person_of_key
from console.access.visible import NOTHING, Sight, sight_read
from console.live.hints import hints
from console.live.hub import hub
from console.live.inbox import Inbox

TOPICS_OF_PAGE = {"desk": ("desk",), "pipeline": ("desk", "pipeline")}
"""What a page is sent. The frame of every page draws the strategies, so each gets ``desk``."""

NOT_SIGNED_IN = 4401
SIGNED_OUT = 4403
UNCHECKED = 4408
TALKS_TOO_MUCH = 4409
RIGHTS_CHANGED = 4410

CHECK_EVERY_S = 4.0
"""The longest between two looks at the session, so that none outlives its end by five seconds; a
hint makes it sooner (console.live.hints)."""
UNCHECKED_S = 60.0
MESSAGES = 10
MESSAGE_LENGTH = 256

Mark = tuple[RightsMark, Sight]
"""A change of either ends the socket: the page opens it anew, and sees no more than it may."""


class FrameConsumer(AsyncWebsocketConsumer):
    """Sends the newest frames of its page until the page or the session ends."""

    channel_layer_alias = "none"  # frames come by the hub; a layer would tie us to Redis being up

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.inbox = Inbox()
        self.session_key = ""
        self.mark: Mark | None = None
        self.hinted = asyncio.Event()
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
        # Before the first look, so that nothing changes unseen between it and the first hint.
        person: Any = self.scope["user"]  # the door lets nobody without one come here
        self.hinted = hints().join(person.get_username())
        try:
            refusal = NOT_SIGNED_IN if await self._refusal() else None
        except DatabaseError:
            refusal = UNCHECKED
        if refusal:
            await self._shut(refusal)
            return
        topics = TOPICS_OF_PAGE[self.scope["url_route"]["kwargs"]["page"]]
        sight = self.mark[1] if self.mark is not None else NOTHING
        await hub().join(self.inbox, topics, sight)
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
            with contextlib.suppress(TimeoutError):
                pause = CHECK_EVERY_S * random.uniform(0.8, 1.0)
                await asyncio.wait_for(self.hinted.wait(), pause)
            self.hinted.clear()
            try:
                if refusal := await self._refusal():
                    return await self._shut(refusal)
            except DatabaseError:
                # Watching goes on without the database for a while: it is when it matters most.
                if asyncio.get_running_loop().time() - checked_at > UNCHECKED_S:
                    return await self._shut(UNCHECKED)
            else:
                checked_at = asyncio.get_running_loop().time()

    async def _refusal(self) -> int | None:
        """Why the page may see no more, read afresh; None when it may. Raises db.Error."""
        if not self.session_key:
            return SIGNED_OUT
        mark = await database_sync_to_async(_mark_of)(self.session_key)
        if mark is None:
            return SIGNED_OUT
        if self.mark is None:
            self.mark = mark
        return None if mark == self.mark else RIGHTS_CHANGED

    async def _shut(self, code: int) -> None:
        await self._end()  # first: nothing may be sent once the session is known to be over
        await self.close(code)

    async def _end(self) -> None:
        await hub().leave(self.inbox)
        await hints().leave(self.hinted)
        tasks = [one for one in self._tasks if one is not asyncio.current_task()]
        self._tasks = []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _mark_of(session_key: str) -> Mark | None:
    """The rights of who is behind the session, and how much that person may see; None when it
    opens nothing (any more)."""
    person = person_of_key(session_key)
    if person.standing is not Standing.FACTOR or person.user is None:
        return None
    return rights_mark(person.user), sight_read(person.name)
