"""The processes of a desk, by name.

What runs in them is named by dotted path, as a Procfile would: the supervisor starts programs of
every room, the console's too, and knows no more of them than a name.
"""

import importlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from workers.hosts import ROLES
from workers.supervisor.children import Program, fork_python
from workers.supervisor.home import Home

#: name, roles it may host, queues it serves (a worker that hosts runs no tasks)
WORKERS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("pipeline-1", ("feed", "shard", "portfolio", "sequencer", "recorder"), ()),
    ("pipeline-2", ("feed", "shard", "portfolio", "sequencer", "recorder"), ()),
    ("gateway-1", ("gateway",), ()),
    ("gateway-2", ("gateway",), ()),
    ("watchdog", ("watchdog",), ()),
    ("control", (), ("control",)),
    ("default", (), ("default",)),
)
#: Imported once before anything is forked. Not console.server: making its application lists the
#: static files, which are collected meanwhile.
PRELOAD = (
    "console.urls",
    "console.access.sockets",
    "console.live.routing",
    "channels.routing",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvicorn.lifespan.off",
    "workers.celery_main",
    "trading.papervenue.main",
    # What a worker, a host or a server would import once it runs: each of eight by itself.
    "celery.app.amqp",
    "celery.app.control",
    "celery.app.log",
    "celery.app.trace",
    "celery.apps.worker",
    "celery.concurrency.asynpool",
    "celery.concurrency.prefork",
    "celery.concurrency.solo",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery.worker.strategy",
    "encodings.idna",
    "kombu.transport.redis",
    "numpy.ma",
    "numpy.random",
    "psycopg_pool",
    "workers.hosting.step",
    "workers.tasks",
    *(target.rpartition(".")[0] for target in ROLES.values()),
)


@dataclass(frozen=True)
class PaperVenueSettings:
    port: int
    storage: Path
    credentials: Path
    redis_url: str


def call(path: str, *args: Any) -> object:
    """Call ``package.module:function``."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)(*args)


def _run_papervenue(given: PaperVenueSettings) -> None:
    config = call(
        "trading.papervenue.main:PaperVenueConfig",
        "127.0.0.1", given.port, given.storage, given.credentials, given.redis_url,
        "hl:ticks", "hl:acks",
    )  # fmt: skip
    call("trading.papervenue.main:run", config)


def application_programs(
    home: Home, web: socket.socket, paper: PaperVenueSettings | None
) -> list[Program]:
    """Everything but the services, in the order of their start."""

    def program(name: str, run: Callable[[], object], *, serves_web: bool = False) -> Program:
        close = (home.lock_fd,) if serves_web else (home.lock_fd, web.fileno())
        start = partial(fork_python, name, run, log=home.log_file(name), close=close)
        return Program(name, start)

    found = []
    if paper is not None:
        found.append(program("papervenue", partial(_run_papervenue, paper)))
    for name, roles, queues in WORKERS:
        run = partial(call, "workers.celery_main:run_worker", name, roles, queues)
        found.append(program(name, run))
    found.append(program("web", partial(call, "console.server:run", web), serves_web=True))
    found.append(program("beat", partial(call, "workers.celery_main:run_beat")))
    return found
