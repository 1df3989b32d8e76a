"""Hints that somebody's session or rights changed: one subscription a web process.

A hint only wakes the sockets of that person, which then look in the database. It may be lost, late
or made up without harm: they look by their own clock as well.
"""

import asyncio
import random
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from redis import RedisError

from console.access.revocation import GROUP

log = structlog.get_logger(__name__)

_TROUBLE = (RedisError, OSError, TimeoutError)
_AGAIN_S = 2.0
_END_S = 1.0


class Hints:
    """Listens while at least one socket has joined. Belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Event, str] = {}
        self.listening = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def join(self, username: str) -> asyncio.Event:
        """The event that is set whenever something of ``username`` may have changed."""
        hinted = asyncio.Event()
        self._waiting[hinted] = username
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        return hinted

    async def leave(self, hinted: asyncio.Event) -> None:
        """Forget it; the last one out ends the subscription."""
        self._waiting.pop(hinted, None)
        if self._waiting or self._task is None:
            return
        task, self._task = self._task, None
        self.listening.clear()
        task.cancel()
        await asyncio.wait({task}, timeout=_END_S)

    def heard(self, message: Mapping[str, Any]) -> None:
        for hinted, username in self._waiting.items():
            if username == message.get("username"):
                hinted.set()

    async def _listen(self) -> None:
        layer: Any = get_channel_layer()
        try:
            while True:
                try:
                    channel = await layer.new_channel()
                    await layer.group_add(GROUP, channel)
                    self.listening.set()
                    while True:
                        self.heard(await layer.receive(channel))
                except _TROUBLE as trouble:
                    self.listening.clear()
                    log.warning("live.hints-lost", error=type(trouble).__name__)
                await layer.flush()
                await asyncio.sleep(_AGAIN_S * random.uniform(0.5, 1.0))
        finally:
            if self._task is None:  # nobody else has begun to listen meanwhile
                await layer.flush()


_hints: WeakKeyDictionary[asyncio.AbstractEventLoop, Hints] = WeakKeyDictionary()


def hints() -> Hints:
    """Those of the running event loop."""
    loop = asyncio.get_running_loop()
    known = _hints.get(loop)
    if known is None:
        known = _hints[loop] = Hints()
    return known
