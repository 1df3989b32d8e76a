"""``python -m tests.support.warm FD``: imports libraries, then forks as it is asked to over FD.

Each request is a JSON object: ``arguments``, ``env`` and ``cwd`` of a Python process, with its
three standard descriptors, and whether it leads a ``session``, answered by its ``pid``; or
``wait``, a pid, answered by its ``status`` once it has ended. Asked by tests.support.processes.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import warnings
from typing import Any

import setproctitle

LIBRARIES = (
    "argon2", "celery.app.trace", "celery.apps.worker", "celery.bin.worker",
    "celery.concurrency.asynpool", "celery.concurrency.prefork", "celery.concurrency.solo",
    "celery.worker.components", "celery.worker.consumer", "celery.worker.strategy",
    "channels.layers", "channels_redis.core",
    "cryptography.hazmat.primitives.asymmetric.ed25519", "django.contrib.auth.hashers",
    "django.core.handlers.asgi", "django.core.management", "django.core.serializers.json",
    "django.db.backends.postgresql.base", "django.db.models", "django.forms",
    "django.template.backends.django", "encodings.idna", "environ", "kombu.transport.redis",
    "limits", "msgspec", "numpy", "numpy.ma", "numpy.random", "psutil", "psycopg_pool",
    "redis.asyncio", "setproctitle", "structlog", "uvicorn", "webauthn",
)  # fmt: skip
"""What our processes import first, and what reads no settings."""
_LARGEST = 1 << 18


def serve(link: socket.socket) -> list[str] | None:
    """In a forked process: its arguments. Here: None, once nobody can ask any more."""
    while True:
        said, fds, _, _ = socket.recv_fds(link, _LARGEST, 3)
        if not said:
            return None
        asked = json.loads(said)
        if "wait" in asked:
            answer = {"status": _ended(asked["wait"])}
        else:
            pid = os.fork()
            if pid == 0:
                link.close()
                _become(asked, fds)
                return list(asked["arguments"])
            answer = {"pid": pid}
        for fd in fds:
            os.close(fd)
        link.send(json.dumps(answer).encode())


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return status if found else None


def _become(asked: dict[str, Any], fds: list[int]) -> None:
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    for fd in fds:
        os.close(fd)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    if asked["session"]:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.environ.get("PYTHONWARNINGS") == "default":
        warnings.simplefilter("default")


def run(arguments: list[str]) -> None:
    """As the interpreter would: ``-m MODULE …`` or ``SCRIPT …``."""
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, which ends us
    for name in LIBRARIES:
        importlib.import_module(name)
    # It finds where a title goes by the environment that the interpreter began with: now, or never.
    setproctitle.setproctitle(setproctitle.getproctitle())
    gc.collect()
    gc.freeze()
    arguments_of_child = serve(socket.socket(fileno=int(sys.argv[1])))
    if arguments_of_child is not None:
        run(arguments_of_child)
