"""Waiting after wrong passwords and refused tokens: counters with an end, in Redis.

When Redis is down nothing waits, on purpose: the console must open while Redis is out (that is
when people need it), a password alone opens nothing, and the second factor has its own throttle
in PostgreSQL. A name is never locked for long, or anybody could lock a trader out of Stop: the
long waits are for one address.
"""

from dataclasses import dataclass

import structlog
from django.utils.crypto import salted_hmac
from redis import RedisError

from console.stores import redis_client

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Rule:
    """``free`` failures within ``window_s`` cost nothing; each more doubles the wait."""

    name: str
    free: int
    longest_s: int
    window_s: int = 900


BY_USER_AND_ADDRESS = Rule("user-address", free=5, longest_s=300)
BY_ADDRESS = Rule("address", free=20, longest_s=300)
BY_USER = Rule("user", free=50, longest_s=20)
BY_REFUSED_ADDRESS = Rule("refused", free=60, longest_s=30, window_s=60)

Key = tuple[Rule, str]


def sign_in_keys(username: str, address: str) -> tuple[Key, ...]:
    name = username.casefold()
    return (
        (BY_USER_AND_ADDRESS, f"{name}\x1f{address}"),
        (BY_ADDRESS, address),
        (BY_USER, name),
    )


def _key(rule: Rule, who: str, what: str) -> str:
    # Hashed: a name may be a password typed into the wrong field.
    return f"hl:backoff:{rule.name}:{salted_hmac('backoff', who).hexdigest()}:{what}"


def wait_s(*keys: Key) -> int:
    """Whole seconds to wait before the next attempt; 0 when none, or when Redis is out."""
    try:
        with redis_client().pipeline(transaction=False) as pipe:
            for rule, who in keys:
                pipe.pttl(_key(rule, who, "until"))
            left = max(int(ms) for ms in pipe.execute())
    except RedisError as error:
        log.warning("backoff_unavailable", error=type(error).__name__)
        return 0
    return -(-left // 1000) if left > 0 else 0


def failed(*keys: Key) -> None:
    """Count one failure on each key."""
    try:
        with redis_client().pipeline(transaction=True) as pipe:
            for rule, who in keys:
                pipe.incr(_key(rule, who, "count"))
                pipe.expire(_key(rule, who, "count"), rule.window_s)
            counts = [int(count) for count in pipe.execute()[::2]]
            for (rule, who), count in zip(keys, counts, strict=True):
                if count >= rule.free:
                    wait = min(2 ** min(count - rule.free, 16), rule.longest_s)
                    pipe.set(_key(rule, who, "until"), "1", ex=wait)
            pipe.execute()
    except RedisError as error:
        log.warning("backoff_unavailable", error=type(error).__name__)


def cleared(username: str, address: str) -> None:
    """Both factors were right: what this person mistyped here is forgiven."""
    rule, who = sign_in_keys(username, address)[0]
    try:
        redis_client().delete(_key(rule, who, "count"), _key(rule, who, "until"))
    except RedisError as error:
        log.warning("backoff_unavailable", error=type(error).__name__)
