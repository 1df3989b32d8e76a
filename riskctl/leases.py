"""Leases: who may host a role now, decided by the database's clock alone.

Each service is one UPDATE statement, so two claims of one lease cannot both succeed: the second
waits for the first one's row lock and then finds the lease taken. ``token`` grows by one with
every claim, whoever makes it; what carries an older token is refused by those who check it.
The statements are constants because a worker's guard runs them on a connection of its own.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from riskctl.models import Lease

TTL_S = 2.0

CLAIM_SQL = """
UPDATE riskctl_lease SET
  holder = %(holder)s, token = token + 1, renewed_at = clock_timestamp(),
  expires_at = clock_timestamp() + make_interval(secs => %(ttl_s)s)
WHERE name = %(name)s
  AND (expires_at <= clock_timestamp() OR holder = %(holder)s OR holder = ANY(%(gone)s))
RETURNING token
"""

RENEW_SQL = """
UPDATE riskctl_lease SET
  renewed_at = clock_timestamp(),
  expires_at = clock_timestamp() + make_interval(secs => %(ttl_s)s)
FROM unnest(%(names)s::text[], %(tokens)s::bigint[]) AS mine (name, token)
WHERE riskctl_lease.name = mine.name AND riskctl_lease.token = mine.token
  AND holder = %(holder)s
RETURNING riskctl_lease.name
"""

RELEASE_SQL = """
UPDATE riskctl_lease SET holder = '', expires_at = clock_timestamp()
WHERE name = %(name)s AND holder = %(holder)s AND token = %(token)s
RETURNING name
"""

HELD_SQL = """EXISTS (
  SELECT FROM riskctl_lease
  WHERE name = %(lease)s AND holder = %(holder)s AND token = %(token)s
)"""
"""A condition for other statements: who writes under this lease still has it."""

STANDING_SQL = """
SELECT name, role, holder, token, (expires_at <= clock_timestamp()) AS free
FROM riskctl_lease WHERE role = ANY(%(roles)s) ORDER BY name
"""


@dataclass(frozen=True)
class LeaseReading:
    """One lease as a page shows it. ``expires_ms`` is negative once it has run out."""

    name: str
    role: str
    holder: str
    token: int
    expires_ms: int


def leases_lay(*, names: Iterable[str]) -> None:
    """Make the rows that can be claimed, free; a row that is there already stays as it is.

    The role is what stands before the colon. Raises ValueError for a name without one.
    """
    long_ago = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    rows = []
    for name in names:
        role, colon, rest = name.partition(":")
        if not (role and colon and rest):
            raise ValueError(f"lease {name!r}: say role:instance")
        rows.append(Lease(name=name, role=role, expires_at=long_ago, renewed_at=long_ago))
    Lease.objects.bulk_create(rows, ignore_conflicts=True)


def lease_claim(
    *, name: str, holder: str, ttl_s: float = TTL_S, gone: Collection[str] = ()
) -> int | None:
    """Take a lease that is free, one's own, or of a holder in ``gone``; its new token, or None.

    ``gone`` names holders that the caller knows to be dead (workers.hosting.holders). None also
    when there is no such lease. Raises django.db.Error.
    """
    values: dict[str, Any] = {"name": name, "holder": holder, "ttl_s": ttl_s, "gone": list(gone)}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_SQL, values)
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def lease_renew(*, name: str, holder: str, token: int, ttl_s: float = TTL_S) -> bool:
    """Hold on for ``ttl_s`` more seconds; false when somebody has claimed the lease since.

    A lease that ran out but that nobody claimed is renewed: its token is still the newest.
    """
    values: dict[str, Any] = {
        "names": [name],
        "tokens": [token],
        "holder": holder,
        "ttl_s": ttl_s,
    }
    with connection.cursor() as cursor:
        cursor.execute(RENEW_SQL, values)
        return cursor.fetchone() is not None


def lease_release(*, name: str, holder: str, token: int) -> bool:
    """Free a lease at once; false when it was not held under this token any more."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE_SQL, {"name": name, "holder": holder, "token": token})
        return cursor.fetchone() is not None


def leases_read() -> list[LeaseReading]:
    """All leases by name, for pages. Free ones have no holder or a negative ``expires_ms``."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, role, holder, token,"
            " (greatest(-1e9, extract(epoch FROM expires_at - clock_timestamp()) * 1000))::bigint"
            " FROM riskctl_lease ORDER BY name"
        )
        return [LeaseReading(*row) for row in cursor.fetchall()]
