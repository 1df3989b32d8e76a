"""Checking a password so that nothing tells whether there is such a person.

Every refusal costs one statement and one argon2 verification: of the person's own hash, or of one
that nobody knows the password of (no such person, or one without a password).
"""

import functools
from dataclasses import dataclass

from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.contrib.auth.models import User
from django.utils.crypto import get_random_string

from console.access.enrolment import initial_over


@dataclass(frozen=True)
class PasswordAnswer:
    """``known`` is who was named, for the record; ``user`` whose password was right."""

    known: User | None
    user: User | None
    reason: str = ""


def password_check(claimed: str, password: str) -> PasswordAnswer:
    """Raises db.Error."""
    decoy = _decoy()  # made before anything is known, so that its making tells nothing
    known = User.objects.filter(username=claimed).first()
    kept = known.password if known is not None and _readable(known.password) else decoy
    right = check_password(password, kept, functools.partial(_kept_anew, known))
    if known is None or kept == decoy or not right:
        return PasswordAnswer(known, None, "wrong user name or password")
    if not known.is_active:
        return PasswordAnswer(known, None, "may not sign in")
    if initial_over(known):
        return PasswordAnswer(known, None, "initial password out of date")
    return PasswordAnswer(known, known)


def _readable(kept: str) -> bool:
    """Whether it is a hash of ours: django would spend other work on anything else."""
    try:
        identify_hasher(kept)
    except ValueError:
        return False
    return True


def _kept_anew(user: User | None, password: str) -> None:
    """The hasher's work has grown since: the right password is hashed again."""
    if user is not None:
        user.set_password(password)
        user.save(update_fields=["password"])


@functools.cache
def _decoy() -> str:
    return make_password(get_random_string(40))
