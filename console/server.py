"""The web process: uvicorn on a socket that the supervisor already listens on."""

import gc
import socket
from typing import Any

import uvicorn
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from console.asgi import application

DRAIN_S = 5
POOL: dict[str, Any] = {
    "min_size": 1,
    "max_size": 8,
    "timeout": 2,
    # A short one, so that a pool that found no database looks again with the next request.
    "reconnect_timeout": 2,
}


def pool_connections() -> None:
    """Give this process a connection pool. Call it after the fork, before the first query.

    Raises RuntimeError when a connection is already open: it would be the parent's as well.
    """
    if connections["default"].connection is not None:
        raise RuntimeError("a database connection was opened before the fork")
    database = connections.settings["default"]
    database["CONN_HEALTH_CHECKS"] = True  # the pool checks a connection before it hands it out
    database["OPTIONS"]["pool"] = POOL


def config() -> uvicorn.Config:
    """Raises ImproperlyConfigured when TLS is to end here and certificate or key is not given."""
    tls: dict[str, Any] = {}
    if settings.TLS == "on":
        if not settings.TLS_CERT or not settings.TLS_KEY:
            raise ImproperlyConfigured(
                "HALTLINE_TLS is 'on': name the PEM files in HALTLINE_TLS_CERT and HALTLINE_TLS_KEY"
            )
        tls = {"ssl_certfile": settings.TLS_CERT, "ssl_keyfile": settings.TLS_KEY}
    proxies = settings.PROXY_ADDRESSES
    return uvicorn.Config(
        application,
        loop="asyncio",
        http="h11",
        ws="websockets-sansio",
        # One frame is encoded once for all; compressing it for each socket would undo that.
        ws_per_message_deflate=False,
        ws_max_size=65_536,  # commands never travel over sockets
        lifespan="off",
        # X-Forwarded-For is believed of named proxies only: it goes into the record.
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=DRAIN_S,
        **tls,
    )


def run(sock: socket.socket) -> None:
    """Serve on ``sock``, a listening socket, until SIGTERM or SIGINT; then drain 5 s at most.

    The signal is raised again after draining, so the process ends by it.
    """
    pool_connections()
    gc.freeze()  # what is imported stays: no collection walks it while frames wait
    uvicorn.Server(config()).run(sockets=[sock])
