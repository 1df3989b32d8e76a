"""Writes signals, and what became of them, from a thread of its own: ticks never wait for it.

Signals are for people and statistics, orders do not rest on them. So when the database is down or
slow they queue, and when the queue is full the oldest are dropped and counted.
"""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import structlog
from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)

from trading.clock import utc_from_ns
from trading.models import Signal
from trading.strategies.specs import OutcomeMade, SignalMade

log = structlog.get_logger("haltline.signals")

EVERY_S = 0.25
RETRY_S = 1.0
BATCH = 500
STATEMENT_TIMEOUT = "2s"
_JUDGED = """
UPDATE trading_signal AS signal SET outcome = made.outcome, outcome_price = made.price,
       outcome_time = made.at
FROM unnest(%s::text[], %s::text[], %s::numeric[], %s::timestamptz[])
     AS made (id, outcome, price, at)
WHERE signal.id = made.id
"""

Made = SignalMade | OutcomeMade


class SignalWriter:
    """``put`` from the loop's thread; ``start`` and ``stop`` round it."""

    def __init__(self, *, limit: int = 5_000) -> None:
        """``limit``: signals and outcomes that may wait."""
        self.dropped = 0
        self.failures = 0
        self._limit = limit
        self._queue: deque[Made] = deque()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="signals", daemon=True)

    @property
    def depth(self) -> int:
        return len(self._queue)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Write what waits, within ``timeout_s``."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout_s)

    def put(self, made: Sequence[Made]) -> None:
        """Never blocks on the database. Drops the oldest beyond the limit."""
        with self._lock:
            self._queue.extend(made)
            self._trim()
        self._wake.set()

    def _trim(self) -> None:
        while len(self._queue) > self._limit:
            self._queue.popleft()
            self.dropped += 1

    def _work(self) -> None:
        try:
            while self._round():
                pass
        finally:
            connection.close()

    def _round(self) -> bool:
        """Write one batch; false when there is no more to do."""
        self._wake.wait()
        last = self._stopping.is_set()
        with self._lock:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            if not self._queue and not last:
                self._wake.clear()
        if not batch:
            return not last
        written = self._write(batch)
        if not written and last:
            log.warning("signals are lost: the database did not answer", count=len(batch))
            return False
        self._stopping.wait(EVERY_S if written else RETRY_S)
        return True

    def _write(self, batch: list[Made]) -> bool:
        """Store ``batch``; false when it was put back because the database did not answer."""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('statement_timeout', %s, true)", [STATEMENT_TIMEOUT]
                )
                signals = [_row(one) for one in batch if isinstance(one, SignalMade)]
                Signal.objects.bulk_create(signals, ignore_conflicts=True)
                cursor.execute(_JUDGED, _columns(batch))
        except (OperationalError, InterfaceError) as error:
            self.failures += 1
            log.warning("signals wait: the database does not answer", error=str(error).strip())
            connection.close()
            with self._lock:
                self._queue.extendleft(reversed(batch))
                self._trim()
            self._wake.set()
            return False
        except DatabaseError as error:
            # The rows themselves are refused (a strategy that is gone): again would be refused too.
            self.failures += 1
            self.dropped += len(batch)
            log.error("signals were refused", count=len(batch), error=str(error).strip())
        return True


def _columns(batch: list[Made]) -> list[list[Any]]:
    """The outcomes among ``batch``, column by column."""
    made = [one for one in batch if isinstance(one, OutcomeMade)]
    return [
        [one.id for one in made],
        [one.outcome for one in made],
        [one.price for one in made],
        [utc_from_ns(one.feed_time) for one in made],
    ]


def _row(signal: SignalMade) -> Signal:
    return Signal(
        id=signal.id,
        strategy_id=signal.strategy,
        symbol=signal.symbol,
        direction=signal.direction,
        score=signal.score,
        confidence=signal.confidence,
        horizon_s=signal.horizon_s,
        price=signal.price,
        spread=signal.spread,
        feed_time=utc_from_ns(signal.feed_time),
        created_at=utc_from_ns(signal.created_wall),
        latency_us=signal.latency_ns // 1_000,
    )
