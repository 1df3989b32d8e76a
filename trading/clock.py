"""The three clocks, each with one use.

* boot time (nanoseconds, CLOCK_BOOTTIME): how long ago something happened on this host; never
  stepped, runs on in sleep. Licences, intent lives and latencies are measured on it.
* wall time (aware UTC datetime): what is written down.
* feed time (nanoseconds since the epoch, on every tick): what strategies, indicators and staleness
  of prices are measured on, so that a recorded day is as fresh as it says.
"""

import datetime as dt

from riskctl.clock import MS, NS, boot_id, boot_ns, wall_ns

__all__ = ["MS", "NS", "boot_id", "boot_ns", "ns_from_utc", "utc_from_ns", "utc_now", "wall_ns"]


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def utc_from_ns(ns: int) -> dt.datetime:
    """Feed or wall nanoseconds as an aware UTC datetime, truncated to microseconds."""
    return _EPOCH + dt.timedelta(microseconds=ns // 1000)


def ns_from_utc(moment: dt.datetime | None) -> int:
    """Wall nanoseconds of an aware time, exact to its microsecond; 0 for none."""
    if moment is None:
        return 0
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * NS + moment.microsecond * 1000
