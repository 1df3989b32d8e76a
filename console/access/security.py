"""What people do to their own ways in: factors, recovery codes, the password.

Each asks for a factor of the last five minutes (the first factor for the password alone), is one
transaction with its entry, and ends the person's other sessions: whoever got in by what is no
longer there does not stay.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from console.access.enrolment import check_may_add, enrolled, person_locked
from console.access.factors import NotAddedError, factor_named, factors_of
from console.access.factors.held import Factor, factor_of
from console.access.factors.recovery import codes_left, codes_renew
from console.access.factors.totp import pending_begin
from console.access.revocation import sessions_end
from console.access.stepup import check_stepped_up
from console.models import Authenticator, Passkey
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.recording import recorded, refusals_recorded

LONGEST_NAME = 64


@dataclass(frozen=True)
class Added:
    """``codes``: new recovery codes, to be shown once; none while the person has some left."""

    device: Authenticator | Passkey
    codes: list[str]


def factor_add(
    *, user: User, actor: Actor, keep: UUID | None, add: Callable[[], Authenticator | Passkey]
) -> Added:
    """Add what ``add`` makes: the person's first factor, or one more.

    ``keep`` names the session that goes on. Raises NotAllowedError, and NotAddedError: what ``add``
    counted or used up is kept all the same.
    """
    name = user.get_username()
    outcome: Added | NotAddedError
    with refusals_recorded("factor.add", actor, ("user", name), ""), transaction.atomic():
        check_may_add(user=user, actor=actor)
        try:
            device = add()
        except NotAddedError as error:
            outcome = error
            recorded("factor.add", actor, ("user", name), outcome="failed", reason=str(error))
        else:
            outcome = _added(user, device, actor, keep)
    if isinstance(outcome, NotAddedError):
        raise outcome
    return outcome


def _added(user: User, device: Authenticator | Passkey, actor: Actor, keep: UUID | None) -> Added:
    enrolled(user)
    facts = factor_of(device).facts()
    recorded("factor.add", actor, ("user", user.get_username()), after=facts)
    codes = [] if codes_left(user) else codes_renew(user)
    _others_ended(user, actor, keep, "factor added")
    return Added(device, codes)


def authenticator_begin(*, user: User, actor: Actor) -> None:
    """A new seed to be scanned; nothing is added before a code of it was given.

    Raises NotAllowedError.
    """
    thing = ("user", user.get_username())
    with refusals_recorded("factor.add", actor, thing, ""), transaction.atomic():
        check_may_add(user=user, actor=actor)
        pending_begin(user, free_name(user, "Authenticator app"))


def factor_rename(*, user: User, ident: str, name: str, actor: Actor) -> None:
    """Raises NotAllowedError, and ValueError for a name that will not do."""
    thing = ("user", user.get_username())
    with refusals_recorded("factor.rename", actor, thing, ""), transaction.atomic():
        factor = _own(user, ident, actor)
        factor.device.name = named(name)
        factor.device.save(update_fields=["name"])
        recorded(
            "factor.rename",
            actor,
            thing,
            before={"name": factor.name},
            after=factor_of(factor.device).facts(),
        )


def factor_remove(*, user: User, ident: str, actor: Actor, keep: UUID | None) -> None:
    """Take one of several factors away; a session that was opened with it asks for another one.

    Raises NotAllowedError, for the last one too: two administrators can take that.
    """
    thing = ("user", user.get_username())
    with refusals_recorded("factor.remove", actor, thing, ""), transaction.atomic():
        factor = _own(user, ident, actor)
        if len(factors_of(user)) < 2:
            raise NotAllowedError("factor-last", "The last factor stays: add another one first.")
        factor.device.delete()
        recorded("factor.remove", actor, thing, before=factor.facts())
        _others_ended(user, actor, keep, "factor removed")


def recovery_renew(*, user: User, actor: Actor, keep: UUID | None) -> list[str]:
    """Ten new codes, to be shown once; those of before are void. Raises NotAllowedError."""
    thing = ("user", user.get_username())
    with refusals_recorded("recovery.renew", actor, thing, ""), transaction.atomic():
        _check_own(user, actor)
        left, codes = codes_left(user), codes_renew(user)
        recorded("recovery.renew", actor, thing, before={"left": left}, after={"left": len(codes)})
        _others_ended(user, actor, keep, "recovery codes made")
        return codes


def password_change(
    *, user: User, current: str, password: str, actor: Actor, keep: UUID | None
) -> None:
    """Raises NotAllowedError (``password-wrong``: the current), ValidationError for a poor one."""
    thing = ("user", user.get_username())
    with refusals_recorded("password.change", actor, thing, ""), transaction.atomic():
        _check_own(user, actor)
        if not check_password(current, user.password):
            raise NotAllowedError("password-wrong", "The current password is wrong.")
        if password == current:
            raise ValidationError("The new password is the current one.")
        validate_password(password, user)
        user.set_password(password)
        user.save(update_fields=["password"])
        recorded("password.change", actor, thing)
        _others_ended(user, actor, keep, "password changed")


def named(name: str) -> str:
    """``name`` as a factor may be called. Raises ValueError."""
    text = " ".join(name.split())
    if not text or len(text) > LONGEST_NAME or not text.isprintable():
        raise ValueError(f"Give a name of 1 to {LONGEST_NAME} characters.")
    return text


def free_name(user: User, name: str) -> str:
    """``name``, numbered when the person has a factor of that name."""
    taken = {one.name for one in factors_of(user)}
    numbered = (f"{name} {number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([name], numbered) if one not in taken)


def _own(user: User, ident: str, actor: Actor) -> Factor:
    _check_own(user, actor)
    factor = factor_named(user, ident)
    if factor is None:
        raise NotAllowedError("factor-unknown", "There is no such factor of yours.")
    return factor


def _check_own(user: User, actor: Actor) -> None:
    person_locked(user)
    if actor.name != user.get_username():
        raise NotAllowedError("security-not-yours", "ways in are changed by their owner")
    check_stepped_up(actor)


def _others_ended(user: User, actor: Actor, keep: UUID | None, why: str) -> None:
    sessions_end(username=user.get_username(), actor=actor, reason=why, keep=keep)
