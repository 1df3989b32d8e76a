"""The faults: each a way to make something fail around halts, and to mend it again.

A fault is a context: what fails, fails inside; it is well again when the context is left. Inside,
``halts`` are placed by several callers at once.
"""

import contextlib
import json
import resource
import signal
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
    try:
        yield
    finally:
        thaw(pid)


@fault
def gateway_frozen_between_check_and_write(rig: Rig, number: int) -> Iterator[None]:
    """It wakes up with everything checked, and writes: the venue must refuse what then comes.

    Frozen for so long that its connection was cut, or that its guard killed it, it never comes.
    """
    account = hit(number)
    pid = gateway_of(rig, account)
    held = rig.home / f"stop-{account}.held"
    held.unlink(missing_ok=True)
    (rig.home / f"stop-{account}").touch()
    wait_for(lambda: stopped(pid) and held.exists(), f"{account} freezes before a write", 20)
    try:
        yield
    finally:
        thaw(pid)
    ident = held.read_text()
    wait_for(
        lambda: _never_written(rig, ident) or _refused_late(rig, ident),
        lambda: f"{ident} comes and is late, or never comes: {_facts(rig, ident)}",
        30,
    )


def _never_written(rig: Rig, ident: str) -> bool:
    """The gateway that was frozen says that no byte of it left, or its successor was told so."""
    ours = _ours(rig, ident)
    return ours in ([("denied", "VENUE_DISCONNECTED")], [("rejected", "NOT_RECEIVED")])


def _refused_late(rig: Rig, ident: str) -> bool:
    told = _told(rig, ident)
    assert "accepted" not in [kind for kind, _ in told], f"{ident} was accepted"
    late = ("rejected", "LATE") in told  # a stop's cancel may come after it, and find nothing
    rig.late += [ident] if late else []
    return late


def _ours(rig: Rig, ident: str) -> list[tuple[str, str]]:
    sql = "SELECT state, reason_code FROM trading_order WHERE client_order_id = %s"
    return rig.postgres.sql(sql, ident)


def _facts(rig: Rig, ident: str) -> str:
    return f"ours {_ours(rig, ident)}, the venue's {_told(rig, ident)}"


def _told(rig: Rig, ident: str) -> list[tuple[str, str]]:
    log = rig.venue_log()
    return [(one["kind"], one["detail"]) for one in log if one["client_order_id"] == ident]


@fault
def gateway_and_guard_frozen(rig: Rig, number: int) -> Iterator[None]:
    name, pid = rig.hosted(f"gateway:{hit(number)}")
    family = rig.workers[name].family()
    freeze(*family)
    try:
        yield
        if number % 2:  # long enough for a standby to take over: the frozen one is ended
            wait_for(lambda: _taken_over(rig, number, pid), "the standby has the account", 60)
    finally:
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
    rig.workers[name].kill()
    rig.workers[name].process.wait(5)
    try:
        yield
    finally:
        rig.launch(name)


@fault
def watchdog_dead(rig: Rig, number: int) -> Iterator[None]:
    """Licences run out three seconds later; the halts come before, and after."""
    _, pid = rig.hosted("watchdog:main")
    freeze(pid)
    try:
        if number % 2:
            wait_for(lambda: not rig.flows(), "no order without a watchdog", 10)
        yield
    finally:
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
    try:
        yield
    finally:
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
    try:
        yield
    finally:
        for one, path in files.items():
            path.write_text(before[one])
            rig.postgres.sql(sql, json.loads(before[one])["address"], one)


# The database ------------------------------------------------------------------------------------


@fault
def database_stopped(rig: Rig, number: int) -> Iterator[None]:
    rig.postgres.stop(signal.SIGQUIT)
    try:
        yield
    finally:
        rig.postgres.start()


@fault
def database_frozen(rig: Rig, number: int) -> Iterator[None]:
    rig.postgres.freeze()
    try:
        yield
    finally:
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
    try:
        yield
    finally:
        rig.step_clock(0)


@fault
def no_byte_written(rig: Rig, number: int) -> Iterator[None]:
    """The gateways may write to no file any more: neither journal nor log."""
    pids = [gateway_of(rig, account) for account in ACCOUNTS]
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@fault
def disk_full(rig: Rig, number: int) -> Iterator[None]:
    """The brakes' files lie on a small file system without room for another byte.

    A machine that mounts nothing for us gets what comes nearest to it.
    """
    if not rig.small_disk:
        with FAULTS["no_byte_written"](rig, number):
            yield
        return
    filler = _fill(rig.desk.home.root)
    try:
        yield
    finally:
        filler.unlink()


def _fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while out.write(bytes(4096)):
            pass
    return filler


# Redis -------------------------------------------------------------------------------------------


@fault
def redis_emptied(rig: Rig, number: int) -> Iterator[None]:
    rig.venue.redis.flushall()
    yield


@fault
def redis_stopped(rig: Rig, number: int) -> Iterator[None]:
    rig.redis.kill()
    try:
        yield
    finally:
        rig.redis.start()


@fault
def redis_frozen(rig: Rig, number: int) -> Iterator[None]:
    freeze(rig.redis.pid)
    try:
        yield
    finally:
        thaw(rig.redis.pid)
