"""Live frames to many sockets: CPU a frame, age on arrival, memory a socket.

One web process, SOCKETS sockets of one signed-in person, frames of twenty strategies published
ten times a second. Beside it in the same run a bare websocket server that sends the same text, and
Channels' group_send of it through the channel layer. CPU is the server's alone.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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
        rig = Rig(folder, stack.enter_context(own_services()))
        body, cookie = rig.prepared()
        hub = rig.measured(["-m", "tests.pages.serve"], cookie, ("publish", body))
        bare = rig.measured(["-m", PEERS, "bare"], "", None, told=body)
        group = rig.measured(["-m", DESK, "group"], "", ("group-send", body))
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


Process = subprocess.Popen[bytes]
Sends = tuple[str, str]
"""How, and the body of what is sent."""


class Rig:
    """Starts servers, publishers and the client, all on services of the bench's own."""

    def __init__(self, folder: Path, services: dict[str, str]) -> None:
        self._folder = folder
        self._environ = {
            **os.environ,
            **services,
            "HALTLINE_HOME": str(folder / "home"),
            "HALTLINE_ENV": "demo",
            "HALTLINE_SECRET_KEY": secrets.token_urlsafe(64),
            "DJANGO_SETTINGS_MODULE": "console.settings",
        }

    def prepared(self) -> tuple[str, str]:
        """A frame's body, and the cookie of a session that sees every strategy."""
        made = self._start(["-m", DESK, "prepare"], subprocess.PIPE)
        said, _ = made.communicate(timeout=START_S)
        body, cookie = json.loads(said).values()
        return body, cookie

    def measured(
        self, serves: list[str], cookie: str, sends: Sends | None, *, told: str = ""
    ) -> Measured:
        """``serves``: how the server is started, before its port; ``told``: what it reads."""
        port = free_port()
        log = self._folder / f"{port}.log"
        with log.open("wb") as out, _ended(self._start([*serves, str(port)], out, told)) as server:
            _until_it_listens(server, port, log)
            process = psutil.Process(server.pid)
            before = process.memory_full_info().uss
            url = f"http://127.0.0.1:{port}/live/desk"
            arguments = ["-m", PEERS, "client", url, cookie, str(SOCKETS)]
            with _ended(self._start(arguments, subprocess.PIPE)) as client:
                assert client.stdout is not None
                assert client.stdout.readline() == b"open\n", log.read_text()[-2000:]
                with self._beating(sends):
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

    @contextmanager
    def _beating(self, sends: Sends | None) -> Iterator[None]:
        """The body sent ten times a second meanwhile; the bare server does that itself."""
        if sends is None:
            yield
            return
        with _ended(self._start(["-m", DESK, sends[0]], sys.stderr, sends[1])):
            yield

    def _start(self, arguments: list[str], out: Any, told: str = "") -> Process:
        started = subprocess.Popen(
            [sys.executable, *arguments], cwd=PROJECT, env=self._environ,
            stdin=subprocess.PIPE, stdout=out,
        )  # fmt: skip
        assert started.stdin is not None
        started.stdin.write(told.encode())
        started.stdin.close()
        started.stdin = None  # so that nobody closes it again
        return started


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _until_it_listens(server: Process, port: int, log: Path) -> None:
    end = time.monotonic() + START_S
    while not any(
        one.laddr.port == port for one in psutil.Process(server.pid).net_connections("tcp")
    ):
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the server does not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)


@contextmanager
def _ended(process: Process) -> Iterator[Process]:
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
