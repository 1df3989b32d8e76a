"""``python -m console.cli``, as ``.venv/bin/haltline`` runs it. Exit codes: console.cli.codes."""

import importlib
import os
import sys

from console.cli.codes import Code, EndError
from console.cli.home import hand_over, home_path


def main(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    code = _run(arguments)
    try:
        hand_over(home_path(os.environ))
    except OSError as error:
        print(f"haltline: {error}: the desk cannot read what root left there", file=sys.stderr)
    return code


def _run(arguments: list[str]) -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.cli.settings"
    _import_lean("structlog")
    app = importlib.import_module("console.cli.app").app
    try:
        return int(app(arguments, prog_name="haltline") or Code.DONE)
    except EndError as end:
        print(f"haltline: {end}", file=sys.stderr)
        return int(end.code)
    except SystemExit as end:  # how typer ends everything else
        return end.code if isinstance(end.code, int) else int(Code.DONE)


def _import_lean(name: str) -> None:
    """Import ``name`` as if rich were not there: structlog would draw tracebacks with it, which a
    stop would wait a third of its start for. Tables take it once everything has been said."""
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        importlib.import_module(name)
    finally:
        del sys.modules["rich"]


if __name__ == "__main__":
    ended = main(sys.argv[1:])
    importlib.import_module("console.cli.output").leave(ended)
