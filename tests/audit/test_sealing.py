"""Sealed texts: they open for what and whom they were sealed, and for nothing else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.keys import FileKeys, GivenKeys, KeyStoreError
from audit.sealing import SealError, key_of, seal, unseal

STORE = GivenKeys({"k": bytes(range(32))})
SECRET = b"a seed of twenty byt"
SEED = "factor-seed"


def sealed_mine() -> str:
    return seal(SECRET, what=SEED, whose="user:7", store=STORE)


def opened(sealed: str, what: str = SEED, whose: str = "user:7") -> bytes:
    return unseal(sealed, what=what, whose=whose, store=STORE)


@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_what_is_sealed_opens_and_is_not_to_be_read(plain: bytes, what: str, whose: str) -> None:
    sealed = seal(plain, what=what, whose=whose, store=STORE)
    assert unseal(sealed, what=what, whose=whose, store=STORE) == plain
    assert len(plain) < 4 or plain not in sealed.encode()
    assert key_of(sealed) == "k"


def test_the_same_secret_is_never_sealed_the_same_twice() -> None:
    assert len({sealed_mine() for _ in range(50)}) == 50


@pytest.mark.parametrize("other", [{"what": "venue-credentials"}, {"whose": "user:8"}])
def test_it_opens_for_nothing_else_and_nobody_else(other: dict[str, str]) -> None:
    sealed = sealed_mine()
    with pytest.raises(SealError, match="altered or moved"):
        opened(sealed, **other)


def test_no_character_of_it_can_be_changed() -> None:
    sealed = sealed_mine()
    for at, char in enumerate(sealed):
        altered = f"{sealed[:at]}{'A' if char != 'A' else 'B'}{sealed[at + 1 :]}"
        with pytest.raises((SealError, KeyStoreError)) as refused:
            opened(altered)
        assert SECRET.decode() not in str(refused.value)


def test_parts_of_two_sealed_texts_do_not_fit_together() -> None:
    one, other = (sealed_mine().split(".") for _ in range(2))
    for at in (2, 3, 4):
        mixed = [*one[:at], other[at], *one[at + 1 :]]
        with pytest.raises((SealError, KeyStoreError)):
            opened(".".join(mixed))


@pytest.mark.parametrize("text", ["", "3132", "hl1", "hl1.k.a.b", "hl2.k.a.b.c", "hl1.k.a.b.c.d"])
def test_what_is_not_sealed_does_not_open(text: str) -> None:
    assert key_of(text) == ""
    with pytest.raises(SealError, match="is not sealed"):
        opened(text)


def test_without_its_key_it_says_which_is_missing(tmp_path: Path) -> None:
    here, there = FileKeys(tmp_path / "here"), FileKeys(tmp_path / "there")
    key = here.make()
    there.make()
    sealed = seal(SECRET, what="w", whose="me", store=here)
    with pytest.raises(KeyStoreError, match=f"has no key {key}"):
        unseal(sealed, what="w", whose="me", store=there)
