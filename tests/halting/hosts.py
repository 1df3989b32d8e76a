"""The real gateway and the real heartbeat, hosted as ever, with hooks for the faults of a drill.

What a drill wants of them stands in files of the home: ``stop-ACCOUNT`` freezes the gateway just
before it writes its next create, ``offset`` steps its wall clock.
"""

import mmap
import os
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from riskctl.watchdog import watchdog_run
from trading.hosting import HostContext
from trading.venues.base import NewOrder
from trading.venues.paper import PaperVenue
from workers.hosts import gateway as real

OFFSET = struct.Struct("q")


def gateway(ctx: HostContext) -> None:
    home = Path(settings.HALTLINE_HOME)
    _step_with(home / "offset")
    _stop_before_writing(home / f"stop-{ctx.lease.partition(':')[2]}")
    real.run(ctx)


def heartbeat(ctx: HostContext) -> None:
    """The watchdog without what it watches: no trigger may stop a drill's load."""
    watchdog_run(
        lease=ctx.lease, holder=ctx.holder, token=ctx.token, stopping=ctx.stopping,
        beaten=lambda written: None,
    )  # fmt: skip


def _step_with(path: Path) -> None:
    """The wall clock of this process is off by what ``path`` says, at every moment."""
    with path.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), OFFSET.size)
    right_ns, right = time.time_ns, time.time

    def offset_ns() -> int:
        return int(OFFSET.unpack_from(shared)[0])

    time.time_ns = lambda: right_ns() + offset_ns()
    time.time = lambda: right() + offset_ns() / 1e9


def _stop_before_writing(flag: Path) -> None:
    """All checks are done, the bytes are not written: the worst moment to be frozen."""
    write: Callable[[PaperVenue, NewOrder], None] = PaperVenue.send_create
    held = flag.with_name(f"{flag.name}.held")

    def send_create(self: PaperVenue, order: NewOrder) -> None:
        if flag.exists():
            flag.unlink()
            held.write_text(order.client_order_id)
            os.kill(os.getpid(), signal.SIGSTOP)
        write(self, order)

    PaperVenue.send_create = send_create  # type: ignore[method-assign]
