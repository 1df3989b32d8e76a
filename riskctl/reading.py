"""The one statement a licence is read by, and the fence every gateway transaction ends with."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from riskctl.licence import Reading

READING_SQL = """
SELECT
  (SELECT token FROM riskctl_lease
    WHERE name = %(lease)s AND holder = %(holder)s AND expires_at > clock_timestamp()),
  (SELECT (extract(epoch FROM clock_timestamp() - at) * 1000)::float8
    FROM riskctl_heartbeat WHERE name = 'watchdog'),
  (SELECT coalesce(json_object_agg(name, token), '{}') FROM riskctl_lease WHERE role = 'shard'),
  (SELECT coalesce(json_agg(json_build_array(scope, kind, value::text)), '[]') FROM riskctl_limit)
"""

FENCE_SQL = "SELECT riskctl_fence(%(lease)s, %(holder)s, %(token)s)"
"""Raises SQLSTATE HL001 in the database when the lease is no longer held under this token."""

FENCE_STATE = "HL001"


def reading_of(started_boot_ns: int, row: Sequence[Any]) -> Reading:
    """A Reading from the row of ``READING_SQL``."""
    token, age_ms, shard_tokens, limits = row
    return Reading(
        started_boot_ns=started_boot_ns,
        lease_token=token,
        watchdog_age_ms=age_ms,
        shard_tokens=dict(shard_tokens),
        limits={(scope, kind): Decimal(value) for scope, kind, value in limits},
    )
