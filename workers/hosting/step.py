"""Ties the guard to the life of a Celery worker: a step of the worker's own blueprint.

Not of the consumer's, which starts over at each loss of the broker. The consumer comes last in
the worker's blueprint and waits there for the broker, so hosting starts without one, and a broker
that goes and comes is nothing to it.
"""

# Celery and kombu are not annotated.
# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False

import signal
from typing import Any

import structlog
from celery import bootsteps, signals
from setproctitle import setproctitle

from workers.hosting.guard import Guard, Hosting

log = structlog.get_logger(__name__)

LAST_S = 7
"""A worker that has not ended so long after SIGTERM is ended by SIGALRM; its children die with it.
Celery may wait longer than a supervisor does for a task, or for a broker that does not answer."""
_GUARD_S = 6.0


class HostingStep(bootsteps.StartStopStep):
    """In every worker; hosts when the worker was made with ``hosting=Hosting(…)``."""

    def __init__(self, worker: Any, hosting: Hosting | None = None, **options: Any) -> None:
        self._name = str(worker.hostname).partition("@")[0]
        self._guard = Guard(hosting) if hosting is not None else None
        super().__init__(worker, **options)

    def start(self, worker: Any) -> None:
        setproctitle(f"haltline: {self._name}")
        # Celery would answer SIGHUP by executing our supervisor's command line again.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signals.worker_shutting_down.connect(self._on_shutting_down, weak=False)
        log.info("worker.start", worker=self._name, hosts=self._guard is not None)
        if self._guard is not None:
            self._guard.start()

    def stop(self, worker: Any) -> None:
        if self._guard is not None and not self._guard.stop(_GUARD_S):
            log.error("worker.guard-did-not-end", worker=self._name)
        log.info("worker.end", worker=self._name)

    terminate = stop

    def _on_shutting_down(self, **_: Any) -> None:
        """Runs inside the signal handler: Celery itself notices only when its loop comes round."""
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LAST_S)
        if self._guard is not None:
            self._guard.begin_stop()
