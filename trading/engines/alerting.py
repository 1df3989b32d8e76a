"""Alert conditions of the latest documents, evaluated on what the books say now.

An alert begins when its condition is true and ends when it is false; one that is not known leaves
it as it is, since not knowing is no all-clear, and so does a document that cannot be read. Whose
name a newer document drops ends too. Engines are looked at one by one, each within its time: one
that is slow or broken silences no other.
"""

import contextlib
import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import structlog
from django.db import Error, connection, transaction

from riskctl.actors import system_actor
from riskctl.approvals.recording import recorded
from trading.engines.conditions import holds, names_in
from trading.engines.problems import EngineInvalidError
from trading.engines.reading import Alert, read_engine
from trading.engines.values import READINGS, Values
from trading.engines.versions import latest_versions
from trading.models import EngineAlert, EngineVersion

log = structlog.get_logger("haltline.engines")

LONGEST_S = 3.0
"""So long one statement may take that looks at one engine; what takes longer is not known."""
ROUND_S = 10
_ACTOR = system_actor("engine-alerts")
_AMISS = (Error, ArithmeticError, LookupError, TypeError, ValueError)
"""What makes a value of one engine unknown: too slow, or a document of other code."""


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
    """Of every alert of the latest documents, as it is now; of those that cannot be read, none.
    Raises db.Error."""
    rows = [one for one in latest_versions() if engine in ("", one.name)]
    return [state for row in rows for state in _states(row, now) or ()]


def _states(row: EngineVersion, now: dt.datetime) -> list[AlertState] | None:
    """None: its document cannot be read."""
    try:
        config = read_engine(row.text)
    except EngineInvalidError as error:  # kept by code that read it otherwise
        log.error("engine document unreadable", engine=row.name, error=str(error))
        return None
    named = {alert.name: names_in(alert.condition) for alert in config.alerts}
    values = _values(config.name, now, frozenset().union(*named.values()))
    return [
        AlertState(
            config.name, row.number, alert, text["condition"], holds(alert.condition, values),
            {name: values.get(name) for name in sorted(named[alert.name])},
        )
        for alert, text in zip(config.alerts, config.document["spec"].get("alerts", ()),
                               strict=True)
    ]  # fmt: skip


def _values(key: str, now: dt.datetime, names: frozenset[str]) -> Values:
    """Without those that cannot be read, or not in time."""
    found: Values = {}
    for gives, read in READINGS.items():
        if gives.isdisjoint(names):
            continue
        try:
            with transaction.atomic(), _in_time():
                found |= read(key, now)
        except _AMISS as error:
            log.error("engine alerts not known", engine=key, of=sorted(gives), error=repr(error))
    return found


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        (before,) = cursor.fetchone()
        longest = f"{round(LONGEST_S * 1_000)}ms"
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [longest])
        yield
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])


def engine_alerts_keep(*, now: dt.datetime) -> list[EngineAlert]:
    """Begin and end alerts; those that changed. One transaction each, so that each is recorded.
    Raises db.Error."""
    changed: list[EngineAlert] = []
    rows = latest_versions()
    standing: dict[str, dict[str, EngineAlert]] = defaultdict(dict)
    for one in EngineAlert.objects.filter(ended_at=None):
        standing[one.engine][one.alert] = one
    for row in _from_another(rows, now):
        states, begun = _states(row, now), standing.pop(row.name, {})
        if states is not None:
            changed += _kept(states, begun, now)
    for begun in standing.values():  # of engines that have no document
        changed += _kept([], begun, now)
    return changed


def _from_another(rows: list[EngineVersion], now: dt.datetime) -> list[EngineVersion]:
    """Every round begins with another engine: if time runs out, it is not always for the same."""
    at = int(now.timestamp() // ROUND_S) % len(rows) if rows else 0
    return rows[at:] + rows[:at]


def _kept(
    found: list[AlertState], standing: Mapping[str, EngineAlert], now: dt.datetime
) -> Iterator[EngineAlert]:
    states = {one.alert.name: one for one in found}
    for name, row in standing.items():
        state = states.get(name)
        if state is None or state.on is False:
            yield _ended(row, state, now)
    for name, state in states.items():
        if state.on and name not in standing:
            yield _begun(state, now)


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
