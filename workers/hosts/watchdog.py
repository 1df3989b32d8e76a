"""Hosts the watchdog's loop under the lease ``watchdog:main``, and what it watches beside it."""

import time
from collections.abc import Mapping
from typing import Any

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from riskctl.breakglass import breakglass_returns
from riskctl.clockwatch import ClockWatch
from riskctl.following import receipts_follow
from riskctl.schedule import maintenance_place_due
from riskctl.watchdog import Sides, SideTask, watchdog_run
from trading import health
from trading.hosting import HostContext
from trading.liquidation.service import warrants_follow
from trading.triggers.watch import WatchdogTriggers

log = structlog.get_logger(__name__)

# The heartbeat is due every half a second: Redis may cost it less than that, and no second try
# (redis-py would sleep seconds between its own).
_REDIS: dict[str, Any] = {
    "socket_timeout": 0.2,
    "socket_connect_timeout": 0.2,
    "retry": Retry(NoBackoff(), 0),
}
_STOP_S = 0.8


class _Sign:
    """The watchdog's stage in Redis, for people; whatever becomes of it, the heartbeat goes on."""

    def __init__(self, sides: Sides) -> None:
        self._meter = health.StageMeter("watchdog", "main")
        self._client = _client()
        self._sides = sides
        self._before = time.monotonic_ns()
        self._down = False

    def beaten(self, written: bool) -> None:
        now = time.monotonic_ns()
        if written:
            self._meter.observe(now - self._before)
        else:
            self._meter.error("database-down")
        if written == self._down:
            self._down = not written
            (log.warning if self._down else log.info)("watchdog.database", down=self._down)
        self._before = now
        try:
            key = health.key("watchdog", "main")
            pipe = self._client.pipeline(transaction=True)
            pipe.hset(key, mapping={**self._meter.fields(), **_shown(self._sides.ages_s())})
            pipe.expire(key, health.EXPIRE_S)
            pipe.execute()
        except redis.RedisError as error:
            log.debug("watchdog.redis", reason=str(error))


def _shown(ages: Mapping[str, float]) -> dict[str, str]:
    """How long ago each side task ended well: one that hangs is seen here."""
    return {f"{name}_s": f"{age:.1f}" for name, age in ages.items()}


def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, **_REDIS)


def side_tasks(triggers: WatchdogTriggers) -> list[SideTask]:
    """What the watchdog does every half second beside its heartbeat, each in its own thread."""
    return [
        SideTask("triggers", triggers.step, triggers.stop),
        SideTask("clock", ClockWatch().look),
        SideTask("maintenance", maintenance_place_due),
        SideTask("break-glass", breakglass_returns),
        SideTask("receipts", receipts_follow),
        SideTask("warrants", warrants_follow),
    ]


def run(ctx: HostContext) -> None:
    triggers = WatchdogTriggers(_client())
    triggers.start()
    sides = Sides(side_tasks(triggers), waits_for=(redis.RedisError,))
    sides.start()
    try:
        watchdog_run(
            lease=ctx.lease,
            holder=ctx.holder,
            token=ctx.token,
            stopping=ctx.stopping,
            beaten=_Sign(sides).beaten,
        )
    finally:
        sides.stop(_STOP_S)
