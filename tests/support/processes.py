"""Python processes of tests, forked off one that has the libraries imported.

A process of ours costs a second of a core before its first line runs, nearly all of it imports of
libraries: the suite starts more than a hundred. As the supervisor does for a desk, one process
imports what all need and is forked. Nothing of ours, no settings and no environment is read before
the fork, so that a process is what ``python ARGUMENTS`` would have been.
"""

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

PROJECT = Path(__file__).resolve().parents[2]
_POLL_S = 0.01
_LARGEST = 1 << 18


class Warm:
    """The process that is forked: started once, it ends with this one."""

    def __init__(self) -> None:
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        with theirs:
            subprocess.Popen(
                [sys.executable, "-m", "tests.support.warm", str(theirs.fileno())],
                cwd=PROJECT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def ask(self, asked: dict[str, Any], fds: Sequence[int] = ()) -> dict[str, Any]:
        """Raises RuntimeError when the process is gone."""
        with self._lock:
            socket.send_fds(self._link, [json.dumps(asked).encode()], list(fds))
            said = self._link.recv(_LARGEST)
        if not said:
            raise RuntimeError("the process that others are forked from has ended")
        return dict(json.loads(said))


@functools.cache
def _warm() -> Warm:
    return Warm()


class Started:
    """A process, with what of ``subprocess.Popen`` tests use."""

    def __init__(self, pid: int, stdin: IO[bytes] | None, stdout: IO[str] | None) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """As Popen's: the exit code, minus the signal, or None while it runs."""
        if self.returncode is None:
            status = _warm().ask({"wait": self.pid})["status"]
            self.returncode = None if status is None else os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired after ``timeout`` seconds."""
        deadline = time.monotonic() + (timeout or float("inf"))
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            time.sleep(_POLL_S)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def start_python(
    *arguments: str, env: Mapping[str, str], stdin: bool = False, stdout: IO[bytes] | None = None,
    stderr: IO[bytes] | None = None, read: bool = False, session: bool = False,
) -> Started:  # fmt: skip
    """``python ARGUMENTS`` in the project's folder: ``-m MODULE …`` or ``SCRIPT …``.

    ``stdin``: a pipe that ``Started.stdin`` writes to; else it reads nothing. ``read``: what it
    says on either output is read from ``Started.stdout``; else it goes where ours goes, or where
    ``stdout`` and ``stderr`` say. ``session``: it leads one of its own.
    """
    theirs_in, ours_in = os.pipe() if stdin else (os.open(os.devnull, os.O_RDONLY), -1)
    ours_out, theirs_out = os.pipe() if read else (-1, -1)
    out = theirs_out if read else (stdout.fileno() if stdout else 1)
    err = theirs_out if read else (stderr.fileno() if stderr else 2)
    asked = {"arguments": arguments, "env": dict(env), "cwd": str(PROJECT), "session": session}
    try:
        pid = _warm().ask(asked, [theirs_in, out, err])["pid"]
    finally:
        os.close(theirs_in)
        if read:
            os.close(theirs_out)
    return Started(
        pid, os.fdopen(ours_in, "wb", 0) if stdin else None, os.fdopen(ours_out) if read else None
    )
