"""What a hosted loop is given by the worker that hosts it."""

import select
from dataclasses import dataclass


@dataclass(frozen=True)
class HostContext:
    """The identity of one hosted child, and how it is told to stop.

    ``stop_fd`` becomes readable (a byte, or EOF when the host itself is gone) when the child
    must stop. SIGTERM comes with it, so a child that has something to finish ignores or handles
    that signal; one that has not returned three seconds later is killed.
    """

    lease: str
    """Name of the lease the child lives under, e.g. ``shard:0``."""
    token: int
    """Fencing token of the lease: what this child writes or sends carries it."""
    holder: str
    """The worker that holds the lease, ``host:pid:start``."""
    stop_fd: int

    def stopping(self, timeout_s: float = 0.0) -> bool:
        """Wait at most ``timeout_s`` seconds; true as soon as the child must stop."""
        readable, _, _ = select.select([self.stop_fd], [], [], timeout_s)
        return bool(readable)
