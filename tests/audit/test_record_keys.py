"""Keys of the record: made when something is signed, checked with public halves alone."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.record_keys import FolderKeys, GivenRecordKeys
from audit.signing import SigningKeyError, signer_of


def private_pem() -> str:
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )  # fmt: skip


def test_checking_makes_no_key(tmp_path: Path) -> None:
    keys = FolderKeys(tmp_path / "keys")
    assert keys.publics() == []
    with pytest.raises(SigningKeyError, match="no public key"):
        keys.trust()
    assert not (tmp_path / "keys").exists()


def test_the_first_is_made_and_others_follow(tmp_path: Path) -> None:
    keys = FolderKeys(tmp_path)
    first = keys.current()
    second = keys.make()
    assert [one.key_id for one in FolderKeys(tmp_path).signers()] == [first.key_id, second.key_id]
    assert keys.current().key_id == second.key_id
    assert [one.id for one in keys.trust().keys] == [second.key_id]
    assert [one.id for one in keys.trust().old] == [first.key_id]
    assert (tmp_path / "s000001.pem").stat().st_mode & 0o077 == 0


def test_public_halves_are_enough_to_check(tmp_path: Path) -> None:
    keys = FolderKeys(tmp_path / "here")
    keys.current()
    keys.make()
    (tmp_path / "there").mkdir()
    for one in (tmp_path / "here").glob("*.pub"):
        (tmp_path / "there" / one.name).write_bytes(one.read_bytes())
    assert FolderKeys(tmp_path / "there").trust() == keys.trust()
    with pytest.raises(SigningKeyError, match="public keys alone"):
        FolderKeys(tmp_path / "there").signers()
    assert not list((tmp_path / "there").glob("*.pem"))


def test_given_keys() -> None:
    old, new = private_pem(), private_pem()
    keys = GivenRecordKeys(f"{old}\n{new}")
    assert [one.key_id for one in keys.signers()] == [signer_of(old).key_id, signer_of(new).key_id]
    public = GivenRecordKeys("".join(one.pem for one in keys.publics()))
    assert public.trust() == keys.trust()
    with pytest.raises(SigningKeyError, match="not private"):
        public.signers()
    with pytest.raises(SigningKeyError, match="no key in PEM"):
        GivenRecordKeys("x")


def test_a_file_that_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "s000001.pub").write_text("no key")
    with pytest.raises(SigningKeyError, match=r"s000001\.pub: no PEM public key"):
        FolderKeys(tmp_path).publics()
