"""Gains of privilege, as the database saw them: noticed, shown, acknowledged by a person.

Rows are written by triggers (console/migrations/0008_review.py) in the transaction of the change,
whatever path it came by. One that no approval accounts for is critical: it is logged as such and
entered into the record, and waits for an administrator or compliance to say what it was.
"""

import datetime as dt
from collections.abc import Iterable

import structlog
from django.db import connection, transaction

from audit.record import entry_id, record
from console.access.roles import ROLES
from console.models import Escalation
from riskctl.actors import Actor, NotAllowedError, system_actor
from riskctl.approvals.kinds import RequestError
from riskctl.approvals.recording import database_now, recorded, refusals_recorded
from riskctl.holds import ADMIN, COMPLIANCE

log = structlog.get_logger(__name__)

SEES = frozenset({ADMIN, COMPLIANCE})
"""Who is alerted, and acknowledges."""
ROLE_TABLE = "the table of roles"
WATCHING = {
    "watch_membership": "auth_user_groups",
    "watch_group": "auth_group",
    "watch_user": "auth_user",
    "watch_user_permission": "auth_user_user_permissions",
    "watch_group_permission": "auth_group_permissions",
    "watch_user_object": "guardian_userobjectpermission",
    "watch_group_object": "guardian_groupobjectpermission",
    "watch_owner": "trading_strategy",
    "watch_token": "console_apitoken",
}
"""Trigger -> table. What is not watched is not known: the review says so."""
_NOTICER = system_actor("escalation watch")


def escalations_notice() -> int:
    """Enter what was not noticed yet into the record, and log what nothing accounts for; how many.

    Each enters once, whoever notices it; run every few seconds by a worker.
    """
    with transaction.atomic():
        rows = list(
            Escalation.objects.select_for_update(skip_locked=True)
            .filter(noticed_at=None)
            .order_by("id")
        )
        now = database_now()
        for row in rows:
            row.account = row.account or _account_of(row)
            row.noticed_at = now
            row.save(update_fields=["account", "noticed_at"])
            _enter(row)
    for row in rows:  # after the commit: what is said happened
        if not row.explained and row.acknowledged_at is None:
            log.critical(
                "escalation.unexplained", kind=row.kind, who=row.who, what=row.what, path=row.path,
                escalation=row.pk,
            )  # fmt: skip
    return len(rows)


def _account_of(row: Escalation) -> str:
    """What else than an approval accounts for it: permissions of roles that the code names."""
    if row.kind == Escalation.Kind.ROLE_PERMISSION:
        role = ROLES.get(row.who.removeprefix("group:"))
        if role is not None and row.what in role.codes:
            return ROLE_TABLE
    return ""


def _enter(row: Escalation) -> None:
    record(
        action="escalation.explained" if row.explained else "escalation.unexplained",
        actor_kind=_NOTICER.kind,
        actor=_NOTICER.name,
        object_kind="user",
        object_id=row.who,
        reason=f"{row.kind}: {row.what}",
        correlation_id=str(row.approval or ""),
        after={
            "escalation": row.pk, "kind": row.kind, "what": row.what, "path": row.path,
            "approval": row.approval, "account": row.account, "happened_at": row.happened_at,
        },
        id=entry_id("escalation", row.pk, row.happened_at),
    )  # fmt: skip


def escalations_open() -> int:
    """How many nothing accounts for and nobody has acknowledged. One statement."""
    return (
        Escalation.objects.filter(acknowledged_at=None, approval=None, account="")
        .exclude(kind=Escalation.Kind.ROLE_PERMISSION, noticed_at=None)
        .count()
    )


def escalation_acknowledge(*, escalation_id: int, actor: Actor, note: str) -> Escalation:
    """Somebody has looked at it and says what it was. Not who gained by it.

    Lowers no risk and raises none, so it asks for no second factor. Raises NotAllowedError,
    RequestError.
    """
    thing = ("escalation", str(escalation_id))
    with refusals_recorded("escalation.acknowledge", actor, thing, note):
        _check_sees(actor)
        if not note.strip():
            raise RequestError("note", "say what it was")
        with transaction.atomic():
            row = Escalation.objects.select_for_update().filter(pk=escalation_id).first()
            if row is None:
                raise NotAllowedError("escalation-unknown", f"there is no alert {escalation_id}")
            if row.acknowledged_at is not None:
                raise NotAllowedError(
                    "escalation-acknowledged", f"{row.acknowledged_by} acknowledged it already"
                )
            if row.who.casefold() == actor.name.casefold():
                raise NotAllowedError("escalation-own", "you gained by it: somebody else looks")
            _acknowledged(row, actor, note)
            return row


def escalations_set_up(*, actor: Actor, note: str) -> int:
    """Acknowledge what setting a demo desk up gave its people; in the transaction that did. How
    many."""
    rows = Escalation.objects.select_for_update().filter(
        acknowledged_at=None, approval=None, happened_at__gte=_transaction_start()
    )
    found = list(rows)
    for row in found:
        _acknowledged(row, actor, note)
    return len(found)


def _acknowledged(row: Escalation, actor: Actor, note: str) -> None:
    row.acknowledged_at = database_now()
    row.acknowledged_by, row.note = actor.name, note
    row.save(update_fields=["acknowledged_at", "acknowledged_by", "note"])
    recorded(
        "escalation.acknowledge", actor, ("escalation", str(row.pk)), reason=note,
        after={"kind": row.kind, "who": row.who, "what": row.what},
    )  # fmt: skip


def _check_sees(actor: Actor) -> None:
    if actor.kind != "person" or actor.source == "shell" or not actor.roles & SEES:
        raise NotAllowedError(
            "escalation-not-your-role", "an administrator or compliance acknowledges"
        )


def alerts(rows: Iterable[Escalation], limit: int = 200) -> list[Escalation]:
    """Those that wait first, then the newest."""
    newest = sorted(rows, key=lambda row: (row.acknowledged_at is not None or row.explained,
                                           -row.pk))  # fmt: skip
    return newest[:limit]


def unwatched() -> list[str]:
    """Tables whose trigger is missing or switched off: gains there would not be seen."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE t.tgenabled = 'A' AND (t.tgname, c.relname) IN"
            " (SELECT * FROM unnest(%s::text[], %s::text[]))",
            [list(WATCHING), list(WATCHING.values())],
        )
        there = {name for (name,) in cursor.fetchall()}
    return sorted({table for name, table in WATCHING.items() if name not in there})


def _transaction_start() -> dt.datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT transaction_timestamp()")
        moment: dt.datetime = cursor.fetchone()[0]
    return moment
