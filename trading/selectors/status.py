"""Whether the desk can trade: modes of every scope, licences, stages, and readiness."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db import DatabaseError, InterfaceError
from redis import Redis, RedisError

from riskctl.holds import Mode, scopes_of, strictest
from riskctl.models import Hold, HoldLift, Stage
from riskctl.receipts import effective_at
from riskctl.selectors import fact_of
from trading.calendars import calendars_end
from trading.clock import utc_now
from trading.health import STAGES, StageReading, read_stages
from trading.portfolio.books import AccountRow, Books, HoldRow
from trading.portfolio.frames import View
from trading.portfolio.held import Held, held_firm, held_strategy
from trading.portfolio.market import Market
from trading.portfolio.prices import read_feed_state
from trading.portfolio.reader import control_read
from trading.portfolio.standing import Gateway, Standing, State, firm_standing, standing_of
from trading.portfolio.text import age_ms
from trading.selectors.prices import market_now
from trading.universe import UNIVERSE, Universe

T = TypeVar("T")

WATCHDOG_DEAD_MS = 3_000
"""A heartbeat older than this ends every licence (DESIGN: no watchdog, no trading)."""


@dataclass(frozen=True, slots=True)
class ScopeStatus:
    """``scope`` is firm, venue:ACCOUNT, strategy:KEY, or instrument:SYMBOL where a hold lies on it.

    ``holds`` are the open ones that apply, strictest first; ``why`` says in words what they are,
    and what is not known. It is empty when ACTIVE.
    """

    scope: str
    mode: State
    why: str
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LicenceStatus:
    """``remaining_ms`` None: the gateway has not been heard."""

    account: str
    valid: bool
    remaining_ms: int | None
    fencing_token: int | None


@dataclass(frozen=True, slots=True)
class TradingStatus:
    """``mode`` is the firm's. ``epoch`` grows with every hold, lift and change of a lease.

    ``holds`` are all open ones, newest first.
    """

    mode: State
    scopes: tuple[ScopeStatus, ...]
    holds: tuple[HoldRow, ...]
    epoch: int
    licences: tuple[LicenceStatus, ...]
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness; ``text`` begins with ``ok``, or says what is wrong."""

    name: str
    ok: bool
    text: str


def trading_status(redis: Redis, *, universe: Universe = UNIVERSE) -> TradingStatus:
    """As known now; without Redis nothing is known of gateways and shards.

    HALTED and FROZEN are known from the holds alone: nothing but a lift ends them. Anything more
    open than that is UNKNOWN while a gateway is not known to be licensed. Raises django.db.Error.
    """
    books = control_read()
    holds = holds_now()
    try:
        view = _view(redis, universe, books)
    except RedisError:
        view = View(now=utc_now(), books=books, market=Market(universe), universe=universe)
    gateways = view.gateways()
    firm = _firm_scope(list(gateways.values()), holds)
    tokens = {one.name: one.token for one in view.books.leases}
    return TradingStatus(
        mode=firm.mode,
        scopes=(
            firm,
            *(_account_scope(one, gateways[one.name], holds) for one in view.books.accounts),
            *_strategy_scopes(view, gateways, holds),
            *_instrument_scopes(holds),
        ),
        holds=holds,
        epoch=sum(tokens.values()) + Hold.objects.count() + HoldLift.objects.count(),
        licences=tuple(_licence(one, tokens) for one in gateways.values()),
        as_of=view.now,
    )


def holds_now() -> tuple[HoldRow, ...]:
    """Open holds, newest first, each with when it was proven. Raises django.db.Error."""
    rows = list(Hold.objects.filter(lift=None).order_by("-placed_at", "id"))
    proven = effective_at(row.id for row in rows) if rows else {}
    return tuple(HoldRow(fact_of(row), row.placed_at, proven.get(row.id)) for row in rows)


def held_words(held: Held) -> str:
    """``kill on firm by ada.nwosu: unexpected orders``, joined by semicolons."""
    facts = (one.fact for one in held.holds)
    return "; ".join(f"{one.kind} on {one.scope} by {one.placed_by}: {one.reason}" for one in facts)


def _scope(scope: str, standing: Standing, held: Held) -> ScopeStatus:
    why = "; ".join(filter(None, (held_words(held), standing.why)))
    return ScopeStatus(scope, standing.state, why, tuple(one.fact.id for one in held.holds))


def _firm_scope(gateways: Sequence[Gateway], holds: Sequence[HoldRow]) -> ScopeStatus:
    held = held_firm(holds)
    return _scope("firm", firm_standing(gateways, held.mode), held)


def _account_scope(
    account: AccountRow, gateway: Gateway, holds: Sequence[HoldRow]
) -> ScopeStatus:  # fmt: skip
    names = scopes_of(account.name, account.venue).names
    held = _held([one for one in holds if one.fact.scope in names])
    words = gateway_words(gateway)
    doubt = "" if words == "ok" else words
    closed = held.mode in (Mode.HALTED, Mode.FROZEN)
    state: State = "UNKNOWN" if doubt and not closed else _STATES[held.mode]
    return _scope(f"venue:{account.name}", Standing(state, doubt), held)


_STATES: dict[Mode, State] = {
    Mode.ACTIVE: "ACTIVE", Mode.REDUCE_ONLY: "REDUCE-ONLY", Mode.HALTED: "HALTED",
    Mode.FROZEN: "FROZEN",
}  # fmt: skip


def _held(rows: Sequence[HoldRow]) -> Held:
    found = strictest(one.fact for one in rows)
    ordered = sorted(rows, key=lambda one: (-one.fact.mode.strictness, one.placed_at, one.fact.id))
    return Held(found.mode if found else Mode.ACTIVE, tuple(ordered))


def _strategy_scopes(
    view: View, gateways: Mapping[str, Gateway], holds: Sequence[HoldRow]
) -> list[ScopeStatus]:
    ages = view.ages()
    rungs = dict(Stage.objects.values_list("strategy", "rung"))
    found = []
    for row in view.books.strategies:
        held = held_strategy(row, holds)
        standing = standing_of(
            row,
            gateways={name: gateways.get(name) for name in row.accounts},
            stages=view.stages,
            phase=view.phase,
            ages=ages,
            books_age_ms=view.books_age_ms,
            mode=held.mode,
            rung=rungs.get(row.key, ""),
        )
        found.append(_scope(f"strategy:{row.key}", standing, held))
    return found


def _instrument_scopes(holds: Sequence[HoldRow]) -> list[ScopeStatus]:
    """Those that a hold lies on; the others are what their accounts are."""
    scopes = sorted({one.fact.scope for one in holds if one.fact.scope.startswith("instrument:")})
    found = []
    for scope in scopes:
        held = _held([one for one in holds if one.fact.scope in ("firm", scope)])
        found.append(_scope(scope, Standing(_STATES[held.mode], ""), held))
    return found


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
        Check("calendars", *calendars_end(view.now)),
        *([] if books is None else [_holds_check()]),
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


def _holds_check() -> Check:
    """A desk that is halted is ready: it can stop, and it can resume."""
    try:
        held = held_firm(holds_now())
    except (DatabaseError, InterfaceError):
        return Check("holds", False, "not known without the database")
    if held.mode is Mode.ACTIVE:
        return Check("holds", True, "ok")
    return Check("holds", True, f"ok: the firm is {held.mode}; ready to stop and to resume")


def _feed_check(view: View) -> Check:
    words = {
        "dead": "nothing for over 30 s",
        "waiting": "no entry yet" if view.market.clock_ns is None else "ok",
        "ended": "ok",
        "running": "ok",
    }[view.phase]
    return Check("data", words == "ok", words)
