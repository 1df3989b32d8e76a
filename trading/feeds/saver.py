"""Saving a feed session beside the feed, in a thread: the feed never waits for the database.

Only the latest state matters, so nothing queues up here while the database is away; refusals wait
in Redis. What could not be saved is saved when the database is back.
"""

import threading
from dataclasses import dataclass, replace

import structlog
from django.db import Error, connection
from redis import Redis, RedisError

from trading.feeds.session import (
    SAVED_AT_ONCE,
    State,
    rejects_save,
    session_save,
    turns_save,
)

EVERY_S = 1.0

log = structlog.get_logger("trading.feeds")


@dataclass(frozen=True)
class _Due:
    """What is to be saved: the latest state, and why the run starts or ends if not yet recorded."""

    state: State
    started: str = ""
    ended: str = ""


class Saver:
    """``post`` states at will; they are saved about every second, and at ``close``."""

    def __init__(self, redis: Redis, *, actor: str) -> None:
        self._redis = redis
        self._actor = actor
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._due: _Due | None = None
        self._closing = False
        self._saved = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="feed-saver", daemon=True)

    def begin(self, state: State, *, started: str) -> None:
        """Start saving; the first is the session as it starts."""
        self._due = _Due(state, started=started)
        self._wake.set()
        self._thread.start()

    def post(self, state: State, *, ended: str = "") -> None:
        """The newest state. ``ended`` says why the run ends with it; that is saved at once."""
        with self._lock:
            started = self._due.started if self._due else ""
            self._due = _Due(state, started=started, ended=ended)
        if ended:
            self._wake.set()

    def close(self, timeout_s: float) -> bool:
        """Save what is left and stop; false when that took too long."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            self._wake.wait(EVERY_S)
            self._wake.clear()
            closing = self._closing
            try:
                self._save()
            except (Error, RedisError) as error:
                if not self._failing:
                    log.warning("feed session not saved yet", error=str(error).strip())
                self._failing = True
                connection.close()
            else:
                self._failing = False
            if closing:
                connection.close()
                return

    def _save(self) -> None:
        with self._lock:
            due, self._due = self._due, None
        if due:
            try:
                session_save(
                    state=due.state, actor=self._actor, started=due.started, ended=due.ended
                )
            except Error:
                self._put_back(due)
                raise
            self._saved = True
        if not self._saved:
            return  # refusals refer to the session
        try:
            while rejects_save(self._redis) == SAVED_AT_ONCE:
                pass
        finally:  # examples may not keep what must be in the record out of it
            while turns_save(self._redis, actor=self._actor) == SAVED_AT_ONCE:
                pass

    def _put_back(self, due: _Due) -> None:
        with self._lock:
            later = self._due
            self._due = due if later is None else replace(later, started=due.started)
