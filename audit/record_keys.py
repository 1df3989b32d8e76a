"""Keys that sign checkpoints: PEM files of a folder, or given by the environment.

The last one is current. Those before it stay, so that a change is signed by both, and so that what
they signed can be checked.
"""

import re
from abc import ABC, abstractmethod
from pathlib import Path

from django.conf import settings

from audit.checkpoints import key_of
from audit.signing import Signer, SigningKeyError, signer_at, signer_of
from audit.verifier import Key, Trust

_NAME = re.compile(r"s([0-9]{6})\.pem")
_PEM = re.compile(r"-----BEGIN [^-]*-----.*?-----END [^-]*-----", re.DOTALL)


class RecordKeys(ABC):
    """Raises audit.signing.SigningKeyError and OSError where a key cannot be used."""

    @abstractmethod
    def signers(self) -> list[Signer]:
        """Oldest first, at least one."""

    def current(self) -> Signer:
        return self.signers()[-1]

    def trust(self) -> Trust:
        """The current one must have signed what is newest; any of them what is older."""
        *old, current = map(key_of, self.signers())
        return Trust((current,), tuple(old))

    def known(self) -> tuple[Key, ...]:
        return tuple(map(key_of, self.signers()))


class FolderKeys(RecordKeys):
    """``s000001.pem`` and so on; the first is made when there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def signers(self) -> list[Signer]:
        paths = sorted(one for one in self._folder.glob("s*.pem") if _NAME.fullmatch(one.name))
        if not paths:
            return [self.make()]
        return [signer_at(one) for one in paths]

    def make(self) -> Signer:
        """A new key, which is then the current one."""
        numbers = [int(found[1]) for one in self._folder.glob("s*.pem")
                   if (found := _NAME.fullmatch(one.name))]  # fmt: skip
        return signer_at(self._folder / f"s{max(numbers, default=0) + 1:06d}.pem")


class GivenRecordKeys(RecordKeys):
    """PEM texts one after the other, the current one last."""

    def __init__(self, text: str) -> None:
        self._pems = _PEM.findall(text)
        if not self._pems:
            raise SigningKeyError("HALTLINE_AUDIT_KEY has no PEM private key")

    def signers(self) -> list[Signer]:
        return [signer_of(one) for one in self._pems]


def record_keys() -> RecordKeys:
    """As the settings say."""
    if settings.AUDIT_KEY:
        return GivenRecordKeys(settings.AUDIT_KEY)
    return FolderKeys(settings.AUDIT_KEYS_FOLDER)
