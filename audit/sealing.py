"""Sealing: a secret at rest is ciphertext that names its key and opens for one use only.

Every secret is encrypted (AES-256-GCM) under a data key of its own, and the data key is wrapped by
a key of the key store (audit.keys), which may be a hardware module. What it is and whose are
authenticated with it: ciphertext that was moved to another person's row does not open.

A sealed text is ``hl1.KEY.WRAPPED.NONCE.CIPHERTEXT``, the last three in base64url.
"""

import base64
import binascii
import os
import re
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.canonical import canonical_bytes
from audit.keys import KeyStore, KeyStoreError

FORM = "hl1"
_NONCE_BYTES = 12
_DATA_KEY_BYTES = 32
_SEALED = re.compile(rf"{FORM}\.([a-z0-9-]{{1,40}})\.([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)


class SealError(ValueError):
    """It does not open, or is not sealed. The message names what and whose, never a secret."""


class _Parts(NamedTuple):
    key_id: str
    wrapped: bytes
    nonce: bytes
    ciphertext: bytes


def seal(plain: bytes, *, what: str, whose: str, store: KeyStore) -> str:
    """``plain`` under the store's current key. Raises KeyStoreError."""
    key_id = store.current()
    data_key, nonce = os.urandom(_DATA_KEY_BYTES), os.urandom(_NONCE_BYTES)
    ciphertext = AESGCM(data_key).encrypt(nonce, plain, _bound(key_id, what, whose))
    parts = (store.wrap(key_id, data_key), nonce, ciphertext)
    return ".".join((FORM, key_id, *map(_text, parts)))


def unseal(sealed: str, *, what: str, whose: str, store: KeyStore) -> bytes:
    """Raises SealError; KeyStoreError when its key is not there."""
    parts = _parts(sealed, what, whose)
    data_key = store.unwrap(parts.key_id, parts.wrapped)
    try:
        return AESGCM(data_key).decrypt(
            parts.nonce, parts.ciphertext, _bound(parts.key_id, what, whose)
        )
    except (InvalidTag, ValueError):  # ValueError: a nonce of no length that it takes
        raise SealError(f"{what} of {whose} does not open: it was altered or moved") from None


def resealed(sealed: str, *, what: str, whose: str, store: KeyStore) -> str:
    """The same secret under the current key and a new data key. Raises as ``unseal``."""
    plain = unseal(sealed, what=what, whose=whose, store=store)
    return seal(plain, what=what, whose=whose, store=store)


def key_of(sealed: str) -> str:
    """Id of the key that opens it, empty for what is not sealed."""
    found = _SEALED.fullmatch(sealed)
    return found[1] if found else ""


def _parts(sealed: str, what: str, whose: str) -> _Parts:
    found = _SEALED.fullmatch(sealed)
    if found is None:
        raise SealError(f"{what} of {whose} is not sealed")
    try:
        wrapped, nonce, ciphertext = map(_bytes, found.groups()[1:])
    except binascii.Error:
        raise SealError(f"{what} of {whose} does not open: it was altered or moved") from None
    return _Parts(found[1], wrapped, nonce, ciphertext)


def _bound(key_id: str, what: str, whose: str) -> bytes:
    return canonical_bytes({"form": FORM, "key": key_id, "what": what, "whose": whose})


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Raises binascii.Error, also for a second spelling of the same bytes."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    if _text(raw) != text:
        raise binascii.Error("not the one spelling")
    return raw


__all__ = ["KeyStoreError", "SealError", "key_of", "resealed", "seal", "unseal"]
