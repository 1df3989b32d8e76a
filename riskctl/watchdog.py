"""The watchdog's heartbeat: without a fresh one no licence is given and nothing raises risk.

What else the watchdog does runs beside it (``Sides``), each in a thread of its own: however long
that takes, the heartbeat is not late for it, and how long ago it ended is shown.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from django.db import Error, connection

from riskctl.clock import NS, boot_ns

log = structlog.get_logger(__name__)

NAME = "watchdog"
EVERY_S = 0.5

_BEAT_SQL = """
INSERT INTO riskctl_heartbeat (name, at, token, beat)
SELECT %(name)s, clock_timestamp(), lease.token, 1 FROM riskctl_lease AS lease
WHERE lease.name = %(lease)s AND lease.holder = %(holder)s AND lease.token = %(token)s
ON CONFLICT (name) DO UPDATE SET
  at = EXCLUDED.at, token = EXCLUDED.token, beat = riskctl_heartbeat.beat + 1
WHERE riskctl_heartbeat.token <= EXCLUDED.token
RETURNING token
"""


class LeaseLostError(Exception):
    """Somebody else is the watchdog now: this one must end."""


def heartbeat_write(*, lease: str, holder: str, token: int) -> bool:
    """One heartbeat by the database's clock; false when the lease has another holder or token.

    Raises django.db.Error.
    """
    values: dict[str, Any] = {"name": NAME, "lease": lease, "holder": holder, "token": token}
    with connection.cursor() as cursor:
        cursor.execute(_BEAT_SQL, values)
        return cursor.fetchone() is not None


def watchdog_run(
    *,
    lease: str,
    holder: str,
    token: int,
    stopping: Callable[[float], bool],
    beaten: Callable[[bool], None],
) -> None:
    """Write a heartbeat every ``EVERY_S`` until ``stopping(seconds)``, which also waits, is true.

    ``beaten`` is told after each try whether it was written. A database that is away is tried
    again: licences run out meanwhile, as they should. Raises LeaseLostError.
    """
    while True:
        try:
            if not heartbeat_write(lease=lease, holder=holder, token=token):
                raise LeaseLostError(f"{lease} is no longer held under token {token}")
            written = True
        except Error:
            connection.close()
            written = False
        beaten(written)
        if stopping(EVERY_S):
            return


@dataclass(frozen=True, slots=True)
class SideTask:
    """Something to be done every half second, and what to do when it ends."""

    name: str
    run: Callable[[], object]
    close: Callable[[], None] | None = None


class Sides:
    """Runs each task again and again in its own thread, ``EVERY_S`` after the last end.

    A task that fails for want of a service (``waits_for``, and the database) is tried again, with
    one line in the log; any other failure is logged with its traceback and tried again as well: it
    must show, not stop.
    """

    def __init__(
        self,
        tasks: Iterable[SideTask],
        *,
        every_s: float = EVERY_S,
        waits_for: tuple[type[Exception], ...] = (),
    ) -> None:
        self._tasks = tuple(tasks)
        away: tuple[type[Exception], ...] = (Error, psycopg.Error, OSError, *waits_for)
        self._waits_for = away
        self._every_s = every_s
        self._ended = threading.Event()
        self._done: dict[str, int] = {}
        self._failing: dict[str, str] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(one,), name=f"side:{one.name}", daemon=True)
            for one in self._tasks
        ]

    def start(self) -> None:
        started = boot_ns()
        self._done = {one.name: started for one in self._tasks}
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> None:
        """Ask all to end, and wait at most ``timeout_s`` for each; one that hangs is left."""
        self._ended.set()
        for thread in self._threads:
            thread.join(timeout_s)

    def ages_s(self) -> Mapping[str, float]:
        """Seconds since each task last ended well."""
        now = boot_ns()
        return {name: (now - at) / NS for name, at in self._done.items()}

    def _run(self, task: SideTask) -> None:
        while not self._ended.is_set():
            self._once(task)
            self._ended.wait(self._every_s)
        if task.close is not None:
            task.close()
        connection.close()

    def _once(self, task: SideTask) -> None:
        try:
            task.run()
        except self._waits_for as error:
            connection.close()
            self._note(task.name, f"{type(error).__name__}: {error}".partition("\n")[0])
        except Exception:  # a thread that ended of it would be one watch less
            log.exception("watchdog.side_failed", task=task.name)
        else:
            self._done[task.name] = boot_ns()
            self._note(task.name, "")

    def _note(self, name: str, error: str) -> None:
        """One line when it begins to fail and one when it is well again."""
        before = self._failing.get(name, "")
        self._failing[name] = error
        if error and not before:
            log.warning("watchdog.side_waits", task=name, error=error)
        elif before and not error:
            log.info("watchdog.side_goes_on", task=name)
