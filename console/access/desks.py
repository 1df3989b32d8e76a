"""Desks: who belongs to which strategies, and the object permissions that follow from it.

The permissions are rows of django-guardian, a person's on a strategy, and are exactly what desks
give: ``permissions_follow`` adds what is missing and removes all else.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef
from guardian.models import GroupObjectPermission, UserObjectPermission

from console.models import Desk
from riskctl.actors import Actor
from riskctl.approvals.kinds import RequestError
from riskctl.approvals.recording import recorded
from trading.models import Strategy

RIGHTS = tuple(Desk.Right.values)
VIEW, PAUSE, RESUME, RESIZE = RIGHTS
_SUFFIX = "_strategy"
_OF_STRATEGIES = {"content_type__app_label": "trading", "content_type__model": "strategy"}


@dataclass(frozen=True, slots=True)
class Held:
    """One strategy, where it trades, and what somebody may do with it (of ``RIGHTS``).

    ``second``: account, rehearsal and venue of its second leg, None when that is traded with the
    first.
    """

    key: str
    account: str
    rehearsal: str
    venue: str
    second: tuple[str, str, str] | None
    symbols: tuple[str, ...]
    rights: frozenset[str]

    @property
    def places(self) -> list[tuple[str, str, str]]:
        """Account, rehearsal account (or empty) and venue of each."""
        first = (self.account, self.rehearsal, self.venue)
        return [first] if self.second is None else [first, self.second]


def held_by(username: str) -> list[Held]:
    """Every strategy, with what this person's desks and ownership give; one statement.

    Nothing for who may not sign in, and nothing more for a superuser: django-guardian's own
    look-ups know neither. Whether the person is a trader is for the caller to ask.
    """
    given = UserObjectPermission.objects.filter(
        user__username=username,
        user__is_active=True,
        user__is_superuser=False,
        **_OF_STRATEGIES,
        object_pk=OuterRef("key"),
    ).values_list("permission__codename")
    rows = (
        Strategy.objects.order_by("key")
        .annotate(given=ArraySubquery(given))
        .values_list(
            "key",
            "owner",
            "account_id",
            "account__rehearsal_id",
            "account__venue",
            "second_account_id",
            "second_account__rehearsal_id",
            "second_account__venue",
            "symbols",
            "given",
        )
    )
    return [
        Held(
            key=key,
            account=account,
            rehearsal=rehearsal or "",
            venue=venue,
            second=(second, rehearses or "", there) if second else None,
            symbols=tuple(str(one) for one in symbols),
            rights=frozenset(
                RIGHTS if owner == username else (one.removesuffix(_SUFFIX) for one in codes)
            ),
        )
        for key, owner, account, rehearsal, venue, second, rehearses, there, symbols, codes in rows
    ]


def desk_set(
    *,
    key: str,
    title: str,
    strategies: Collection[str],
    actor: Actor,
    rights: Collection[str] = (VIEW,),
    reason: str = "",
) -> Desk:
    """Make a desk, or give it this title, these strategies and these rights; its people stay.

    For those who set an installation up: faces have no way here. Raises RequestError.
    """
    wrong = sorted(set(rights) - set(RIGHTS))
    if wrong:
        raise RequestError("rights", f"{', '.join(wrong)}: none of {', '.join(RIGHTS)}")
    found = list(Strategy.objects.filter(key__in=strategies).order_by("key"))
    missing = sorted(set(strategies) - {one.key for one in found})
    if missing:
        raise RequestError("strategies", f"there is no strategy {', '.join(missing)}")
    wanted = sorted({VIEW, *rights}, key=RIGHTS.index)
    after = {"title": title, "rights": wanted, "strategies": [one.key for one in found]}
    with transaction.atomic():
        known = Desk.objects.select_for_update().filter(key=key).first()
        before = None if known is None else _body(known)
        if before == after:
            assert known is not None
            return known
        desk, _ = Desk.objects.update_or_create(
            key=key, defaults={"title": title, "rights": wanted}
        )
        desk.strategies.set(found)
        permissions_follow(people=desk.people.all())
        recorded("desk.set", actor, ("desk", key), reason=reason, before=before, after=after)
        return desk


def _body(desk: Desk) -> dict[str, object]:
    keys = desk.strategies.order_by("key").values_list("key", flat=True)
    return {"title": desk.title, "rights": list(desk.rights), "strategies": list(keys)}


def membership_set(user: User, desk: Desk, *, member: bool) -> None:
    """In the caller's transaction; neither checked nor recorded here."""
    if member:
        desk.people.add(user)
    else:
        desk.people.remove(user)
    permissions_follow(people=[user])


def desk_of(key: str) -> Desk:
    """Raises RequestError naming those there are."""
    found = Desk.objects.filter(key=key).first()
    if found is None:
        known = ", ".join(Desk.objects.values_list("key", flat=True)) or "none"
        raise RequestError("desk", f"there is no desk {key!r}; there are: {known}")
    return found


# What follows -------------------------------------------------------------------------------------


def permissions_follow(*, people: Iterable[User] | None = None, check: bool = False) -> list[str]:
    """Bring permissions on strategies in step with the desks; what differed, in words.

    Of ``people``, or of everybody and of groups, which have none. ``check``: only say.
    """
    said = [] if people is not None else _of_groups(check=check)
    of = None if people is None else [one.pk for one in people]
    wanted = _wanted(of)
    rows = UserObjectPermission.objects.filter(**_OF_STRATEGIES)
    if of is not None:
        rows = rows.filter(user__in=of)
    held = {
        (user, key, code): ident
        for ident, user, key, code in rows.values_list(
            "id", "user_id", "object_pk", "permission__codename"
        )
    }
    missing, extra = sorted(wanted - set(held)), sorted(set(held) - wanted)
    if not check:
        _give(missing)
        UserObjectPermission.objects.filter(id__in=[held[one] for one in extra]).delete()
    names = dict(
        User.objects.filter(pk__in={one[0] for one in [*missing, *extra]}).values_list(
            "pk", "username"
        )
    )
    return [
        *said,
        *(f"person {names[user]}: lacked {code} on {key}" for user, key, code in missing),
        *(f"person {names[user]}: had {code} on {key} by no desk" for user, key, code in extra),
    ]


def _of_groups(*, check: bool) -> list[str]:
    rows = GroupObjectPermission.objects.filter(**_OF_STRATEGIES).order_by("id")
    named = rows.values_list("group__name", "permission__codename", "object_pk")
    said = [f"group {name}: had {code} on {key}; desks give to people" for name, code, key in named]
    if not check:
        rows.delete()
    return said


def _wanted(people: list[int] | None) -> set[tuple[int, str, str]]:
    rows = Desk.objects.filter(people__isnull=False, strategies__isnull=False)
    if people is not None:
        rows = rows.filter(people__in=people)
    return {
        (user, key, f"{right}{_SUFFIX}")
        for user, key, rights in rows.values_list("people", "strategies", "rights")
        for right in rights
    }


def _give(missing: Iterable[tuple[int, str, str]]) -> None:
    content_type = ContentType.objects.get_for_model(Strategy)
    wanted = list(missing)
    permissions = {
        code: Permission.objects.get_or_create(
            content_type=content_type,
            codename=code,
            defaults={"name": f"Can {code.replace('_', ' ')}"},
        )[0]
        for code in {one[2] for one in wanted}
    }
    UserObjectPermission.objects.bulk_create(
        [
            UserObjectPermission(
                user_id=user,
                permission=permissions[code],
                content_type=content_type,
                object_pk=key,
            )
            for user, key, code in wanted
        ],
        ignore_conflicts=True,
    )
