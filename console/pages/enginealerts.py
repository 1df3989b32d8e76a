"""Alerts of documents: each on its engine's page, those that ring at the strategy and on the desk.

static/js/ringing.js is the twin of what rings.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from console.pages import formats
from console.pages.frames import AlertLine, DeskFrame, StrategyLine
from console.stores import redis_client
from trading import selectors
from trading.engines.alerting import AlertState, alert_states
from trading.gates.facts import config_of
from trading.health import EXPIRE_S
from trading.models import EngineAlert, EngineVersion
from trading.portfolio.alerts import STAGE, alerting, gravity

NEAR = {"critical": "breach", "warning": "warning", "info": "info"}
NOBODY = "nobody evaluates them now: none begins or ends"


@dataclass(frozen=True)
class Ringing:
    """One that rings, as a link to its engine; ``near`` is its tone."""

    strategy: str
    text: str
    near: str
    since: str


def ringing_of(line: StrategyLine) -> list[Ringing]:
    return [_ringing(line.key, one) for one in line.alerts or []]


def _ringing(key: str, one: AlertLine) -> Ringing:
    near = NEAR.get(one.severity, "warning")
    return Ringing(key, f"{one.name}, {one.severity}", near, f"since {moment(one.since)} UTC")


def none_rings(line: StrategyLine, frame: DeskFrame | None) -> str:
    """What stands where none rings: none, or that it is not known."""
    known = line.alerts is not None and frame is not None and frame.alerting != "dead"
    return "none" if known else formats.UNKNOWN


def desk_alerts(lines: Iterable[StrategyLine], frame: DeskFrame | None) -> dict[str, Any]:
    """Those of every strategy, the gravest first; ``nobody``: why there may be more."""
    found = [(gravity(one.severity), line.key, one) for line in lines for one in line.alerts or []]
    found.sort(key=lambda each: each[:2])
    return {
        "rows": [_ringing(key, one) for _, key, one in found],
        "nobody": NOBODY if frame is not None and frame.alerting == "dead" else "",
    }


def moment(at: dt.datetime) -> str:
    return f"{formats.day(at)} {formats.clock(at)[:5]}"


# A document's own page ----------------------------------------------------------------------------


def alerts_of(version: EngineVersion, now: dt.datetime) -> dict[str, Any]:
    """Of the latest document, measured now, and when they were last evaluated. Raises db.Error."""
    ringing = EngineAlert.objects.filter(engine=version.name, ended_at=None)
    rows = {one.alert: one for one in ringing}
    states = alert_states(now=now, engine=version.name) if config_of(version.text) else None
    shown = [_shown(one, rows.pop(one.alert.name, None)) for one in states or []]
    left = [_left(one, known=states is not None) for one in rows.values()]
    return {
        "document_alerts": [*shown, *left],
        "alerts_unread": states is None,
        **_evaluated(now),
    }


def _shown(state: AlertState, row: EngineAlert | None) -> dict[str, str]:
    lacking = ", ".join(name for name, value in state.values.items() if value is None)
    near = NEAR.get(state.alert.severity, "warning")
    if row is not None:
        more = {None: f", not known now: {lacking}", False: ", ends when evaluated next"}
        now = f"since {moment(row.began_at)} UTC{more.get(state.on, '')}"
    elif state.on:
        now = "true, begins when evaluated next"
    elif state.on is None:
        near, now = "unknown", f"not known: {lacking}"
    else:
        near, now = "ok", "quiet"
    return {
        "name": state.alert.name, "condition": state.condition, "severity": state.alert.severity,
        "near": near, "now": now,
    }  # fmt: skip


def _left(row: EngineAlert, *, known: bool) -> dict[str, str]:
    """One that rings and is not in what could be read of the latest document."""
    why = "not in the latest document: ends when evaluated next" if known else "not known now"
    return {
        "name": row.alert, "condition": row.condition, "severity": row.severity,
        "near": NEAR.get(row.severity, "warning"),
        "now": f"since {moment(row.began_at)} UTC, {why}",
    }  # fmt: skip


def _evaluated(now: dt.datetime) -> dict[str, str]:
    try:
        heard = selectors.stage_health(redis_client(), STAGE)
    except RedisError:
        return {"alerts_evaluated": "not known when last evaluated", "alerts_near": "unknown"}
    status, said = alerting({STAGE: heard}), f"not evaluated for {EXPIRE_S} s or more"
    if heard:
        ms = min(one.heartbeat_ms for one in heard)
        at = formats.clock(now - dt.timedelta(milliseconds=ms))
        said = f"last evaluated {at} UTC, {formats.age(ms)} before this page"
    more = f": {NOBODY}" if status == "dead" else ""
    return {"alerts_evaluated": said + more, "alerts_near": "" if status == "fresh" else "warning"}
