"""From the environment to a running feed: opens or continues the session and runs the loop."""

import importlib
import os
import signal

import structlog
from django.conf import settings
from django.db import Error, connection
from redis import Redis, RedisError

from trading.clock import utc_now, wall_ns
from trading.feeds.loop import FeedLoop
from trading.feeds.publish import FencedError, Publisher, connect
from trading.feeds.replay import Replay
from trading.feeds.saver import Saver
from trading.feeds.session import (
    Opening,
    State,
    choose,
    expected_readers,
    is_of,
    state_in_redis,
    states_saved,
)
from trading.feeds.simulator import Simulator
from trading.feeds.sources import LockedReplay, PacedReplay, SimulatedSource, Source
from trading.feeds.spec import FeedKind, FeedSpec, parse_feed
from trading.hosting import HostContext

SEED = 20_261_121
RETRY_S = 0.5
DESK_START = "HALTLINE_DESK_START"
"""Set by the supervisor, new at each start of the desk: tells a restart of the feed from one of
the desk."""

log = structlog.get_logger("trading.feeds")


def run(ctx: HostContext) -> None:
    """Host the feed that FEED and REPLAY_SPEED name, until told to stop. Raises FeedSpecError."""
    # SIGTERM comes together with the end of stop_fd, which leaves time for a last save.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    spec = parse_feed(settings.FEED, settings.REPLAY_SPEED)
    desk_start = os.environ.get(DESK_START, "")
    redis = connect(settings.REDIS_URL, settings.REDIS_OPTIONS)
    opening = _opened(ctx, spec, desk_start, redis)
    if opening is None:
        return
    loop = FeedLoop(
        ctx,
        spec,
        redis=redis,
        opening=opening,
        source=_source(spec, opening),
        publisher=Publisher(
            redis,
            desk=desk_start,
            token=ctx.token,
            session=str(opening.session),
            sources=spec.names,
        ),
        saver=Saver(connect(settings.REDIS_URL, settings.REDIS_OPTIONS), actor=ctx.lease),
        desk_start=desk_start,
    )
    try:
        loop.run()
    except FencedError as error:
        log.warning("feed ends", reason=str(error))


def _opened(ctx: HostContext, spec: FeedSpec, desk_start: str, redis: Redis) -> Opening | None:
    """What to continue, as soon as Redis and, where it must be asked, PostgreSQL answer.

    None when told to stop meanwhile.
    """
    waiting = False
    while True:
        try:
            found = state_in_redis(redis)
            states, readers = _from_database(spec, desk_start, found)
        except (Error, RedisError) as error:
            connection.close()
            if not waiting:
                log.warning("feed waits to start", error=str(error).strip())
            waiting = True
            if ctx.stopping(RETRY_S):
                return None
        else:
            connection.close()
            known = [one for one in (found, *states) if one]
            return choose(spec, desk_start, known, readers, utc_now())


def _from_database(
    spec: FeedSpec, desk_start: str, found: State | None
) -> tuple[list[State], list[str]]:
    """Saved states and readers. Raises db.Error where the feed cannot start without them.

    It can where Redis knows the session, and where it is no replay.
    """
    locked = spec.kind is FeedKind.REPLAY and spec.speed is None
    try:
        return states_saved(), expected_readers(settings.SHARDS) if locked else []
    except Error:
        if found and is_of(found, spec, desk_start):
            return [], found["readers"]
        if spec.kind is not FeedKind.REPLAY:
            return [], []
        raise


def _source(spec: FeedSpec, opening: Opening) -> Source:
    state = opening.state
    if spec.kind is FeedKind.SIMULATED:
        simulator = Simulator(SEED, wall_ns())
        if opening.simulator:
            simulator.restore(opening.simulator)
            simulator.skip_to(wall_ns())
        return SimulatedSource(simulator)
    if spec.kind is FeedKind.LIVE:
        source = importlib.import_module("trading.feeds.live.source")  # loads ccxt, for it alone
        made: Source = source.LiveSource(spec.live)
        return made
    replay = Replay(spec.paths, state["source"] if state else None)
    if spec.speed is None:
        return LockedReplay(replay)
    if state:
        return PacedReplay(
            replay, spec.speed, jumps=state["clock_jumps"], jumped_ns=state["jumped_ns"]
        )
    return PacedReplay(replay, spec.speed)
