"""Where checkpoints are kept outside the database: append-only files, and an HTTPS witness.

Whoever owns the database owns neither: what they hold is what a rewritten or older record is
found by.
"""

import http.client
import json
import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from audit.verifier import BadError, Checkpoint, encode64, read_checkpoints

CALL_S = 5.0
ADD = "/add-checkpoint"
_TAIL = 64 * 1024
_ANSWER = 64 * 1024

Proof = Callable[[int], Sequence[bytes]]
"""Hashes that show the tree of an older size to be part of the one that is kept now."""


class AnchorError(Exception):
    """It was not kept, or cannot be read; the message says where and why."""


class BehindError(AnchorError):
    """The anchor holds a larger tree of this log than there is: the database is an older one."""

    def __init__(self, why: str, size: int) -> None:
        super().__init__(why)
        self.size = size


class Anchor(Protocol):
    """Raises AnchorError throughout."""

    name: str

    def keep(self, checkpoint: Checkpoint, proof: Proof) -> str:
        """Kept when this returns, with what the anchor answered. Raises BehindError."""


class FileAnchor:
    """One JSON line a checkpoint, only ever appended, on disk before ``keep`` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"file:{path.name}"

    def keep(self, checkpoint: Checkpoint, proof: Proof) -> str:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
            with os.fdopen(fd, "r+b", buffering=0) as out:
                _drop_torn_line(out.fileno())
                out.write(anchor_line(checkpoint))
                os.fsync(out.fileno())
        except OSError as error:
            raise AnchorError(f"{self.path}: {error.strerror}") from error
        return ""

    def last(self) -> Checkpoint | None:
        """The newest, None when nothing was kept yet. Its signature is not checked here."""
        try:
            with self.path.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                start = file.seek(max(0, end - _TAIL))
                data = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AnchorError(f"{self.path}: {error.strerror}") from error
        lines = data[: data.rfind(b"\n") + 1].splitlines()
        if not lines[-1:] or (start and len(lines) < 2):
            return None
        try:
            [found] = read_checkpoints(lines[-1], str(self.path))
        except BadError as error:
            raise AnchorError(str(error)) from error
        return found


def anchor_line(checkpoint: Checkpoint) -> bytes:
    note = {"checkpoint": checkpoint.note}
    return json.dumps(note, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _drop_torn_line(fd: int) -> None:
    """A line that a loss of power cut short was never told to be kept."""
    end = os.fstat(fd).st_size
    start = max(0, end - _TAIL)
    tail = os.pread(fd, end - start, start)
    if tail and not tail.endswith(b"\n"):
        os.ftruncate(fd, start + tail.rfind(b"\n") + 1)


@dataclass
class Witness:
    """A witness by HTTPS (C2SP tlog-witness): it keeps what is consistent with what it kept before.

    ``authority``: PEM file of the certificate authority, where it is none that the system knows.
    """

    url: str
    authority: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.hostname or parts.query or parts.username:
            raise AnchorError(
                f"HALTLINE_AUDIT_WITNESS is {self.url!r}: say https://HOST[:PORT][/PATH]"
            )
        self.name = f"witness:{parts.netloc}"
        self._host, self._port = parts.hostname, parts.port or 443
        self._path = parts.path.rstrip("/") + ADD
        self._origin, self._size = "", 0

    def keep(self, checkpoint: Checkpoint, proof: Proof) -> str:
        """The witness' own signature lines. Where it knows another size than we do, once more."""
        if checkpoint.origin != self._origin:
            self._origin, self._size = checkpoint.origin, 0
        status, answer = self._add(checkpoint, self._size, proof)
        if status == http.HTTPStatus.CONFLICT:
            self._size = self._known(answer, checkpoint)
            status, answer = self._add(checkpoint, self._size, proof)
        if status != http.HTTPStatus.OK:
            raise AnchorError(f"{self.name}: answers {status} {answer[:200]!r}")
        self._size = checkpoint.size
        return answer

    def _known(self, answer: str, checkpoint: Checkpoint) -> int:
        text = answer.strip()
        if not text.isascii() or not text.isdecimal():
            raise AnchorError(f"{self.name}: answers 409 without a size: {answer[:200]!r}")
        size = int(text)
        if size > checkpoint.size:
            raise BehindError(f"{self.name} holds {size} entries, here are {checkpoint.size}", size)
        return size

    def _add(self, checkpoint: Checkpoint, old: int, proof: Proof) -> tuple[int, str]:
        hashes = proof(old) if 0 < old < checkpoint.size else ()
        lines = [f"old {old}\n", *(f"{encode64(one)}\n" for one in hashes), "\n", checkpoint.note]
        try:
            context = ssl.create_default_context(cafile=self.authority or None)
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=CALL_S, context=context
            )
            try:
                connection.request("POST", self._path, "".join(lines).encode(),
                                   {"Content-Type": "text/plain; charset=utf-8"})  # fmt: skip
                answer = connection.getresponse()
                return answer.status, answer.read(_ANSWER).decode(errors="replace")
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise AnchorError(f"{self.name}: {error}") from error
