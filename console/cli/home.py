"""Where the desk is, and who is at the shell. Standard library only.

The home is ``HALTLINE_HOME``, else ``var`` of this checkout. What the desk's processes were told
lies in its ``run/environment.json``; that file wins over the shell's own variables, which may be
those of another desk.
"""

import json
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console.cli.codes import Code, EndError

CHECKOUT = Path(__file__).resolve().parents[2]
_NOBODY = 2**32 - 1


@dataclass(frozen=True, slots=True)
class DeskHome:
    """``told``: what the desk's processes were told; ``problem``: why that is not known."""

    path: Path
    told: Mapping[str, str]
    problem: str = ""


def home_path(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HALTLINE_HOME") or CHECKOUT / "var").resolve()


def find_desk(environ: Mapping[str, str]) -> DeskHome:
    """The desk of this home. Raises EndError when there is none, or it may not be read.

    An environment file that cannot be made out is no reason not to stop: gateways are found on
    disk all the same.
    """
    path = home_path(environ)
    try:
        told, problem = _told(path / "run" / "environment.json")
        brakes = (path / "brakes").is_dir()
    except PermissionError as error:
        raise EndError(Code.UNREACHABLE, f"{error.filename}: {_whose(path)}") from None
    given = "DATABASE_URL" in environ or "DATABASE_URL_FILE" in environ
    if problem and not brakes and not given:
        raise EndError(
            Code.UNREACHABLE,
            f"no desk's home at {path}: name it in HALTLINE_HOME (a desk that was never started"
            " has none)",
        )
    return DeskHome(path, told, "" if given else problem)


def _told(file: Path) -> tuple[dict[str, str], str]:
    try:
        said = json.loads(file.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}, f"{file} is missing: the database's address is not known"
    except ValueError as error:
        return {}, f"{file} cannot be read ({error}): the database's address is not known"
    if not isinstance(said, dict):
        return {}, f"{file} is no JSON object: the database's address is not known"
    return {str(key): str(value) for key, value in said.items()}, ""


def _whose(path: Path) -> str:
    try:
        owner = user_name(path.stat().st_uid)
    except OSError:
        return "it may not be read: run this as the user of the desk, or as root"
    return f"it may not be read: run this as {owner}, or as root"


def hand_over(home: Path) -> None:
    """What root left in somebody else's home becomes theirs: gateways must read it.

    Raises OSError.
    """
    if os.geteuid() != 0 or not home.is_dir():
        return
    owner = home.stat()
    if owner.st_uid == 0:
        return
    for path in (home / "signing.pem", home / "brakes", *(home / "brakes").rglob("*")):
        try:
            if path.lstat().st_uid == 0:
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        except FileNotFoundError:  # written up meanwhile
            continue


def login_name() -> str:
    """Who logged in, whatever sudo or su made of it; where that is not kept, who runs this."""
    try:
        logged_in = int(Path("/proc/self/loginuid").read_text())
    except (OSError, ValueError):
        logged_in = _NOBODY
    return user_name(os.getuid() if logged_in == _NOBODY else logged_in)


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"
