"""A whole desk for tests: started as a user would start it, in a home and on a port of its own."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import psycopg

from riskctl.places import start_ticks
from tests.support.processes import Started, start_python
from workers.services.ports import free_port
from workers.services.postgres import USER

PROJECT = Path(__file__).resolve().parents[2]
READY_S = 90.0
_POLL_S = 0.1
"""Often enough for people, seldom enough that asking is not what keeps the desk busy."""
# What the run's own services and settings put there must not reach a desk.
_NOT_ITS_BUSINESS = {
    "DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "HALTLINE_PAPER_VENUE",
    "HALTLINE_SECRET_KEY", "HALTLINE_ENV",
    "FEED", "REPLAY_SPEED", "PORT", "HALTLINE_HOME", "HALTLINE_TLS", "HALTLINE_HOSTS",
}  # fmt: skip


class Desk:
    """One ``python -m workers.supervisor``. Start it, or use ``running_desk``.

    ``prefix`` goes before the command, e.g. to run it as somebody else; with one, or ``anew``, it
    is executed as a user's is, and else forked as other processes of tests are.
    """

    def __init__(
        self,
        home: Path,
        environ: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        *,
        anew: bool = False,
    ) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._given = dict(environ or {})
        self._prefix = list(prefix)
        self._anew = anew or bool(prefix)
        self._process: subprocess.Popen[bytes] | Started | None = None
        self._asking: psycopg.Connection[tuple[Any, ...]] | None = None
        self.output = home / "desk.out"
        self.kept = contextlib.ExitStack()
        """What ends with the desk."""

    @property
    def pid(self) -> int:
        """Pid of the supervisor."""
        if self._process is None:
            raise RuntimeError("the desk was not started")
        return self._process.pid

    def launch(self) -> None:
        """Start the supervisor and return at once."""
        self.home.mkdir(parents=True, exist_ok=True)
        environ = {k: v for k, v in os.environ.items() if k not in _NOT_ITS_BUSINESS}
        environ |= {"HALTLINE_HOME": str(self.home), "PORT": str(self.port), **self._given}
        with self.output.open("ab") as out:
            if not self._anew:
                self._process = start_python(
                    "-m", "workers.supervisor", env=environ, stdout=out, stderr=out, session=True
                )
                return
            self._process = subprocess.Popen(
                [*self._prefix, sys.executable, "-m", "workers.supervisor"],
                cwd=PROJECT,
                env=environ,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self, *, seconds: float = READY_S) -> float:
        """Start it and wait until ``/readyz`` answers 200; the seconds it took.

        Raises AssertionError with what it said when it does not.
        """
        begun = time.monotonic()
        self.launch()
        self.wait_for(lambda: self.get("/readyz")[0] == http.client.OK, seconds, "ready")
        return time.monotonic() - begun

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Status and body; status 0 when there is no answer."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            link.request("GET", path, headers=dict(headers or {}))
            answer = link.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            link.close()

    def api(self, path: str) -> Any:
        """The JSON a token holder gets. Raises AssertionError when it is not a 200."""
        token = self.demo["tokens"]["read"]
        status, body = self.get(path, {"Authorization": f"Bearer {token}"})
        assert status == http.client.OK, f"{path}: {status} {body[:500]}"
        return json.loads(body)

    @property
    def demo(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "demo.json").read_text()))

    @property
    def environment(self) -> dict[str, str]:
        """What the desk's processes were told: DATABASE_URL, REDIS_URL, ..."""
        return dict(json.loads((self.home / "run" / "environment.json").read_text()))

    @property
    def owner_url(self) -> str:
        """Its own database as the owner, who alone can switch triggers off."""
        known = json.loads((self.home / "services.json").read_text())["postgres"]
        rest = self.environment["DATABASE_URL"].partition("@")[2]
        return f"postgres://{USER}:{known['password']}@{rest}"

    def processes(self) -> dict[str, dict[str, Any]]:
        """name -> pid (None while it waits to start again), started_at, restarts."""
        return dict(json.loads((self.home / "run" / "processes.json").read_text()))

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Send ``how`` to a process by its name; its pid."""
        pid = self.processes()[name]["pid"]
        assert pid, f"{name} is not running"
        os.kill(pid, how)
        return int(pid)

    def sql(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        """Rows of one query on the desk's own database, as its processes.

        One connection is kept, and made anew when the database was gone meanwhile.
        """
        if self._asking is not None:
            try:
                return self._asking.execute(query.encode(), params).fetchall()
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self._asking.close()
        self._asking = psycopg.connect(self.environment["DATABASE_URL"], autocommit=True)
        return self._asking.execute(query.encode(), params).fetchall()

    def wait_for(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Raises AssertionError when ``condition`` does not come true in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                end = " (it ended)" if ended else ""
                raise AssertionError(f"not {what} within {seconds:.0f} s{end}:\n{self.tail()}")
            time.sleep(_POLL_S)

    def tail(self, lines: int = 30) -> str:
        """The last lines it said, and the ends of its processes' logs."""
        parts = ["\n".join(self.output.read_text(errors="replace").splitlines()[-lines:])]
        for log in sorted((self.home / "log").glob("*.log")):
            last = log.read_text(errors="replace").splitlines()[-4:]
            parts.append(f"-- {log.name}\n" + "\n".join(line[:400] for line in last))
        return "\n".join(parts)

    def descendants(self) -> dict[int, int]:
        """Every live process below the supervisor: pid -> its start, in ticks."""
        below = psutil.Process(self.pid).children(recursive=True)
        found = {one.pid: start_ticks(one.pid) for one in below}
        return {pid: ticks for pid, ticks in found.items() if ticks}

    def stop(self, how: signal.Signals = signal.SIGTERM, *, seconds: float = 40) -> int:
        """Ask it to stop; its exit code. A desk that does not is killed, and that is an error."""
        self.kept.close()
        if self._asking is not None:
            self._asking.close()
            self._asking = None
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"did not stop in {seconds:.0f} s:\n{self.tail()}") from None


def gone(pid: int) -> bool:
    """Whether no process ``pid`` runs any more. Remains that nobody has reaped do not count."""
    return start_ticks(pid) == 0


def still_alive(processes: Mapping[int, int]) -> list[int]:
    """Those of ``descendants()`` that have not ended. Remains nobody has reaped do not count."""
    return [pid for pid, ticks in processes.items() if start_ticks(pid) == ticks]


@contextlib.contextmanager
def running_desk(home: Path, **environ: str) -> Iterator[Desk]:
    """A desk that is ready, stopped at the end."""
    desk = Desk(home, environ)
    try:
        desk.start()
        yield desk
    finally:
        desk.stop()
