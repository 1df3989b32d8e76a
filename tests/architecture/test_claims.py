"""The tests that the documentation names for what it claims: each of them is there."""

import ast
import re
from functools import cache

import pytest

from tests.architecture.test_rooms import ROOT

NAMED = re.compile(r"`([a-z_/]+\.py)::(\w+)`")


@cache
def defined(path: str) -> frozenset[str]:
    """Functions and classes of a file below tests/, none when there is no such file."""
    file = ROOT / "tests" / path
    if not file.exists():
        return frozenset()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(
        node.name for node in ast.parse(file.read_text()).body if isinstance(node, kinds)
    )


@pytest.mark.parametrize(
    ("document", "least"), [("halting.md", 30), ("console.md", 30), ("venues.md", 20)]
)
def test_every_test_that_a_claim_names_is_there(document: str, least: int) -> None:
    text = (ROOT / "docs" / document).read_text()
    _, _, claims = text.partition("which test would fail")
    rows = [line for line in claims.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith("| claim ")]
    assert len(rows) >= least
    assert [row for row in rows if not NAMED.search(row)] == []
    missing = [
        f"{path}::{name}" for path, name in NAMED.findall(claims) if name not in defined(path)
    ]
    assert missing == []
