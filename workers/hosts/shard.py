"""Hosts one shard of strategies under the lease ``shard:N``."""

import structlog
from django.conf import settings
from django.db import OperationalError, connections
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from trading import clock, streams
from trading.feeds.spec import is_real, sessions_for
from trading.hosting import HostContext
from trading.strategies.engine import ShardEngine
from trading.strategies.ids import id_factory
from trading.strategies.loader import load_strategies
from trading.strategies.loop import ShardLoop
from trading.strategies.rungs import RungWatch, terms_read
from trading.strategies.specs import Clocks, StrategySpec
from trading.strategies.terms import Terms
from trading.strategies.writer import SignalWriter
from trading.universe import UNIVERSE

log = structlog.get_logger("haltline.shard")

RETRY_S = 0.5


def run(ctx: HostContext) -> None:
    """Raises ValueError when the lease is not named ``shard:N``."""
    number = int(ctx.lease.partition(":")[2])
    loaded = _load(ctx, number)
    if loaded is None:
        return
    specs, terms = loaded
    boot_id = clock.boot_id()
    engine = ShardEngine(
        specs,
        UNIVERSE,
        shard=ctx.lease,
        token=ctx.token,
        ids=id_factory(ctx.lease, ctx.token, clock.wall_ns() // 1_000_000),
        clocks=Clocks(clock.boot_ns, clock.wall_ns, boot_id),
        sessions=sessions_for(settings.FEED),
    )
    engine.apply(terms)
    rungs = RungWatch(number, specs, terms)
    rungs.start()
    writer = SignalWriter()
    writer.start()
    # No retry inside the client: a send that was cut off must not be made twice.
    options = {**settings.REDIS_OPTIONS, "retry_on_timeout": False, "retry": Retry(NoBackoff(), 0)}
    redis = Redis.from_url(streams.redis_url(), **options)
    loop = ShardLoop(
        ctx.lease,
        engine,
        redis=redis,
        writer=writer,
        stopping=ctx.stopping,
        boot_id=boot_id,
        rungs=rungs,
        live=is_real(settings.FEED),
    )
    log.info(
        "shard trades",
        shard=ctx.lease,
        strategies=len(specs),
        accounts=engine.accounts,
        muted=engine.muted,
    )
    try:
        loop.run()
    finally:
        rungs.stop()
        writer.stop()
        redis.close()


def _load(ctx: HostContext, number: int) -> tuple[list[StrategySpec], dict[str, Terms]] | None:
    """This shard's strategies and their terms, waiting for the database; None when told to stop."""
    while not ctx.stopping():
        try:
            specs = load_strategies(number, UNIVERSE)
            terms = terms_read(specs)
        except OperationalError as error:
            log.warning("shard waits for the database", shard=ctx.lease, error=str(error).strip())
            connections.close_all()
            if ctx.stopping(RETRY_S):
                return None
            continue
        connections.close_all()  # signals are written by a thread with its own connection
        return specs, terms
    return None
