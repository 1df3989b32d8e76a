"""A hold and a step of its receipt as statements, for whoever has a connection of its own.

Each may be run any number of times by any number of writers: the first one counts.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from audit.record import INSERT_SQL as AUDIT_SQL
from audit.record import entry_id, entry_row
from audit.signing import Signer
from riskctl.holds import HoldFact

Statement = tuple[str, Any]

HOLD_SQL = """
INSERT INTO riskctl_hold (id, scope, kind, mode, cancels, protective_too, reason, placed_by,
  actor_kind, on_behalf_of, source, request_id, placed_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO NOTHING
"""
STEP_SQL = """
INSERT INTO riskctl_receiptstep (id, hold, name, account, happened_at, body, signature, key_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO NOTHING
"""
UNTOLD = frozenset({"cancel-confirmed", "acknowledged"})
"""Steps that have no entry of their own in the record: the order's, or the hold's, says it."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def utc_of(wall_ns: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=wall_ns // 1000)


def hold_statements(hold: HoldFact) -> list[Statement]:
    """The hold's row and its entry in the record, with the time of the decision."""
    placed_at = utc_of(hold.placed_wall_ns)
    row = (
        hold.id, hold.scope, str(hold.kind), str(hold.mode), hold.cancels, hold.protective_too,
        hold.reason, hold.placed_by, hold.actor_kind, hold.on_behalf_of, hold.source,
        hold.request_id, placed_at,
    )  # fmt: skip
    entry = entry_row(
        id=entry_id("hold", hold.id),
        action="hold.place",
        actor_kind=hold.actor_kind,
        actor=hold.placed_by,
        on_behalf_of=hold.on_behalf_of,
        object_kind="hold",
        object_id=hold.id,
        reason=hold.reason,
        source=hold.source,
        request_id=hold.request_id,
        correlation_id=hold.id,
        happened_at=placed_at,
        after={
            "scope": hold.scope, "kind": str(hold.kind), "mode": str(hold.mode),
            "cancels": hold.cancels, "protective_too": hold.protective_too,
        },
    )  # fmt: skip
    return [(HOLD_SQL, row), (AUDIT_SQL, entry)]


def step_statements(
    *,
    hold_id: str,
    name: str,
    part: str,
    account: str,
    wall_ns: int,
    facts: Mapping[str, Any],
    actor: str,
    signer: Signer,
) -> list[Statement]:
    """A signed step. ``part`` tells several steps of one name and account apart."""
    ident = entry_id("step", hold_id, name, account, part)
    happened_at = utc_of(wall_ns)
    signed = signer.sign(
        {
            "hold": uuid.UUID(hold_id), "step": name, "account": account,
            "happened_at": happened_at, "by": actor, "facts": facts,
        }
    )  # fmt: skip
    row = (
        ident, hold_id, name, account, happened_at, signed.body, signed.signature, signed.key_id,
    )  # fmt: skip
    written: list[Statement] = [(STEP_SQL, row)]
    if name not in UNTOLD:
        entry = entry_row(
            id=ident,
            action=f"hold.{name}",
            actor_kind="process",
            actor=actor,
            object_kind="hold",
            object_id=hold_id,
            correlation_id=hold_id,
            happened_at=happened_at,
            after={"account": account, **facts},
        )
        written.append((AUDIT_SQL, entry))
    return written
