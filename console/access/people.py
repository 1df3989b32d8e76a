"""People as an administrator keeps them: inviting, and at once and alone taking things away.

What gives anybody more takes two (console.access.role_grant). Nobody does any of it to themselves.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from console.access.desks import desk_of, membership_set
from console.access.enrolment import Invitation, person_invite
from console.access.factors import factors_of
from console.access.revocation import roles_changed, sessions_end
from console.access.role_grant import locked, standing_of
from console.access.roles import ROLES, Conflict, conflicts_of
from console.access.stepup import check_stepped_up
from console.access.token_issue import AGREES
from console.access.tokens import tokens_end
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.engine import check_is_person
from riskctl.approvals.kinds import RequestError
from riskctl.approvals.recording import recorded, refusals_recorded
from riskctl.holds import ADMIN

_USERNAME = re.compile(r"[a-z0-9](?:[a-z0-9._\-]{0,58}[a-z0-9])?")
_NAME_LONGEST = 150


@dataclass(frozen=True)
class PersonFacts:
    """One person as lists show them; ``factors``: kind and name of each, empty where not read."""

    username: str
    first_name: str
    last_name: str
    active: bool
    superuser: bool
    roles: tuple[str, ...]
    desks: tuple[str, ...]
    last_sign_in: dt.datetime | None
    factors: tuple[str, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.username


def people_read() -> list[PersonFacts]:
    """Everybody, by user name."""
    return [_facts(one) for one in _people().order_by("username")]


def person_read(username: str) -> PersonFacts:
    """Raises NotAllowedError (person-unknown)."""
    found = _people().filter(username=username).first()
    if found is None:
        raise _unknown(username)
    return _facts(found)


def _people() -> Any:
    return User.objects.prefetch_related("groups", "desks")


def _facts(user: User) -> PersonFacts:
    roles = sorted(one.name for one in user.groups.all() if one.name in ROLES)
    return PersonFacts(
        username=user.get_username(),
        first_name=user.first_name,
        last_name=user.last_name,
        active=user.is_active,
        superuser=user.is_superuser,
        roles=tuple(roles),
        desks=tuple(sorted(one.key for one in user.desks.all())),
        last_sign_in=user.last_login,
        factors=tuple(_factor_words(one.kind, one.name) for one in factors_of(user)),
        conflicts=tuple(conflicts_of(roles)),
    )


def _factor_words(kind: str, name: str) -> str:
    return kind if name.casefold() in ("", kind) else f"{kind} {name}"


# Coming ------------------------------------------------------------------------------------------


def person_create(
    *, username: str, first_name: str, last_name: str, email: str = "", actor: Actor
) -> Invitation:
    """Make somebody who has no role and no desk yet, and invite them.

    Raises RequestError naming the field, NotAllowedError.
    """
    with refusals_recorded("person.create", actor, ("user", username[:150]), ""):
        _check_administrator(actor, username)
        check_stepped_up(actor)
        _check_names(username, first_name, last_name, email)
        with transaction.atomic():
            if User.objects.filter(username__iexact=username).exists():
                raise RequestError("username", f"{username} is taken")
            user = User.objects.create_user(
                username, email, first_name=first_name.strip(), last_name=last_name.strip()
            )
            after = {"first_name": user.first_name, "last_name": user.last_name}
            recorded("person.create", actor, ("user", username), after=after)
            return person_invite(user=user, actor=actor)


def _check_names(username: str, first_name: str, last_name: str, email: str) -> None:
    if not _USERNAME.fullmatch(username):
        raise RequestError(
            "username",
            "1 to 60 small letters, digits, dots, dashes or underscores, not at its ends",
        )
    for field, text in (("first_name", first_name), ("last_name", last_name)):
        if not text.strip() or len(text) > _NAME_LONGEST or not text.isprintable():
            raise RequestError(field, f"1 to {_NAME_LONGEST} characters that can be read")
    if email:
        try:
            validate_email(email)
        except ValidationError:
            raise RequestError("email", "is no address") from None


# Less: at once, by one ----------------------------------------------------------------------------


def person_disable(*, username: str, actor: Actor, reason: str = "") -> PersonFacts:
    """Nothing opens to them any more: sessions end, tokens are refused, roles count for nothing.

    Raises NotAllowedError. One that is disabled already stays so.
    """
    with refusals_recorded("person.disable", actor, ("user", username[:150]), reason):
        _check_administrator(actor, username)
        with transaction.atomic():
            user = _locked(username)
            before = standing_of(user)
            if user.is_active:
                user.is_active = False
                user.save(update_fields=["is_active"])
                sessions_end(username=username, actor=actor, reason=reason or "disabled")
                _note("person.disable", user, actor, reason, before)
        return person_read(username)


def role_revoke(*, username: str, role: str, actor: Actor, reason: str = "") -> PersonFacts:
    """Take a role away, and with it the person's tokens that do more than read.

    Raises NotAllowedError, RequestError for no role of the table.
    """
    with refusals_recorded("role.revoke", actor, ("user", username[:150]), reason):
        _check_administrator(actor, username)
        if role not in ROLES:
            raise RequestError("role", f"{role!r} is none of {', '.join(ROLES)}")
        with transaction.atomic():
            user = _locked(username)
            before = standing_of(user)
            if role in before["roles"]:
                user.groups.remove(Group.objects.get(name=role))
                # They were agreed to for somebody who was this, too.
                tokens_end(
                    username=username, actor=actor, reason=f"{role} was taken away",
                    scopes=AGREES.keys(),
                )  # fmt: skip
                _note("role.revoke", user, actor, reason, before)
        return person_read(username)


def desk_leave(*, username: str, desk: str, actor: Actor, reason: str = "") -> PersonFacts:
    """Take somebody off a desk. Raises NotAllowedError, RequestError for no such desk."""
    with refusals_recorded("desk.leave", actor, ("user", username[:150]), reason):
        _check_administrator(actor, username)
        found = desk_of(desk)
        with transaction.atomic():
            user = _locked(username)
            before = standing_of(user)
            if desk in before["desks"]:
                membership_set(user, found, member=False)
                _note("desk.leave", user, actor, reason, before)
        return person_read(username)


def _note(action: str, user: User, actor: Actor, reason: str, before: Mapping[str, Any]) -> None:
    """Recorded, and told to open sockets."""
    name = user.get_username()
    roles_changed(username=name)
    recorded(
        action, actor, ("user", name), reason=reason, before=before, after=standing_of(user)
    )  # fmt: skip


def _check_administrator(actor: Actor, username: str) -> None:
    check_is_person(actor, "people")
    if ADMIN not in actor.roles:
        raise NotAllowedError("people-not-your-role", "this takes an administrator")
    if actor.name.casefold() == username.casefold():
        raise NotAllowedError("people-oneself", "not to yourself: another administrator does it")


def _locked(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is None:
        raise _unknown(username)
    return locked(user)


def _unknown(username: str) -> NotAllowedError:
    return NotAllowedError("person-unknown", f"there is no person {username[:60]!r}")
