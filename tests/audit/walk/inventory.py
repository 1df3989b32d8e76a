"""Every service there is, found in the source: what is keyword-only, or opens a transaction."""

import ast
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
ROOMS = ("audit", "riskctl", "trading", "console")
_ASIDE = frozenset({"migrations", "management"})


def services() -> set[str]:
    """Their dotted names."""
    return {name for room in ROOMS for name in _of_room(PROJECT / room)}


def _of_room(room: Path) -> Iterator[str]:
    for path in sorted(room.rglob("*.py")):
        if _ASIDE & set(path.parts):
            continue
        module = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and _is_service(node):
                yield f"{module}.{node.name}"


def _is_service(node: ast.FunctionDef) -> bool:
    public = not node.name.startswith("_")
    return public and (_keyword_only(node) or _opens_a_transaction(node))


def _keyword_only(node: ast.FunctionDef) -> bool:
    given = node.args
    return bool(given.kwonlyargs) and not (given.args or given.posonlyargs)


def _opens_a_transaction(node: ast.FunctionDef) -> bool:
    return any(isinstance(one, ast.Attribute) and one.attr == "atomic" for one in ast.walk(node))


def test_is_there(where: str) -> bool:
    """``tests/…/test_x.py::test_name`` names a test."""
    path, _, name = where.partition("::")
    file = PROJECT / path
    if not file.exists():
        return False
    return any(
        isinstance(node, ast.FunctionDef) and node.name == name
        for node in ast.walk(ast.parse(file.read_text()))
    )


test_is_there.__test__ = False  # type: ignore[attr-defined]
