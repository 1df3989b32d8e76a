"""The ingestor's writing to Redis: each entry once, and only by the feed that owns the lease.

One script does atomically what would be a MULTI: it refuses a feed whose lease has gone to
another, recognises an entry that was written although its answer was lost (same session and
number), and else appends the entry, replaces ``hl:feed:state`` and queues refusals and turns to
be saved. So state and stream never differ, and a publication may be tried again until it succeeds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

from trading import streams
from trading.feeds.choices import Turn
from trading.feeds.ingestor import Reject

FENCE = "hl:feed:fence"
"""Hash: ``desk`` start and ``token`` of the feed that may write; ``session``, ``seq`` and ``id`` of
the last entry."""
REJECTS = "hl:feed:rejects"
"""List of JSON {session, source, line, symbol, reason, detail}: refusals not yet saved."""

TURNS = "hl:feed:turns"
"""List of JSON {kind, symbol, clock, words, session}: what happened between sources, not
yet in the record (trading.feeds.arbiter)."""

_OPEN = """
local held = redis.call('HMGET', KEYS[1], 'desk', 'token')
if held[1] == ARGV[1] and tonumber(held[2]) > tonumber(ARGV[2]) then
  return redis.error_reply('FENCED another feed holds token ' .. held[2])
end
redis.call('HSET', KEYS[1], 'desk', ARGV[1], 'token', ARGV[2])
return 'OK'
"""
_PUBLISH = """
local held = redis.call('HMGET', KEYS[1], 'desk', 'token', 'session', 'seq', 'id')
if held[1] and (held[1] ~= ARGV[1] or tonumber(held[2]) > tonumber(ARGV[2])) then
  return redis.error_reply('FENCED another feed holds token ' .. held[2])
end
if not held[1] then
  redis.call('HSET', KEYS[1], 'desk', ARGV[1], 'token', ARGV[2])
end
local id = ''
local fields = tonumber(ARGV[7])
if fields > 0 then
  if held[3] == ARGV[3] and held[4] and tonumber(held[4]) >= tonumber(ARGV[4]) then
    return held[5]
  end
  id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*', unpack(ARGV, 8, 7 + fields))
  redis.call('HSET', KEYS[1], 'session', ARGV[3], 'seq', ARGV[4], 'id', id)
end
redis.call('SET', KEYS[3], ARGV[5])
local turns = 9 + fields + tonumber(ARGV[8 + fields])
for at = 9 + fields, #ARGV do
  redis.call('RPUSH', at < turns and KEYS[4] or KEYS[5], ARGV[at])
end
return id
"""


class FencedError(Exception):
    """Another feed owns the lease: this one must end."""


def connect(url: str, options: Mapping[str, Any]) -> Redis:
    """A client that never sends a command twice by itself: what is retried is decided here."""
    return Redis.from_url(
        url, **{**options, "retry": Retry(NoBackoff(), 0), "retry_on_timeout": False}
    )


class Publisher:
    """Writes as the feed of one session. Methods raise redis.RedisError, and FencedError."""

    def __init__(
        self, redis: Redis, *, desk: str, token: int, session: str, sources: Sequence[str]
    ) -> None:
        self._redis = redis
        self._sources = sources
        self._desk = desk
        self._token = token
        self._session = session
        self._open = redis.register_script(_OPEN)
        self._publish = redis.register_script(_PUBLISH)

    def open(self, *, fresh: bool) -> None:
        """Take over from any feed with an older token, or of an earlier start of the desk.

        A ``fresh`` session begins without latest quotes: another feed's say nothing about it.
        """
        self._run(self._open, [FENCE], [self._desk, self._token])
        if fresh:
            self._redis.delete(streams.QUOTES)

    def publish(
        self,
        seq: int,
        fields: Mapping[str, Any],
        state: bytes,
        rejects: Sequence[Reject] = (),
        turns: Sequence[Turn] = (),
    ) -> bytes:
        """Append entry number ``seq`` and set the state; the entry's id. May be repeated."""
        flat: list[Any] = [part for pair in fields.items() for part in pair]
        return self._write(seq, flat, state, rejects, turns)

    def put_state(
        self, state: bytes, rejects: Sequence[Reject] = (), turns: Sequence[Turn] = ()
    ) -> None:
        """Set the state without an entry (nothing good was read, or nothing at all).

        Repeating it may queue refusals and turns twice; whoever saves them drops the second.
        """
        self._write(0, [], state, rejects, turns)

    def published(self, seq: int) -> bool:
        """Whether entry ``seq`` of this session reached the stream."""
        held: Any = self._redis.hmget(FENCE, ["session", "seq"])
        return bool(held[0] == self._session.encode() and int(held[1] or 0) >= seq)

    def _write(
        self, seq: int, flat: list[Any], state: bytes, rejects: Sequence[Reject],
        turns: Sequence[Turn],
    ) -> bytes:  # fmt: skip
        queued = [
            msgspec.json.encode(
                {
                    **msgspec.structs.asdict(one),
                    "session": self._session,
                    "source": self._sources[one.source],
                }
            )
            for one in rejects
        ]
        happened = [
            msgspec.json.encode({**msgspec.structs.asdict(one), "session": self._session})
            for one in turns
        ]
        keys = [FENCE, streams.TICKS, streams.FEED_STATE, REJECTS, TURNS]
        head = [self._desk, self._token, self._session, seq, state, streams.TICKS_MAXLEN, len(flat)]
        args = [*head, *flat, len(queued), *queued, *happened]
        return bytes(self._run(self._publish, keys, args))

    @staticmethod
    def _run(script: Any, keys: list[str], args: list[Any]) -> Any:
        try:
            return script(keys=keys, args=args)
        except ResponseError as error:
            if "FENCED" in str(error):
                raise FencedError(str(error)) from None
            raise
