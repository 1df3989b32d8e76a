"""The name a worker holds leases under, and how to tell that the bearer of such a name is dead."""

import os

from riskctl.places import is_dead, start_ticks, this_place


def own_holder() -> str:
    """``host:pid:start`` of this process; unique for as long as anybody could remember it."""
    return f"{this_place()}:{os.getpid()}:{start_ticks(os.getpid())}"


def is_gone(holder: str) -> bool:
    """True only when ``holder`` was a process of this very place and has ended.

    Its leases can be taken at once then, without waiting for them to run out: its nursery and
    its children die with it (workers.hosting.nursery).
    """
    place, _, rest = holder.partition(":")
    pid, _, start = rest.partition(":")
    return pid.isdigit() and start.isdigit() and is_dead(place, int(pid), int(start))
