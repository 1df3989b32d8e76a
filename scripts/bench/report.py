"""A benchmark's figures, each beside its floor of the same run, as JSON and as lines."""

import datetime as dt
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One measured value. ``ratio`` is value / floor; ``wanted`` says in words what is aimed at.

    ``floor`` is the same quantity measured in the same run on the least that could do it, and
    ``floor_is`` says what that is; both are empty for a value that stands alone.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    floor_is: str = ""
    wanted: str = ""
    met: bool | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None


def home() -> Path:
    return Path(os.environ.get("HALTLINE_HOME") or "var").resolve()


def write_report(name: str, figures: list[Figure], *, notes: str, load_before: float) -> Path:
    """Write ``bench/<name>.json`` under the home and return its path.

    ``load_before``: the machine's load average when the run began, so that a figure from a busy
    machine can be told.
    """
    folder = home() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    content = {
        "name": name,
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "load_before": round(load_before, 2),
        "notes": notes,
        "figures": [{**asdict(one), "ratio": one.ratio} for one in figures],
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def line(figure: Figure) -> str:
    """One figure as text."""
    text = f"  {figure.name}: {figure.value:,.1f} {figure.unit}"
    if figure.floor is not None:
        text += f"; floor {figure.floor:,.1f} ({figure.floor_is}), ratio {figure.ratio:.2f}"
    if figure.wanted:
        text += f"; wanted {figure.wanted}: {'met' if figure.met else 'NOT met'}"
    return text


def machine() -> dict[str, Any]:
    """What it ran on."""
    names = [
        one.partition(":")[2].strip()
        for one in Path("/proc/cpuinfo").read_text().splitlines()
        if one.startswith("model name")
    ]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
