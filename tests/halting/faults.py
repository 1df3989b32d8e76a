"""The faults: each a way to make something fail around halts, and to mend it again.

A fault is a context: what fails, fails inside; it is well again when the context is left. Inside,
``halts`` are placed by several callers at once.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.halting.load import ACCOUNTS
from tests.halting.rig import GATEWAYS, Rig
from tests.halting.services import freeze, stopped, thaw
from tests.workers.desk import wait_for

Fault = Callable[[Rig, int], contextlib.AbstractContextManager[None]]
FAULTS: dict[str, Fault] = {}
"""By name. Called with the rig and the number of the event, which varies who is hit."""


def fault(function: Callable[[Rig, int], Iterator[None]]) -> Fault:
    made = contextlib.contextmanager(function)
    FAULTS[function.__name__] = made
    return made


def hit(number: int) -> str:
    return ACCOUNTS[number % len(ACCOUNTS)]


def gateway_of(rig: Rig, account: str) -> int:
    wait_for(lambda: rig.gateway_pid(account), f"a gateway of {account}", 30)
    return rig.gateway_pid(account)


# Frozen ------------------------------------------------------------------------------------------


@fault
def gateway_frozen(rig: Rig, number: int) -> Iterator[None]:
    pid = gateway_of(rig, hit(number))
    freeze(pid)
    yield
    thaw(pid)


@fault
def gateway_frozen_between_check_and_write(rig: Rig, number: int) -> Iterator[None]:
    """It wakes up with everything checked, and writes: the venue must refuse what then comes."""
    account = hit(number)
    pid = gateway_of(rig, account)
    held = rig.home / f"stop.{account}.held"
    held.unlink(missing_ok=True)
    (rig.home / f"stop.{account}").touch()
    wait_for(lambda: stopped(pid) and held.exists(), f"{account} freezes before a write", 10)
    yield
    thaw(pid)
    ident = held.read_text()
    wait_for(lambda: _refused_late(rig, account, ident), f"{ident} comes and is late", 10)


def _refused_late(rig: Rig, account: str, ident: str) -> bool:
    with rig.venue.admin() as admin:
        log = admin.log(account)
    told = [one for one in log if one["client_order_id"] == ident]
    assert "accepted" not in [one["kind"] for one in told], f"{ident} was accepted"
    return [(one["kind"], one["detail"]) for one in told] == [("rejected", "LATE")]


@fault
def gateway_and_guard_frozen(rig: Rig, number: int) -> Iterator[None]:
    name, pid = rig.hosted(f"gateway:{hit(number)}")
    family = rig.workers[name].family()
    freeze(*family)
    yield
    if number % 2:  # long enough for a standby to take over: the frozen one is ended
        wait_for(lambda: _taken_over(rig, number, pid), "the standby has the account", 20)
    thaw(*family)


def _taken_over(rig: Rig, number: int, pid: int) -> bool:
    entry = rig.desk.home.gateways / f"{hit(number)}.json"
    return bool(json.loads(entry.read_text())["pid"] != pid)


# Killed ------------------------------------------------------------------------------------------


@fault
def gateway_killed(rig: Rig, number: int) -> Iterator[None]:
    rig.kill(gateway_of(rig, hit(number)))
    yield


@fault
def guard_killed(rig: Rig, number: int) -> Iterator[None]:
    name = GATEWAYS[number % 2]
    rig.kill(rig.workers[name].pid)
    yield
    rig.launch(name)


@fault
def watchdog_dead(rig: Rig, number: int) -> Iterator[None]:
    """Licences run out three seconds later; the halts come before, and after."""
    _, pid = rig.hosted("watchdog:main")
    freeze(pid)
    if number % 2:
        wait_for(lambda: not rig.flows(), "no order without a watchdog", 10)
    yield
    thaw(pid)


# The venue and the socket ------------------------------------------------------------------------


@fault
def venue_slow(rig: Rig, number: int) -> Iterator[None]:
    with _venue_fault(rig, delay_ms=60 + 30 * (number % 4)):
        yield


@fault
def answers_lost(rig: Rig, number: int) -> Iterator[None]:
    with _venue_fault(rig, drop_answers=-1):
        yield


@contextlib.contextmanager
def _venue_fault(rig: Rig, **faults: object) -> Iterator[None]:
    with rig.venue.admin() as admin:
        for account in ACCOUNTS:
            admin.fault(account, **faults)
    time.sleep(0.1)  # load meets the fault
    yield
    with rig.venue.admin() as admin:
        admin.clear_faults()


@fault
def control_socket_cut(rig: Rig, number: int) -> Iterator[None]:
    """One account's gateway, or both, cannot be told: the register leads nowhere."""
    accounts = ACCOUNTS if number % 2 else (hit(number // 2),)
    files = {one: rig.desk.home.gateways / f"{one}.json" for one in accounts}
    before = {one: path.read_text() for one, path in files.items()}
    for one, path in files.items():
        path.write_text(json.dumps({**json.loads(before[one]), "address": "127.0.0.1:1"}))
    sql = "UPDATE riskctl_gatewayregister SET address = %s WHERE account = %s"
    for one in accounts:
        rig.postgres.sql(sql, "127.0.0.1:1", one)
    yield
    for one, path in files.items():
        path.write_text(before[one])
        rig.postgres.sql(sql, json.loads(before[one])["address"], one)


# The database ------------------------------------------------------------------------------------


@fault
def database_stopped(rig: Rig, number: int) -> Iterator[None]:
    rig.postgres.stop(signal.SIGQUIT)
    yield
    rig.postgres.start()


@fault
def database_frozen(rig: Rig, number: int) -> Iterator[None]:
    rig.postgres.freeze()
    yield
    rig.postgres.thaw()


@fault
def database_slow(rig: Rig, number: int) -> Iterator[None]:
    with rig.postgres.slow(frozen_s=0.1 + 0.1 * (number % 4)):
        yield


@fault
def database_restarted(rig: Rig, number: int) -> Iterator[None]:
    """Halts meet connections of before the restart."""
    rig.postgres.stop(signal.SIGINT)
    rig.postgres.start()
    yield


@fault
def database_set_back(rig: Rig, number: int) -> Iterator[None]:
    """Restored from a copy made before the halts: what it lost, the gateways know."""
    rig.postgres.copy()
    rig.wait_flow()
    yield
    rig.postgres.restore()


# The machine -------------------------------------------------------------------------------------


@fault
def wall_clock_stepped(rig: Rig, number: int) -> Iterator[None]:
    rig.step_clock(3_600 * (-1) ** number)
    yield
    rig.step_clock(0)


@fault
def disk_full(rig: Rig, number: int) -> Iterator[None]:
    """No process of the gateways' can make a file grow, and none has room for a new one."""
    pids = [gateway_of(rig, one) for one in ACCOUNTS]
    limits = [_limit_files(pid) for pid in pids]
    if number % 2:
        rig.postgres.freeze()  # nor can the caller write it down
    yield
    if number % 2:
        rig.postgres.thaw()
    for pid, limit in zip(pids, limits, strict=True):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)


def _limit_files(pid: int) -> tuple[int, int]:
    """Nothing beyond the journal's own size can be written any more."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (2 << 20, hard))
    return soft, hard


# Redis -------------------------------------------------------------------------------------------


@fault
def redis_emptied(rig: Rig, number: int) -> Iterator[None]:
    rig.venue.redis.from_url(rig.redis.url).flushall()
    yield


@fault
def redis_stopped(rig: Rig, number: int) -> Iterator[None]:
    rig.redis.kill()
    yield
    rig.redis.start()


@fault
def redis_frozen(rig: Rig, number: int) -> Iterator[None]:
    freeze(rig.redis.pid)
    yield
    thaw(rig.redis.pid)


# A full file system ------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """``folder`` on a file system of its own. Raises CalledProcessError where that is not let."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder],
        check=True, capture_output=True,
    )  # fmt: skip
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    """A file that leaves no room for another byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while out.write(bytes(4096)):
            pass
    assert os.statvfs(folder).f_bavail == 0
    return filler
