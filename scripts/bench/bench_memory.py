"""Memory of every process of a running desk, beside one bare Python with the same imports.

RSS counts a page in every process that has it; PSS shares it out, so that PSS may be added up; USS
is what would be free if the process ended. All from ``/proc/PID/smaps_rollup``, in MiB.

``measure`` is asked by bench_orders, of the desk that it has under load.
"""

import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import psutil

from scripts.bench.report import Figure, write_report
from tests.support.desk import PROJECT, Desk
from workers.supervisor.programs import PRELOAD

TITLE = "haltline: "
FLOOR_IS = "one bare Python that imports what the supervisor does, its RSS"
_SERVERS = {"postgres": "postgres", "redis-server": "redis", "valkey-server": "redis"}
_BARE = (
    "import importlib, sys; importlib.import_module('django').setup();"
    " [importlib.import_module(one) for one in sys.argv[1:]];"
    " print(open('/proc/self/smaps_rollup').read())"
)


@dataclass(frozen=True)
class Memory:
    """MiB."""

    rss: float = 0.0
    pss: float = 0.0
    uss: float = 0.0

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.rss + other.rss, self.pss + other.pss, self.uss + other.uss)


def read_memory(rollup: str) -> Memory:
    """From the text of ``smaps_rollup``."""
    kib: dict[str, int] = {}
    for line in rollup.splitlines()[1:]:
        name, _, value = line.partition(":")
        if value:
            kib[name] = int(value.split()[0])
    unique = kib["Private_Clean"] + kib["Private_Dirty"]
    return Memory(kib["Rss"] / 1024, kib["Pss"] / 1024, unique / 1024)


def processes(desk: Desk) -> dict[str, list[int]]:
    """Pids by name: ``shard:0``, ``web``, ``supervisor``; those of a service under one name."""
    found: dict[str, list[int]] = defaultdict(list)
    found["supervisor"].append(desk.pid)
    for pid in desk.descendants():
        try:
            process = psutil.Process(pid)
            words, program = process.cmdline(), process.name()
        except psutil.Error:
            continue
        if words and words[0].startswith(TITLE):
            found[words[0].removeprefix(TITLE).strip()].append(pid)
        elif words:  # else a zombie
            found[_SERVERS.get(program, program)].append(pid)
    return dict(found)


def memory_of(pids: list[int]) -> Memory:
    """Those that have ended meanwhile count nothing."""
    total = Memory()
    for pid in pids:
        try:
            total += read_memory(Path(f"/proc/{pid}/smaps_rollup").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def bare_python(desk: Desk) -> Memory:
    """A Python of its own, with Django set up and the supervisor's imports."""
    answer = subprocess.run(
        [sys.executable, "-c", _BARE, *PRELOAD],
        cwd=PROJECT,
        env={**desk.environment, "DJANGO_SETTINGS_MODULE": "console.settings"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return read_memory(answer.stdout)


def figures_of(measured: dict[str, Memory], bare: Memory) -> list[Figure]:
    """PSS of everything first, then of each, then RSS and USS."""
    total = sum(measured.values(), Memory())
    figures = [
        Figure("memory of the whole desk, PSS", total.pss, "MiB", bare.rss, FLOOR_IS),
        Figure("memory of the whole desk, USS", total.uss, "MiB", bare.rss, FLOOR_IS),
    ]
    ordered = sorted(measured.items(), key=lambda item: -item[1].pss)
    for kind in ("pss", "rss", "uss"):
        for name, memory in ordered:
            value = getattr(memory, kind)
            figures.append(
                Figure(f"{name}, {kind.upper()}", value, "MiB")
                if name in _SERVERS.values() or kind != "rss"
                else Figure(f"{name}, RSS", value, "MiB", bare.rss, FLOOR_IS)
            )
    return figures


def measure(desk: Desk, *, load_before: float) -> list[Figure]:
    """Write ``bench/memory.json``; returns the figures of PSS."""
    found = processes(desk)
    measured = {name: memory_of(pids) for name, pids in found.items()}
    figures = figures_of(measured, bare_python(desk))
    counts = ", ".join(f"{name} {len(pids)}" for name, pids in found.items() if len(pids) > 1)
    notes = f"a desk that trades, after its measured stretch; processes under one name: {counts}"
    write_report("memory", figures, notes=notes, load_before=load_before)
    return [one for one in figures if one.name.endswith("SS") and "RSS" not in one.name][
        : len(measured) + 2
    ]
