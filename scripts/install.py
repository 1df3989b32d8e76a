"""Installing from the locks: Python packages into `.venv`, page packages into `node_modules`.

Standard library only. What is already as the locks say is left alone, so a second run costs
milliseconds. No package index is named here: pip, uv and npm use what the machine configures.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.nodejs import Node, find_node, machine_node
from workers.services.binaries import machine_postgres, machine_redis
from workers.services.postgres import data_major
from workers.supervisor.errors import Exit, StartError

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
LAUNCHER = VENV / "bin" / "haltline"
LOCKS = PROJECT / "requirements"
FREE_FOR_INSTALL = 1_500_000_000
_VENV_STAMP = VENV / "haltline.json"
_NPM_STAMP = PROJECT / "node_modules" / ".haltline.json"
_LAUNCHER_TEXT = """\
#!/bin/sh
# Made by scripts/install.py: haltline, of the checkout that this .venv stands in. -P: what lies in
# the folder it is called from is not imported. Bytecode is kept whatever the shell says of it: a
# stop must not wait for a compiler.
bin=$(dirname -- "$(readlink -f -- "$0")")
unset PYTHONDONTWRITEBYTECODE PYTHONHOME
PYTHONPATH=$bin/../.. exec "$bin/python" -P -X pycache_prefix="$bin/../bytecode" -m console.cli "$@"
"""
_INDEX_SIGNS = (
    "connection", "could not find a version", "no matching distribution", "temporary failure",
    "dns error", "timed out", "timeout", "enotfound", "econnrefused", "eai_again", "enoent",
    "failed to fetch", "error sending request", "ssl", "certificate", "proxy", "notarget", "e404",
)  # fmt: skip


def locks_for_running(home: Path) -> set[str]:
    """Names of the locks that a desk on this machine needs: wheels only for what it lacks."""
    needed = {"base"}
    if not os.environ.get("DATABASE_URL"):
        major = data_major(home / "postgres")
        if not [one for one in machine_postgres() if major in (None, one.major)]:
            needed.add("postgres")
    if not os.environ.get("REDIS_URL") and machine_redis() is None:
        needed.add("redis")
    if machine_node() is None:
        needed.add("node")
    if os.environ.get("HALTLINE_KEYS") == "pkcs11":
        needed.add("hsm")
    if os.environ.get("HALTLINE_VENUES") == "ccxt":
        needed.add("venues")
    return needed


def locks_for_testing() -> set[str]:
    """Both services' wheels always, beside the machine's own; every library there is a test of."""
    node = {"node"} if machine_node() is None else set()
    return {"base", "dev", "postgres", "redis", "hsm", "venues", "calendars"} | node


def install_python(locks: set[str]) -> None:
    """Bring `.venv` to what ``locks`` (and those installed before) say. Raises StartError."""
    stamp = _read(_VENV_STAMP)
    whole = PYTHON.exists() and stamp.get("prefix") == str(VENV)
    known = stamp.get("locks", {}) if whole else {}
    wanted = {name: _hash(LOCKS / f"{name}.txt") for name in sorted(locks | set(known))}
    if whole and wanted == known:
        install_launcher()
        return
    check_space(PROJECT)
    if not PYTHON.exists() or (stamp and not whole):  # a venv does not survive a move
        print("making .venv ...", flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        _run(
            [sys.executable, "-m", "venv", str(VENV)],
            "a venv cannot be made: install Python 3.11's venv module (Debian: python3.11-venv)",
        )
    print(f"installing Python packages ({', '.join(wanted)}) ...", flush=True)
    _sync([str(LOCKS / f"{name}.txt") for name in wanted])
    _VENV_STAMP.write_text(json.dumps({"prefix": str(VENV), "locks": wanted}))
    LAUNCHER.unlink(missing_ok=True)  # other packages: their bytecode is to be made anew
    install_launcher()


def install_launcher() -> None:
    """``.venv/bin/haltline``, and the bytecode that a first stop would otherwise wait for."""
    if LAUNCHER.exists() and LAUNCHER.read_text() == _LAUNCHER_TEXT:
        return
    fresh = LAUNCHER.with_name(f".haltline.{os.getpid()}")
    fresh.write_text(_LAUNCHER_TEXT)
    fresh.chmod(0o755)
    fresh.replace(LAUNCHER)
    # Whatever is wrong with the commands is said when they are used.
    subprocess.run([LAUNCHER, "kill", "--help"], capture_output=True, check=False)


def _sync(files: list[str]) -> None:
    """uv takes a second where pip takes many; pip knows indexes that only pip was told of."""
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = VENV / "bin" / "uv"
    _run([*pip, "--require-hashes", "-r", str(LOCKS / "tools.txt")])
    tools = ["--quiet", "--python", str(PYTHON), "--require-hashes", str(LOCKS / "tools.txt")]
    if subprocess.run(
        [uv, "pip", "sync", *tools, *files], capture_output=True, check=False
    ).returncode:
        given = [part for name in files for part in ("-r", name)]
        _run([*pip, "--require-hashes", *given])


def install_packages(*, browser: bool) -> None:
    """Bring `node_modules` to what package-lock.json says; ``browser`` with the tests' packages."""
    stamp = _read(_NPM_STAMP)
    wanted = _hash(PROJECT / "package-lock.json")
    browser = browser or bool(stamp.get("browser"))
    if stamp == {"lock": wanted, "browser": browser}:
        return
    check_space(PROJECT)
    node = node_tools()
    print("installing page packages ...", flush=True)
    omit = [] if browser else ["--omit=dev"]
    _run([*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *omit])
    _NPM_STAMP.write_text(json.dumps({"lock": wanted, "browser": browser}))


def node_tools() -> Node:
    """Raises StartError when there is no Node."""
    node = find_node()
    if node is None:
        raise StartError("neither this machine nor .venv has Node: run make again", Exit.INSTALL)
    return node


def check_space(folder: Path) -> None:
    """Raises StartError when ``folder``'s disk has no room for the packages."""
    free = shutil.disk_usage(folder).free
    if free < FREE_FOR_INSTALL:
        raise StartError(
            f"no disk space: {folder} has {free // 1_000_000} MB free and installing needs"
            f" {FREE_FOR_INSTALL // 1_000_000} MB: free some",
            Exit.DISK,
        )


def _run(command: list[str], otherwise: str = "") -> None:
    """Run ``command`` quietly; what it says is shown only when it fails, as one line."""
    done = subprocess.run(
        command,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    raise StartError(*explain(done.stdout, otherwise))


def explain(said: str, otherwise: str = "") -> tuple[str, Exit]:
    """What a failed installer's output means, in one line, and the exit code for it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    wrong = [line for line in lines if "error" in line.lower() and "complete log" not in line]
    telling = wrong or lines or ["no output"]
    last = telling[-1][:300]
    low = said.lower()
    if "no space left" in low or "enospc" in low:
        return f"no disk space while installing: free some and run make again ({last})", Exit.DISK
    if "do not match the hashes" in low or "hash mismatch" in low or "eintegrity" in low:
        return f"a package is not the one that was locked, nothing is trusted: {last}", Exit.INSTALL
    if otherwise:
        return f"{otherwise} ({last})", Exit.INSTALL
    if any(sign in low for sign in _INDEX_SIGNS):
        advice = "check the network and the index that pip and npm are configured for"
        text = f"the package index cannot be reached or lacks a package: {advice} ({last})"
        return text, Exit.INSTALL
    return f"installing failed: {last}", Exit.INSTALL


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}
