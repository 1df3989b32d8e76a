"""The three clocks, each with one use.

* boot time (nanoseconds, CLOCK_BOOTTIME): how long ago something happened on this host; never
  stepped, runs on in sleep. Licences, intent lives and latencies are measured on it.
* wall time (aware UTC datetime): what is written down.
* feed time (nanoseconds since the epoch, on every tick): what strategies, indicators and staleness
  of prices are measured on, so that a recorded day is as fresh as it says.
"""

import datetime as dt
import time
from pathlib import Path

NS = 1_000_000_000


def boot_ns() -> int:
    """Nanoseconds since this host booted, sleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def wall_ns() -> int:
    """Nanoseconds since the epoch by the wall clock."""
    return time.time_ns()


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def utc_from_ns(ns: int) -> dt.datetime:
    """Feed or wall nanoseconds as an aware UTC datetime, truncated to microseconds."""
    seconds, rest = divmod(ns, NS)
    return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=rest // 1000)


def boot_id() -> str:
    """Names this boot of this host: boot times compare only where it is the same."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
