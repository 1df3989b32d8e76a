"""Loops that tests let a worker host. What they do lands in ``$LOOPS_OUT/<lease>``, a line each."""

import json
import os
import signal
import time
from pathlib import Path

from trading.hosting import HostContext


def note(ctx: HostContext, what: str) -> None:
    path = Path(os.environ["LOOPS_OUT"]) / ctx.lease
    fact = {
        "what": what,
        "pid": os.getpid(),
        "token": ctx.token,
        "holder": ctx.holder,
        "at": time.monotonic(),
    }
    with path.open("a") as out:
        out.write(json.dumps(fact) + "\n")


def steady(ctx: HostContext) -> None:
    """Run until told to stop; SIGTERM would end it sooner, so it is ignored."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(ctx, "start")
    while not ctx.stopping(5.0):
        pass
    note(ctx, "stop")


def failing(ctx: HostContext) -> None:
    note(ctx, "start")
    raise RuntimeError("as the test wants it")
