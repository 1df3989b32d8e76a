"""Prices and their age, as the ingestor keeps them in Redis."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from redis import Redis

from trading.clock import utc_from_ns, utc_now
from trading.models import Strategy
from trading.portfolio.market import DataStatus, FeedPhase, Market
from trading.portfolio.pipeline import skew_ms, source_of
from trading.portfolio.prices import load_market, read_feed_state
from trading.portfolio.text import ns_of
from trading.universe import UNIVERSE, Universe


@dataclass(frozen=True, slots=True)
class LatestPrice:
    """Latest good quote of one symbol; ``timestamp`` is its feed time."""

    symbol: str
    bid: Decimal
    ask: Decimal
    mid: Decimal
    timestamp: dt.datetime
    age_ms: int | None
    status: DataStatus


@dataclass(frozen=True, slots=True)
class SymbolFreshness:
    """``age_ms`` and ``timestamp`` None: no quote yet. ``source`` is empty where there is one."""

    symbol: str
    status: DataStatus
    age_ms: int | None
    timestamp: dt.datetime | None
    source: str = ""
    backup: bool = False
    withheld: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class DataFreshness:
    """``status`` is that of the worst symbol; ``silent_ms`` real time since the last entry."""

    feed: str
    state: FeedPhase
    status: DataStatus
    clock: dt.datetime | None
    silent_ms: int | None
    symbols: tuple[SymbolFreshness, ...]
    skew_ms: Mapping[str, int]
    as_of: dt.datetime


_BEST_FIRST: tuple[DataStatus, ...] = ("fresh", "late", "stale", "dead")


def market_now(redis: Redis, universe: Universe = UNIVERSE) -> Market:
    """Latest quotes of the feed session that runs."""
    market = Market(universe)
    load_market(redis, market)
    return market


def latest_prices(redis: Redis, *, universe: Universe = UNIVERSE) -> list[LatestPrice]:
    """Of every symbol that has had a good quote, in universe order."""
    market, now_ns = market_now(redis, universe), ns_of(utc_now())
    found = []
    for symbol in market.symbols():
        quote, age = market.quote(symbol), market.age(symbol, now_ns)
        if quote is not None:
            found.append(
                LatestPrice(
                    symbol=symbol,
                    bid=quote.bid,
                    ask=quote.ask,
                    mid=quote.mid,
                    timestamp=utc_from_ns(quote.time_ns),
                    age_ms=age.age_ms,
                    status=age.status,
                )
            )
    return found


def data_freshness(redis: Redis, *, universe: Universe = UNIVERSE) -> DataFreshness:
    """Of every symbol that a strategy trades or that has had a quote."""
    market, state, now = market_now(redis, universe), read_feed_state(redis), utc_now()
    wanted = {symbol for row in Strategy.objects.all() for symbol in row.symbols}
    wanted.update(market.symbols())
    choices = state.get("choices") or {}
    rows = tuple(
        _freshness(market, one.symbol, ns_of(now), choices.get(one.symbol))
        for one in universe.instruments
        if one.symbol in wanted
    )
    silent_ns = market.silent_ns(ns_of(now))
    statuses: list[DataStatus] = [one.status for one in rows] or ["dead"]
    return DataFreshness(
        feed=str(state.get("spec", "")),
        state=market.phase(str(state.get("status", "")), ns_of(now)),
        status=max(statuses, key=_BEST_FIRST.index),
        clock=None if market.clock_ns is None else utc_from_ns(market.clock_ns),
        silent_ms=None if silent_ns is None else silent_ns // 1_000_000,
        symbols=rows,
        skew_ms=skew_ms(state),
        as_of=now,
    )


def sources_out_of_order(redis: Redis) -> tuple[int, int]:
    """How many symbols are on a backup, and how many are withheld. Raises redis.RedisError."""
    choices = [source_of(one) for one in (read_feed_state(redis).get("choices") or {}).values()]
    return sum(one["backup"] for one in choices), sum(one["withheld"] for one in choices)


def _freshness(
    market: Market, symbol: str, now_ns: int, choice: Mapping[str, Any] | None
) -> SymbolFreshness:
    age, quote = market.age(symbol, now_ns), market.quote(symbol)
    timestamp = None if quote is None else utc_from_ns(quote.time_ns)
    return SymbolFreshness(symbol, age.status, age.age_ms, timestamp, **source_of(choice))
