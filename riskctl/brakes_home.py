"""The brakes' own files: what must be known when no database answers. One folder a host.

``control.key`` signs what is said over control sockets; ``gateways/`` is where each gateway is
reached; ``accounts.json`` is which accounts there are, also on other hosts; ``journals/`` holds
each gateway's holds; ``pending/`` holds that a caller could not write to the database.
"""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


class BrakesHome:
    """Paths under ``root``; folders are made when first written to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.gateways = root / "gateways"
        self.journals = root / "journals"
        self.pending = root / "pending"
        self.accounts = root / "accounts.json"

    def create(self) -> None:
        for folder in (self.root, self.gateways, self.journals, self.pending):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def control_key(self, given: str = "") -> bytes:
        """The firm's key: ``given`` (HALTLINE_CONTROL_KEY), else this host's own, made once."""
        return given.encode() if given else private_text(self.root / "control.key").encode()

    def journal(self, account: str) -> Path:
        return self.journals / f"{account}.holds"


def private_text(path: Path) -> str:
    """A secret kept in ``path``, made by whoever comes first; all see the same."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    _write_synced(fresh, secrets.token_urlsafe(48))
    try:
        os.link(fresh, path)  # fails when somebody was quicker: theirs counts
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()


def write_json(path: Path, body: Mapping[str, Any]) -> None:
    """Replace ``path`` in one step, on disk before this returns. Raises OSError."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        _write_synced(fresh, json.dumps(body))
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    fd = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_synced(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def read_all(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every JSON object in ``folder``. A file that has just gone is passed over.

    Raises ValueError naming a file that is no JSON object: it may be a stop.
    """
    for path in sorted(folder.glob("*.json")):
        body = None if path.name.startswith(".") else read_json(path)
        if body is not None:
            yield path, body


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in ``path``, None when there is no such file. Raises ValueError naming it."""
    try:
        body = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(body, dict):
        raise ValueError(f"{path}: not a JSON object")
    return body
