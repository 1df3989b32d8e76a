"""Real workers as real processes, and what they leave behind, for tests to look at."""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.db import connection

from riskctl.places import start_ticks
from tests.support.processes import Started, start_python

STEADY = {"steady": "tests.workers.loops.steady"}
FAILING = {"failing": "tests.workers.loops.failing"}


def wait_for(
    condition: Callable[[], Any], what: str | Callable[[], str], within_s: float = 20.0
) -> float:
    """Seconds until ``condition()`` was true. Fails the test, saying ``what``, when it was not."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > within_s:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {within_s} s: {said}")
        time.sleep(0.01)
    return time.monotonic() - started


def alive(pid: int) -> bool:
    """Running, not merely unreaped."""
    return start_ticks(pid) != 0


def database_url(port: int | None = None) -> str:
    """The test database; through another ``port`` of this host if given."""
    found = connection.settings_dict
    password = f":{found['PASSWORD']}" if found["PASSWORD"] else ""
    host = "127.0.0.1" if port else found["HOST"]
    return f"postgres://{found['USER']}{password}@{host}:{port or found['PORT']}/{found['NAME']}"


@dataclass
class Worker:
    name: str
    process: Started
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def family(self) -> list[int]:
        """Pids of the worker and all below it."""
        tree = psutil.Process(self.pid).children(recursive=True)
        return [self.pid, *(one.pid for one in tree)]

    def nursery(self) -> int:
        children = psutil.Process(self.pid).children()
        return next(one.pid for one in children if "nursery" in " ".join(one.cmdline()))

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> tuple[int, float]:
        """SIGTERM: exit status, and seconds until it had ended."""
        started = time.monotonic()
        self.process.terminate()
        return self.process.wait(15), time.monotonic() - started

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [one for one in self.log.read_text().splitlines() if one.startswith("{")]
        return [fact for fact in map(json.loads, lines) if fact.get("event") == name]


@dataclass
class Desk:
    """Starts workers and ends what is left of them."""

    folder: Path
    redis_url: str = field(default_factory=lambda: str(settings.REDIS_URL))
    database_url: str = field(default_factory=database_url)
    started: list[Worker] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "HALTLINE_HOME": str(self.folder),
            "LOOPS_OUT": str(self.folder),
            "PYTHONWARNINGS": "default",
        }

    def worker(
        self, name: str, targets: dict[str, str] | None = None, queues: tuple[str, ...] = ()
    ) -> Worker:
        """A worker that hosts every role of ``targets``, or serves ``queues``."""
        roles = json.dumps(list(targets or {}))
        arguments = [name, roles, json.dumps(queues), json.dumps(targets or {})]
        return self._launch(name, ["-m", "tests.workers.start", *arguments])

    def beat(self) -> Worker:
        return self._launch("beat", ["-m", "workers.celery_main", "beat"])

    def _launch(self, name: str, arguments: list[str]) -> Worker:
        log = self.folder / f"{name}.log"
        with log.open("ab") as out:
            process = start_python(*arguments, env=self.environment(), stdout=out, stderr=out)
        worker = Worker(name, process, log)
        self.started.append(worker)
        return worker

    def facts(self, lease: str, what: str = "start") -> list[dict[str, Any]]:
        """What the loop under ``lease`` has noted, in order."""
        path = self.folder / lease
        if not path.exists():
            return []
        facts = [json.loads(line) for line in path.read_text().splitlines()]
        return [fact for fact in facts if fact["what"] == what]

    def starts(self, lease: str, count: int) -> list[dict[str, Any]]:
        """The first ``count`` starts of a lease's child, waited for."""
        wait_for(lambda: len(self.facts(lease)) >= count, f"start {count} of {lease}")
        return self.facts(lease)

    def close(self) -> None:
        for worker in self.started:
            if worker.process.poll() is None:
                worker.kill(signal.SIGCONT)
                worker.kill()
                worker.process.wait(10)
