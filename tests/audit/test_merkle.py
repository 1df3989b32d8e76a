"""The tree: published roots and proofs, the 196 published cases, and any tree's own proofs."""

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import TILE_WIDTH, Growth, MissingHashError, Tree
from audit.verifier import (
    EMPTY_ROOT,
    ProofError,
    RightEdge,
    check_consistency,
    check_inclusion,
    leaf_hash,
    node_hash,
)
from tests.audit.made import perfect_of

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HALTLINE_SHARED_DATA", ROOT.parent / "shared" / "data"))
REFERENCE = DATA.parent / "reference"
CASES = json.loads((REFERENCE / "merkle-proof-cases.json").read_text())
VALUES = (REFERENCE / "VALUES.md").read_text()
SECTION = VALUES.partition("## 5 ")[2].partition("\n## ")[0]


def raw(text: str) -> bytes:
    return base64.b64decode(text or "")


def published_leaves() -> list[bytes]:
    listed = SECTION.partition("Leaves (hex): ")[2].partition("\n")[0]
    return [leaf_hash(bytes.fromhex(one.strip(' "'))) for one in listed.split(",")]


PUBLISHED_ROOTS = [
    bytes.fromhex(one) for one in re.findall(r"^[0-8] ([0-9a-f]{64})$", SECTION, re.MULTILINE)
]


def leaves_of(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def plain_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 2.1.1 as it is written."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(plain_root(leaves[:split]), plain_root(leaves[split:]))


def test_published_roots() -> None:
    assert len(PUBLISHED_ROOTS) == 9
    leaves = published_leaves()
    for size, root in enumerate(PUBLISHED_ROOTS):
        assert Tree(size, perfect_of(leaves[:size])).root() == root
        assert plain_root(leaves[:size]) == root


def hexes(text: str) -> list[str]:
    return re.findall(r"\b[0-9a-f]{64}\b", text)


def test_published_inclusion_proofs() -> None:
    line = next(one for one in SECTION.splitlines() if one.startswith("Inclusion"))
    found = re.findall(r"\((\d),(\d)\) = ([^;]*)", line)
    assert len(found) == 4
    for number, size, proof in found:
        tree = Tree(int(size), perfect_of(published_leaves()[: int(size)]))
        assert [one.hex() for one in tree.inclusion(int(number) - 1)] == hexes(proof)


def test_published_consistency_proofs() -> None:
    line = next(one for one in SECTION.splitlines() if one.startswith("Consistency"))
    found = [(m, n, hexes(proof)) for m, n, proof in re.findall(r"\((\d),(\d)\) = ([^;]*)", line)]
    assert [len(proof) for *_, proof in found] == [0, 3, 2]  # the first is shortened in the text
    for m, n, proof in found[1:]:
        tree = Tree(int(n), perfect_of(published_leaves()[: int(n)]))
        assert [one.hex() for one in tree.consistency(int(m))] == proof


def holds(check: Any, **facts: Any) -> bool:
    try:
        check(**facts)
    except ProofError:
        return False
    return True


def test_the_cases_are_all_there() -> None:
    assert {kind: len(cases) for kind, cases in CASES.items()} == {
        "inclusion": 98, "consistency": 98,
    }  # fmt: skip
    assert sum(not one["wantErr"] for cases in CASES.values() for one in cases) == 12


@pytest.mark.parametrize("case", CASES["inclusion"], ids=lambda one: one["file"])
def test_inclusion_cases(case: dict[str, Any]) -> None:
    assert case["wantErr"] is not holds(
        check_inclusion, index=case["leafIdx"], size=case["treeSize"], leaf=raw(case["leafHash"]),
        root=raw(case["root"]), proof=list(map(raw, case["proof"] or [])),
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES["consistency"], ids=lambda one: one["file"])
def test_consistency_cases(case: dict[str, Any]) -> None:
    assert case["wantErr"] is not holds(
        check_consistency, size1=case["size1"], size2=case["size2"], root1=raw(case["root1"]),
        root2=raw(case["root2"]), proof=list(map(raw, case["proof"] or [])),
    )  # fmt: skip


SIZES = st.one_of(
    st.integers(1, 40),
    st.sampled_from([TILE_WIDTH - 1, TILE_WIDTH, TILE_WIDTH + 1, 2 * TILE_WIDTH + 37]),
)


@given(SIZES, st.data())
def test_every_leaf_is_proven_and_no_other_proof_holds(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    tree = Tree(size, perfect_of(leaves))
    root = plain_root(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion(index)
    facts: dict[str, Any] = {
        "index": index, "size": size, "leaf": leaves[index], "proof": proof, "root": root,
    }  # fmt: skip
    check_inclusion(**facts)
    other = data.draw(st.integers(0, size - 1).filter(lambda one: one != index or size == 1))
    if other != index:
        assert not holds(check_inclusion, **{**facts, "index": other})
    for wrong in (proof[1:], [*proof, root], [root, *proof]):
        if wrong != proof:
            assert not holds(check_inclusion, **{**facts, "proof": wrong})


@given(SIZES, st.data())
def test_every_earlier_tree_is_proven_to_be_a_part(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    tree = Tree(size, perfect_of(leaves))
    size1 = data.draw(st.integers(1, size))
    facts: dict[str, Any] = {
        "size1": size1, "size2": size, "root1": plain_root(leaves[:size1]),
        "root2": plain_root(leaves), "proof": tree.consistency(size1),
    }  # fmt: skip
    check_consistency(**facts)
    at = data.draw(st.integers(0, size1 - 1))
    altered = [*leaves[:at], bytes(32), *leaves[at + 1 :]]
    assert not holds(check_consistency, **{**facts, "root1": plain_root(altered[:size1])})
    assert not holds(check_consistency, **{**facts, "root2": plain_root(altered)})


@given(st.lists(st.integers(0, 300), min_size=1, max_size=5))
def test_a_tree_grows_in_steps_and_after_restarts(steps: list[int]) -> None:
    """Whatever the sizes of the steps, and with the edge read back from the store between them."""
    total = sum(steps)
    leaves = leaves_of(total)
    tiles: list[tuple[int, int, bytes]] = []
    size = 0
    for step in steps:
        growth = Tree(size, perfect_of(leaves[:size])).growth()
        for leaf in leaves[size : size + step]:
            growth.append(leaf)
        size += step
        tiles += growth.tiles
        assert growth.root() == plain_root(leaves[:size])
    wanted = perfect_of(leaves)(1, 0, total // TILE_WIDTH)
    assert tiles == [(1, number, one) for number, one in enumerate(wanted)]


def test_tiles_of_tiles_are_completed_too() -> None:
    growth = Growth()
    for leaf in leaves_of(TILE_WIDTH**2):
        growth.append(leaf)
    assert [one for one in growth.tiles if one[0] == 2] == [(2, 0, growth.root())]
    assert len(growth.tiles) == TILE_WIDTH + 1


def test_what_is_not_stored_is_named() -> None:
    leaves = leaves_of(300)

    def gone(level: int, first: int, count: int) -> list[bytes]:
        return list(perfect_of(leaves)(level, first, count))[:-1]

    with pytest.raises(MissingHashError, match="removed"):
        Tree(300, gone).root()


@pytest.mark.parametrize("index", [-1, 3])
def test_no_proof_of_what_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        Tree(3, perfect_of(leaves_of(3))).inclusion(index)


@pytest.mark.parametrize("size1", [0, 4])
def test_no_proof_of_a_tree_that_is_no_part(size1: int) -> None:
    with pytest.raises(IndexError):
        Tree(3, perfect_of(leaves_of(3))).consistency(size1)


def test_an_edge_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="2 perfect subtrees"):
        RightEdge(3, [bytes(32)])
