"""Audit entries of hosted children: noted when it happens, written when the database takes them."""

import signal
from collections import deque
from typing import Any

import structlog

from audit.record import entry_id, entry_row
from trading.clock import utc_now
from workers.hosting import wire
from workers.hosting.store import LeaseStore

log = structlog.get_logger(__name__)

KEPT = 1_000
"""Entries kept while the database is away; beyond that the oldest is only in the log."""

_AT_ONCE = 50


class Journal:
    """``process.start`` and ``process.end`` of one worker's children, in order."""

    def __init__(self, holder: str, worker: str) -> None:
        self._holder = holder
        self._worker = worker
        self._entries: deque[tuple[Any, ...]] = deque()

    def started(self, report: wire.Started) -> None:
        after = {"worker": self._worker, "token": report.token, "pid": report.pid}
        self._note("process.start", report, outcome="done", reason="", after=after)

    def ended(self, report: wire.Ended, *, orderly: bool) -> None:
        """``orderly`` when it had been asked to end."""
        reason = how_it_ended(report.status)
        done = orderly and report.status in (0, -signal.SIGTERM)
        after = {
            "worker": self._worker,
            "token": report.token,
            "pid": report.pid,
            "status": report.status,
            "ran_ms": report.ran_ms,
        }
        outcome = "done" if done else "failed"
        (log.info if done else log.warning)("process.end", lease=report.lease, how=reason, **after)
        self._note("process.end", report, outcome=outcome, reason=reason, after=after)

    async def write(self, store: LeaseStore) -> None:
        """Write some of what is noted, oldest first. Raises StoreDownError; the rest stays."""
        for _ in range(min(len(self._entries), _AT_ONCE)):
            await store.record(self._entries[0])
            self._entries.popleft()

    def _note(
        self,
        action: str,
        report: wire.Started | wire.Ended,
        *,
        outcome: str,
        reason: str,
        after: dict[str, Any],
    ) -> None:
        if len(self._entries) >= KEPT:
            log.error("audit.dropped", entry=str(self._entries.popleft()[0]))
        row = entry_row(
            # The commit of a lost answer is unknown: written again under the same id.
            id=entry_id(action, self._holder, report.lease, report.token, report.pid),
            action=action,
            outcome=outcome,
            actor_kind="process",
            actor=self._holder,
            object_kind="lease",
            object_id=report.lease,
            reason=reason,
            happened_at=utc_now(),
            after=after,
        )
        self._entries.append(row)


def how_it_ended(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exited with {status}"
    named = {one.value: one.name for one in signal.Signals}
    return f"killed by {named.get(-status, f'signal {-status}')}"
