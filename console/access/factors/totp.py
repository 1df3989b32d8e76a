"""Authenticators (TOTP, RFC 6238): adding one by its QR code, and checking codes."""

import base64
import datetime as dt
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django.contrib.auth.models import User

from audit.models import Outcome
from console.access.factors.answers import (
    FactorAnswer,
    NotAddedError,
    failures_bounded,
    wait_s,
)
from console.access.seeds import seed_new
from console.models import Authenticator

PENDING_FOR = dt.timedelta(minutes=15)


def factor_check(user: User, code: str | None) -> FactorAnswer:
    """Check ``code`` against the user's authenticators, one after the other. In a transaction.

    ``None`` stands for a code that is none: nothing is tried. A right code works once. Each wrong
    one doubles the wait of the device (django-otp, kept in PostgreSQL).
    """
    devices = list(
        Authenticator.objects.select_for_update().filter(user=user, confirmed=True).order_by("pk")
    )
    if not devices:
        return FactorAnswer(Outcome.DENIED, "no authenticator set up")
    waits = [wait_s(device) for device in devices]
    if all(waits):
        return FactorAnswer(Outcome.DENIED, "back-off", wait_s=min(waits))
    if code is None:
        return FactorAnswer(Outcome.FAILED, "not a code")
    for device in devices:
        if _verified(device, code):
            return FactorAnswer(Outcome.DONE, "", device)
    return FactorAnswer(Outcome.FAILED, "wrong code")


def _verified(device: Authenticator, code: str) -> bool:
    """``device`` is locked: whoever comes second finds the code used."""
    right: bool = device.verify_token(code)  # type: ignore[no-untyped-call]
    if right:
        return True
    failures_bounded(device)
    return False


# Adding -----------------------------------------------------------------------------------------


def pending_begin(user: User, name: str) -> Authenticator:
    """A new seed, of no use until a code of it was given. Replaces one that was begun before."""
    Authenticator.objects.filter(user=user, confirmed=False).delete()
    device: Authenticator = Authenticator.objects.create(
        user=user, name=name, confirmed=False, key=seed_new()
    )
    return device


def pending_of(user: User) -> Authenticator | None:
    """What was begun in the last quarter of an hour and not confirmed yet."""
    since = dt.datetime.now(dt.UTC) - PENDING_FOR
    begun = Authenticator.objects.filter(user=user, confirmed=False, created_at__gte=since)
    found: Authenticator | None = begun.order_by("-pk").first()
    return found


def pending_confirm(user: User, code: str | None) -> Authenticator:
    """The begun authenticator, confirmed by a code of it. In a transaction.

    Raises NotAddedError; what it counted (a wrong code) is for the caller to commit.
    """
    begun = pending_of(user)
    locked = Authenticator.objects.select_for_update()
    device: Authenticator | None = locked.filter(pk=begun.pk if begun else 0).first()
    if device is None or device.confirmed:
        raise NotAddedError("That key is too old or was replaced by another. Begin again.")
    if wait := wait_s(device):
        raise NotAddedError(f"Too many attempts. Try again in {wait} s.")
    if code is None or not _verified(device, code):
        raise NotAddedError("The code is wrong. Give the one that is shown now.")
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    return device


def key_words(device: Authenticator) -> str:
    """The seed as people type it: base32 in groups of four."""
    text = base64.b32encode(device.bin_key).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def key_address(device: Authenticator) -> str:
    """The seed as authenticators scan it."""
    issuer = settings.OTP_TOTP_ISSUER
    label = quote(f"{issuer}:{device.user.get_username()}")
    facts = {
        "secret": base64.b32encode(device.bin_key).decode(),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": device.digits,
        "period": device.step,
    }
    return f"otpauth://totp/{label}?{urlencode(facts)}"


def key_picture(device: Authenticator) -> str:
    """A QR code of ``key_address`` as a data address: dark on white in every theme."""
    code = segno.make(key_address(device), error="m")
    return str(code.svg_data_uri(scale=5, border=4, dark="#000", light="#fff"))
