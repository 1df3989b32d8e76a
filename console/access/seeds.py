"""The one place where an authenticator's seed is written to and read from ``TOTPDevice.key``.

Nothing else of the product touches the column: how seeds lie at rest is decided here. They are
sealed (audit.sealing) as of one person, so that a row copied to another person opens nothing; the
database refuses any other text in the column (console/migrations/0007_secrets.py).
"""

import secrets

from audit.key_source import key_store
from audit.sealing import key_of, seal, unseal
from console.access.seal_lock import sealing

SEED_BYTES = 20
"""As long as the SHA-1 that codes are made with (RFC 4226, section 4)."""
WHAT = "factor-seed"


def seed_new() -> str:
    """A new seed in hex, as django-otp takes it; ``Authenticator.save`` seals it."""
    return secrets.token_bytes(SEED_BYTES).hex()


def whose(user_id: int) -> str:
    return f"user:{user_id}"


def seed_kept(key: str, *, user_id: int) -> str:
    """``key`` as the column holds it: a seed in hex is sealed, a sealed one stays as it is.

    In a transaction. Raises audit.keys.KeyStoreError; ValueError for what is neither.
    """
    if key_of(key):
        return key
    sealing()
    return seal(bytes.fromhex(key), what=WHAT, whose=whose(user_id), store=key_store())


def seed_opened(kept: str, *, user_id: int) -> bytes:
    """The seed behind what the column holds.

    Raises audit.sealing.SealError, audit.keys.KeyStoreError.
    """
    return unseal(kept, what=WHAT, whose=whose(user_id), store=key_store())
