"""The nursery: a small single-threaded process that forks the children a worker hosts.

It is forked from the worker before Celery starts, so everything is imported already and no thread
exists: both are needed to fork well, and the worker itself has neither time nor right to fork
later. multiprocessing's fork server would do the same after importing everything again, in each
of five workers, and importing is most of the cost of a start; and by default it and its children
outlive a kill -9 of the worker.

Nobody outlives the one above: the kernel kills the nursery with the worker and the children with
the nursery (PR_SET_PDEATHSIG). A worker that is frozen, not dead, falls silent: after
``SILENCE_S`` its leases have run out, others host them, and the nursery kills its children.
"""

import contextlib
import gc
import logging
import os
import random
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import structlog
from django.db import connections
from django.utils.module_loading import import_string
from setproctitle import setproctitle

from trading.hosting import HostContext
from workers.hosting import wire
from workers.services.spawn import die_with

log = structlog.get_logger(__name__)

SILENCE_S = 3.0
_TURN_S = 0.25
_SEND_BUFFER = 1 << 20


@dataclass(frozen=True)
class Nursery:
    """The worker's end: the nursery's pid and a non-blocking socket to it."""

    pid: int
    sock: socket.socket


@dataclass
class _Child:
    lease: str
    token: int
    pid: int
    pidfd: int
    stop_fd: int  # our end: closing it tells the child to stop
    started: float
    kill_at: float = float("inf")


def nursery_start(name: str) -> Nursery:
    """Fork the nursery of worker ``name``. Call while the process has one thread."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    connections.close_all()
    worker = os.getpid()
    pid = _fork(lambda: _nursery_main(name, worker, ours, theirs))
    theirs.close()
    return Nursery(pid, ours)


def _fork(body: Callable[[], None]) -> int:
    """Fork a process that runs ``body`` and ends: with 0, or 1 and a traceback in the log."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        body()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            log.error("process.ended", reason=end.code)
    finally:
        # Whatever went wrong, the process ends here: unwinding would run the forker's code.
        if code == 1 and sys.exc_info()[0] is not None:
            log.critical("process.failed", exc_info=True)
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _nursery_main(name: str, worker: int, theirs: socket.socket, ours: socket.socket) -> None:
    die_with(worker)
    theirs.close()
    # Ctrl-C reaches the whole terminal; the worker alone decides when we end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    setproctitle(f"haltline: nursery of {name}")
    gc.freeze()  # what is imported is never collected: children share its pages
    _Keeper(ours).run()


class _Keeper:
    """The nursery's loop: requests in, children forked, killed and reaped, reports out."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._children: dict[tuple[str, int], _Child] = {}
        self._outbox: list[wire.Report] = []
        self._heard = time.monotonic()
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLIN)

    def run(self) -> None:
        """Until the worker's end is closed; the children are killed then."""
        try:
            while True:
                self._poll.poll(_TURN_S * 1_000)
                for packet in wire.packets(self._sock):
                    self._heard = time.monotonic()
                    self._do(wire.request_decoder.decode(packet))
                self._reap()
                self._enforce(time.monotonic())
                self._send()
        except EOFError:
            for child in self._children.values():
                _kill(child)
            log.info("nursery.end", children=len(self._children))

    def _do(self, request: wire.Request) -> None:
        if isinstance(request, wire.Start):
            self._start(request)
        elif isinstance(request, wire.Kill):
            if child := self._children.get((request.lease, request.token)):
                _kill(child)
        elif isinstance(request, wire.Stop):
            for child in self._children.values():
                self._ask_to_stop(child, time.monotonic() + request.grace_s)
        else:
            self._outbox.append(wire.Beat())

    def _start(self, request: wire.Start) -> None:
        stop_read, stop_write = os.pipe()
        nursery = os.getpid()
        # The child must hold none of these: an open write end would keep a sibling from seeing
        # its EOF, the socket would keep the worker from seeing ours.
        not_its_own = [stop_write, self._sock.fileno()]
        for child in self._children.values():
            not_its_own += [fd for fd in (child.stop_fd, child.pidfd) if fd >= 0]
        pid = _fork(lambda: _child_main(request, nursery, stop_read, not_its_own))
        os.close(stop_read)
        pidfd = os.pidfd_open(pid)
        self._poll.register(pidfd, select.POLLIN)
        self._children[request.lease, request.token] = _Child(
            request.lease, request.token, pid, pidfd, stop_write, time.monotonic()
        )
        self._outbox.append(wire.Started(request.lease, request.token, pid))

    @staticmethod
    def _ask_to_stop(child: _Child, kill_at: float) -> None:
        if child.stop_fd >= 0:
            os.close(child.stop_fd)
            child.stop_fd = -1
        child.kill_at = kill_at
        signal.pidfd_send_signal(child.pidfd, signal.SIGTERM)

    def _reap(self) -> None:
        for key, child in list(self._children.items()):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid == 0:
                continue
            del self._children[key]
            self._poll.unregister(child.pidfd)
            os.close(child.pidfd)
            if child.stop_fd >= 0:
                os.close(child.stop_fd)
            ran_ms = int((time.monotonic() - child.started) * 1_000)
            code = os.waitstatus_to_exitcode(status)
            self._outbox.append(wire.Ended(child.lease, child.token, pid, code, ran_ms))

    def _enforce(self, now: float) -> None:
        silent = now - self._heard > SILENCE_S
        if silent and self._children:
            log.error("nursery.silence", seconds=round(now - self._heard, 1))
        for child in self._children.values():
            if silent or now >= child.kill_at:
                _kill(child)

    def _send(self) -> None:
        """Reports wait while the worker does not read: it may be frozen, we may not."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while self._outbox:
                self._sock.send(wire.encode(self._outbox[0]))
                del self._outbox[0]


def _kill(child: _Child) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)


def _child_main(request: wire.Start, nursery: int, stop_fd: int, not_its_own: list[int]) -> None:
    die_with(nursery)
    for fd in not_its_own:
        os.close(fd)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    setproctitle(f"haltline: {request.lease}")
    connections.close_all()
    random.seed()
    np.random.seed()
    structlog.contextvars.bind_contextvars(lease=request.lease, token=request.token)
    log.info("process.start", pid=os.getpid())
    run = import_string(request.target)
    run(HostContext(request.lease, request.token, request.holder, stop_fd))
