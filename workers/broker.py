"""Coming back soon after the broker was away: within a second, where Celery waits up to thirty."""

# Celery and kombu are not annotated.
# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False

from typing import Any

import structlog
from celery.beat import PersistentScheduler
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown
from kombu.connection import Connection

log = structlog.get_logger(__name__)

RETRY_S = 1.0


class _Outage:
    """Logs the beginning and the end of an outage, not each try."""

    def __init__(self) -> None:
        self._error = ""

    def failed(self, error: BaseException, _interval: float) -> None:
        if not self._error:
            log.warning("broker.down", reason=str(error))
        self._error = str(error)

    def ended(self) -> None:
        if self._error:
            log.info("broker.back")
        self._error = ""


class SoonConsumer(Consumer):
    """The worker's consumer, trying once a second until it is connected or told to stop."""

    def ensure_connected(self, conn: Connection) -> Connection:
        outage = _Outage()
        conn.ensure_connection(outage.failed, None, RETRY_S, 0, RETRY_S, callback=maybe_shutdown)
        self.first_connection_attempt = False
        self.broker_connection_retry_attempt = 0
        outage.ended()
        return conn


class SoonScheduler(PersistentScheduler):
    """Beat's scheduler with the same patience."""

    def _ensure_connected(self) -> Any:
        outage = _Outage()
        connected = self.connection.ensure_connection(outage.failed, None, RETRY_S, 0, RETRY_S)
        outage.ended()
        return connected
