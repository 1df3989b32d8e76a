"""Second factors: today authenticator codes (TOTP), checked under django-otp's throttle."""

import datetime as dt
from dataclasses import dataclass

from django.contrib.auth.models import User
from django_otp import verify_token
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit.models import Outcome


@dataclass(frozen=True)
class FactorAnswer:
    """``device`` is set when the code was right; ``wait_s`` when none may be tried yet."""

    outcome: Outcome
    reason: str
    device: TOTPDevice | None = None
    wait_s: int = 0


def has_factor(user: User) -> bool:
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def factor_check(user: User, code: str | None) -> FactorAnswer:
    """Check ``code`` against the user's devices, one after the other. Call in a transaction.

    ``None`` stands for a code that is none: nothing is tried. A right code works once. Each wrong
    one doubles the wait of the device (django-otp, kept in PostgreSQL).
    """
    devices = list(TOTPDevice.objects.filter(user=user, confirmed=True).order_by("pk"))
    if not devices:
        return FactorAnswer(Outcome.DENIED, "no second factor set up")
    waits = [_wait_s(device) for device in devices]
    if all(waits):
        return FactorAnswer(Outcome.DENIED, "back-off", wait_s=min(waits))
    if code is None:
        return FactorAnswer(Outcome.FAILED, "not a code")
    for device in devices:
        if verify_token(user, device.persistent_id, code) is not None:
            return FactorAnswer(Outcome.DONE, "", device)
    return FactorAnswer(Outcome.FAILED, "wrong code")


def _wait_s(device: TOTPDevice) -> int:
    allowed, why = device.verify_is_allowed()
    if allowed or not why:
        return 0
    left = why["locked_until"] - dt.datetime.now(dt.UTC)
    return max(1, -int(-left.total_seconds() // 1))
