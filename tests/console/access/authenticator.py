"""A security key in software: answers WebAuthn's questions as browsers hand them on."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from console.models import Passkey

UP, UV, AT = 0x01, 0x04, 0x40


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "===")


@dataclass
class SecurityKey:
    """Every test may bend one field to see it refused."""

    origin: str = "http://localhost"
    rp_id: str = "localhost"
    count: int = 1
    verified: bool = True
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes | None = None
    secret: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def made(self, options: dict[str, Any], **client: Any) -> str:
        """The answer to ``navigator.credentials.create``."""
        point = self.secret.public_key().public_numbers()
        key = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + cbor2.dumps(key)
        data = self._data(AT) + attested
        self.handle = decoded(options["user"]["id"])
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        said = self._said("webauthn.create", options, client)
        return self._answer(clientDataJSON=encoded(said), attestationObject=encoded(statement))

    def given(self, options: dict[str, Any], **client: Any) -> str:
        """The answer to ``navigator.credentials.get``; the counter grows by one."""
        self.count += 1
        said, data = self._said("webauthn.get", options, client), self._data(0)
        signed = data + hashlib.sha256(said).digest()
        signature = self.secret.sign(signed, ec.ECDSA(hashes.SHA256()))
        more = {"userHandle": encoded(self.handle)} if self.handle else {}
        return self._answer(
            clientDataJSON=encoded(said), authenticatorData=encoded(data),
            signature=encoded(signature), **more,
        )  # fmt: skip

    def _said(self, kind: str, options: dict[str, Any], client: dict[str, Any]) -> bytes:
        facts = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps({**facts, "crossOrigin": False, **client}).encode()

    def _data(self, flags: int) -> bytes:
        flags |= UP | (UV if self.verified else 0)
        return (
            hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)
        )

    def _answer(self, **response: str) -> str:
        ident = encoded(self.id)
        return json.dumps({"id": ident, "rawId": ident, "type": "public-key", "response": response})


def registered(user: Any, key: SecurityKey, name: str = "key") -> Any:
    """``key`` as a passkey of ``user``, as if it had been added before."""
    point = key.secret.public_key().public_numbers()
    cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
    return Passkey.objects.create(
        user=user, name=name, credential_id=key.id, public_key=cbor2.dumps(cose),
        sign_count=key.count, rp_id=key.rp_id,
    )  # fmt: skip
