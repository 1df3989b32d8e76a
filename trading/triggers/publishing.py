"""Live value, threshold and distance of every trigger, under ``hl:triggers`` for pages and REST.

The path's evaluation is under ``PATH_KEY``, the watchdog's own under ``WATCHDOG_KEY``; each is a
JSON object ``{source, as_of, as_of_ns, shadow, warnings, queued, triggers: [...]}``. A trigger has
name, what, unit, level, scope, state (ok, warning, breach, unknown), value, threshold, share (of
the threshold; 1 is the breach), direction, confirmations, count, warn_at, window_s, cooldown_s,
shadow, unknown_s, version, origin, kind and mode of the hold, formula, source, detail. Decimals
are strings, unknown is null.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from redis import Redis

from riskctl.triggers.evaluate import Moment, Standing
from riskctl.triggers.inforce import InForce
from riskctl.triggers.specs import SPECS
from trading.clock import utc_from_ns
from trading.portfolio.text import exact, moment

PATH_KEY = "hl:triggers"
WATCHDOG_KEY = "hl:triggers:watchdog"
KEPT_S = 60

_encode = msgspec.json.Encoder().encode


def published(
    source: str, standings: list[Standing], in_force: InForce, now: Moment, *, queued: int
) -> bytes:
    """The body of one source. Pure."""
    return _encode(
        {
            "source": source,
            "as_of": moment(utc_from_ns(now.wall_ns)),
            "as_of_ns": now.wall_ns,
            "shadow": in_force.shadow,
            "warnings": list(in_force.warnings),
            "queued": queued,
            "triggers": [_trigger(one) for one in standings],
        }
    )


def _trigger(one: Standing) -> dict[str, Any]:
    spec, setting = SPECS[one.trigger], one.setting
    return {
        "name": one.trigger,
        "what": spec.what,
        "unit": spec.unit,
        "level": spec.level,
        "scope": one.scope,
        "state": one.state,
        "value": exact(one.value),
        "threshold": exact(setting.threshold),
        "share": exact(one.share),
        "direction": spec.direction,
        "confirmations": setting.confirmations,
        "count": one.count,
        "warn_at": exact(setting.warn_at),
        "window_s": setting.window_s,
        "cooldown_s": setting.cooldown_s,
        "shadow": one.shadow,
        "unknown_s": one.unknown_s,
        "version": setting.version,
        "origin": setting.origin,
        "kind": spec.kind,
        "mode": spec.mode,
        "formula": spec.formula,
        "source": spec.source,
        "detail": one.detail,
    }


def triggers_now(redis: Redis) -> dict[str, Mapping[str, Any] | None]:
    """``path`` and ``watchdog`` as last published; None: not within the last minute.

    Raises redis.RedisError.
    """
    found = cast("list[bytes | None]", redis.mget(PATH_KEY, WATCHDOG_KEY))
    return {
        name: None if raw is None else msgspec.json.decode(raw, type=dict[str, Any])
        for name, raw in zip(("path", "watchdog"), found, strict=True)
    }
