"""The access report: who can do what, when it was last used, and what should be looked at.

``report_read`` reads; what follows from it is pure. A report holds only JSON's own types, so that
it can be kept and its digest taken.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Max
from django.db.models.functions import Greatest
from guardian.models import UserObjectPermission

from audit.canonical import canonical_bytes, plain
from console.access.roles import ROLES, conflicts_of
from console.models import ApiToken, Authenticator, Passkey, SessionRecord
from trading.models import Strategy

Report = dict[str, Any]
ENDS_SOON = dt.timedelta(days=14)


def report_read(now: dt.datetime) -> Report:
    """Everybody and every living token as of ``now``; nine statements, however many there are."""
    people = [plain(one) for one in _people()]
    tokens = [plain(one) for one in _tokens(now)]
    return {
        "as_of": plain({"at": now})["at"],
        "people": people,
        "tokens": tokens,
        "findings": findings_of(people, tokens, now),
    }


def _people() -> Iterable[dict[str, Any]]:
    factors = _factors()
    rights, owns, used = _object_rights(), _owned(), _used()
    for user in User.objects.order_by("username").prefetch_related("groups", "desks"):
        name = user.get_username()
        roles = sorted(group.name for group in user.groups.all())
        yield {
            "username": name,
            "name": user.get_full_name() or name,
            "active": user.is_active,
            "superuser": user.is_superuser,
            "staff": user.is_staff,
            "roles": roles,
            "conflicts": [
                {"roles": sorted(one.roles), "why": one.why} for one in conflicts_of(roles)
            ],
            "desks": sorted(desk.key for desk in user.desks.all()),
            "owns": owns.get(name, []),
            "rights": rights.get(user.pk, {}),
            "factors": factors.get(user.pk, 0),
            "last_sign_in": user.last_login,
            "last_used": used.get(user.pk) or user.last_login,
            "joined": user.date_joined,
        }


def _tokens(now: dt.datetime) -> Iterable[dict[str, Any]]:
    rows = ApiToken.objects.filter(revoked_at=None, expires_at__gt=now).select_related("owner")
    for row in rows.order_by("owner__username", "name", "pk"):
        yield {
            "id": row.pk,
            "name": row.name,
            "owner": row.owner.get_username(),
            "owner_active": row.owner.is_active,
            "scopes": sorted(row.scopes),
            "networks": sorted(row.networks),
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "last_used_at": row.last_used_at,
        }


def _factors() -> dict[int, int]:
    """Confirmed authenticators and passkeys a person; recovery codes only stand in for them."""
    found: dict[int, int] = defaultdict(int)
    for model in (Authenticator, Passkey):
        for user_id in model.objects.filter(confirmed=True).values_list("user_id", flat=True):
            found[user_id] += 1
    return found


def _object_rights() -> dict[int, dict[str, list[str]]]:
    """Person -> what is permitted on one object -> on which."""
    found: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    rows = UserObjectPermission.objects.order_by("permission__codename", "object_pk")
    for user_id, code, key in rows.values_list("user_id", "permission__codename", "object_pk"):
        found[user_id][code].append(key)
    return found


def _owned() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for owner, key in Strategy.objects.order_by("key").values_list("owner", "key"):
        found[owner].append(key)
    return found


def _used() -> dict[int, dt.datetime]:
    """Person -> last use of a session that gave a second factor."""
    rows = SessionRecord.objects.filter(factor_at__isnull=False).values("person_id")
    last = rows.annotate(last=Greatest(Max("seen_at"), Max("factor_at")))
    return dict(last.values_list("person_id", "last"))


# What follows from it -----------------------------------------------------------------------------


def findings_of(
    people: Iterable[Mapping[str, Any]], tokens: Iterable[Mapping[str, Any]], now: dt.datetime
) -> list[dict[str, str]]:
    """``kind``, ``who`` and ``text`` of all that somebody should look at, people first."""
    found = [one for person in people for one in _of_person(person, now)]
    found += [one for token in tokens for one in _of_token(token, now)]
    return found


def _of_person(person: Mapping[str, Any], now: dt.datetime) -> Iterable[dict[str, str]]:
    name = str(person["username"])
    for conflict in person["conflicts"]:
        yield _finding("conflict", name, f"{' and '.join(conflict['roles'])}: {conflict['why']}")
    if person["superuser"] or person["staff"]:
        flags = [flag for flag in ("superuser", "staff") if person[flag]]
        yield _finding("flag", name, f"is {' and '.join(flags)}, which no role needs")
    for role in person["roles"]:
        if role not in ROLES:
            yield _finding("role", name, f"is in {role}, which is no role of the table")
    if not person["active"]:
        if person["roles"] or person["desks"]:
            held = [*person["roles"], *person["desks"]]
            yield _finding("disabled", name, f"is disabled and still holds {', '.join(held)}")
        return
    if not person["factors"]:
        yield _finding("no-factor", name, "has no second factor, and cannot sign in")
    yield from _idle(name, person["last_used"], person["joined"], now)
    if person["owns"] and "trader" not in person["roles"]:
        yield _finding("owner", name, f"owns {len(person['owns'])} strategies and is no trader")


def _of_token(token: Mapping[str, Any], now: dt.datetime) -> Iterable[dict[str, str]]:
    name = f"token {token['name']} of {token['owner']}"
    if not token["owner_active"]:
        yield _finding("token-owner", name, "its owner is disabled: it opens nothing")
    ends = _moment(token["expires_at"])
    if ends <= now + ENDS_SOON:
        yield _finding("token-ends", name, f"ends on {ends:%Y-%m-%d}")
    yield from _idle(name, token["last_used_at"], token["created_at"], now, kind="token-")


def _idle(
    name: str, used: str | None, since: str, now: dt.datetime, *, kind: str = ""
) -> Iterable[dict[str, str]]:
    """Dormant, or never used at all."""
    days = settings.ACCESS_DORMANT_DAYS
    long_ago = now - dt.timedelta(days=days)
    if used is None:
        yield _finding(f"{kind}never-used", name, f"never used since {_moment(since):%Y-%m-%d}")
    elif _moment(used) < long_ago:
        yield _finding(f"{kind}dormant", name, f"not used for over {days} days")


def _finding(kind: str, who: str, text: str) -> dict[str, str]:
    return {"kind": kind, "who": who, "text": text}


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


# What a sign-off rests on -------------------------------------------------------------------------


def access_of(report: Report) -> dict[str, str]:
    """Person or token -> what they can do, in a line. Times of use are not part of it.

    What is long is told apart by the first eight digits of its digest.
    """
    lines = {one["username"]: _person_line(one) for one in report["people"]}
    for one in report["tokens"]:
        where = ", ".join(one["networks"]) or "anywhere"
        lines[f"token {one['id']} {one['name']} of {one['owner']}"] = (
            f"{', '.join(one['scopes'])}; from {where}; until {one['expires_at'][:10]}"
        )
    return lines


def _person_line(one: Mapping[str, Any]) -> str:
    parts = [
        "active" if one["active"] else "disabled",
        *(flag for flag in ("superuser", "staff") if one[flag]),
        ", ".join(one["roles"]) or "no role",
        "factor" if one["factors"] else "no factor",
    ]
    if one["desks"]:
        parts.append(f"desks {', '.join(one['desks'])}")
    if one["owns"]:
        parts.append(f"owns {len(one['owns'])} {_short(one['owns'])}")
    if one["rights"]:
        count = sum(len(keys) for keys in one["rights"].values())
        parts.append(f"{count} rights {_short(one['rights'])}")
    return "; ".join(parts)


def _short(value: Any) -> str:
    return hashlib.sha256(canonical_bytes({"of": value})).hexdigest()[:8]


def material_of(report: Report) -> str:
    """Digest of who can do what."""
    return hashlib.sha256(canonical_bytes({"access": access_of(report)})).hexdigest()


def digest_of(report: Report) -> str:
    return hashlib.sha256(canonical_bytes(report)).hexdigest()
