"""What the supervisor runs: a program, its current process, and when it starts again."""

import datetime as dt
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from setproctitle import setproctitle

from riskctl.places import start_ticks
from workers.services.spawn import die_with, redirect_output

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
HEALTHY_S = 10.0
APPLICATION, BROKER, DATABASE = range(3)  # tiers, stopped in this order


@dataclass(frozen=True)
class Program:
    """``start`` forks and returns the pid at once; ``stop_signal`` asks it to end in order."""

    name: str
    start: Callable[[], int]
    tier: int = APPLICATION
    stop_signal: signal.Signals = signal.SIGTERM
    patience_s: float = 8.0


@dataclass
class Child:
    """One program and its process. Times are monotonic seconds."""

    program: Program
    pid: int | None = None
    ticks: int = 0
    started_at: dt.datetime | None = None
    started: float = 0.0
    restarts: int = -1
    pause_s: float = FIRST_PAUSE_S
    next_start: float = field(default_factory=time.monotonic)

    def start(self, now: float) -> int:
        self.pid = pid = self.program.start()
        self.ticks = start_ticks(pid)
        self.started_at = dt.datetime.now(dt.UTC)
        self.started = now
        self.restarts += 1
        return pid

    def ended(self, now: float) -> float:
        """Note the end of its process; return the seconds until it starts again.

        The pause doubles from ``FIRST_PAUSE_S`` to ``LONGEST_PAUSE_S`` and falls back after a
        run of ``HEALTHY_S``.
        """
        if now - self.started >= HEALTHY_S:
            self.pause_s = FIRST_PAUSE_S
        pause = self.pause_s
        self.pid, self.ticks = None, 0
        self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S)
        self.next_start = now + pause
        return pause

    def entry(self) -> dict[str, Any]:
        """As in ``run/processes.json``; ``pid`` is null while it waits to start again."""
        return {
            "pid": self.pid,
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "restarts": max(self.restarts, 0),
            "start_ticks": self.ticks,
        }


def fork_python(
    name: str, run: Callable[[], object], *, log: Path, close: tuple[int, ...] = ()
) -> int:
    """Fork a child that calls ``run`` and ends with it; return its pid.

    Forking from a process that has everything imported costs milliseconds where a start from
    nothing costs seconds. The child leads its own session, so that Ctrl-C reaches the supervisor
    alone, and dies with the supervisor. ``close`` are descriptors that are not its business.
    """
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        die_with(parent)
        redirect_output(log)
        for fd in close:
            os.close(fd)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        setproctitle(f"haltline: {name}")
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
    except BaseException:
        # The process ends here: unwinding further would run the supervisor's own clean-up.
        logging.getLogger("haltline").exception("%s ended by an error", name)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def describe_end(status: os.waitid_result) -> str:
    """``ended by SIGKILL`` or ``ended with code 1``."""
    if status.si_code == os.CLD_EXITED:
        return f"ended with code {status.si_status}"
    try:
        name = signal.Signals(status.si_status).name
    except ValueError:
        name = f"signal {status.si_status}"
    return f"ended by {name}"
