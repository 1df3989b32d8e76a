"""A burst of intents is worked at in turns: the licence is read meanwhile."""

import asyncio
import time
from typing import Any, cast

from django.conf import settings
from redis.asyncio import Redis

from tests.gateway.builders import ACCOUNT, STRATEGY, Rig
from trading import streams
from trading.gateway.effects import Effect
from trading.gateway.inbox import Inbox
from trading.gateway.teller import Teller
from trading.messages import encode

BURST = 60


def test_others_have_turns_while_a_burst_is_worked_at() -> None:
    assert asyncio.run(turns_in_a_burst()) >= 5


async def turns_in_a_burst() -> int:
    """How often another task had a turn between the first and the last of a burst that takes 3 ms
    an intent."""
    redis, rig = Redis.from_url(settings.REDIS_URL), Rig()
    done, turns, all_in = 0, 0, asyncio.Event()

    def perform(effects: list[Effect]) -> None:
        nonlocal done
        time.sleep(0.003)  # the work: nothing else may run in it
        done += 1
        if done == BURST:
            all_in.set()

    async def strategies() -> dict[str, bool]:
        return {STRATEGY: False}

    inbox = Inbox(
        redis=redis, core=rig.core, teller=Teller(redis, ACCOUNT, rig.core), perform=perform,
        strategies=strategies,
    )  # fmt: skip
    await inbox.learn()
    key = streams.intents(ACCOUNT)
    await redis.delete(key)
    async with redis.pipeline() as pipe:
        for _ in range(BURST):
            pipe.xadd(key, cast("Any", {"m": encode(rig.intent())}))
        await pipe.execute()
    reading = asyncio.create_task(inbox.run())
    try:
        async with asyncio.timeout(20):
            while not all_in.is_set():
                await asyncio.sleep(0)
                turns += 0 < done < BURST
    finally:
        reading.cancel()
        await redis.delete(key)
        await redis.aclose()
    return turns
