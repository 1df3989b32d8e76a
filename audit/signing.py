"""Ed25519 signatures over canonical bytes: whoever has the public key can check what was said.

The key is a PEM file, or its text in a setting; made once where there is none (demo). Its id is the
first eight bytes of SHA-256 over the raw public key, in hex.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.canonical import canonical_bytes


class SigningKeyError(ValueError):
    """The key cannot be used; the message says what it should be."""


@dataclass(frozen=True, slots=True)
class Signed:
    """``body``: the canonical bytes that were signed, to be stored as they are."""

    body: bytes
    signature: bytes
    key_id: str


class Signer:
    """Signs with one private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.key_id = key_id(key.public_key())

    def sign(self, facts: Mapping[str, Any]) -> Signed:
        """Raises audit.canonical.NotCanonicalError for facts without an exact form."""
        body = canonical_bytes(facts)
        return Signed(body, self.sign_bytes(body), self.key_id)

    def sign_bytes(self, body: bytes) -> bytes:
        """The bare signature over bytes that have a form of their own."""
        return self._key.sign(body)

    @property
    def public_raw(self) -> bytes:
        return _raw(self._key.public_key())

    @property
    def public_pem(self) -> str:
        return (
            self._key.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )


def key_id(public: Ed25519PublicKey) -> str:
    return hashlib.sha256(_raw(public)).hexdigest()[:16]


def _raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def signature_holds(public_pem: str, body: bytes, signature: bytes) -> bool:
    """Whether ``signature`` over ``body`` is by the key. Raises SigningKeyError for a wrong PEM."""
    public = serialization.load_pem_public_key(public_pem.encode())
    if not isinstance(public, Ed25519PublicKey):
        raise SigningKeyError("the public key is no Ed25519 key")
    try:
        public.verify(signature, body)
    except InvalidSignature:
        return False
    return True


def signer_of(pem: str) -> Signer:
    """From the text of a PEM private key. Raises SigningKeyError."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise SigningKeyError(f"the signing key is no PEM private key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError("the signing key must be an Ed25519 key")
    return Signer(key)


def signer_at(path: Path) -> Signer:
    """The key in ``path``, made by whoever comes first. Raises SigningKeyError, OSError."""
    try:
        return signer_of(path.read_text())
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as out:
        out.write(pem)
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(fresh, path)  # fails when somebody was quicker: theirs counts
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return signer_of(path.read_text())
