"""Second factors: authenticators (TOTP), passkeys (WebAuthn), and recovery codes.

An authenticator or a passkey makes a person enrolled; recovery codes stand in for them. Every check
runs in the caller's transaction, locks what it may use up, and answers instead of raising, so that
what it counts or uses up stays. Seeds are read and written by ``console.access.seeds`` alone.
"""

from console.access.factors.answers import FactorAnswer, NotAddedError
from console.access.factors.held import Factor, factor_named, factors_of, has_factor
from console.access.factors.totp import factor_check

__all__ = [
    "Factor",
    "FactorAnswer",
    "NotAddedError",
    "factor_check",
    "factor_named",
    "factors_of",
    "has_factor",
]
