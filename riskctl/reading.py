"""The one statement a licence is read by, and the fence every gateway transaction ends with."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from riskctl.holds import HoldFact, Kind, Mode
from riskctl.licence import Reading, StageFact

READING_SQL = """
SELECT
  (SELECT token FROM riskctl_lease
    WHERE name = %(lease)s AND holder = %(holder)s AND expires_at > clock_timestamp()),
  (SELECT json_build_array(
      (extract(epoch FROM clock_timestamp() - at) * 1000)::float8, beat)
    FROM riskctl_heartbeat WHERE name = 'watchdog'),
  (SELECT coalesce(json_object_agg(name, token), '{}') FROM riskctl_lease WHERE role = 'shard'),
  (SELECT coalesce(json_agg(json_build_array(scope, kind, value::text)), '[]') FROM riskctl_limit),
  (SELECT coalesce(json_agg(json_build_array(
      h.id, h.scope, h.kind, h.mode, h.cancels, h.protective_too, h.reason, h.placed_by,
      h.actor_kind, (extract(epoch FROM h.placed_at) * 1000000)::bigint, h.on_behalf_of, h.source,
      h.request_id)), '[]')
    FROM riskctl_hold h
    WHERE NOT EXISTS (SELECT 1 FROM riskctl_holdlift l WHERE l.hold_id = h.id)),
  (SELECT coalesce(json_agg(hold_id), '[]') FROM riskctl_holdlift
    WHERE hold_id = ANY(%(known)s::uuid[])),
  (SELECT coalesce(json_agg(json_build_array(strategy, rung, size_factor::text)), '[]')
    FROM riskctl_stage)
"""
"""Parameters: ``lease``, ``holder``, ``known`` (ids of holds whose lift is to be told)."""

FENCE_SQL = "SELECT riskctl_fence(%(lease)s, %(holder)s, %(token)s)"
"""Raises SQLSTATE HL001 in the database when the lease is no longer held under this token."""

FENCE_STATE = "HL001"


def hold_of(row: Sequence[Any]) -> HoldFact:
    ident, scope, kind, mode, cancels, protective_too, reason, by, actor_kind, placed_us, *rest = (
        row
    )
    on_behalf_of, source, request_id = rest
    return HoldFact(
        id=ident,
        scope=scope,
        kind=Kind(kind),
        mode=Mode(mode),
        cancels=cancels,
        protective_too=protective_too,
        reason=reason,
        placed_by=by,
        actor_kind=actor_kind,
        placed_wall_ns=placed_us * 1000,
        on_behalf_of=on_behalf_of,
        source=source,
        request_id=request_id,
    )


def reading_of(started_boot_ns: int, row: Sequence[Any]) -> Reading:
    """A Reading from the row of ``READING_SQL``."""
    token, heartbeat, shard_tokens, limits, holds, lifted, stages = row
    age_ms, beat = heartbeat or (None, 0)
    return Reading(
        started_boot_ns=started_boot_ns,
        lease_token=token,
        watchdog_age_ms=age_ms,
        beat=beat,
        shard_tokens=dict(shard_tokens),
        limits={(scope, kind): Decimal(value) for scope, kind, value in limits},
        holds=tuple(hold_of(one) for one in holds),
        lifted=frozenset(lifted),
        stages={key: StageFact(rung, Decimal(factor)) for key, rung, factor in stages},
    )
