"""How requests, decisions and refusals enter the record."""

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection

from audit.record import record
from riskctl.actors import Actor, NotAllowedError
from riskctl.conditions import PreconditionError


def database_now() -> dt.datetime:
    """The database's clock, also inside a long transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    moment: dt.datetime = row[0]
    return moment


def recorded(
    action: str,
    actor: Actor,
    thing: tuple[str, str],
    *,
    outcome: str = "done",
    reason: str = "",
    correlation_id: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    happened_at: dt.datetime | None = None,
) -> None:
    """One entry about ``thing`` (kind, id) by ``actor``, in the caller's transaction."""
    record(
        action=action,
        outcome=outcome,
        actor_kind=actor.kind,
        actor=actor.name,
        on_behalf_of=actor.on_behalf_of,
        object_kind=thing[0],
        object_id=thing[1],
        reason=reason,
        source=actor.source,
        request_id=actor.request_id,
        correlation_id=correlation_id,
        before=before,
        after=after,
        happened_at=happened_at,
    )


@contextlib.contextmanager
def refusals_recorded(
    action: str, actor: Actor, thing: tuple[str, str], reason: str
) -> Iterator[None]:
    """Whoever is refused inside is recorded with what was tried, after the work was undone."""
    try:
        yield
    except NotAllowedError as error:
        after = {"code": error.code, "text": str(error), "roles": sorted(actor.roles)}
        recorded(action, actor, thing, outcome="denied", reason=reason, after=after)
        raise
    except PreconditionError as error:
        missing = [one.body() for one in error.items]
        recorded(action, actor, thing, outcome="failed", reason=reason, after={"missing": missing})
        raise
