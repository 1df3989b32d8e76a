"""What the Makefile calls: sets up what is missing, then becomes the program that was asked for.

Any Python 3.11, standard library only. Exit codes: workers/supervisor/errors.py.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
if sys.version_info[:2] != (3, 11):
    sys.stderr.write(
        "haltline: this is Python {}.{}; Haltline needs Python 3.11: install it, or name it with"
        " make PYTHON=/path/to/python3.11\n".format(*sys.version_info[:2])
    )
    sys.exit(7)  # Exit.PYTHON, which cannot be imported by any other Python
sys.path[0] = str(PROJECT)

from scripts.install import (  # noqa: E402 - the version first
    LAUNCHER,
    PYTHON,
    install_packages,
    install_python,
    locks_for_running,
    locks_for_testing,
    node_tools,
)
from scripts.totp import current_code  # noqa: E402
from workers.supervisor.errors import Exit, StartError  # noqa: E402

HOME = Path(os.environ.get("HALTLINE_HOME") or PROJECT / "var").resolve()
TESTS = ("-m", "tests")
CHECKS: tuple[tuple[str, ...], ...] = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy", "."),
    ("lint-imports", "--no-cache"),
    ("python", "-W", "ignore", "manage.py", "makemigrations", "--check", "--dry-run", "-v", "1"),
    ("python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"),
)
LOCK_FLAGS = (
    "--quiet", "--generate-hashes", "--no-header", "--no-emit-index-url", "--no-emit-find-links",
    "--python-version", "3.11",
)  # fmt: skip


def become(*arguments: str) -> None:
    """Replace this process by `.venv`'s Python with ``arguments``."""
    os.chdir(PROJECT)
    sys.stdout.flush()
    os.execv(PYTHON, [str(PYTHON), *arguments])  # noqa: S606 - no shell wanted


def up(_rest: list[str]) -> None:
    install_python(locks_for_running(HOME))
    install_packages(browser=False)
    become("-m", "workers.supervisor")


def _ready_to_test() -> None:
    install_python(locks_for_testing())
    install_packages(browser=True)


def test(rest: list[str]) -> None:
    _ready_to_test()
    become(*TESTS, *rest)


def test_all(rest: list[str]) -> None:
    _ready_to_test()
    become(*TESTS, "--all", *rest)


def drill_long(rest: list[str]) -> None:
    _ready_to_test()
    become(*TESTS, "-m", "drill", *rest)


def smoke(rest: list[str]) -> None:
    _ready_to_test()
    become(*TESTS, "tests/supervisor/test_smoke.py", *rest)


def bench(rest: list[str]) -> None:
    _ready_to_test()
    become("-m", "scripts.bench", *rest)


def screenshots(rest: list[str]) -> None:
    _ready_to_test()
    become("-m", "scripts.screenshots", *rest)


def manage(rest: list[str]) -> None:
    """A management command against the desk that runs in this home."""
    install_python(locks_for_running(HOME))
    known = HOME / "run" / "environment.json"
    if known.exists():
        os.environ.update(json.loads(known.read_text()))
    become("manage.py", *rest)


def haltline(rest: list[str]) -> None:
    """The command line of the desk in this home; a stop installs nothing that is there."""
    if not LAUNCHER.exists():
        install_python(locks_for_running(HOME))
    sys.stdout.flush()
    os.execv(LAUNCHER, [str(LAUNCHER), *rest])  # noqa: S606 - no shell wanted


def code(rest: list[str]) -> None:
    print(current_code(HOME, rest[0] if rest else ""))


def check(_rest: list[str]) -> None:
    """Every check side by side, each to its end, so that one run shows all there is to mend."""
    install_python(locks_for_testing())
    # The deploy check looks at a production as it should be; the key is only for looking.
    production = {
        "HALTLINE_ENV": "production",
        "HALTLINE_SECRET_KEY": secrets.token_urlsafe(64),
        "HALTLINE_TLS": "proxy",
        "HALTLINE_HOSTS": "desk.haltline.example",
        "HALTLINE_KEYS": "file",
        "HALTLINE_AUDIT_WITNESS": "https://witness.haltline.example",
    }

    def run(command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        name, *rest = command
        environment = {**os.environ, **(production if "--deploy" in rest else {})}
        return subprocess.run(
            [str(PYTHON.parent / name), *rest], cwd=PROJECT, env=environment, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip

    failed = []
    with ThreadPoolExecutor() as side_by_side:  # the types take longest, on one core
        for command, done in zip(CHECKS, side_by_side.map(run, CHECKS), strict=True):
            print(f"— {' '.join(command)}", done.stdout, sep="\n", end="", flush=True)
            if done.returncode:
                failed.append(" ".join(command[:5]))
    if failed:
        raise StartError(f"checks failed: {', '.join(failed)}", Exit.FAILED)
    print("all checks pass", flush=True)


def lock(_rest: list[str]) -> None:
    """Compile every requirements/*.in anew, with hashes and without addresses; npm's lock too."""
    install_python(locks_for_testing())
    uv = str(PYTHON.parent / "uv")
    for name in ("base", "dev", "postgres", "redis", "node", "hsm", "venues", "calendars", "tools"):
        target = f"requirements/{name}.txt"
        command = [uv, "pip", "compile", *LOCK_FLAGS, "--upgrade", "-o", target]
        subprocess.run([*command, f"requirements/{name}.in"], cwd=PROJECT, check=True)
    npm = [*node_tools().npm, "install", "--package-lock-only", "--ignore-scripts"]
    subprocess.run(
        [*npm, "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund"],
        cwd=PROJECT,
        check=True,
    )


def calendars(_rest: list[str]) -> None:
    """Compile the exchanges' hours anew, as far as their library knows them today."""
    install_python({"base", "dev", "calendars"})
    become("-m", "scripts.calendars")


COMMANDS = {
    "up": up,
    "test": test,
    "test-all": test_all,
    "check": check,
    "bench": bench,
    "lock": lock,
    "calendars": calendars,
    "drill-long": drill_long,
    "screenshots": screenshots,
    "smoke": smoke,
    "code": code,
    "manage": manage,
    "haltline": haltline,
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        print(f"haltline: say one of {', '.join(COMMANDS)}", file=sys.stderr)
        return Exit.SETTING
    try:
        COMMANDS[arguments[0]](arguments[1:])
    except StartError as problem:
        print(f"haltline: {problem}", file=sys.stderr)
        return problem.code
    except subprocess.CalledProcessError as problem:
        print(f"haltline: {problem.cmd[0]} failed", file=sys.stderr)
        return Exit.INSTALL
    except KeyboardInterrupt:
        return 130
    except OSError as problem:
        print(f"haltline: {problem}", file=sys.stderr)
        return Exit.DISK
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
