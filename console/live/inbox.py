"""What waits for one socket: the newest text of each topic, and nothing older."""

import asyncio


class Inbox:
    """Latest-value slots. A slow reader finds only what is newest; nothing queues behind it."""

    def __init__(self) -> None:
        self._waiting: dict[str, str] = {}
        self._filled = asyncio.Event()
        self.overwritten = 0

    def put(self, topic: str, text: str) -> None:
        """Put ``text`` in the slot of ``topic``, over what was not fetched yet."""
        self.overwritten += topic in self._waiting
        self._waiting[topic] = text
        self._filled.set()

    async def take(self) -> list[str]:
        """Wait until something is there; the newest of each topic, each given once."""
        await self._filled.wait()
        self._filled.clear()
        texts = list(self._waiting.values())
        self._waiting.clear()
        return texts
