"""The name a worker holds leases under, and how to tell that the bearer of such a name is dead."""

import hashlib
import os
import socket
from functools import cache
from pathlib import Path

from trading.clock import boot_id
from workers.supervisor.home import start_ticks


@cache
def _this_place() -> str:
    """This boot of this host and this process namespace: where a pid means the same process.

    A host name alone would not do: containers and clones share names, and a living worker taken
    for dead would lose its leases again and again.
    """
    namespace = os.stat("/proc/self/ns/pid").st_ino
    digest = hashlib.sha256(f"{boot_id()}/{namespace}".encode()).hexdigest()
    return f"{socket.gethostname()[:60]}.{digest[:8]}"


def own_holder() -> str:
    """``host:pid:start`` of this process; unique for as long as anybody could remember it."""
    return f"{_this_place()}:{os.getpid()}:{start_ticks(os.getpid())}"


def is_gone(holder: str) -> bool:
    """True only when ``holder`` was a process of this very place and has ended.

    Its leases can be taken at once then, without waiting for them to run out: its nursery and
    its children die with it (workers.hosting.nursery).
    """
    place, _, rest = holder.partition(":")
    pid, _, start = rest.partition(":")
    if place != _this_place() or not (pid.isdigit() and start.isdigit()):
        return False
    try:
        os.kill(int(pid), 0)
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (ProcessLookupError, FileNotFoundError):
        return True
    except OSError:  # it may be there: no proof, so it is not gone
        return False
    return state in "ZX" or fields[18] != start
