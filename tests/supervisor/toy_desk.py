"""A supervisor over toy programs, run as a process by the tests: ``toy_desk HOME PROGRAM...``.

Each PROGRAM is NAME=BEHAVIOUR@TIER.
"""

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from workers.services.spawn import adopt_orphans
from workers.supervisor.children import Program, fork_python
from workers.supervisor.engine import WATCHED, Engine
from workers.supervisor.home import Home


def behave(how: str, log: Path) -> None:
    """One toy: sleep, exit (at once, with 3), deaf (to SIGTERM), stray or child (has one)."""
    signal.signal(signal.SIGTERM, lambda *_: _leave(log))
    if how == "exit":
        raise SystemExit(3)
    if how == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how in {"stray", "child"} and os.fork() == 0:
        if how == "stray":  # in a session of its own: killing the group does not reach it
            os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Path(f"{log}.child").write_text(str(os.getpid()))
        _wait_for_ever()
    _wait_for_ever()


def _leave(log: Path) -> None:
    log.write_text(repr(time.monotonic()))
    raise SystemExit(0)


def _wait_for_ever() -> None:
    while True:
        signal.pause()


def main(root: str, *programs: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    adopt_orphans()
    home = Home(Path(root))
    home.create()
    home.lock()
    engine = Engine(home)
    for one in programs:
        name, _, rest = one.partition("=")
        how, _, tier = rest.partition("@")
        run = partial(behave, how, home.root / name)
        start = partial(fork_python, name, run, log=home.log_file(name), close=(home.lock_fd,))
        engine.add(Program(name, start, int(tier or 0), patience_s=1.0))
    try:
        engine.run()
    finally:
        engine.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
