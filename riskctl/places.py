"""Where a process runs, and how to tell that a process of this very place has ended."""

import hashlib
import os
import signal
import socket
from functools import cache
from pathlib import Path

from riskctl.clock import boot_id


@cache
def this_place() -> str:
    """This boot of this host and this process namespace: where a pid means the same process.

    A host name alone would not do: containers and clones share names, and a living process taken
    for dead would be replaced again and again.
    """
    namespace = os.stat("/proc/self/ns/pid").st_ino
    digest = hashlib.sha256(f"{boot_id()}/{namespace}".encode()).hexdigest()
    return f"{socket.gethostname()[:60]}.{digest[:8]}"


def start_ticks(pid: int) -> int:
    """When ``pid`` started, in clock ticks since boot: tells it from a later one of its number.

    0 when there is no such process, or only its remains.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def is_dead(place: str, pid: int, ticks: int) -> bool:
    """True only when that process was of this very place and has ended. False is no proof."""
    if place != this_place():
        return False
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (ProcessLookupError, FileNotFoundError):
        return True
    except OSError:  # it may be there
        return False
    return fields[0] in "ZX" or int(fields[19]) != ticks


def kill_here(place: str, pid: int, ticks: int) -> bool:
    """Kill -9 that process if it is of this place; whether it was asked to die."""
    if place != this_place() or start_ticks(pid) != ticks or not ticks:
        return False
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if start_ticks(pid) != ticks:
            return False
        signal.pidfd_send_signal(fd, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True
