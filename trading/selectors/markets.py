"""Markets and their phases by the feed's clock."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from redis import Redis

from trading.clock import utc_from_ns, utc_now
from trading.feeds.spec import is_simulated
from trading.selectors.prices import market_now
from trading.sessions import MARKETS, Market, Phase, standing_at
from trading.universe import UNIVERSE, Universe


@dataclass(frozen=True, slots=True)
class MarketRow:
    """``until``: when the phase changes next, ``opens_at``: when it opens next if it is not open;
    None: never, or not known. ``orders``: whether they may leave now. ``as_of``: the feed's clock,
    or without a feed the desk's."""

    market: str
    name: str
    phase: Phase
    until: dt.datetime | None
    opens_at: dt.datetime | None
    orders: bool
    instruments: tuple[str, ...]
    as_of: dt.datetime


def markets(redis: Redis, *, universe: Universe = UNIVERSE) -> list[MarketRow]:
    """Raises redis.RedisError."""
    clock_ns = market_now(redis, universe).clock_ns
    now = utc_now() if clock_ns is None else utc_from_ns(clock_ns)
    simulated = is_simulated(settings.FEED)
    return [_row(one, now, universe, simulated=simulated) for one in MARKETS.values()]


def _row(one: Market, now: dt.datetime, universe: Universe, *, simulated: bool) -> MarketRow:
    standing = standing_at(one, now)
    return MarketRow(
        market=one.name,
        name=one.words,
        phase=standing.phase,
        until=standing.until,
        opens_at=standing.opens,
        orders=standing.open or simulated,
        instruments=tuple(it.symbol for it in universe.instruments if it.market == one.name),
        as_of=now,
    )
