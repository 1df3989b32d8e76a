"""Breaks from when they are first seen to their end, each change of one in the record.

A break that is accepted stays accepted while the difference is the same; another difference is
another decision.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from audit.models import Entry
from audit.record import entry_id, record
from trading.models import Break
from trading.reconciliation.compare import Found, difference

ALARM_USD = Decimal(10_000)
"""Source: incident-response-runbook, mandatory calls: reconciliation discrepancies over $10k."""

ACTOR = "reconciliation"


@dataclass(frozen=True, slots=True)
class Alarm:
    """``code`` is BREAK_LARGE, BREAK_UNVALUED or FILL_UNORDERED."""

    code: str
    row: Break

    def facts(self) -> dict[str, Any]:
        row = self.row
        return {
            "code": self.code, "account": row.account_id, "what": row.what, "key": row.key,
            "ours": row.ours, "theirs": row.theirs,
            "value": None if row.value is None else f"{row.value:.2f}",
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """Breaks that are open now, by kind and key, and alarms that had not been raised before."""

    rows: tuple[Break, ...]
    alarms: tuple[Alarm, ...]


def difference_of(row: Break) -> str:
    return difference(row.what, row.ours, row.theirs)


def breaks_keep(
    *,
    account: str,
    found: Iterable[Found],
    value: Callable[[Found], Decimal | None],
    now: dt.datetime,
) -> Kept:
    """Begin, go on with and end the account's breaks. The caller's transaction has its lock."""
    rows = Break.objects.select_for_update().filter(account=account, ended_at=None).order_by("pk")
    before = {(row.what, row.key): row for row in rows}
    kept: list[Break] = []
    alarms: list[Alarm] = []
    for one in found:
        row = before.pop((one.what, one.key), None)
        worth = value(one)
        row = _begun(account, one, worth, now) if row is None else _gone_on(row, one, worth, now)
        kept.append(row)
        code = _alarm_code(row, one)
        if code and _alarmed(code, row, now):
            alarms.append(Alarm(code, row))
    for row in before.values():
        row.ended_at = now
        row.save(update_fields=["ended_at"])
        _recorded("break.end", row, now, before=_facts(row))
    return Kept(tuple(kept), tuple(alarms))


def _begun(account: str, one: Found, worth: Decimal | None, now: dt.datetime) -> Break:
    row = Break.objects.create(
        id=uuid.uuid4(), account_id=account, what=one.what, key=one.key, ours=one.ours,
        theirs=one.theirs, value=worth, first_seen=now, last_seen=now,
    )  # fmt: skip
    _recorded("break.begin", row, now, after=_facts(row))
    return row


def _gone_on(row: Break, one: Found, worth: Decimal | None, now: dt.datetime) -> Break:
    before = _facts(row)
    changed = difference_of(row) != difference(one.what, one.ours, one.theirs)
    row.ours, row.theirs, row.value, row.last_seen = one.ours, one.theirs, worth, now
    if changed:
        row.accepted = None
    row.save(update_fields=["ours", "theirs", "value", "last_seen", "accepted"])
    if changed:
        _recorded("break.change", row, now, before=before, after=_facts(row))
    return row


def _alarm_code(row: Break, one: Found) -> str:
    if one.unordered:
        return "FILL_UNORDERED"
    if row.value is None:
        return "BREAK_UNVALUED"  # it cannot be said to be small
    return "BREAK_LARGE" if row.value > ALARM_USD else ""


def _alarmed(code: str, row: Break, now: dt.datetime) -> bool:
    """Record the alarm, once for this difference; whether it is new."""
    ident = entry_id("break.alarm", row.pk, code, difference_of(row))
    if Entry.objects.filter(pk=ident).exists():
        return False
    _recorded("break.alarm", row, now, id=ident, reason=code, after=_facts(row))
    return True


def _facts(row: Break) -> dict[str, Any]:
    return {
        "account": row.account_id, "what": row.what, "key": row.key, "ours": row.ours,
        "theirs": row.theirs, "value": row.value, "first_seen": row.first_seen,
        "accepted": row.accepted,
    }  # fmt: skip


def _recorded(action: str, row: Break, now: dt.datetime, **more: Any) -> None:
    record(
        action=action,
        actor_kind="process",
        actor=ACTOR,
        object_kind="break",
        object_id=str(row.pk),
        happened_at=now,
        **more,
    )
