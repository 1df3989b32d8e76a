"""Keys that wrap data keys: from a folder, from the environment, or in a hardware module.

One interface for all three. A key has an id; data keys are wrapped by the current one (RFC 3394)
and unwrapped by whichever wrapped them, until it is retired. Which store it is, ``HALTLINE_KEYS``
decides: ``file``, ``environment`` or ``pkcs11`` (audit.token_keys).
"""

import base64
import binascii
import os
import re
import secrets
import stat
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

KEY_BYTES = 32
KEY_ID = re.compile(r"k([0-9]{6})-[0-9a-f]{8}")
"""What ``make`` gives: ids in the order of their making, told apart by eight random digits."""


class KeyStoreError(RuntimeError):
    """A key is missing or cannot be used; the message says what to do, and never a key's bytes."""


class KeyStore(Protocol):
    """Raises KeyStoreError wherever a key is missing or unusable."""

    def current(self) -> str:
        """Id of the key that new secrets are sealed under."""

    def ids(self) -> tuple[str, ...]:
        """Every key that opens something, oldest first."""

    def wrap(self, key_id: str, data_key: bytes) -> bytes: ...

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes: ...

    def make(self) -> str:
        """Make a key, which is then the current one; its id."""

    def retire(self, key_id: str) -> None:
        """Take a key that is not the current one out of use. What it wrapped opens no more."""


def next_id(known: tuple[str, ...]) -> str:
    """The id of a key made after those known."""
    numbers = [int(found[1]) for one in known if (found := KEY_ID.fullmatch(one))]
    return f"k{max(numbers, default=0) + 1:06d}-{secrets.token_hex(4)}"


def newest(known: tuple[str, ...], where: str) -> str:
    """The current one of a store whose ids tell their order."""
    if not known:
        raise KeyStoreError(f"{where} has no key: make the first with keys_rotate")
    return known[-1]


def check_retirable(key_id: str, current: str) -> None:
    if key_id == current:
        raise KeyStoreError(f"{key_id} is the current key: make a new one first")


class _Raw(ABC):
    """Wrapping by keys whose bytes are here."""

    @abstractmethod
    def _key(self, key_id: str) -> bytes:
        """The bytes. Raises KeyStoreError."""

    def wrap(self, key_id: str, data_key: bytes) -> bytes:
        return aes_key_wrap(self._key(key_id), data_key)

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._key(key_id), wrapped)
        except (InvalidUnwrap, ValueError):
            raise KeyStoreError(f"{key_id} does not unwrap this: altered, or another key") from None


class FileKeys(_Raw):
    """A folder with a file a key, which nobody but its owner may read.

    Retired keys are moved to ``retired/``: destroy them once no backup needs them.
    ``make_first``: an empty folder gets its first key when it is asked for one.
    """

    def __init__(self, folder: Path, *, make_first: bool = False) -> None:
        self._folder = folder
        self._make_first = make_first

    def ids(self) -> tuple[str, ...]:
        found = (one.stem for one in self._folder.glob("k*.key"))
        return tuple(sorted(one for one in found if KEY_ID.fullmatch(one)))

    def current(self) -> str:
        known = self.ids()
        if not known and self._make_first:
            return self.make()
        return newest(known, f"the key folder {self._folder}")

    def make(self) -> str:
        """On disk before this returns. Of two at the same time, both make one; the later counts."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = next_id(self.ids())
        text = base64.b64encode(os.urandom(KEY_BYTES))
        fresh = self._folder / f".{made}.{os.getpid()}"
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as out:
            out.write(text + b"\n")
            out.flush()
            os.fsync(out.fileno())
        fresh.rename(self._path(made))
        _sync_folder(self._folder)
        return made

    def retire(self, key_id: str) -> None:
        check_retirable(key_id, self.current())
        retired = self._folder / "retired"
        retired.mkdir(mode=0o700, exist_ok=True)
        try:
            self._path(key_id).rename(retired / f"{key_id}.key")
        except FileNotFoundError:
            raise KeyStoreError(f"{self._folder} has no key {key_id}") from None
        _sync_folder(self._folder)

    def _path(self, key_id: str) -> Path:
        return self._folder / f"{key_id}.key"

    def _key(self, key_id: str) -> bytes:
        if not KEY_ID.fullmatch(key_id):
            raise KeyStoreError(f"{key_id} is no key of the key folder {self._folder}")
        path = self._path(key_id)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise KeyStoreError(self._missing(key_id)) from None
        except OSError as error:
            raise KeyStoreError(f"key file {path}: {error.strerror}") from None
        with os.fdopen(fd) as file:
            mode = stat.S_IMODE(os.fstat(fd).st_mode)
            if mode & 0o077:
                raise KeyStoreError(
                    f"key file {path} is open to others (mode {mode:04o}): chmod 600 it, and"
                    " rotate, for who could read it may have"
                )
            return key_bytes(file.read(), f"key file {path}")

    def _missing(self, key_id: str) -> str:
        if (self._folder / "retired" / f"{key_id}.key").exists():
            return f"{key_id} is retired: move it back from {self._folder}/retired, then rotate"
        return f"{self._folder} has no key {key_id}: copy it there from where it was made"


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class GivenKeys(_Raw):
    """Keys of the environment: ``ID:BASE64,ID:BASE64``, the last one current.

    Whoever sets the environment makes and retires them.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise KeyStoreError("HALTLINE_SEALING_KEYS names no key: ID:BASE64[,ID:BASE64…]")
        self._keys = dict(keys)

    def ids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    def current(self) -> str:
        return self.ids()[-1]

    def make(self) -> str:
        raise KeyStoreError(
            "keys of the environment are made outside: add one at the end of"
            " HALTLINE_SEALING_KEYS (openssl rand -base64 32), restart, then keys_rotate"
        )

    def retire(self, key_id: str) -> None:
        check_retirable(key_id, self.current())
        raise KeyStoreError(f"nothing uses {key_id}: take it out of HALTLINE_SEALING_KEYS")

    def _key(self, key_id: str) -> bytes:
        try:
            return self._keys[key_id]
        except KeyError:
            raise KeyStoreError(f"HALTLINE_SEALING_KEYS has no key {key_id}") from None


def given_keys(text: str) -> GivenKeys:
    """From ``ID:BASE64,…``. Raises KeyStoreError naming the entry that is wrong, not its bytes."""
    found: dict[str, bytes] = {}
    for number, part in enumerate(filter(None, map(str.strip, text.split(","))), 1):
        name, _, key = part.partition(":")
        if not re.fullmatch(r"[a-z0-9-]{1,40}", name) or name in found:
            raise KeyStoreError(
                f"HALTLINE_SEALING_KEYS, entry {number}: must be ID:BASE64, each ID once, of small"
                " letters, digits and dashes"
            )
        found[name] = key_bytes(key, f"HALTLINE_SEALING_KEYS, key {name}")
    return GivenKeys(found)


def key_bytes(text: str, where: str) -> bytes:
    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise KeyStoreError(f"{where}: must be 32 bytes in base64 (openssl rand -base64 32)")
    return raw
