"""Whether the desk can trade: modes of every scope, licences, stages, and readiness."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError
from redis import Redis, RedisError

from trading.clock import utc_now
from trading.health import STAGES, StageReading, read_stages
from trading.portfolio.books import Books
from trading.portfolio.frames import View
from trading.portfolio.market import Market
from trading.portfolio.prices import read_feed_state
from trading.portfolio.reader import control_read
from trading.portfolio.standing import Gateway, State, firm_standing, standing_of
from trading.portfolio.text import age_ms
from trading.selectors.prices import market_now
from trading.universe import UNIVERSE, Universe

T = TypeVar("T")

WATCHDOG_DEAD_MS = 3_000
"""A heartbeat older than this ends every licence (DESIGN: no watchdog, no trading)."""


@dataclass(frozen=True, slots=True)
class ScopeStatus:
    """``scope`` is firm, account:NAME or strategy:KEY; ``why`` is empty when ACTIVE."""

    scope: str
    mode: State
    why: str


@dataclass(frozen=True, slots=True)
class LicenceStatus:
    """``remaining_ms`` None: the gateway has not been heard."""

    account: str
    valid: bool
    remaining_ms: int | None
    fencing_token: int | None


@dataclass(frozen=True, slots=True)
class TradingStatus:
    """``mode`` is the firm's. ``epoch`` grows with every change of a lease."""

    mode: State
    scopes: tuple[ScopeStatus, ...]
    holds: tuple[Mapping[str, Any], ...]
    epoch: int
    licences: tuple[LicenceStatus, ...]
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness; ``text`` is ``ok``, or what is wrong."""

    name: str
    ok: bool
    text: str


def trading_status(redis: Redis, *, universe: Universe = UNIVERSE) -> TradingStatus:
    """As known now; without Redis nothing is known of gateways and shards, so UNKNOWN.

    Raises django.db.Error.
    """
    books = control_read()
    try:
        view = _view(redis, universe, books)
    except RedisError:
        view = View(now=utc_now(), books=books, market=Market(universe), universe=universe)
    gateways, ages = view.gateways(), view.ages()
    scopes = [_account_scope(one) for one in gateways.values()]
    for row in view.books.strategies:
        standing = standing_of(
            row,
            gateway=gateways.get(row.account),
            stages=view.stages,
            phase=view.phase,
            ages=ages,
            books_age_ms=view.books_age_ms,
        )
        scopes.append(ScopeStatus(f"strategy:{row.key}", standing.state, standing.why))
    firm_is = firm_standing(list(gateways.values()))
    firm = ScopeStatus("firm", firm_is.state, firm_is.why)
    tokens = {one.name: one.token for one in view.books.leases}
    return TradingStatus(
        mode=firm.mode,
        scopes=(firm, *scopes),
        holds=(),
        epoch=sum(tokens.values()),
        licences=tuple(_licence(one, tokens) for one in gateways.values()),
        as_of=view.now,
    )


def _account_scope(gateway: Gateway) -> ScopeStatus:
    scope = f"account:{gateway.account}"
    if gateway.state == "licensed":
        return ScopeStatus(scope, "ACTIVE", "")
    return ScopeStatus(scope, "UNKNOWN", gateway_words(gateway))


def gateway_words(gateway: Gateway) -> str:
    """``ok``, or why this gateway does not trade."""
    if gateway.state == "dead":
        return f"gateway {gateway.account} sent no heartbeat"
    if gateway.state == "disconnected":
        return f"gateway {gateway.account} is not connected to its venue"
    if gateway.state == "unlicensed":
        return f"gateway {gateway.account} has no licence"
    return "ok"


def _licence(gateway: Gateway, tokens: Mapping[str, int]) -> LicenceStatus:
    return LicenceStatus(
        account=gateway.account,
        valid=gateway.state in ("licensed", "disconnected") and bool(gateway.licence_ms),
        remaining_ms=gateway.licence_ms,
        fencing_token=tokens.get(f"gateway:{gateway.account}"),
    )


def _view(redis: Redis, universe: Universe, books: Books) -> View:
    """What Redis says, beside ``books``. Raises redis.RedisError."""
    market, stages, state = market_now(redis, universe), read_stages(redis), read_feed_state(redis)
    return View(
        now=utc_now(),
        books=books,
        market=market,
        universe=universe,
        stages=stages,
        feed_state=state,
    )


def stage_health(redis: Redis, stage: str) -> list[StageReading]:
    """Every instance of ``stage`` that was heard of within thirty seconds."""
    return read_stages(redis).get(stage, [])


def readiness(redis: Redis, *, universe: Universe = UNIVERSE) -> list[Check]:
    """Every condition of trading, each with words. Raises nothing: a dead store is a check."""
    database, books = _tried("database", control_read, (DatabaseError, InterfaceError))
    view_check, view = _tried(
        "redis", lambda: _view(redis, universe, books or Books()), (RedisError, OSError)
    )
    checks = [database, view_check]
    if view is None:
        return [*checks, *(Check(stage, False, "not known without redis") for stage in STAGES)]
    return [
        *checks,
        *(_stage_check(stage, view.stages.get(stage, ())) for stage in STAGES),
        *(_gateway_check(one) for one in view.gateways().values()),
        _watchdog_check(view),
        _feed_check(view),
    ]


def _tried(
    name: str, read: Callable[[], T], errors: tuple[type[Exception], ...]
) -> tuple[Check, T | None]:
    try:
        return Check(name, True, "ok"), read()
    except errors as error:
        reason = str(error).strip().partition("\n")[0]
        return Check(name, False, f"does not answer: {reason}"), None


def _stage_check(stage: str, readings: Sequence[StageReading]) -> Check:
    silent = [one for one in readings if one.status == "dead"]
    if not readings:
        return Check(stage, False, "no heartbeat")
    if silent:
        names = ", ".join(f"{one.instance} for {one.heartbeat_ms // 1000} s" for one in silent)
        return Check(stage, False, f"no heartbeat of {names}")
    return Check(stage, True, "ok")


def _gateway_check(gateway: Gateway) -> Check:
    words = gateway_words(gateway)
    return Check(f"gateway:{gateway.account}", words == "ok", words)


def _watchdog_check(view: View) -> Check:
    at = view.books.watchdog_at
    if at is None:
        return Check("watchdog", False, "no heartbeat")
    ms = age_ms(at, view.now)
    late = ms >= WATCHDOG_DEAD_MS
    return Check("watchdog", not late, f"last heartbeat {ms / 1000:.0f} s ago" if late else "ok")


def _feed_check(view: View) -> Check:
    words = {
        "dead": "nothing for over 30 s",
        "waiting": "no entry yet" if view.market.clock_ns is None else "ok",
        "ended": "ok",
        "running": "ok",
    }[view.phase]
    return Check("data", words == "ok", words)
