"""Anchors: a file that only grows, and the contract of an HTTPS witness against a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.anchors import AnchorError, BehindError, FileAnchor, Witness, anchor_line
from audit.verifier import (
    read_checkpoints,
)
from tests.audit.made import made
from tests.audit.witness import Behaviour, serving

RECORD = made(20)


def none(_: int) -> tuple[bytes, ...]:
    return ()


# --- The file -------------------------------------------------------------------------------------


def test_a_file_keeps_every_checkpoint(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "audit" / "anchor.jsonl")
    assert anchor.last() is None
    for size in (3, 7, 20):
        anchor.keep(RECORD.sign(size), none)
    assert anchor.last() == RECORD.sign(20)
    found = read_checkpoints(anchor.path.read_bytes(), "anchor")
    assert [one.size for one in found] == [3, 7, 20]


def test_a_torn_line_was_never_kept(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "anchor.jsonl")
    anchor.keep(RECORD.sign(3), none)
    with anchor.path.open("ab") as out:
        out.write(anchor_line(RECORD.sign(7))[:50])
    assert anchor.last() == RECORD.sign(3)
    anchor.keep(RECORD.sign(20), none)
    found = read_checkpoints(anchor.path.read_bytes(), "anchor")
    assert [one.size for one in found] == [3, 20]


def test_a_file_that_is_none(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "anchor.jsonl")
    anchor.path.write_bytes(b"{}\n")
    with pytest.raises(AnchorError, match="line 1: no checkpoint"):
        anchor.last()
    with pytest.raises(AnchorError, match="directory"):
        FileAnchor(tmp_path).keep(RECORD.sign(3), none)


# --- The witness ----------------------------------------------------------------------------------


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def witness(tmp_path: Path, behaviour: Behaviour) -> Iterator[Witness]:
    with serving(tmp_path, behaviour) as made:
        yield made


def keep(witness: Witness, size: int) -> str:
    return witness.keep(RECORD.sign(size), RECORD.tree(size).consistency)


def test_a_witness_keeps_what_grows(witness: Witness, behaviour: Behaviour) -> None:
    assert keep(witness, 5).startswith("— witness.test/w ")
    keep(witness, 20)
    keep(witness, 20)
    assert behaviour.size == 20
    assert behaviour.asked == [("/log/add-checkpoint", size) for size in (0, 5, 20)]


def test_a_new_process_learns_what_the_witness_has(witness: Witness, behaviour: Behaviour) -> None:
    keep(witness, 5)
    again = Witness(witness.url, witness.authority)
    keep(again, 20)
    assert [old for _, old in behaviour.asked] == [0, 0, 5]


def test_a_witness_that_has_more_shows_an_older_database(witness: Witness) -> None:
    keep(witness, 20)
    with pytest.raises(BehindError, match="holds 20 entries, here are 5") as found:
        keep(Witness(witness.url, witness.authority), 5)
    assert found.value.size == 20


def test_a_rewritten_record_is_not_kept(witness: Witness) -> None:
    keep(witness, 5)
    other = made(20)
    other.bodies[3] = b"{}"
    other.relink(3)
    with pytest.raises(AnchorError, match="422"):
        witness.keep(other.sign(20), other.tree(20).consistency)


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [(500, "sorry", "500 'sorry'"), (409, "many", "409 without a size"), (302, "", "302")],
)
def test_a_witness_that_fails(
    witness: Witness, behaviour: Behaviour, status: int, answer: str, said: str
) -> None:
    behaviour.fails = status, answer
    with pytest.raises(AnchorError, match=said):
        keep(witness, 5)


def test_a_witness_whose_certificate_is_unknown(witness: Witness, behaviour: Behaviour) -> None:
    with pytest.raises(AnchorError, match="certificate verify failed"):
        keep(Witness(witness.url), 5)
    assert not behaviour.asked


def test_nobody_listens() -> None:
    with pytest.raises(AnchorError, match="refused"):
        keep(Witness("https://127.0.0.1:1"), 5)


@pytest.mark.parametrize("url", ["http://w.test", "w.test", "https://", "https://a:b@w.test"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(AnchorError, match="HALTLINE_AUDIT_WITNESS"):
        Witness(url)
