"""Coming in for the first time: an invitation, a password of one's own, a first factor.

Until then a person reaches the pages of enrolment and sign-out, nothing else. An invitation is a
password that an administrator has seen, so it is good for three days and for replacing it alone.
Nobody who ever had a factor is invited anew: that would let one administrator take a person over.
After a reset by two (console.access.factor_reset) that included the password, it is possible again.
"""

import datetime as dt
import secrets
from dataclasses import dataclass
from enum import StrEnum

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from console.access.factors import factors_of, has_factor
from console.access.factors.held import MOST_FACTORS
from console.access.stepup import check_stepped_up
from console.models import Enrolment
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.recording import recorded, refusals_recorded
from riskctl.holds import ADMIN

INITIAL_LIFE = dt.timedelta(days=3)
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no look-alikes
_GROUPS, _GROUP_LENGTH = 5, 4  # 99 bits


class Step(StrEnum):
    """What a person has to do before anything opens to them."""

    PASSWORD = "enrol-password"  # noqa: S105 - a step
    FACTOR = "enrol"
    DONE = "done"


@dataclass(frozen=True)
class Invitation:
    """``password`` is shown to the administrator once and kept by nobody."""

    username: str
    password: str
    until: dt.datetime


def step_of(user: User) -> Step:
    """Two statements at most."""
    row = Enrolment.objects.filter(user=user).first()
    if row is not None and row.initial_until is not None:
        return Step.PASSWORD
    return Step.DONE if has_factor(user) else Step.FACTOR


def initial_over(user: User) -> bool:
    """Whether the password is an administrator's and was not replaced in time."""
    return Enrolment.objects.filter(user=user, initial_until__lte=timezone.now()).exists()


def person_invite(*, user: User, actor: Actor) -> Invitation:
    """Give ``user`` a one-time initial password, to be replaced at the first sign-in.

    Raises NotAllowedError: not an administrator, no fresh factor, oneself, or somebody who has or
    had a factor of their own.
    """
    name = user.get_username()
    with refusals_recorded("person.invite", actor, ("user", name), ""), transaction.atomic():
        _check_inviter(actor, name)
        person_locked(user)
        row, _ = Enrolment.objects.select_for_update().get_or_create(user=user)
        if row.enrolled_at is not None or has_factor(user):
            raise NotAllowedError(
                "person-enrolled",
                f"{name} is enrolled: two administrators reset their factors and password first",
            )
        now, password = timezone.now(), _password()
        user.set_password(password)
        user.save(update_fields=["password"])
        row.initial_until, row.invited_at, row.invited_by = now + INITIAL_LIFE, now, actor.name
        row.save()
        recorded("person.invite", actor, ("user", name), after={"initial_until": row.initial_until})
        return Invitation(name, password, row.initial_until)


def _check_inviter(actor: Actor, name: str) -> None:
    if ADMIN not in actor.roles or actor.kind != "person":
        raise NotAllowedError("person-not-your-role", "this takes an administrator")
    check_stepped_up(actor)
    if actor.name.casefold() == name.casefold():
        raise NotAllowedError("person-oneself", "nobody invites themselves")


def password_replace(*, user: User, password: str, actor: Actor) -> None:
    """Put a password of one's own in the place of the initial one.

    Raises ValidationError for one that will not do, NotAllowedError when there is none to replace.
    """
    if check_password(password, user.password):
        raise ValidationError("The new password is the one you were given.")
    validate_password(password, user)
    name = user.get_username()
    with transaction.atomic():
        person_locked(user)
        row = Enrolment.objects.filter(user=user, initial_until__gt=timezone.now()).first()
        if row is None:
            raise NotAllowedError("enrolment-no-initial-password", "the password is your own")
        user.set_password(password)
        user.save(update_fields=["password"])
        row.initial_until = None
        row.save(update_fields=["initial_until"])
        recorded("password.change", actor, ("user", name), reason="first sign-in")


def check_may_add(*, user: User, actor: Actor) -> None:
    """Whether ``actor`` may add a factor to ``user`` now. In a transaction; locks the person.

    The first one is added on the password alone, every other with a fresh factor: whoever has no
    more than a stolen password adds none. Raises NotAllowedError.
    """
    person_locked(user)
    if actor.name != user.get_username():
        raise NotAllowedError("security-not-yours", "factors are added by their owner")
    step = step_of(user)
    if step is Step.PASSWORD:
        raise NotAllowedError("enrolment-password-first", "Choose a password of your own first.")
    if step is Step.DONE:
        check_stepped_up(actor)
    if len(factors_of(user)) >= MOST_FACTORS:
        raise NotAllowedError("security-too-many", f"{MOST_FACTORS} factors are the most.")


def enrolled(user: User) -> None:
    """Note that the person has a factor: from now on nobody invites them."""
    row, _ = Enrolment.objects.get_or_create(user=user)
    if row.enrolled_at is None:
        row.enrolled_at = timezone.now()
        row.save(update_fields=["enrolled_at"])


def enrolment_restarted(*, user: User, password: bool) -> None:
    """Two administrators took the factors away. ``password``: that too, so an invitation follows.

    Without it only the person's own password leads to enrolment, and nobody can invite them.
    """
    facts = {"enrolled_at": None if password else timezone.now(), "initial_until": None}
    Enrolment.objects.update_or_create(user=user, defaults=facts)


def person_locked(user: User) -> None:
    """One change of a person's ways in at a time; what merely names them need not wait."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _password() -> str:
    letters = [
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    ]
    return "-".join(letters)
