"""What a break is valued at: the latest mid, or what we last traded at."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import structlog
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from trading import streams
from trading.reconciliation.books import last_price
from trading.selectors.prices import market_now

log = structlog.get_logger(__name__)


def mids_now() -> dict[str, Decimal]:
    """Latest mid of each quoted symbol; none while Redis is away."""
    try:
        with Redis.from_url(
            streams.redis_url(), socket_timeout=1, socket_connect_timeout=1,
            retry=Retry(NoBackoff(), 0),
        ) as client:  # fmt: skip
            market = market_now(client)
    except RedisError as error:
        log.warning("reconciliation.no-quotes", error=str(error))
        return {}
    quotes = {symbol: market.quote(symbol) for symbol in market.symbols()}
    return {symbol: quote.mid for symbol, quote in quotes.items() if quote is not None}


def price_of(mids: Mapping[str, Decimal]) -> Callable[[str], Decimal | None]:
    """The price of a symbol: its mid, else what our books last traded it at."""
    return lambda symbol: mids[symbol] if symbol in mids else last_price(symbol)
