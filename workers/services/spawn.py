"""Starting a program so that it dies with us, in a session of its own, and not as root."""

import ctypes
import os
import pwd
import signal
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_UNPRIVILEGED = 1000  # what root is called inside the user namespace
CANNOT_RUN = 78  # EX_CONFIG: exit code of a child that could not become its program
_libc = ctypes.CDLL(None, use_errno=True)


class Identity(StrEnum):
    """As whom a program runs that refuses to run as root."""

    OURS = "ours"
    MAPPED = "mapped"  # root seen as an ordinary user, in a user namespace
    OTHER = "other"  # a real other user, who must own the folder


def die_with(parent: int) -> None:
    """SIGKILL this process when ``parent`` (its parent) ends, however it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(CANNOT_RUN)


def adopt_orphans() -> None:
    """Become parent of descendants whose parent ends, so that they can be reaped and ended."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def service_identity(folder: Path) -> Identity:
    """As whom a program runs that keeps its data in ``folder`` and refuses to be root."""
    if os.geteuid() != 0:
        return Identity.OURS
    if folder.exists() and folder.stat().st_uid != 0:
        return Identity.OTHER
    return Identity.MAPPED if _mapping_works() else Identity.OTHER


def _mapping_works() -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            _map_root()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _map_root() -> None:
    if _libc.unshare(_CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{_UNPRIVILEGED} 0 1")
    Path("/proc/self/gid_map").write_text(f"{_UNPRIVILEGED} 0 1")


def _become_other(folder: Path) -> None:
    names = {one.pw_name: one for one in pwd.getpwall()}
    if folder.exists() and folder.stat().st_uid != 0:
        person = pwd.getpwuid(folder.stat().st_uid)
    else:
        person = names.get("postgres") or names["nobody"]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chown(folder, person.pw_uid, person.pw_gid)
    os.setgroups([])
    os.setgid(person.pw_gid)
    os.setuid(person.pw_uid)
    os.environ["HOME"] = "/"


def become(identity: Identity, folder: Path) -> None:
    """Give up root in this process, for good, keeping access to ``folder``."""
    if identity is Identity.MAPPED:
        _map_root()
    elif identity is Identity.OTHER:
        _become_other(folder)


def redirect_output(log: Path) -> None:
    """Standard output and error go to the end of ``log``; standard input is empty."""
    log_fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null_fd = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null_fd, 0)
    os.dup2(log_fd, 1)
    os.dup2(log_fd, 2)
    os.close(log_fd)
    os.close(null_fd)


def fork_program(
    prepare: Callable[[], Sequence[str]], *, log: Path, identity: Identity, folder: Path
) -> int:
    """Fork a child that runs ``prepare`` and becomes the program it names; return its pid.

    The child leads a session of its own, writes to ``log`` and dies with the caller. What keeps
    it from becoming the program is the last line of ``log``, and its exit code ``CANNOT_RUN``.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        redirect_output(log)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        become(identity, folder)
        die_with(parent)  # after the change of user, which would clear it
        arguments = [str(one) for one in prepare()]
        os.execv(arguments[0], arguments)  # noqa: S606 - no shell wanted
    except (OSError, RuntimeError, KeyError) as problem:
        os.write(2, f"{problem}\n".encode())
    finally:
        os._exit(CANNOT_RUN)
