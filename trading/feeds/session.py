"""A feed session: one start of the desk with one FEED. Opened or continued; saved; ended.

The *state* of a session is a JSON object. It lies under ``hl:feed:state``, always exactly that of
the last entry on the stream, and is copied to FeedSession.state every second:

    session, spec, kind, speed ("1", "max", …), desk_start, started_at (RFC 3339)
    status        running | waiting | ended
    waiting_for   readers that have not acknowledged (status waiting)
    seq           number of entries published
    lost          no live source is heard any more
    clock         feed clock, ns; clock_at the same as RFC 3339
    at_wall       wall ns when it was written
    read, accepted, standby, refused {reason: n}, gaps
                  read = accepted + standby + sum of refused
    symbols       {symbol: {read, accepted, standby, gap, refused}}; "?" for unreadable symbols
    last          {symbol: [bid + ask, time, …]} of the last good quotes (trading.feeds.checks)
    files         names of the replayed files; source n of a tick is files[n]
    source        position of the feed itself: lines and keys of files, or the simulator's state
    clock_jumps, jumped_ns      gaps of the recording that were jumped over
    readers       who acknowledges (speed max)
    sources       of a feed with several: [{name, read, accepted, standby, refused, gaps}]
    judged        quotes of sources in use, good or not
    choices       {symbol: {source, backup, since, why, withheld, values}} (trading.feeds.arbiter)
    skew          of a live feed: {name: ns} (trading.feeds.skew)
    alone, arbiter      what they go on from
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import transaction
from redis import Redis

from audit import record
from trading import streams
from trading.clock import utc_from_ns
from trading.feeds.publish import REJECTS, TURNS
from trading.feeds.spec import FeedKind, FeedSpec
from trading.models import FeedReject, FeedSession, VenueAccount

COUNTERS = ("spec", "seq", "read", "accepted", "standby", "refused", "gaps", "clock_jumps")
SAVED_AT_ONCE = 500

State = dict[str, Any]


@dataclass(frozen=True)
class Opening:
    """How a feed begins. ``state`` is that of the session it continues, None for a new session."""

    session: uuid.UUID
    started_at: dt.datetime
    state: State | None
    simulator: State | None
    """Last state of a simulator, of whatever session."""
    readers: list[str]
    """Who must acknowledge entries; empty unless the feed runs at full speed."""


def is_of(state: State | None, spec: FeedSpec, desk_start: str) -> bool:
    """Whether ``state`` is of the session that a feed of this desk start and FEED continues."""
    return state is not None and state["desk_start"] == desk_start and state["spec"] == spec.text


def choose(
    spec: FeedSpec, desk_start: str, states: list[State], readers: list[str], now: dt.datetime
) -> Opening:
    """Continue the furthest of ``states`` that is of this desk start and FEED, or begin anew."""
    simulators = [one["source"] for one in states if one["kind"] == FeedKind.SIMULATED]
    simulator = max(simulators, key=lambda one: int(one["time"]), default=None)
    mine = [one for one in states if is_of(one, spec, desk_start)]
    if not mine:
        return Opening(uuid.uuid4(), now, None, simulator, readers)
    state = max(mine, key=lambda one: (one["started_at"], one["seq"], one["read"]))
    started_at = dt.datetime.fromisoformat(state["started_at"])
    return Opening(uuid.UUID(state["session"]), started_at, state, simulator, readers)


def state_in_redis(redis: Redis) -> State | None:
    """Raises redis.RedisError."""
    found: Any = redis.get(streams.FEED_STATE)
    return msgspec.json.decode(found, type=dict) if found else None


def states_saved() -> list[State]:
    """States of the latest session, and of the latest that was simulated. Raises db.Error."""
    latest = FeedSession.objects.order_by("-started_at")
    found = [latest.first(), latest.filter(spec=FeedKind.SIMULATED).first()]
    return [one.state for one in found if one]


def expected_readers(shards: int) -> list[str]:
    """Who must acknowledge entries at full speed. Raises db.Error."""
    accounts = VenueAccount.objects.order_by("name").values_list("name", flat=True)
    return [
        *(f"shard:{number}" for number in range(shards)),
        *(f"gateway:{name}" for name in accounts),
        "papervenue",
    ]


@transaction.atomic
def session_save(*, state: State, actor: str, ended: str = "", started: str = "") -> None:
    """Save ``state``. ``started`` and ``ended`` say how a run of the feed begins and ends with it.

    A session that an earlier run left open is ended first, at its last saved state. Raises
    db.Error.
    """
    over = bool(ended) or state["status"] == "ended"
    fields = {"state": state, "ended_at": utc_from_ns(state["at_wall"]) if over else None}
    started_at = dt.datetime.fromisoformat(state["started_at"])
    _, created = FeedSession.objects.update_or_create(
        id=uuid.UUID(state["session"]),
        defaults=fields,
        create_defaults={**fields, "spec": state["spec"], "started_at": started_at},
    )
    if created:
        for left in FeedSession.objects.filter(ended_at=None, started_at__lt=started_at):
            left.ended_at = utc_from_ns(left.state["at_wall"])
            left.save(update_fields=["ended_at"])
            _record("feed.end", left.state, actor, reason="left open when the desk stopped")
    if started:
        _record("feed.start", state, actor, reason=started)
    if ended:
        _record("feed.end", state, actor, reason=ended)


def _record(action: str, state: State, actor: str, *, reason: str) -> None:
    at_wall = state["at_wall"]
    record.record(
        id=record.entry_id(action, state["session"], at_wall),
        happened_at=utc_from_ns(at_wall),
        action=action,
        actor_kind="process",
        actor=actor,
        object_kind="feed",
        object_id=state["session"],
        reason=reason,
        after={name: state[name] for name in COUNTERS},
    )


def rejects_save(redis: Redis) -> int:
    """Move refusals queued in Redis to the database, at most SAVED_AT_ONCE; how many there were.

    Each lands once, whenever the process dies. Raises db.Error and redis.RedisError.
    """
    queued: Any = redis.lrange(REJECTS, 0, SAVED_AT_ONCE - 1)
    if not queued:
        return 0
    found = {(r["session"], r["source"], r["line"]): r for r in map(msgspec.json.decode, queued)}
    sessions = {row.id: row for row in FeedSession.objects.filter(id__in={k[0] for k in found})}
    rows = [
        FeedReject(
            session=sessions[uuid.UUID(one["session"])],
            source=one["source"],
            line=one["line"],
            symbol=one["symbol"],
            reason=one["reason"],
            detail=one["detail"],
        )
        for one in found.values()
        if uuid.UUID(one["session"]) in sessions
    ]
    _insert_missing(rows)
    redis.ltrim(REJECTS, len(queued), -1)
    return len(queued)


def turns_save(redis: Redis, *, actor: str) -> int:
    """Move turns queued in Redis to the record, at most SAVED_AT_ONCE; how many there were.

    Each lands once, whenever the process dies. Raises db.Error and redis.RedisError.
    """
    queued: Any = redis.lrange(TURNS, 0, SAVED_AT_ONCE - 1)
    with transaction.atomic():
        for one in map(msgspec.json.decode, queued):
            record.record(
                id=record.entry_id("feed.turn", *one.values()),
                action=f"feed.{one['kind']}",
                actor_kind="process",
                actor=actor,
                object_kind="feed",
                object_id=one["session"],
                reason=f"{one['symbol']}: {one['words']}",
                after={"symbol": one["symbol"], "clock": utc_from_ns(one["clock"]).isoformat()},
            )
    if queued:
        redis.ltrim(TURNS, len(queued), -1)
    return len(queued)


def _insert_missing(rows: list[FeedReject]) -> None:
    lines = {row.line for row in rows}
    sessions = {row.session_id for row in rows}
    known = FeedReject.objects.filter(session__in=sessions, line__in=lines)
    there = set(known.values_list("session_id", "source", "line"))
    FeedReject.objects.bulk_create(
        [row for row in rows if (row.session_id, row.source, row.line) not in there]
    )
