"""How often a caller may ask. Counted in Redis by one atomic step a request, whatever the process.

What stops is never counted, and nobody waits for Redis: while it is out nothing is limited. These
limits keep a script that went wild from slowing the console for the others; they guard no secret
(wrong passwords, codes and tokens have their own waits), so an open door is the smaller harm: it is
when stores fail that people must be able to look.
"""

import functools
import math
import threading
import time

import structlog
from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import RedisError

log = structlog.get_logger(__name__)

READ, WRITE = "read", "write"
TOKEN, SESSION = "token", "session"
LIMITS: dict[tuple[str, str], RateLimitItem] = {
    (TOKEN, READ): RateLimitItemPerMinute(600),
    (TOKEN, WRITE): RateLimitItemPerMinute(60),
    (SESSION, READ): RateLimitItemPerMinute(1_200),
    (SESSION, WRITE): RateLimitItemPerMinute(120),
}
"""Requests in any 60 seconds, for each token and each session. All there are."""

_KEY_PREFIX = "hl:limits"
_SILENT_S = 5.0


class _Silence:
    """Until when Redis is not asked again, so that each request does not wait for it anew."""

    def __init__(self) -> None:
        self._until = 0.0
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return time.monotonic() < self._until

    def begin(self) -> None:
        with self._lock:
            self._until = time.monotonic() + _SILENT_S


silence = _Silence()


@functools.cache
def _limiter() -> MovingWindowRateLimiter:
    storage = RedisStorage(
        settings.REDIS_URL, key_prefix=_KEY_PREFIX, socket_timeout=1, socket_connect_timeout=1
    )
    return MovingWindowRateLimiter(storage)


def wait_s(caller: str, ident: str, what: str) -> int:
    """Count one request of ``caller`` (token or session) ``ident``; whole seconds to wait, or 0.

    ``what`` is read or write. A request that has to wait is not counted.
    """
    if silence:
        return 0
    item = LIMITS[caller, what]
    try:
        limiter = _limiter()
        if limiter.hit(item, caller, ident, what):
            return 0
        free_at = limiter.get_window_stats(item, caller, ident, what).reset_time
    except RedisError as error:
        log.warning("limits_unavailable", error=type(error).__name__)
        silence.begin()
        return 0
    return max(1, math.ceil(free_at - time.time()))
