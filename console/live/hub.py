"""The hub: one Redis subscription a web process; the newest frame of each topic to its sockets.

Frames are whole snapshots, already encoded by their publisher. The hub reads no more of one than
its topic and number and hands the same text to every socket whose person sees everything; for each
other audience (what somebody may see, console.access.visible) it makes the frame smaller and
encodes it once. It does so at most ten times a second a topic, and says once a second what it
knows of itself (``topic: "hub"``), so that a page can tell a silent desk from a broken connection.
Sockets stay open while Redis is away.
"""

import asyncio
import datetime as dt
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import msgspec
import redis.asyncio
import structlog
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from console.access.visible import ALL, Sight
from console.live.inbox import Inbox
from console.live.reduced import reduced
from trading import streams

log = structlog.get_logger(__name__)

TOPICS = ("desk", "pipeline")
HUB_TOPIC = "hub"
REDUCED = "desk"
"""The topic that tells of strategies."""
FRAME_BYTES = 1_000_000
"""A longer frame is not passed on."""

_EVERY_S = 0.1
_SAY_EVERY_S = 1.0
_BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
_TROUBLE = (RedisError, OSError, TimeoutError)
_OLD_S = 3.0


class _Head(msgspec.Struct):
    topic: str
    seq: int


_head_of = msgspec.json.Decoder(_Head)


@dataclass(slots=True)
class _Newest:
    """The newest frame of a topic. Times are the loop's.

    ``next_at``: when the next is due by an even beat. One may go a beat early, so that a publisher
    that once stumbled is not late ever after; on average none goes sooner.
    """

    text: str = ""
    seq: int = -1
    came_at: float = -_OLD_S
    next_at: float = 0.0
    smaller: dict[Sight, str] = field(default_factory=dict)
    due: asyncio.TimerHandle | None = None

    def text_for(self, topic: str, sight: Sight) -> str:
        """The frame as this audience may see it; empty when there is none."""
        if not self.text or sight.all or topic != REDUCED:
            return self.text
        found = self.smaller.get(sight)
        if found is None:
            frame = reduced(msgspec.json.decode(self.text), sight)
            found = self.smaller[sight] = msgspec.json.encode(frame).decode()
        return found

    def take(self, text: str, seq: int, now: float) -> None:
        self.text, self.seq, self.came_at = text, seq, now
        self.smaller = {}


@dataclass(frozen=True, slots=True)
class _Member:
    topics: frozenset[str]
    sight: Sight


class Hub:
    """Reads while at least one socket has joined. Belongs to one event loop; not thread-safe."""

    def __init__(self) -> None:
        self._topics = {topic: _Newest() for topic in TOPICS}
        self._members: dict[Inbox, _Member] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.reading = False
        self.refused = 0

    async def join(self, inbox: Inbox, topics: Iterable[str], sight: Sight = ALL) -> None:
        """Fill ``inbox`` with what the hub knows now, and from now on with what comes, as much of
        it as ``sight`` allows.

        Never raises for want of Redis: the inbox then holds the hub's own word alone.
        """
        self._members[inbox] = _Member(frozenset(topics), sight)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._say())]
        inbox.put(HUB_TOPIC, self.word())
        self._fill(inbox)

    def _fill(self, inbox: Inbox) -> None:
        member = self._members[inbox]
        for topic in member.topics:
            text = self._topics[topic].text_for(topic, member.sight)
            if text:  # its age is in it, should Redis be away
                inbox.put(topic, text)

    async def leave(self, inbox: Inbox) -> None:
        """Forget ``inbox``; the last one out ends the subscription."""
        self._members.pop(inbox, None)
        if self._members or not self._tasks:
            return
        ending, self._tasks = set(self._tasks), []
        for newest in self._topics.values():
            if newest.due is not None:
                newest.due.cancel()
        self._topics = {topic: _Newest() for topic in TOPICS}
        self.reading = False
        while ending:
            for task in ending:
                task.cancel()
            # Again and again: redis-py swallows a cancellation that falls into its handshake.
            _, ending = await asyncio.wait(ending, timeout=0.1)

    def word(self) -> str:
        """The hub's own message: this host's time, and whether frames are being read."""
        return msgspec.json.encode(
            {
                "topic": HUB_TOPIC,
                "now": dt.datetime.now(dt.UTC),
                "source": "up" if self.reading else "down",
            }
        ).decode()

    async def _say(self) -> None:
        while True:
            await asyncio.sleep(_SAY_EVERY_S)
            text = self.word()
            for inbox in self._members:
                inbox.put(HUB_TOPIC, text)

    async def _read(self) -> None:
        failures = 0
        while True:
            try:
                async with _client() as client, client.pubsub() as subscription:
                    await subscription.subscribe(streams.FRAMES)
                    # After subscribing, so that no frame falls between.
                    for text in await client.mget([streams.frame_key(one) for one in TOPICS]):
                        self.accept(text)
                    failures, self.reading = 0, True
                    while True:
                        message = await subscription.get_message(
                            ignore_subscribe_messages=True, timeout=1.0
                        )
                        if message is not None:
                            self.accept(message["data"])
            except _TROUBLE as trouble:
                if self.reading or not failures:
                    log.warning("live.source-lost", error=str(trouble))
                self.reading = False
            pause = _BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)]
            failures += 1
            await asyncio.sleep(pause * random.uniform(0.7, 1.3))

    def accept(self, frame: bytes | None) -> None:
        """Take one frame in. What is no frame of ours, or older than what we have, is dropped.

        An older number is believed again once nothing newer came for three seconds: a publisher
        on a host whose clock went back is better than a page that stands.
        """
        if frame is None:
            return
        try:
            if len(frame) > FRAME_BYTES:
                raise ValueError("frame too long")
            head, text = _head_of.decode(frame), frame.decode()
            newest = self._topics[head.topic]
        except (msgspec.MsgspecError, ValueError, KeyError) as why:
            self.refused += 1
            if self.refused == 1:
                log.warning("live.frame-refused", error=str(why))
            return
        now = asyncio.get_running_loop().time()
        if head.seq <= newest.seq and now - newest.came_at < _OLD_S:
            return
        newest.take(text, head.seq, now)
        self._hand_out_soon(head.topic, newest, now)

    def _hand_out_soon(self, topic: str, newest: _Newest, now: float) -> None:
        if newest.due is not None:
            return  # what is due will hand out this one
        wait = newest.next_at - _EVERY_S - now
        if wait <= 0:
            self._hand_out(topic, newest)
        else:
            loop = asyncio.get_running_loop()
            newest.due = loop.call_later(wait, self._hand_out, topic, newest)

    def _hand_out(self, topic: str, newest: _Newest) -> None:
        newest.due = None
        newest.next_at = max(asyncio.get_running_loop().time(), newest.next_at) + _EVERY_S
        for inbox, member in self._members.items():
            if topic in member.topics:
                inbox.put(topic, newest.text_for(topic, member.sight))


def _client() -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=5,
        socket_connect_timeout=2,
        socket_keepalive=True,
        health_check_interval=5,
        retry=Retry(NoBackoff(), 0),  # the loop above tries again, and says so
    )


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop: a web process has one of each."""
    loop = asyncio.get_running_loop()
    known = _hubs.get(loop)
    if known is None:
        known = _hubs[loop] = Hub()
    return known
