"""Keys that sign checkpoints: PEM files of a folder, or given by the environment.

The last one is current. Those before it stay, so that a change is signed by both, and so that what
they signed can be checked. A host that checks and does not sign has public keys alone.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from audit.signing import Signer, SigningKeyError, signer_at, signer_of
from audit.verifier import Key, Trust, key_of_pem

_NAME = re.compile(r"s([0-9]{6})\.(pem|pub)")
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)
_PUBLIC = "PUBLIC KEY"


@dataclass(frozen=True)
class PublicKey:
    key: Key
    pem: str


class RecordKeys(ABC):
    """Raises audit.signing.SigningKeyError and OSError where a key is missing or unusable."""

    @abstractmethod
    def signers(self) -> list[Signer]:
        """Oldest first, at least one."""

    @abstractmethod
    def publics(self) -> list[PublicKey]:
        """Of all keys, oldest first; none is made for this. Empty before the first was made."""

    def current(self) -> Signer:
        return self.signers()[-1]

    def known(self) -> tuple[Key, ...]:
        return tuple(one.key for one in self.publics())

    def trust(self) -> Trust:
        """The current one must have signed what is newest; any of them what is older."""
        known = self.known()
        if not known:
            raise SigningKeyError("no public key of the record is here: see audit_key")
        return Trust(known[-1:], known[:-1])


class FolderKeys(RecordKeys):
    """``s000001.pem`` and so on, each with its public half in ``.pub``; the first is made when
    something is to be signed. To check elsewhere, copy the ``.pub`` files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def signers(self) -> list[Signer]:
        paths = self._paths("pem")
        if not paths and self._paths("pub"):
            raise SigningKeyError(f"{self._folder} has public keys alone: nothing is signed here")
        return [signer_at(one) for one in paths] if paths else [self.make()]

    def publics(self) -> list[PublicKey]:
        private = {one.stem: one for one in self._paths("pem")}
        public = {one.stem: one for one in self._paths("pub")}
        return [
            _public_of(signer_at(private[stem]).public_pem, str(private[stem]))
            if stem in private
            else _public_of(public[stem].read_text(), str(public[stem]))
            for stem in sorted(private.keys() | public.keys())
        ]

    def make(self) -> Signer:
        """A new key, which is then the current one."""
        numbers = [int(one.stem[1:]) for one in (*self._paths("pem"), *self._paths("pub"))]
        path = self._folder / f"s{max(numbers, default=0) + 1:06d}.pem"
        made = signer_at(path)
        path.with_suffix(".pub").write_text(made.public_pem)
        return made

    def _paths(self, kind: str) -> list[Path]:
        found = self._folder.glob(f"s*.{kind}")
        return sorted(one for one in found if _NAME.fullmatch(one.name))


class GivenRecordKeys(RecordKeys):
    """PEM texts one after the other, the current one last; public ones where nothing is signed."""

    def __init__(self, text: str) -> None:
        self._pems = [(found[1], found[0]) for found in _PEM.finditer(text)]
        if not self._pems:
            raise SigningKeyError("HALTLINE_AUDIT_KEY has no key in PEM")

    def signers(self) -> list[Signer]:
        found = [signer_of(pem) for kind, pem in self._pems if kind != _PUBLIC]
        if not found or self._pems[-1][0] == _PUBLIC:
            raise SigningKeyError("HALTLINE_AUDIT_KEY: the last key is not private, so none signs")
        return found

    def publics(self) -> list[PublicKey]:
        name = "HALTLINE_AUDIT_KEY"
        return [
            _public_of(pem if kind == _PUBLIC else signer_of(pem).public_pem, name)
            for kind, pem in self._pems
        ]


def _public_of(pem: str, where: str) -> PublicKey:
    try:
        key = key_of_pem(pem.encode())
    except ValueError as error:
        raise SigningKeyError(f"{where}: {error}") from None
    return PublicKey(key, pem if pem.endswith("\n") else f"{pem}\n")


def record_keys() -> RecordKeys:
    """As the settings say."""
    if settings.AUDIT_KEY:
        return GivenRecordKeys(settings.AUDIT_KEY)
    return FolderKeys(settings.AUDIT_KEYS_FOLDER)
