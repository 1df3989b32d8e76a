"""Hosts the watchdog's loop under the lease ``watchdog:main``."""

import time
from typing import Any

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from riskctl.watchdog import watchdog_run
from trading import health
from trading.hosting import HostContext

log = structlog.get_logger(__name__)

# The heartbeat is due every half a second: Redis may cost it less than that, and no second try
# (redis-py would sleep seconds between its own).
_REDIS: dict[str, Any] = {
    "socket_timeout": 0.2,
    "socket_connect_timeout": 0.2,
    "retry": Retry(NoBackoff(), 0),
}


class _Sign:
    """The watchdog's stage in Redis, for people; whatever becomes of it, the heartbeat goes on."""

    def __init__(self) -> None:
        self._meter = health.StageMeter("watchdog", "main")
        self._client = redis.Redis.from_url(settings.REDIS_URL, **_REDIS)
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
            pipe.hset(key, mapping=self._meter.fields())
            pipe.expire(key, health.EXPIRE_S)
            pipe.execute()
        except redis.RedisError as error:
            log.debug("watchdog.redis", reason=str(error))


def run(ctx: HostContext) -> None:
    watchdog_run(
        lease=ctx.lease,
        holder=ctx.holder,
        token=ctx.token,
        stopping=ctx.stopping,
        beaten=_Sign().beaten,
    )
