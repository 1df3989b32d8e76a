"""The web process's own clients. Short timeouts: a page would rather say so than wait."""

import functools

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


@functools.cache
def redis_client() -> Redis:
    """Answers in bytes. Safe to share between threads, and across a fork (it reconnects)."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=1,
        socket_connect_timeout=1,
        socket_keepalive=True,
        health_check_interval=5,
        retry=Retry(NoBackoff(), 1),  # once: a connection that died while idle is replaced
    )
