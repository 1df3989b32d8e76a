"""Requests to the feed and to shards over Redis, each answered once and soon, or not at all.

Who is asked looks between two of its own turns; what was asked too long ago is dropped unread, so
that a stage that comes back carries out nothing that nobody waits for any more.
"""

import uuid
from typing import Any, TypeVar

import msgspec
from redis import Redis

from trading.clock import NS, wall_ns
from trading.strategies.specs import SignalNow

LIFE_NS = 3 * NS
WAIT_S = 4
FEED = "feed"

T = TypeVar("T")


class InjectPrice(msgspec.Struct, frozen=True, tag="price", tag_field="op"):
    """One quote, in nano, for the feed to check as it checks its own."""

    instrument: int
    bid: int
    ask: int


class AskSignals(msgspec.Struct, frozen=True, tag="signals", tag_field="op"):
    """What strategies that trade ``symbol`` think of it now."""

    symbol: str


class PriceJudged(msgspec.Struct, frozen=True):
    """``reason``: code of the check that refused it; empty: it became entry ``entry`` of the tick
    stream. ``refused``: the feed takes no quote from anybody."""

    reason: str
    detail: str = ""
    entry: str = ""
    feed_time: int = 0
    refused: bool = False


class SignalsNow(msgspec.Struct, frozen=True):
    signals: list[SignalNow]


class Asked(msgspec.Struct, frozen=True):
    id: str
    at_wall: int
    request: InjectPrice | AskSignals


_decoder = msgspec.json.Decoder(Asked)


class NoAnswerError(Exception):
    """Nobody answered in time; ``str`` says who was asked."""


def ask(redis: Redis, to: str, request: InjectPrice | AskSignals, answer: type[T]) -> T:
    """The answer of ``to`` (``feed``, ``shard:N``). Raises NoAnswerError, redis.RedisError."""
    asked = Asked(uuid.uuid4().hex, wall_ns(), request)
    with redis.pipeline(transaction=True) as pipe:
        pipe.rpush(_asked(to), msgspec.json.encode(asked))
        pipe.expire(_asked(to), WAIT_S * 2)
        pipe.execute()
    found: Any = None
    until = wall_ns() + WAIT_S * NS
    while found is None and wall_ns() < until:
        found = redis.blpop([_answered(asked.id)], timeout=0.5)  # below the client's own time-out
    if found is None:
        raise NoAnswerError(f"{to} did not answer in {WAIT_S} s")
    return msgspec.json.decode(found[1], type=answer)


def take(redis: Redis, who: str) -> Asked | None:
    """What ``who`` is asked next, None for nothing. Raises redis.RedisError."""
    while True:
        found: Any = redis.lpop(_asked(who))
        if found is None:
            return None
        asked = _decoder.decode(found)
        if wall_ns() - asked.at_wall < LIFE_NS:
            return asked


def answer(redis: Redis, asked: Asked, body: PriceJudged | SignalsNow) -> None:
    """Raises redis.RedisError."""
    with redis.pipeline(transaction=True) as pipe:
        pipe.rpush(_answered(asked.id), msgspec.json.encode(body))
        pipe.expire(_answered(asked.id), WAIT_S * 2)
        pipe.execute()


def _asked(who: str) -> str:
    return f"hl:asked:{who}"


def _answered(ident: str) -> str:
    return f"hl:answered:{ident}"
