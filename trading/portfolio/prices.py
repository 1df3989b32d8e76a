"""Where the market stands now, read from Redis at once: latest quotes, clock and feed state."""

import datetime as dt
from decimal import Decimal
from typing import Any, cast

import msgspec
from redis import Redis

from trading import streams
from trading.portfolio.market import Entry, Market
from trading.portfolio.marks import Quote
from trading.portfolio.text import ns_of

#: Entries of the last moment, which ``hl:quotes`` may not have yet.
RECENT = 100


class _KeptQuote(msgspec.Struct):
    """A value of ``hl:quotes``; what else is in it does not matter here."""

    bid: Decimal
    ask: Decimal
    time: dt.datetime
    session: str


_quote_decoder = msgspec.json.Decoder(_KeptQuote)


def load_market(redis: Redis, market: Market) -> str:
    """Fill ``market`` with the last good quote of each symbol; the id of the newest tick entry.

    Quotes of another session than the newest entry's are left out. Raises redis.RedisError.
    """
    entries = cast("list[Entry]", redis.xrevrange(streams.TICKS, count=RECENT))
    if not entries:
        return "0"
    entries.reverse()
    session = entries[-1][1][b"s"].decode()
    kept = cast("dict[bytes, bytes]", redis.hgetall(streams.QUOTES))
    quotes = {}
    for symbol, raw in kept.items():
        one = _quote_decoder.decode(raw)
        if one.session == session:
            quotes[symbol.decode()] = Quote(one.bid, one.ask, ns_of(one.time))
    market.seed(session, quotes)
    market.on_entries([one for one in entries if one[1][b"s"].decode() == session])
    return entries[-1][0].decode()


def read_feed_state(redis: Redis) -> dict[str, Any]:
    """The feed's own word of itself; empty before the first. Raises redis.RedisError."""
    raw = cast("bytes | None", redis.get(streams.FEED_STATE))
    return cast("dict[str, Any]", msgspec.json.decode(raw)) if raw else {}
