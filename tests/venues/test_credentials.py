"""Keys to venue accounts: sealed in their file, and one clear line when they cannot be used."""

import json
import multiprocessing
import stat
from pathlib import Path

import pytest
from pytest_django import Settings

from audit.key_source import key_store
from trading.venues.credentials import (
    CredentialsError,
    credentials_keys,
    credentials_reseal,
    credentials_write,
    read_credentials,
)

KEYS = {"key": "k-1", "secret": "very-secret-text"}
OTHER = {"key": "k-2", "secret": "another-secret-text"}


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> Path:
    settings.KEYS_FOLDER = tmp_path / "keys"
    return tmp_path / "credentials.json"


def test_what_is_written_is_sealed_and_read_back(file: Path) -> None:
    credentials_write(file, {"paper-1": KEYS})
    credentials_write(file, {"paper-2": OTHER})
    assert KEYS["secret"] not in file.read_text()
    assert KEYS["key"] not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_credentials(file, "paper-1") == KEYS
    assert read_credentials(file, "paper-2") == OTHER


def test_one_account_cannot_be_given_the_keys_of_another(file: Path) -> None:
    credentials_write(file, {"paper-1": KEYS, "paper-2": OTHER})
    known = json.loads(file.read_text())
    file.write_text(json.dumps({"paper-1": known["paper-2"]}))
    with pytest.raises(CredentialsError, match="altered or moved"):
        read_credentials(file, "paper-1")


def test_an_entry_in_the_clear_is_refused_until_it_is_sealed(file: Path) -> None:
    file.write_text(json.dumps({"paper-1": KEYS}))
    with pytest.raises(CredentialsError, match="in the clear: run keys_rotate"):
        read_credentials(file, "paper-1")
    assert read_credentials(file, "paper-1", plain=True) == KEYS
    assert credentials_keys(file) == {"paper-1": ""}
    current = key_store().current()
    assert credentials_reseal(file, current) == 1
    assert credentials_keys(file) == {"paper-1": current}
    assert KEYS["secret"] not in file.read_text()
    assert read_credentials(file, "paper-1") == KEYS


def test_they_are_sealed_anew_under_a_new_key_and_only_then(file: Path) -> None:
    credentials_write(file, {"paper-1": KEYS, "paper-2": OTHER})
    before = file.read_text()
    assert credentials_reseal(file, key_store().current()) == 0
    assert file.read_text() == before
    made = key_store().make()
    assert credentials_reseal(file, made) == 2
    assert set(credentials_keys(file).values()) == {made}
    assert read_credentials(file, "paper-1") == KEYS


def test_when_one_entry_does_not_open_the_file_stays_as_it_was(file: Path) -> None:
    credentials_write(file, {"paper-1": KEYS})
    known = json.loads(file.read_text())
    before = json.dumps({**known, "paper-2": known["paper-1"]})
    file.write_text(before)
    with pytest.raises(CredentialsError, match="paper-2"):
        credentials_reseal(file, key_store().make())
    assert file.read_text() == before


def _write(file: Path, number: int) -> None:
    credentials_write(file, {f"paper-{number}": KEYS})


def test_writers_at_the_same_time_lose_nothing(file: Path) -> None:
    key_store().make()
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write, args=(file, number)) for number in range(6)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(30)
        assert one.exitcode == 0
    assert set(credentials_keys(file)) == {f"paper-{number}" for number in range(6)}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (None, "No such file"),
        ("nonsense", "must be JSON"),
        ("[1]", "must be JSON"),
        ("{}", "paper-1"),
        (json.dumps({"paper-1": {"key": "k"}}), "secret"),
        (json.dumps({"paper-1": ["k"]}), "must be an object"),
        (json.dumps({"paper-1": "sealed?"}), "not sealed"),
    ],
)
def test_what_is_wrong_is_named(file: Path, content: str | None, named: str) -> None:
    if content is not None:
        file.write_text(content)
    with pytest.raises(CredentialsError, match=named):
        read_credentials(file, "paper-1", plain=True)
