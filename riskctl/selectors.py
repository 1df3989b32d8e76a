"""Reads of the brakes' records."""

import datetime as dt
import uuid
from collections.abc import Iterable

from riskctl.holds import HoldFact, Kind, Mode
from riskctl.models import Hold


def _ns(moment: dt.datetime) -> int:
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1_000_000_000 + moment.microsecond * 1000


def fact_of(row: Hold) -> HoldFact:
    """A hold's row as a fact."""
    return HoldFact(
        id=str(row.id),
        scope=row.scope,
        kind=Kind(row.kind),
        mode=Mode(row.mode),
        cancels=row.cancels,
        protective_too=row.protective_too,
        reason=row.reason,
        placed_by=row.placed_by,
        actor_kind=row.actor_kind,
        placed_wall_ns=_ns(row.placed_at),
        on_behalf_of=row.on_behalf_of,
        source=row.source,
        request_id=row.request_id,
    )


def open_holds(scopes: Iterable[str] | None = None) -> list[HoldFact]:
    """Holds without a lift, newest first; only on ``scopes`` if given. Raises django.db.Error."""
    rows = Hold.objects.filter(lift=None)
    if scopes is not None:
        rows = rows.filter(scope__in=list(scopes))
    return [fact_of(row) for row in rows.order_by("-placed_at", "id")]


def hold_get(hold_id: uuid.UUID) -> Hold | None:
    """One hold with its lift, or None. Raises django.db.Error."""
    return Hold.objects.select_related("lift").filter(id=hold_id).first()
