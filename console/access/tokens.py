"""API tokens as services: made, asked for, collected, rotated, revoked.

Their secret is shown once, to their owner, in the answer to the call that made it, and kept as
SHA-256 alone. One that only reads a person makes alone; one with more takes two people
(console.access.token_issue), and its secret is made when its owner collects it: nobody else sees
it, and no request holds it. Whatever a token may, it never makes another.
"""

import datetime as dt
import hashlib
import ipaddress
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction

from console.access.capability import token_with
from console.access.token_wish import READ_ALONE, Wanted
from console.models import ApiToken
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import RequestError, approval_request
from riskctl.approvals.engine import check_is_person
from riskctl.approvals.recording import database_now, recorded, refusals_recorded
from riskctl.holds import ADMIN
from riskctl.models import Approval

PREFIX = "hl_"
KIND = "token-issue"
MOST_OVERLAP = dt.timedelta(hours=24)
MOST_TOKENS = 50
_STOPS = frozenset({ApiToken.Scope.STOP.value, ApiToken.Scope.FLATTEN.value})
_SUBJECT_LENGTH = 120


def token_text() -> str:
    """A new token: 256 random bits behind a prefix that secret scanners can find."""
    return PREFIX + secrets.token_urlsafe(32)


def token_digest(text: str) -> bytes:
    """SHA-256 of the whole text: what is kept. 256 random bits need no slower hash."""
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True)
class Made:
    """A token and its secret, which is nowhere else."""

    token: ApiToken
    text: str


# Services -----------------------------------------------------------------------------------------


def token_make(*, actor: Actor, wish: Wanted) -> Made:
    """Make a token that only reads, for oneself. Raises NotAllowedError, RequestError."""
    with refusals_recorded("token.make", actor, ("token", wish.name), ""):
        _check_maker(actor)
        if set(wish.scopes) != READ_ALONE:
            raise NotAllowedError("token-takes-two", "a token that does more takes two people: ask")
        with transaction.atomic():
            owner = owner_locked(actor.name)
            name_free(owner, wish.name)
            row = ApiToken(
                name=wish.name,
                owner=owner,
                scopes=list(wish.scopes),
                networks=list(wish.networks),
                expires_at=database_now() + dt.timedelta(days=wish.days),
            )
            return _given(row, "token.make", actor, {})


def token_ask(*, actor: Actor, wish: Wanted, reason: str) -> Approval:
    """Ask a second person for a token of one's own that does more than read.

    Raises NotAllowedError, RequestError.
    """
    subject = f"token:{actor.name}/{wish.name}"
    if len(subject) > _SUBJECT_LENGTH:
        raise RequestError("name", f"too long for {actor.name}: give it a shorter one")
    if set(wish.scopes) == READ_ALONE:
        raise RequestError("scopes", "a token that only reads takes nobody else: make it")
    return approval_request(
        kind=KIND, subject=subject, request=wish.request(), actor=actor, reason=reason
    )


def token_collect(*, token_id: int, actor: Actor) -> Made:
    """Make the secret of a token that two people agreed to. Its owner alone, once, in time.

    Raises NotAllowedError.
    """
    with refusals_recorded("token.collect", actor, ("token", str(token_id)), ""):
        _check_maker(actor)
        with transaction.atomic():
            row = _own_locked(token_id, actor)
            _check_living(row)
            if row.collect_until is None:
                raise NotAllowedError("token-collected", "its secret was shown already: rotate it")
            if row.collect_until <= database_now():
                raise NotAllowedError("token-uncollected", "it was not collected in time: ask anew")
            row.collect_until = None
            return _given(row, "token.collect", actor, {"collect_until": None})


def token_rotate(
    *, token_id: int, actor: Actor, overlap: dt.timedelta, version: int | None = None
) -> Made:
    """Give a token a new secret; the one before stays good for ``overlap``, and no earlier one.

    ``version``: refused unless it was rotated this often, so that one click rotates once.
    Raises NotAllowedError, RequestError.
    """
    if not dt.timedelta(0) <= overlap <= MOST_OVERLAP:
        raise RequestError("overlap_hours", "from 0 to 24")
    with refusals_recorded("token.rotate", actor, ("token", str(token_id)), ""):
        _check_maker(actor)
        with transaction.atomic():
            row = _own_locked(token_id, actor)
            _check_living(row)
            if row.digest is None:
                raise NotAllowedError("token-not-collected", "its secret was not made yet: collect")
            if version is not None and version != row.version:
                raise NotAllowedError("token-changed", "it was rotated meanwhile: look again")
            row.previous_digest = row.digest if overlap else None
            row.previous_until = database_now() + overlap if overlap else None
            row.version += 1
            return _given(row, "token.rotate", actor, {"previous_until": row.previous_until})


def token_revoke(*, token_id: int, actor: Actor, reason: str = "") -> ApiToken:
    """End a token with this commit, and its earlier secret: one's own, or as administrator any.

    Asks for no second factor: it lowers risk. Raises NotAllowedError.
    """
    with refusals_recorded("token.revoke", actor, ("token", str(token_id)), reason):
        check_is_person(actor, "token")
        with transaction.atomic():
            row = _locked(token_id)
            if row.owner.get_username() != actor.name and ADMIN not in actor.roles:
                raise NotAllowedError(
                    "token-not-yours", "only its owner or an administrator revokes a token"
                )
            if row.revoked_at is None:
                _revoke(row, actor, reason)
            return row


def tokens_end(*, username: str, actor: Actor, reason: str, scopes: Collection[str] = ()) -> int:
    """Revoke this person's tokens, or those with one of ``scopes``; how many.

    For services that change somebody's standing; who may is theirs to know.
    """
    with transaction.atomic():
        rows = ApiToken.objects.select_for_update(of=("self",)).select_related("owner")
        rows = rows.filter(owner__username=username, revoked_at=None).order_by("id")
        ending = [row for row in rows if not scopes or set(scopes) & set(row.scopes)]
        for row in ending:
            _revoke(row, actor, reason)
    return len(ending)


# Parts --------------------------------------------------------------------------------------------


def owner_locked(username: str) -> User:
    """The owner to be, so that two of their tokens are not made at once. Raises NotAllowedError.

    No lock of the person's row: PostgreSQL shares that with every approval of theirs under way
    (console_roles_held), and two approvals that both wanted it for themselves would never end.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"tokens:{username}"])
    owner = User.objects.filter(username=username, is_active=True).first()
    if owner is None:
        raise NotAllowedError("token-owner-inactive", f"{username} cannot own a token")
    return owner


def name_free(owner: User, name: str) -> None:
    """A living token's name says in the record which it was. Raises RequestError."""
    now = database_now()
    living = [one for one in ApiToken.objects.filter(owner=owner) if token_state(one, now) in ALIVE]
    if any(one.name == name for one in living):
        raise RequestError("name", "you have a token of this name: revoke that, or take another")
    if len(living) >= MOST_TOKENS:
        raise RequestError("name", f"you have {MOST_TOKENS} tokens: revoke some first")


ALIVE = frozenset({"good", "to collect"})


def token_state(row: ApiToken, now: dt.datetime) -> str:
    """good, to collect, not collected, expired or revoked."""
    if row.revoked_at is not None:
        return "revoked"
    if row.collect_until is not None:
        return "to collect" if row.collect_until > now else "not collected"
    return "good" if row.expires_at > now else "expired"


def _check_maker(actor: Actor) -> None:
    check_is_person(actor, "token")
    if not actor.stepped_up:
        raise NotAllowedError(
            "token-needs-step-up", "give your second factor again: it is over five minutes old"
        )


def _locked(token_id: int) -> ApiToken:
    row = (
        ApiToken.objects.select_for_update(of=("self",))
        .select_related("owner")
        .filter(id=token_id)
        .first()
    )
    if row is None:
        raise NotAllowedError("token-not-there", f"there is no token {token_id}")
    return row


def _own_locked(token_id: int, actor: Actor) -> ApiToken:
    row = _locked(token_id)
    if row.owner.get_username() != actor.name:
        raise NotAllowedError("token-not-yours", "a secret is shown to its token's owner alone")
    return row


def _check_living(row: ApiToken) -> None:
    if row.revoked_at is not None or row.expires_at <= database_now():
        raise NotAllowedError("token-ended", "it has ended: make a new one")


def _given(row: ApiToken, action: str, actor: Actor, changed: Mapping[str, Any]) -> Made:
    """A new secret for ``row``, saved as its digest and recorded without either."""
    text = secret_of(row)
    row.digest = token_digest(text)
    row.save()
    recorded(
        action,
        actor,
        ("token", str(row.pk)),
        correlation_id=str(row.approval or ""),
        after={**facts_of(row), **changed},
    )
    return Made(row, text)


def secret_of(row: ApiToken) -> str:
    """A new secret; of a token that stops or closes, with leave to without the database."""
    bare = token_text()
    if not _STOPS & set(row.scopes):
        return bare
    return token_with(
        bare,
        name=str(row),
        owner=row.owner.get_username(),
        scopes=row.scopes,
        expires_at=int(row.expires_at.timestamp()),
        networks=row.networks,
    )


def facts_of(row: ApiToken) -> dict[str, Any]:
    """What the record has of a token."""
    return {
        "name": row.name, "owner": row.owner.get_username(), "scopes": sorted(row.scopes),
        "networks": list(row.networks), "expires_at": row.expires_at, "version": row.version,
    }  # fmt: skip


def _revoke(row: ApiToken, actor: Actor, reason: str) -> None:
    row.revoked_at, row.revoked_by, row.revoke_reason = database_now(), actor.name, reason
    row.save(update_fields=["revoked_at", "revoked_by", "revoke_reason"])
    recorded("token.revoke", actor, ("token", str(row.pk)), reason=reason, before=facts_of(row))


# Use ----------------------------------------------------------------------------------------------


def within(networks: Collection[str], where: str) -> bool:
    """Whether the address ``where`` is in one of ``networks``; always when there are none.

    An IPv4 address written as IPv6 (``::ffff:192.0.2.7``) is the IPv4 address. One that is none
    (a Unix socket's) is in no network.
    """
    if not networks:
        return True
    try:
        found = ipaddress.ip_address(where.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    address = mapped or found
    return any(address in ipaddress.ip_network(one) for one in networks)
