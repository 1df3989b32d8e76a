"""Live frames to many sockets: CPU a frame, age on arrival, memory a socket.

One web process, SOCKETS sockets of one signed-in person, frames of twenty strategies published
ten times a second. Beside it in the same run a bare websocket server that sends the same text, and
Channels' group_send of it through the channel layer. CPU is the server's alone.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from scripts.bench.live_peers import EVERY_S, stamped
from scripts.bench.report import Figure, write_report
from tests.support.services import own_services
from workers.services.ports import free_port

PROJECT = Path(__file__).resolve().parents[2]
DESK, PEERS = "scripts.bench.live_desk", "scripts.bench.live_peers"
SOCKETS = 500
WARM_S = 3.0
MEASURED_S = 20.0
START_S = 90.0
FLOOR_IS = "a bare websocket server that sends the same text"


@dataclass(frozen=True)
class Measured:
    """Of one server. CPU in microseconds a frame, memory in KiB a socket."""

    cpu_us: float
    memory_kib: float
    frames: int
    p50_ms: float
    p99_ms: float


def main() -> list[Figure]:
    """Some two minutes; ``bench/live.json``."""
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haltline-bench-")))
        services = stack.enter_context(own_services())
        os.environ.update(services, HALTLINE_HOME=str(folder / "home"))
        made = subprocess.run(
            [sys.executable, "-m", DESK, "prepare"], cwd=PROJECT, capture_output=True, check=True
        )
        body, cookie = json.loads(made.stdout).values()
        hub = _measured(_hub, folder, cookie, ("publish", body))
        bare = _measured(lambda port, log: _bare(port, log, body), folder, "", None)
        group = _measured(_group, folder, "", ("group-send", body))
    figures = figures_of(hub, bare, group)
    write_report(
        "live", figures, load_before=load,
        notes=f"{SOCKETS} sockets, {1 / EVERY_S:.0f} Hz, frames of {len(stamped(body)):,} bytes,"
        f" {MEASURED_S:.0f} s each",
    )  # fmt: skip
    return figures


def figures_of(hub: Measured, bare: Measured, group: Measured) -> list[Figure]:
    ratio, against = hub.cpu_us / bare.cpu_us, group.cpu_us / hub.cpu_us
    wanted = SOCKETS * MEASURED_S / EVERY_S
    return [
        Figure("CPU a frame, the hub", hub.cpu_us, "µs", bare.cpu_us, FLOOR_IS,
               "at most 2.5 times", ratio <= 2.5),
        Figure("frame's age on arrival p50", hub.p50_ms, "ms", bare.p50_ms, FLOOR_IS),
        Figure("frame's age on arrival p99", hub.p99_ms, "ms", bare.p99_ms, FLOOR_IS,
               "< 60 ms", hub.p99_ms < 60),
        Figure("CPU a frame, group_send", group.cpu_us, "µs", hub.cpu_us, "the hub",
               "at least 5 times", against >= 5),
        Figure("frame's age on arrival p99, group_send", group.p99_ms, "ms"),
        Figure("frames that arrived, of those published", 100 * hub.frames / wanted, "%"),
        Figure("memory a socket, the hub", hub.memory_kib, "KiB", bare.memory_kib, FLOOR_IS),
    ]  # fmt: skip


Starts = Callable[[int, Any], "subprocess.Popen[bytes]"]
Sends = tuple[str, str]
"""How, and the body of what is sent."""


def _hub(port: int, log: Any) -> "subprocess.Popen[bytes]":
    return _python(log, "-m", "tests.pages.serve", str(port))


def _group(port: int, log: Any) -> "subprocess.Popen[bytes]":
    return _python(log, "-m", DESK, "group", str(port))


def _bare(port: int, log: Any, body: str) -> "subprocess.Popen[bytes]":
    return _told(_python(log, "-m", PEERS, "bare", str(port)), body)


def _told(process: "subprocess.Popen[bytes]", text: str) -> "subprocess.Popen[bytes]":
    assert process.stdin is not None
    process.stdin.write(text.encode())
    process.stdin.close()
    return process


def _python(log: Any, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, *arguments]
    return subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
    )


def _measured(start: Starts, folder: Path, cookie: str, sends: Sends | None) -> Measured:
    port = free_port()
    log = folder / f"{port}.log"
    with log.open("wb") as out, _ended(start(port, out)) as server:
        _until_it_listens(server, port, log)
        process = psutil.Process(server.pid)
        before = process.memory_full_info().uss
        url = f"http://127.0.0.1:{port}/live/desk"
        command = ["-m", PEERS, "client", url, cookie, str(SOCKETS)]
        with _ended(
            subprocess.Popen([sys.executable, *command], cwd=PROJECT, stdout=subprocess.PIPE)
        ) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == b"open\n", log.read_text()[-2000:]
            with _beating(sends):
                time.sleep(WARM_S)  # the stretches that are measured
                client.send_signal(signal.SIGUSR1)
                cpu = _cpu_s(process)
                time.sleep(MEASURED_S)
                cpu = _cpu_s(process) - cpu
                memory = process.memory_full_info().uss - before
                client.send_signal(signal.SIGTERM)
                said = json.loads(client.stdout.readline())
    return Measured(
        cpu_us=cpu * 1e6 / max(1, said["frames"]),
        memory_kib=memory / 1024 / SOCKETS,
        frames=said["frames"],
        p50_ms=said["p50_ms"],
        p99_ms=said["p99_ms"],
    )


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _until_it_listens(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + START_S
    while not any(
        one.laddr.port == port for one in psutil.Process(server.pid).net_connections("tcp")
    ):
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the server does not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _beating(sends: Sends | None) -> Iterator[None]:
    """The body sent ten times a second meanwhile; the bare server does that itself."""
    if sends is None:
        yield
        return
    with _ended(_told(_python(sys.stderr, "-m", DESK, sends[0]), sends[1])):
        yield
