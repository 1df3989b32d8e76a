"""Key stores: the contract on each, and what a folder and an environment refuse."""

import base64
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from django.conf import settings
from pytest_django import Settings

from audit.key_source import key_store
from audit.keys import FileKeys, GivenKeys, KeyStore, KeyStoreError, given_keys
from tests.audit.keystore_contract import CASES, DATA_KEY
from tests.support.browser import chromium_libraries

TOKEN = {"HALTLINE_PKCS11_TOKEN": "haltline-test", "HALTLINE_PKCS11_PIN": "123456"}
SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
TOKENS = [
    "mozilla",
    *(["softhsm"] if SOFTHSM.exists() and shutil.which("softhsm2-util") else []),
    *(["given"] if os.environ.get("HALTLINE_PKCS11_MODULE") else []),
]
"""Mozilla's soft token comes with the browser; the others where the machine has them."""
ANY_KEY = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_folder_keeps_the_contract(case: Callable[[KeyStore], None], tmp_path: Path) -> None:
    case(FileKeys(tmp_path / "keys"))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("token", TOKENS)
def test_a_token_keeps_the_contract(token: str, case: str) -> None:
    """``given``: the token that ``HALTLINE_PKCS11_MODULE`` and so on name, called haltline-test."""
    said = _on_token(token)
    assert said[case] == "", said[case]


@functools.cache
def _on_token(token: str) -> dict[str, str]:
    """What each case came to. Once a run: a token is slow."""
    with tempfile.TemporaryDirectory(prefix="haltline-token-") as folder:
        environ = {**os.environ, **_MAKERS[token](Path(folder))}
        done = subprocess.run(
            [sys.executable, "-m", "tests.audit.token_child"],
            cwd=settings.BASE_DIR, env=environ, capture_output=True, text=True, check=False,
            timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: dict[str, str] = dict(json.loads(line) for line in done.stdout.splitlines())
    return said


def _softhsm(folder: Path) -> dict[str, str]:
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder}\nobjectstore.backend = file\n")
    environ = {"SOFTHSM2_CONF": str(config)}
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", TOKEN["HALTLINE_PKCS11_TOKEN"],
         "--pin", TOKEN["HALTLINE_PKCS11_PIN"], "--so-pin", "654321"],
        env={**os.environ, **environ}, check=True, capture_output=True,
    )  # fmt: skip
    return {**environ, **TOKEN, "HALTLINE_PKCS11_MODULE": str(SOFTHSM)}


def _mozilla(folder: Path) -> dict[str, str]:
    libraries = chromium_libraries()
    return {
        **TOKEN,
        "HALTLINE_PKCS11_MODULE": str(libraries / "libsoftokn3.so"),
        "HALTLINE_TEST_INIT_PIN": "1",
        "LD_LIBRARY_PATH": str(libraries),
        "NSS_LIB_PARAMS": f"configDir='sql:{folder}' minPWLen=6"
        f" dbTokenDescription='{TOKEN['HALTLINE_PKCS11_TOKEN']}'",
    }


_MAKERS: dict[str, Callable[[Path], dict[str, str]]] = {
    "mozilla": _mozilla, "softhsm": _softhsm, "given": lambda _folder: {},
}  # fmt: skip


def test_without_its_library_a_token_says_what_to_install(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KEYS = "pkcs11"
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(KeyStoreError, match=r"requirements/hsm\.txt"):
        key_store()


# A folder -----------------------------------------------------------------------------------------


def test_a_key_file_is_its_owners_alone_and_refused_when_others_can_read_it(
    tmp_path: Path,
) -> None:
    store = FileKeys(tmp_path / "keys")
    key = store.make()
    path = tmp_path / "keys" / f"{key}.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    wrapped = store.wrap(key, DATA_KEY)
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(KeyStoreError, match="open to others"):
            store.unwrap(key, wrapped)
        with pytest.raises(KeyStoreError, match="chmod 600"):
            store.wrap(key, DATA_KEY)
    path.chmod(0o400)
    assert store.unwrap(key, wrapped) == DATA_KEY


def test_a_key_file_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    store = FileKeys(tmp_path / "keys")
    key = store.make()
    path = tmp_path / "keys" / f"{key}.key"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyStoreError, match=key):
        store.wrap(key, DATA_KEY)


@pytest.mark.parametrize("content", ["", "no base64!", base64.b64encode(bytes(16)).decode()])
def test_a_key_file_that_holds_no_key_is_refused_without_saying_what_it_holds(
    tmp_path: Path, content: str
) -> None:
    store = FileKeys(tmp_path / "keys")
    key = store.make()
    (tmp_path / "keys" / f"{key}.key").write_text(content)
    with pytest.raises(KeyStoreError, match="32 bytes in base64") as refused:
        store.wrap(key, DATA_KEY)
    assert not content or content not in str(refused.value)


def test_a_retired_key_is_kept_apart_and_can_be_put_back(tmp_path: Path) -> None:
    store = FileKeys(tmp_path / "keys")
    first, _ = store.make(), store.make()
    wrapped = store.wrap(first, DATA_KEY)
    store.retire(first)
    with pytest.raises(KeyStoreError, match=f"{first} is retired: move it back"):
        store.unwrap(first, wrapped)
    retired = tmp_path / "keys" / "retired" / f"{first}.key"
    retired.rename(tmp_path / "keys" / f"{first}.key")
    assert store.unwrap(first, wrapped) == DATA_KEY


def test_other_files_in_the_folder_are_no_keys(tmp_path: Path) -> None:
    store = FileKeys(tmp_path / "keys")
    key = store.make()
    for name in ("notes.key", ".k000002-00000000.17", "k2.key", "k000002-00000000.key.bak"):
        (tmp_path / "keys" / name).write_text(ANY_KEY)
    assert store.ids() == (key,)


def test_a_demo_makes_its_first_key_and_a_production_does_not(
    tmp_path: Path, settings: Settings
) -> None:
    settings.KEYS_FOLDER = tmp_path / "keys"
    settings.PRODUCTION = True
    with pytest.raises(KeyStoreError, match="keys_rotate"):
        key_store().current()
    settings.PRODUCTION = False
    made = key_store().current()
    assert key_store().ids() == (made,)


# The environment ----------------------------------------------------------------------------------


def test_keys_of_the_environment_wrap_and_the_last_is_current() -> None:
    store = given_keys(f"2025:{ANY_KEY}, 2026:{base64.b64encode(bytes(range(32))).decode()}")
    assert store.ids() == ("2025", "2026")
    assert store.current() == "2026"
    wrapped = store.wrap("2025", DATA_KEY)
    assert wrapped == aes_key_wrap(bytes(32), DATA_KEY)
    assert store.unwrap("2025", wrapped) == DATA_KEY
    with pytest.raises(KeyStoreError):
        store.unwrap("2026", wrapped)
    with pytest.raises(KeyStoreError, match="2024"):
        store.unwrap("2024", wrapped)


def test_keys_of_the_environment_are_made_and_retired_outside() -> None:
    store = GivenKeys({"a": bytes(32), "b": bytes(32)})
    with pytest.raises(KeyStoreError, match="HALTLINE_SEALING_KEYS"):
        store.make()
    with pytest.raises(KeyStoreError, match="take it out"):
        store.retire("a")
    with pytest.raises(KeyStoreError, match="current"):
        store.retire("b")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "names no key"),
        (ANY_KEY, "entry 1"),
        (f"a:{ANY_KEY},a:{ANY_KEY}", "entry 2"),
        (f"A:{ANY_KEY}", "entry 1"),
        ("a:c2hvcnQ=", "key a"),
        ("a:", "key a"),
    ],
)
def test_a_wrong_environment_is_named_without_its_secrets(text: str, named: str) -> None:
    with pytest.raises(KeyStoreError, match=named) as refused:
        given_keys(text)
    assert ANY_KEY not in str(refused.value)


def test_the_settings_choose_the_store(settings: Settings, tmp_path: Path) -> None:
    settings.KEYS, settings.SEALING_KEYS = "environment", f"a:{ANY_KEY}"
    assert key_store().ids() == ("a",)
    settings.KEYS, settings.KEYS_FOLDER = "file", tmp_path / "keys"
    assert key_store().ids() == ()
    settings.KEYS = "elsewhere"
    with pytest.raises(KeyStoreError, match="file, environment, pkcs11"):
        key_store()
