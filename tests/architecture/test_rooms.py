"""What import-linter cannot say: parts of Django the core may not touch, and sizes that alarm."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = ("trading", "riskctl", "audit")
FACES = ("django.http", "django.urls", "django.views", "django.shortcuts", "django.template")


def modules(*rooms: str) -> Iterator[tuple[Path, ast.Module]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_the_core_touches_no_face_of_django() -> None:
    wrong = [
        f"{path}: {name}"
        for path, tree in modules(*CORE)
        for name in imported(tree)
        if name.startswith(FACES)
    ]
    assert wrong == []


def test_no_import_hides_inside_a_function() -> None:
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in modules(*CORE, "workers", "console")
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert wrong == []


#: The last lines of a forked process, where it becomes the exit code, and of a watch that runs
#: beside the heartbeat: a mistake in one must neither end the others nor the heartbeat.
OUTERMOST = ("workers/supervisor/children.py", "riskctl/watchdog.py")


def test_nothing_swallows_every_exception() -> None:
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in modules(*CORE, "workers", "console")
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and str(path) not in OUTERMOST
        and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException"))
    ]
    assert wrong == []


ALONE = {"audit/verifier.py"}
"""One file so that an auditor can take it elsewhere and read it."""


def test_no_file_has_outgrown_its_room() -> None:
    wrong = {
        str(path): len((ROOT / path).read_text().splitlines())
        for path, _ in modules(*CORE, "workers", "console")
        if "migrations" not in path.parts
        and str(path) not in ALONE
        and len((ROOT / path).read_text().splitlines()) > 500
    }
    assert wrong == {}
