"""Recovery codes: ten at a time, shown once, kept as SHA-256, each good for one sign-in.

A code signs in and lets its owner set up a new factor. It is no fresh factor for what raises risk
(console.access.rights): a piece of paper in a drawer must not lift a kill.
"""

import hashlib
import re
import secrets

from django.contrib.auth.models import User
from django.utils import timezone

from audit.models import Outcome
from console.access.factors.answers import FactorAnswer, failures_bounded, wait_s
from console.models import RecoveryCode, RecoverySet

HOW_MANY = 10
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: nothing looks like something else
_LENGTH, _GROUP = 16, 4  # 80 bits
_LOOKS_LIKE = str.maketrans({"o": "0", "i": "1", "l": "1", "-": "", " ": ""})
_CODE = re.compile(f"[{_ALPHABET}]{{{_LENGTH}}}")


def code_read(text: str) -> str | None:
    """What was typed as a code is kept: any case, with or without dashes; None if it is none."""
    plain = text.strip().lower().translate(_LOOKS_LIKE)
    return plain if _CODE.fullmatch(plain) else None


def codes_renew(user: User) -> list[str]:
    """Ten new codes as they are shown; those of before are worth nothing. In a transaction."""
    held, _ = RecoverySet.objects.get_or_create(user=user, defaults={"name": "recovery codes"})
    RecoverySet.objects.select_for_update().get(pk=held.pk)
    held.codes.all().delete()
    plain = ["".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(HOW_MANY)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(of=held, digest=_digest(held, code)) for code in plain
    )
    held.throttle_reset()
    return ["-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP)) for code in plain]


def codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(of__user=user, used_at=None).count()


def recovery_check(user: User, text: str) -> FactorAnswer:
    """Use one of the user's recovery codes up. In a transaction."""
    held = RecoverySet.objects.select_for_update().filter(user=user, confirmed=True).first()
    if held is None:
        return FactorAnswer(Outcome.DENIED, "no recovery codes")
    if wait := wait_s(held):
        return FactorAnswer(Outcome.DENIED, "back-off", wait_s=wait)
    code = code_read(text)
    if code is None:
        return FactorAnswer(Outcome.FAILED, "not a recovery code")
    fitting = held.codes.filter(digest=_digest(held, code), used_at=None)
    if not fitting.update(used_at=timezone.now()):
        held.throttle_increment()
        failures_bounded(held)
        return FactorAnswer(Outcome.FAILED, "wrong recovery code")
    held.throttle_reset(commit=False)
    held.set_last_used_timestamp()
    return FactorAnswer(Outcome.DONE, "", held)


def _digest(held: RecoverySet, code: str) -> bytes:
    """Of one set: equal guesses against many people share no work."""
    return hashlib.sha256(f"recovery\0{held.pk}\0{code}".encode()).digest()
