"""What import-linter cannot say: parts of a package that the core must not know."""

import ast
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CORE = ("trading", "riskctl", "audit")
HTTP = ("django.http", "django.urls", "django.shortcuts", "django.views")


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{one.name}" for one in node.names}
    return found


def test_the_core_knows_no_http() -> None:
    guilty = [
        f"{path.relative_to(PROJECT)} imports {name}"
        for room in CORE
        for path in (PROJECT / room).rglob("*.py")
        for name in _imports(path)
        if name.startswith(HTTP)
    ]
    assert guilty == []
