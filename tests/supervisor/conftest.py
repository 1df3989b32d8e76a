"""Toy desks, and waiting for what they do."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from riskctl.places import start_ticks

PROJECT = Path(__file__).resolve().parents[2]


def eventually(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Raises AssertionError when ``condition`` does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def ended(pid: int) -> bool:
    """Whether ``pid`` runs no more. Remains that nobody has reaped count as ended."""
    return start_ticks(pid) == 0


class ToyDesk:
    def __init__(self, root: Path, *programs: str) -> None:
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.supervisor.toy_desk", str(root), *programs],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def entries(self) -> dict[str, dict[str, Any]]:
        try:
            return dict(json.loads((self.root / "run" / "processes.json").read_text()))
        except OSError:
            return {}

    def pid(self, name: str) -> int:
        eventually(lambda: self.entries().get(name, {}).get("pid"))
        return int(self.entries()[name]["pid"])

    def child_of(self, name: str) -> int:
        file = self.root / f"{name}.child"
        eventually(lambda: file.exists() and file.read_text())
        return int(file.read_text())

    def stop(self) -> str:
        """SIGTERM; what it printed. It must end with 0."""
        self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        return said


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Callable[..., ToyDesk]]:
    made: list[ToyDesk] = []

    def start(*programs: str) -> ToyDesk:
        made.append(ToyDesk(tmp_path / f"home{len(made)}", *programs))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        if one.process.stdout:
            one.process.stdout.close()
