"""Alert conditions of the latest documents, evaluated on what the books say now.

An alert begins when its condition is true and ends when it is false; one that is not known leaves
it as it is, since not knowing is no all-clear, and so does a document that cannot be read. Whose
name a newer document drops ends too.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import structlog
from django.db import connection, transaction

from riskctl.actors import system_actor
from riskctl.approvals.recording import recorded
from trading.engines.budgets import slippage_budgets
from trading.engines.conditions import holds, names_in
from trading.engines.problems import EngineInvalidError
from trading.engines.reading import Alert, EngineConfig, read_engine
from trading.engines.versions import latest_versions
from trading.models import EngineAlert, Fill, PnlPoint, Position
from trading.portfolio.books import day_start
from trading.portfolio.results import Change, Trips
from trading.rehearsals import OF_STRATEGY
from trading.selectors.execution import Asked, fill_rates, slippage
from trading.selectors.performance import Period, answers, capital_of, performance
from trading.selectors.results import budget_used
from trading.universe import UNIVERSE

log = structlog.get_logger("haltline.engines")

PNL_AGE = dt.timedelta(seconds=60)
"""A line of PnL that is older says nothing of now."""
_ACTOR = system_actor("engine-alerts")
_SUCCESS = """
SELECT count(*) FILTER (WHERE filled > 0), count(*) FROM trading_order
WHERE strategy_id = %s AND created_at >= %s AND ended_at IS NOT NULL
  AND order_type <> 'stop' AND state NOT IN ('denied', 'rejected')
"""

Values = dict[str, Decimal | None]


@dataclass(frozen=True, slots=True)
class AlertState:
    """``on``: None is not known. ``values``: of the names in its condition."""

    engine: str
    version: int
    alert: Alert
    condition: str
    on: bool | None
    values: Mapping[str, Decimal | None]


def alert_states(*, now: dt.datetime, engine: str = "") -> list[AlertState]:
    """Of every alert of the latest documents, as it is now. Raises db.Error."""
    return _looked(now, engine)[0]


def _looked(now: dt.datetime, engine: str = "") -> tuple[list[AlertState], set[str]]:
    """Alerts, and the engines whose document cannot be read."""
    found: list[AlertState] = []
    unread: set[str] = set()
    for row in latest_versions():
        if engine in ("", row.name):
            try:
                found += _states(read_engine(row.text), row.number, now)
            except EngineInvalidError as error:  # kept by code that read it otherwise
                log.error("engine document unreadable", engine=row.name, error=str(error))
                unread.add(row.name)
    return found, unread


def _states(config: EngineConfig, version: int, now: dt.datetime) -> list[AlertState]:
    if not config.alerts:
        return []
    values, texts = values_read(config.name, now), config.document["spec"]["alerts"]
    return [
        AlertState(
            config.name, version, alert, text["condition"], holds(alert.condition, values),
            {name: values.get(name) for name in sorted(names_in(alert.condition))},
        )
        for alert, text in zip(config.alerts, texts, strict=True)
    ]  # fmt: skip


def engine_alerts_keep(*, now: dt.datetime) -> list[EngineAlert]:
    """Begin and end alerts; those that changed. One transaction each, so that each is recorded."""
    found, unread = _looked(now)
    states = {(one.engine, one.alert.name): one for one in found}
    standing = {(one.engine, one.alert): one for one in EngineAlert.objects.filter(ended_at=None)}
    changed = []
    for key, row in standing.items():
        state = states.get(key)
        over = row.engine not in unread if state is None else state.on is False
        if over:
            changed.append(_ended(row, state, now))
    for key, state in states.items():
        if state.on and key not in standing:
            changed.append(_begun(state, now))
    return changed


def _begun(state: AlertState, now: dt.datetime) -> EngineAlert:
    with transaction.atomic():
        row = EngineAlert.objects.create(
            id=uuid.uuid4(), engine=state.engine, alert=state.alert.name,
            severity=state.alert.severity, condition=state.condition, version=state.version,
            values=_body(state.values), began_at=now,
        )  # fmt: skip
        _note("engine.alert-begin", row, row.values)
    log.warning(
        "engine.alert", engine=row.engine, alert=row.alert, severity=row.severity,
        values=row.values,
    )  # fmt: skip
    return row


def _ended(row: EngineAlert, state: AlertState | None, now: dt.datetime) -> EngineAlert:
    with transaction.atomic():
        row.ended_at = now
        row.save(update_fields=["ended_at"])
        _note("engine.alert-end", row, _body(state.values) if state else {})
    return row


def _note(action: str, row: EngineAlert, values: Mapping[str, Any]) -> None:
    recorded(
        action, _ACTOR, ("engine", row.engine), reason=f"{row.alert}: {row.condition}",
        correlation_id=str(row.id),
        after={"alert": row.alert, "severity": row.severity, "version": row.version, **values},
    )  # fmt: skip


def _body(values: Mapping[str, Decimal | None]) -> dict[str, str | None]:
    return {name: None if one is None else f"{one:f}" for name, one in values.items()}


# Values -------------------------------------------------------------------------------------------


def values_read(key: str, now: dt.datetime) -> Values:
    """What a condition may name, of strategy ``key`` today; None is not known. Raises db.Error."""
    since = day_start(now)
    return {**_of_orders(key, since), **_of_fills(key, since), **_of_money(key, now)}


def _of_orders(key: str, since: dt.datetime) -> Values:
    asked = Asked(since=since, strategy=key)
    rates, slipped, answered = fill_rates(asked), slippage(asked), answers(key=key, since=since)
    with connection.cursor() as cursor:
        cursor.execute(_SUCCESS, [key, since])
        met, ended = cursor.fetchone()
    p99 = answered.p99_us
    return {
        "tradingStats.successRate": Decimal(met) / ended if ended else None,
        "tradingStats.fillRate": rates[0].rate if rates else None,
        "tradingStats.rejectionRate": (
            Decimal(answered.refused) / answered.orders if answered.orders else None
        ),
        "tradingStats.avgSlippage": slipped[0].mean_bp if slipped else None,
        "tradingStats.slippageBudgetUsed": budget_used(
            slipped[0].mean_bp if slipped else None, slippage_budgets().get(key)
        ),
        "tradingStats.totalOrders": Decimal(answered.orders),
        "latency.orderToAnswer": None if p99 is None else Decimal(p99) / 1_000,
    }


_FILLS = f"""
SELECT o.* FROM trading_fill o
WHERE o.strategy_id = %s AND o.recorded_at >= %s AND {OF_STRATEGY} ORDER BY account_id, sequence
"""  # noqa: S608 - constants


def _of_fills(key: str, since: dt.datetime) -> Values:
    """Each account is a book of its own: what one holds ends no round trip of another."""
    made = [
        Change((key, f"{one.account_id}/{one.symbol}"), sign * one.quantity,
               sign * one.quantity * one.price * UNIVERSE.by_symbol(one.symbol).multiplier, one.fee)
        for one in Fill.objects.raw(_FILLS, [key, since])
        if (sign := 1 if one.side == "buy" else -1) and one.symbol in UNIVERSE
    ]  # fmt: skip
    held = Position.objects.filter(strategy=key).values_list("account_id", "symbol", "quantity")
    opening = {(key, f"{account}/{symbol}"): quantity for account, symbol, quantity in held}
    for change in made:
        opening[change.book] = opening.get(change.book, Decimal(0)) - change.quantity
    trips = Trips(opening)
    for change in made:
        trips.take(change)
    done = trips.rows().get(key)
    return {
        "tradingStats.totalTrades": Decimal(len(made)),
        "tradingStats.hitRatio": Decimal(done.won) / done.ended if done else None,
    }


def _of_money(key: str, now: dt.datetime) -> Values:
    point = PnlPoint.objects.filter(strategy=key).order_by("-at").first()
    names = ("pnl", "drawdown", "grossExposure", "netExposure", "utilization")
    if point is None or now - point.at > PNL_AGE:
        return {f"riskMetrics.{name}": None for name in names}
    line = performance(key=key, period=Period.TODAY, now=now).points
    last, capital = (line[-1] if line else None), capital_of(key)
    fall = last.drawdown if last else None
    return {
        "riskMetrics.pnl": last.pnl if last else None,
        "riskMetrics.drawdown": None if fall is None else -fall / 100,
        "riskMetrics.grossExposure": point.gross,
        "riskMetrics.netExposure": point.net,
        "riskMetrics.utilization": point.gross / capital if capital else None,
    }
