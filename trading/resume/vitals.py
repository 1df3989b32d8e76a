"""Whether data flow, as Redis tells: prices and their age, the feed's phase, shards' errors.

Redis decides nothing about stopping. Here it can only refuse: what it does not say is not healthy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from trading import streams
from trading.clock import utc_now
from trading.feeds.spec import FeedKind
from trading.health import StageReading, read_stages
from trading.portfolio.market import DataStatus, FeedPhase
from trading.portfolio.prices import read_feed_state
from trading.portfolio.standing import shard_reading
from trading.portfolio.text import ns_of
from trading.selectors.prices import market_now
from trading.universe import UNIVERSE

TIMEOUT_S = 0.5
"""Asked inside a transaction that holds a request's row: no longer than this at a time."""

STAGES = ("indicator-engine", "signal-generator")


@dataclass(frozen=True, slots=True)
class Vitals:
    """``ages`` and ``mids`` of symbols that have had a quote; ``errors`` of shards heard of."""

    phase: FeedPhase = "dead"
    ages: Mapping[str, DataStatus] = field(default_factory=dict)
    mids: Mapping[str, Decimal] = field(default_factory=dict)
    errors: Mapping[int, int] = field(default_factory=dict)
    why: str = ""
    """Why nothing is known, or empty."""
    recorded: bool = False
    """The feed plays a recording, which need not carry every symbol."""

    def stale(self, symbols: Sequence[str]) -> list[str]:
        """Of ``symbols``, those without a fresh price: of any but a recording, one that was never
        quoted as well."""
        carried = [one for one in symbols if one in self.ages]
        if self.phase != "running" or not carried:
            return list(symbols)
        asked = carried if self.recorded else symbols
        return [one for one in asked if self.ages.get(one) not in ("fresh", "late")]


def quick_redis() -> Redis:
    """A client that gives up soon and tries once."""
    return Redis.from_url(
        streams.redis_url(),
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def vitals_read() -> Vitals:
    """As of now; raises nothing: without an answer nothing is healthy."""
    try:
        with quick_redis() as client:
            return _vitals(client)
    except RedisError as error:
        return Vitals(why=f"Redis does not answer: {error}")


def _vitals(client: Redis) -> Vitals:
    market, stages, now = market_now(client, UNIVERSE), read_stages(client), ns_of(utc_now())
    state = read_feed_state(client)
    quotes = {symbol: market.quote(symbol) for symbol in market.symbols()}
    return Vitals(
        phase=market.phase(str(state.get("status", "")), now),
        ages={symbol: market.age(symbol, now).status for symbol in quotes},
        mids={symbol: quote.mid for symbol, quote in quotes.items() if quote},
        errors=_errors(stages),
        recorded=state.get("kind") == FeedKind.REPLAY,
    )


def _errors(stages: Mapping[str, Sequence[StageReading]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for one in stages.get("signal-generator", ()):
        name = one.instance.rpartition(":")[2]
        said = shard_reading(int(name), stages) if name.isdecimal() else None
        if said is not None and said.status != "dead":
            instance = said.instance
            found[int(name)] = sum(
                each.errors_5m
                for stage in STAGES
                for each in stages.get(stage, ())
                if each.instance == instance
            )
    return found
