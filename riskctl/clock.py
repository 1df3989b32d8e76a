"""The boot clock and the wall clock, as everything above the brakes reads them too."""

import time
from pathlib import Path

NS = 1_000_000_000
MS = 1_000_000


def boot_ns() -> int:
    """Nanoseconds since this host booted, sleep included; never stepped."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def wall_ns() -> int:
    """Nanoseconds since the epoch by the wall clock."""
    return time.time_ns()


def boot_id() -> str:
    """Names this boot of this host: boot times compare only where it is the same."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
