"""The roles: what each may, in words and as permissions, and which do not go together.

Roles are groups of the database and this table is what they mean; ``roles_reconcile`` brings the
groups in step with it. What is not named here is closed. An account that is a superuser has no
role at all: it would pass every question that the table answers with no.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from console.access.desks import permissions_follow
from riskctl.actors import Actor
from riskctl.approvals.recording import recorded
from riskctl.holds import ADMIN, COMPLIANCE, RISK, SRE, TRADER

SEE_ALL = "trading.view_strategy"
"""Who holds this through a role sees every strategy; everybody else those of own desks."""
READ_RECORD = "audit.view_entry"
"""Who holds this through a role reads the whole record."""


@dataclass(frozen=True)
class Role:
    """``may`` is for people to read; ``codes`` are permissions on everything of their kind."""

    name: str
    title: str
    may: tuple[str, ...]
    codes: frozenset[str] = frozenset()


_RECORDS = frozenset(
    {
        SEE_ALL, "trading.view_order", "trading.view_fill", "trading.view_position",
        "trading.view_signal", "riskctl.view_hold", "riskctl.view_limit", "riskctl.view_approval",
        READ_RECORD,
    }
)  # fmt: skip
_PEOPLE = frozenset({"auth.view_user", "auth.view_group", "console.view_desk"})

ROLES: dict[str, Role] = {
    one.name: one
    for one in (
        Role(
            TRADER,
            "Trader",
            (
                "sees the strategies of own desks, and own ones",
                "pauses, kills and sets to reduce-only own strategies and those a desk lets pause",
                "resumes what may be resumed, sets sizes within limits",
                "asks to resume after a kill, to be promoted, to raise a limit or a size",
            ),
        ),
        Role(
            RISK,
            "Risk manager",
            (
                "sees every strategy, and reads the record",
                "stops anything, flattens anything",
                "lifts what one person may; is one of the two wherever it takes two",
                "approves who becomes trader, risk manager or SRE, and who joins a desk",
            ),
            _RECORDS
            | _PEOPLE
            | {"trading.pause_strategy", "trading.resume_strategy", "trading.resize_strategy"},
        ),
        Role(
            SRE,
            "SRE",
            (
                "sees every strategy, and reads the record",
                "stops anything; places and lifts maintenance",
                "asks to resume after a kill and to be promoted",
            ),
            _RECORDS | {"trading.pause_strategy"},
        ),
        Role(
            COMPLIANCE,
            "Compliance officer",
            (
                "sees every strategy, every person and the record",
                "places regulatory holds, and lifts them together with risk",
                "approves who becomes compliance officer",
            ),
            _RECORDS | _PEOPLE | {"console.view_apitoken"},
        ),
        Role(
            ADMIN,
            "Administrator",
            (
                "sees people, roles, desks, tokens and sessions; of trading the firm's state alone",
                "reads the record of people, sign-ins, tokens and denials",
                "invites people; disables them, takes roles and desks away, ends sessions: at once",
                "by two: enables people, grants roles and desks, resets factors",
            ),
            _PEOPLE
            | {"auth.add_user", "auth.change_user", "console.change_desk", "console.view_apitoken"},
        ),
    )
}


@dataclass(frozen=True)
class Conflict:
    """Two roles that one person should not hold together."""

    roles: frozenset[str]
    why: str


CONFLICTS: tuple[Conflict, ...] = (
    Conflict(frozenset({TRADER, RISK}), "who takes risk would also approve it"),
    Conflict(frozenset({TRADER, COMPLIANCE}), "who trades would also watch over the rules"),
    Conflict(frozenset({TRADER, ADMIN}), "who trades would also say who may trade"),
    Conflict(frozenset({ADMIN, RISK}), "who grants roles could bring both halves of a decision"),
    Conflict(frozenset({ADMIN, COMPLIANCE}), "who grants roles would also review them"),
    Conflict(frozenset({RISK, COMPLIANCE}), "a regulatory hold takes both, from two people"),
    Conflict(frozenset({ADMIN, SRE}), "who runs the machines would also say who may use them"),
)


SECOND: dict[str, frozenset[str]] = {
    TRADER: frozenset({ADMIN, RISK}),
    RISK: frozenset({ADMIN, RISK}),
    SRE: frozenset({ADMIN, RISK}),
    COMPLIANCE: frozenset({ADMIN, COMPLIANCE}),
    ADMIN: frozenset({ADMIN}),
    "desk": frozenset({ADMIN, RISK}),
    "enable": frozenset({ADMIN, RISK, COMPLIANCE}),
}
"""To grant a role, a place on a desk, or the way back takes two people of these roles, one of them
an administrator: who answers for what traders and operators do says who they are."""


def conflicts_of(roles: Iterable[str]) -> list[Conflict]:
    """Those of the table that ``roles`` of one person make."""
    held = set(roles)
    return [one for one in CONFLICTS if one.roles <= held]


def sees_all(roles: Iterable[str]) -> bool:
    """Whether one of ``roles`` sees every strategy."""
    return any(SEE_ALL in ROLES[one].codes for one in roles if one in ROLES)


def reads_people(roles: Iterable[str]) -> bool:
    """Whether one of ``roles`` sees other people, their roles and desks."""
    return any("auth.view_user" in ROLES[one].codes for one in roles if one in ROLES)


# The groups of the database -----------------------------------------------------------------------


def roles_reconcile(*, actor: Actor, check: bool = False) -> list[str]:
    """Bring groups, and the permissions that desks give, in step; what differed, in words.

    ``check``: only say. Superusers and groups that are no role are said, and left: people decide.
    One transaction, recorded when anything was changed.
    """
    with transaction.atomic():
        changed: list[str] = []
        for role in ROLES.values():
            changed += _group_follows(role, check=check)
        changed += permissions_follow(check=check)
        if changed and not check:
            recorded("role.reconcile", actor, ("roles", "all"), after={"changed": changed})
        return [*changed, *_strange()]


def _group_follows(role: Role, *, check: bool) -> list[str]:
    group = Group.objects.filter(name=role.name).first()
    if group is None:
        if check:
            return [f"role {role.name}: missing"]
        group = Group.objects.create(name=role.name)
        group.permissions.set([permission_of(code) for code in role.codes])
        return [f"role {role.name}: added"]
    rows = group.permissions.values_list("content_type__app_label", "codename")
    held = {f"{app}.{code}" for app, code in rows}
    missing, extra = sorted(role.codes - held), sorted(held - role.codes)
    if not check:
        group.permissions.add(*(permission_of(code) for code in missing))
        group.permissions.remove(*(permission_of(code) for code in extra))
    return [
        *(f"role {role.name}: lacked {code}" for code in missing),
        *(f"role {role.name}: had {code}, which the table does not name" for code in extra),
    ]


def _strange() -> list[str]:
    groups = Group.objects.exclude(name__in=ROLES).order_by("name").values_list("name", flat=True)
    people = User.objects.filter(is_superuser=True).order_by("username")
    direct = Permission.objects.filter(user__isnull=False).order_by("codename")
    return [
        *(f"group {name}: no role of the table, means nothing" for name in groups),
        *(f"person {one.username}: is a superuser, and has no role while it is" for one in people),
        *(
            f"person {name}: holds {code} apart from any role, means nothing"
            for name, code in direct.values_list("user__username", "codename")
        ),
    ]


def permission_of(code: str) -> Permission:
    """``app.codename`` as a row, made when a database that was emptied lacks it."""
    app, _, codename = code.partition(".")
    found = Permission.objects.filter(content_type__app_label=app, codename=codename).first()
    if found is not None:
        return found
    model = apps.get_model(app, codename.partition("_")[2])
    content_type = ContentType.objects.get_for_model(model)
    return Permission.objects.create(
        content_type=content_type, codename=codename, name=f"Can {codename.replace('_', ' ')}"
    )
