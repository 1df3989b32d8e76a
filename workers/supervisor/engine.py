"""The supervisor's loop: starts, watches, restarts and ends processes. One thread, no waiting.

Signals are blocked and taken one by one, so nothing here runs inside a signal handler.
"""

import contextlib
import datetime as dt
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workers.supervisor.children import (
    APPLICATION,
    BROKER,
    DATABASE,
    Child,
    Program,
    describe_end,
)
from workers.supervisor.home import Home, write_private

WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_IDLE_S = 60.0
_LAST_S = 5.0

Ended = Callable[[int], None]
"""Called with the exit code (or minus the signal) of a task that ended."""


@dataclass(frozen=True, slots=True)
class ProcessNote:
    """A process of ours started, or ended: in order when it had been asked to."""

    action: str
    name: str
    pid: int
    ticks: int
    restarts: int
    at: dt.datetime
    how: str = ""
    orderly: bool = True


def say(text: str) -> None:
    """One line about one event, with the time in UTC."""
    with contextlib.suppress(OSError):  # who read along has gone; the desk goes on
        print(f"{dt.datetime.now(dt.UTC):%H:%M:%S} {text}", flush=True)


class Engine:
    """Keeps programs running until a signal or ``request_stop`` ends it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._children: dict[str, Child] = {}
        self._tasks: dict[int, tuple[str, Ended]] = {}
        self._stopping = False
        self.on_program_end: Callable[[Child], None] = lambda _child: None
        self.on_note: Callable[[ProcessNote], None] = lambda _note: None

    def add(self, program: Program) -> None:
        """Start ``program`` and keep it running."""
        self._children[program.name] = Child(program)
        self._start(self._children[program.name])

    def run_task(self, name: str, start: Callable[[], int], ended: Ended) -> None:
        """Start something that ends by itself, and hear of its end."""
        self._tasks[start()] = (name, ended)

    def request_stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
        """Watch until asked to stop."""
        while not self._stopping:
            self._start_due()
            got = signal.sigtimedwait(WATCHED, self._until_next())
            self._reap()
            if got is not None and got.si_signo in STOPPING:
                say(f"stopping on {signal.Signals(got.si_signo).name}")
                self._stopping = True

    def stop(self) -> None:
        """End every process, the database last; return when none is left."""
        self._stopping = True
        for pid in list(self._tasks):
            _kill_session(pid)
        for tier in (APPLICATION, BROKER, DATABASE):
            self._stop_tier([one for one in self._children.values() if one.program.tier == tier])
        self._end_strays()
        self._write()

    def _start(self, child: Child) -> None:
        pid = child.start(time.monotonic())
        again = f", restart {child.restarts}" if child.restarts else ""
        say(f"{child.program.name} started pid {pid}{again}")
        self._write()
        self._note("process.start", child, pid, child.ticks)

    def _start_due(self) -> None:
        for child in list(self._children.values()):
            if child.pid is None and child.next_start <= time.monotonic():
                self._start(child)

    def _until_next(self) -> float:
        waiting = [one.next_start for one in self._children.values() if one.pid is None]
        if not waiting:
            return _IDLE_S
        return min(max(min(waiting) - time.monotonic(), 0.0), _IDLE_S)

    def _reap(self) -> None:
        """Take note of every process that ended, adopted orphans too."""
        while True:
            try:
                status = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if status is None:
                return
            # Still unreaped, its number cannot belong to others: end what it left behind first.
            _kill_session(status.si_pid)
            os.waitpid(status.si_pid, 0)
            self._note_end(status)

    def _note_end(self, status: os.waitid_result) -> None:
        if status.si_pid in self._tasks:
            _name, ended = self._tasks.pop(status.si_pid)
            if not self._stopping:
                exited = status.si_code == os.CLD_EXITED
                ended(status.si_status if exited else -status.si_status)
            return
        for child in self._children.values():
            if child.pid == status.si_pid:
                self._child_ended(child, describe_end(status))
                return

    def _child_ended(self, child: Child, how: str) -> None:
        now = time.monotonic()
        lived = now - child.started
        pid, ticks = child.pid or 0, child.ticks
        pause = child.ended(now)
        name = child.program.name
        if self._stopping:
            say(f"{name} {how}")
        else:
            say(
                f"{name} {how} after {lived:.0f} s, starts again in {pause:.1f} s"
                f" ({self._home.log_file(name)})"
            )
            self.on_program_end(child)
        self._write()
        self._note("process.end", child, pid, ticks, how)

    def _note(self, action: str, child: Child, pid: int, ticks: int, how: str = "") -> None:
        orderly = not how or self._stopping
        at = dt.datetime.now(dt.UTC)
        name, restarts = child.program.name, max(child.restarts, 0)
        self.on_note(ProcessNote(action, name, pid, ticks, restarts, at, how, orderly))

    def _stop_tier(self, children: list[Child]) -> None:
        begun = time.monotonic()
        for child in children:
            if child.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, child.program.stop_signal)
        while alive := [one for one in children if one.pid is not None]:
            now = time.monotonic()
            for child in alive:
                late = now - begun - child.program.patience_s
                if late > 0 and child.pid is not None:
                    say(f"{child.program.name} did not end in {child.program.patience_s:.0f} s")
                    _kill_session(child.pid)
            soonest = min(one.program.patience_s for one in alive) - (now - begun)
            signal.sigtimedwait(WATCHED, min(max(soonest, 0.02), 1.0))
            self._reap()

    def _end_strays(self) -> None:
        """Kill descendants that outlived their parents (they were handed to us)."""
        deadline = time.monotonic() + _LAST_S
        while (pids := _own_children()) and time.monotonic() < deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, 0.1)
            self._reap()

    def _write(self) -> None:
        entries = {name: child.entry() for name, child in self._children.items()}
        write_private(self._home.run / "processes.json", json.dumps(entries, indent=1))


def _own_children() -> list[int]:
    """Pids of this process's children, remains included."""
    me = os.getpid()
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == me:
                found.append(int(stat.parent.name))
    return found


def _kill_session(pid: int) -> None:
    """SIGKILL every process of the group that ``pid`` leads, itself included."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
