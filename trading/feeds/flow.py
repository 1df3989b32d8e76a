"""Flow control of a replay at full speed: the feed is never far ahead of its readers.

At REPLAY_SPEED=max every entry carries ``lock``=1 and the feed keeps at most ``WINDOW`` of them
that not every expected reader has acknowledged. An acknowledgement of an entry is one of all
entries up to it: it says "I have fully processed this and all before, and nothing I still want to
send rests on them". Readers write it with ``ack``.

``START_RULE``, for a reader that starts or restarts (after kill -9 as well):

1. Choose the id to read after: your own last acknowledgement if you can still trust it, else the
   newest entry of the stream (``newest``), never the symbolic ``$``: an entry that arrives between
   two calls would be missed.
2. Acknowledge that id at once, whether or not you processed what lies before it: the entries
   before it are no longer anybody's business of yours.
3. Read on from that id with XREAD and acknowledge every entry with ``lock``=1.

A feed that waits for longer than ``NUDGE_S`` publishes an entry without ticks (``lock``=1, empty
``d``), so that a reader which lost its place, or whose acknowledgement was lost with Redis, has
something to acknowledge. Waiting has no end: a reader that is dead comes back.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from redis import Redis

from trading import streams

START_RULE = "ack the id you read after before the first XREAD, then every entry with lock=1"
WINDOW = 4
NUDGE_S = 2.0
ACKS_MAXLEN = 1_000
NONE = b"0-0"

EntryId = tuple[int, int]


def ack(pipe_or_redis: Any, who: str, entry_id: bytes) -> None:
    """Say that ``who`` is done with everything up to ``entry_id``. Works on a pipeline as well."""
    pipe_or_redis.xadd(
        streams.ACKS, {"who": who, "id": entry_id}, maxlen=ACKS_MAXLEN, approximate=True
    )


def newest(redis: Redis) -> bytes:
    """Id of the newest entry of the tick stream; ``0-0`` when there is none."""
    found: Any = redis.xrevrange(streams.TICKS, count=1)
    return bytes(found[0][0]) if found else NONE


def order_of(entry_id: bytes) -> EntryId:
    """A stream id in a form that compares as the stream orders; what is no id comes first."""
    major, _, minor = entry_id.partition(b"-")
    return (int(major), int(minor or 0)) if major.isdigit() else (0, 0)


class Window:
    """Entries sent and not yet acknowledged by every expected reader. Holds no connection."""

    def __init__(self, readers: Sequence[str], size: int = WINDOW) -> None:
        self._acked: dict[str, EntryId] = dict.fromkeys(readers, (0, 0))
        self._size = size
        self._sent: deque[EntryId] = deque()

    def sent(self, entry_id: bytes) -> None:
        self._sent.append(order_of(entry_id))
        self._settle()

    def acked(self, who: str, entry_id: bytes) -> None:
        """Readers that are not expected are ignored; an older id than before changes nothing."""
        if who in self._acked:
            self._acked[who] = max(self._acked[who], order_of(entry_id))
            self._settle()

    def forget(self) -> None:
        """What was sent is gone with Redis: nobody will acknowledge it."""
        self._sent.clear()

    @property
    def open(self) -> bool:
        """Another entry may be sent."""
        return len(self._sent) < self._size

    @property
    def outstanding(self) -> int:
        return len(self._sent)

    def waiting_for(self) -> list[str]:
        """Readers that have not acknowledged the oldest outstanding entry."""
        if not self._sent:
            return []
        return [who for who, upto in self._acked.items() if upto < self._sent[0]]

    def _settle(self) -> None:
        done = min(self._acked.values(), default=None)
        while self._sent and (done is None or self._sent[0] <= done):
            self._sent.popleft()


class AckReader:
    """Follows ``hl:acks`` into a Window."""

    def __init__(self, redis: Redis, window: Window) -> None:
        self._redis = redis
        self._window = window
        self._after = NONE

    def read(self, block_ms: int) -> None:
        """Take what is there, waiting at most ``block_ms`` for the first."""
        found: Any = self._redis.xread({streams.ACKS: self._after}, count=500, block=block_ms)
        for _, entries in found or ():
            for entry_id, fields in entries:
                self._after = entry_id
                self._window.acked(
                    fields.get(b"who", b"").decode("ascii", "replace"), fields.get(b"id", NONE)
                )

    def rewind(self) -> None:
        """Read all that is kept again: after Redis was away ids may start over."""
        self._after = NONE
