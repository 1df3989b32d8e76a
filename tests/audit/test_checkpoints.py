"""Signed checkpoints: one spelling each, and a signature that is checked."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.checkpoints import key_of
from audit.verifier import Checkpoint, Key, NoteError, key_of_pem, parse_checkpoint
from tests.audit.made import ORIGIN, SIGNER, Made, made, new_signer

ONE = made(3).sign()


def test_it_is_read_as_it_was_written() -> None:
    read = parse_checkpoint(ONE.note)
    assert read == ONE
    assert read.note == ONE.note
    assert read.signers([key_of(SIGNER)]) == (key_of(SIGNER),)
    assert read.note.splitlines()[:2] == [ORIGIN, "3"]


def test_the_form_is_the_published_one() -> None:
    """C2SP: an em dash, the name, and base64 of the key's hint and the signature."""
    raw = SIGNER.public_raw
    hint = hashlib.sha256(ORIGIN.encode() + b"\n\x01" + raw).digest()[:4]
    last = ONE.note.splitlines()[-1]
    assert last.startswith(f"— {ORIGIN} ")
    blob = base64.b64decode(last.rpartition(" ")[2])
    assert blob[:4] == hint
    assert len(blob) == 4 + 64
    assert Key(raw).signed(ONE.note.rpartition("\n\n")[0].encode() + b"\n", blob[4:])


def test_a_key_in_pem() -> None:
    assert key_of_pem(SIGNER.public_pem.encode()) == key_of(SIGNER)
    assert key_of(SIGNER).id == SIGNER.key_id
    with pytest.raises(ValueError, match="no PEM"):
        key_of_pem(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")


def test_who_signed() -> None:
    other = new_signer()
    both = made(3).sign(3, SIGNER, other)
    assert both.signers([key_of(other)]) == (key_of(other),)
    assert len(parse_checkpoint(both.note).signers([key_of(SIGNER), key_of(other)])) == 2
    assert ONE.signers([key_of(other)]) == ()


def test_a_signature_of_other_text_is_wrong() -> None:
    moved = Checkpoint(ONE.origin, 4, ONE.root, ONE.extensions, ONE.signatures)
    with pytest.raises(NoteError, match=r"signature of key .* is wrong"):
        moved.signers([key_of(SIGNER)])


def test_a_signature_of_a_witness_is_left_to_who_knows_it() -> None:
    line = "— witness.example/w " + base64.b64encode(bytes(76)).decode() + "\n"
    assert parse_checkpoint(ONE.note + line).signers([key_of(SIGNER)]) == (key_of(SIGNER),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n3\n", "\n03\n"),
        ("\n3\n", "\n+3\n"),
        ("\n3\n", "\n-3\n"),
        ("\n3\n", "\n3 \n"),
        ("\n3\n", "\n٣\n"),
        (ORIGIN, ""),
        (ORIGIN, "two words"),
        (ORIGIN, "a+b"),
        ("— ", "- "),
        ("— ", "—  "),
        ("\n\n", "\n"),
        ("\n\n", "\n\n\n"),
        ("\nchain", "\r\nchain"),
        ("\nchain", "\n\tchain"),
        ("=\nchain", "\nchain"),
        ("chain ", "restored-from x y z\nchain "),
    ],
)
def test_another_spelling_is_refused(old: str, new: str) -> None:
    assert old in ONE.note
    with pytest.raises(NoteError):
        parse_checkpoint(ONE.note.replace(old, new, 1))


def test_the_end_of_a_line_is_part_of_it() -> None:
    for text in (ONE.note[:-1], ONE.note + "\n", ONE.note + "x", ""):
        with pytest.raises(NoteError):
            parse_checkpoint(text)


@given(st.integers(0, len(ONE.note.encode()) - 1), st.integers(0, 7))
def test_no_bit_can_be_flipped(at: int, bit: int) -> None:
    altered = bytearray(ONE.note.encode())
    altered[at] ^= 1 << bit
    try:
        read = parse_checkpoint(altered.decode())
        signers = read.signers([key_of(SIGNER)])
    except (NoteError, UnicodeDecodeError):
        return
    # Its name or the key's hint was altered: a signature by somebody unknown.
    assert signers == ()


def test_restored_from_is_read() -> None:
    before = made(5).sign()
    after = Made(origin="haltline.test/audit/2").add(b"{}").sign(restored_from=before)
    assert parse_checkpoint(after.note).restored_from == (ORIGIN, 5)
    assert before.restored_from is None
