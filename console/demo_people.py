"""The demo people and tokens in the database, as ``demo.json`` says.

``demo.json`` is where the secrets can be read; the database holds hashes. Where they do not
agree (it was lost, or the database is another one), the people are set to what it says.
"""

import base64
import datetime as dt
import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Q

from audit.keys import KeyStoreError
from audit.sealing import SealError
from console.access.capability import token_with
from console.access.tokens import token_digest, token_state, token_text
from console.demo import PEOPLE, TOKENS, DemoPerson
from console.models import ApiToken, Authenticator

_TOKEN_LIFE = dt.timedelta(days=365)
_DEVICE = "demo"
_PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105 - no look-alikes
_GROUPS, _GROUP_LENGTH = 4, 4


def people_prepare(path: Path, url: str) -> bool:
    """Bring people, factors, tokens and ``path`` into step; True when secrets were made anew.

    ``path`` is written inside the transaction, before the commit: after a crash in between the
    next call finds the two apart and sets the database to what the file says.
    """
    known = _read(path)
    with transaction.atomic():
        desk = known or _new_secrets()
        if not _in_step(desk):
            _apply(desk)
        _tokens_prepare(desk)
        desk["url"] = url
        if desk != _written(path):
            _write(path, desk)
    return known is None


def _read(path: Path) -> dict[str, Any] | None:
    """What the file says; None when it is missing or does not name every person.

    A token that it does not name yet is made.
    """
    try:
        desk = json.loads(path.read_text())
        named = {one["username"] for one in desk["users"] if one["password"] and one["totp_secret"]}
        desk["tokens"] = {name: desk["tokens"].get(name) or _token(name) for name in TOKENS}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if named != {one.username for one in PEOPLE}:
        return None
    return dict(desk)


def _written(path: Path) -> Any:
    """What the file says, whatever it is; None when it cannot be read."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _new_secrets() -> dict[str, Any]:
    return {
        "url": "",
        "users": [
            {
                "username": one.username,
                "password": _password(),
                "totp_secret": base64.b32encode(secrets.token_bytes(20)).decode(),
                "roles": [one.role],
            }
            for one in PEOPLE
        ],
        "tokens": {name: _token(name) for name in TOKENS},
    }


def _token(name: str) -> str:
    """A new token; one that stops or closes carries leave to without the database."""
    owner, scopes = TOKENS[name]
    bare = token_text()
    if not {"stop", "flatten"} & set(scopes):
        return bare
    expires_at = int((dt.datetime.now(dt.UTC) + _TOKEN_LIFE).timestamp())
    return token_with(
        bare, name=f"demo {name} of {owner}", owner=owner, scopes=scopes, expires_at=expires_at
    )


def _password() -> str:
    letters = [
        "".join(secrets.choice(_PASSWORD_ALPHABET) for _ in range(_GROUP_LENGTH))
        for _ in range(_GROUPS)
    ]
    return "-".join(letters)


def _in_step(desk: dict[str, Any]) -> bool:
    """Whether people stand as ``desk`` says. Passwords are theirs to change."""
    names = [one.username for one in PEOPLE]
    devices = Authenticator.objects.filter(name=_DEVICE, user__username__in=names)
    keys = {device.user.get_username(): _seed(device) for device in devices}
    wanted = {one["username"]: base64.b32decode(one["totp_secret"]).hex() for one in desk["users"]}
    return keys == wanted


def _apply(desk: dict[str, Any]) -> None:
    people = {one.username: one for one in PEOPLE}
    for entry in desk["users"]:
        _set_person(people[entry["username"]], entry["password"], entry["totp_secret"])


def _tokens_prepare(desk: dict[str, Any]) -> None:
    """A good token of each name: one that was revoked, rotated or has expired stays so, and
    ``desk`` names a new one instead."""
    now = dt.datetime.now(dt.UTC)
    for name, (owner, scopes) in TOKENS.items():
        digest = token_digest(desk["tokens"][name])
        row = ApiToken.objects.filter(Q(digest=digest) | Q(previous_digest=digest)).first()
        current = row is not None and row.digest is not None and bytes(row.digest) == digest
        if row is not None and current and token_state(row, now) == "good":
            continue
        if row is not None:
            desk["tokens"][name] = _token(name)
        title = f"demo {name}"
        ApiToken.objects.filter(name=title, revoked_at=None).update(revoked_at=now)
        ApiToken.objects.create(
            name=title,
            owner=User.objects.get(username=owner),
            digest=token_digest(desk["tokens"][name]),
            scopes=list(scopes),
            expires_at=now + _TOKEN_LIFE,
        )


def _set_person(person: DemoPerson, password: str, totp_secret: str) -> None:
    user, _ = User.objects.update_or_create(
        username=person.username,
        defaults={
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email": f"{person.username}@haltline.example",
            "is_active": True,
        },
    )
    user.set_password(password)
    user.save(update_fields=["password"])
    user.groups.set([Group.objects.get(name=person.role)])
    key = base64.b32decode(totp_secret).hex()
    found = Authenticator.objects.filter(user=user)
    kept = [one for one in found if one.name == _DEVICE and one.confirmed and _seed(one) == key]
    found.exclude(pk__in=[one.pk for one in kept[:1]]).delete()
    if not kept:
        Authenticator.objects.create(user=user, name=_DEVICE, key=key, confirmed=True)


def _seed(device: Authenticator) -> str:
    """In hex; empty when it does not open (its key is of another home): it is set anew then."""
    try:
        return device.bin_key.hex()
    except (SealError, KeyStoreError):
        return ""


def _write(path: Path, desk: dict[str, Any]) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as out:
        out.write(json.dumps(desk, indent=2) + "\n")
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
