"""Keys to venue accounts, sealed in one file on each host that runs gateways.

The file is JSON, account -> sealed text of ``{"key": …, "secret": …}``, for an account at an
exchange with ``symbols`` and ``since`` (docs/venues.md). An entry may be written in the clear by
hand; ``keys_rotate`` seals it, and a production reads no other.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audit.key_source import key_store
from audit.keys import KeyStoreError
from audit.sealing import SealError, key_of, seal, unseal

WHAT = "venue-credentials"
_NAMES = ("key", "secret")
_MORE = ("symbols", "since")


class CredentialsError(ValueError):
    """The file, or an entry of it, cannot be used; the message says what to do, and no secret."""


def read_credentials(file: Path, account: str, *, plain: bool = False) -> dict[str, str]:
    """Key and secret of one account, and what else its adapter needs.

    ``plain``: an entry in the clear will do. Raises CredentialsError.
    """
    entry = _read(file).get(account)
    if entry is None:
        raise CredentialsError(f"credentials file {file}: has no account {account}; add it there")
    if not isinstance(entry, str) and not plain:
        raise CredentialsError(
            f"credentials file {file}: account {account} is in the clear: run keys_rotate, which"
            " seals it"
        )
    return _opened(entry, file, account)


def credentials_write(
    file: Path, entries: Mapping[str, Mapping[str, str]], *, keep: Collection[str] = ()
) -> None:
    """Add or replace entries, sealed; the others stay. What is named in ``keep`` stays in an entry
    that is replaced, unless it is given. Raises CredentialsError, KeyStoreError."""
    with _alone(file):
        known = _read(file) if file.exists() else {}
        entries = {
            account: {**_kept(known.get(account), keep, file, account), **entry}
            for account, entry in entries.items()
        }
        known |= {account: _sealed(account, entry) for account, entry in entries.items()}
        _write(file, known)


def credentials_reseal(file: Path, current: str) -> int:
    """Seal every entry that is in the clear or under another key than ``current``; how many.

    Raises CredentialsError, KeyStoreError; the file is then as it was.
    """
    if not file.exists():
        return 0
    with _alone(file):
        known = _read(file)
        due = [one for one, entry in known.items() if _key(entry) != current]
        for account in due:
            known[account] = _sealed(account, _opened(known[account], file, account))
        if due:
            _write(file, known)
        return len(due)


def credentials_keys(file: Path) -> dict[str, str]:
    """Account -> id of its key, empty for one in the clear. Raises CredentialsError."""
    return {one: _key(entry) for one, entry in _read(file).items()} if file.exists() else {}


def _key(entry: Any) -> str:
    return key_of(entry) if isinstance(entry, str) else ""


def _sealed(account: str, entry: Mapping[str, str]) -> str:
    plain = json.dumps(_named(entry)).encode()
    return seal(plain, what=WHAT, whose=account, store=key_store())


def _kept(entry: Any, keep: Collection[str], file: Path, account: str) -> dict[str, str]:
    if entry is None or not keep:
        return {}
    return {name: one for name, one in _opened(entry, file, account).items() if name in keep}


def _named(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Raises KeyError for what is missing."""
    more = {name: entry[name] for name in _MORE if name in entry}
    return {name: entry[name] for name in _NAMES} | more


def _opened(entry: Any, file: Path, account: str) -> dict[str, str]:
    try:
        if isinstance(entry, str):
            entry = json.loads(unseal(entry, what=WHAT, whose=account, store=key_store()))
        return {name: str(one) for name, one in _named(entry).items()}
    except (SealError, KeyStoreError) as error:
        raise CredentialsError(f"credentials file {file}: {error}") from error
    except KeyError as error:
        message = f"credentials file {file}: account {account} needs {error}; add it there"
        raise CredentialsError(message) from None
    except (ValueError, TypeError):
        message = f"credentials file {file}: account {account} must be an object or a sealed text"
        raise CredentialsError(message) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except OSError as error:
        raise CredentialsError(f"credentials file {file}: {error.strerror}") from error
    except ValueError as error:
        raise CredentialsError(f"credentials file {file}: must be JSON ({error})") from None
    if not isinstance(found, dict):
        raise CredentialsError(f"credentials file {file}: must be JSON, an object of accounts")
    return found


def _write(file: Path, entries: Mapping[str, Any]) -> None:
    """On disk before it takes the file's place, readable by its owner."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "w") as out:
            out.write(json.dumps(entries, indent=2) + "\n")
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """One writer at a time: the file is read, changed and replaced."""
    fd = os.open(file.with_name(f".{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
