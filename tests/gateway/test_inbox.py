"""A burst of intents is worked at in turns; what is read of the feed is as old as it is."""

import asyncio
import time
from decimal import Decimal
from typing import Any, cast

import pytest
from django.conf import settings
from redis.asyncio import Redis

from tests.gateway.builders import ACCOUNT, STRATEGY, Rig
from trading import streams
from trading.clock import NS
from trading.gateway.effects import Effect
from trading.gateway.inbox import Inbox
from trading.gateway.session import BOOT_ID, now
from trading.gateway.teller import Teller
from trading.messages import encode
from trading.ticks import empty, pack
from trading.universe import UNIVERSE, to_nano

BURST = 60


def test_others_have_turns_while_a_burst_is_worked_at() -> None:
    assert asyncio.run(turns_in_a_burst()) >= 5


SPY = UNIVERSE.by_symbol("SPY")


def entry(bid: str, *, ago_s: float = 0, session: str = "s1", boot: str = BOOT_ID) -> Any:
    """A quote of SPY, published so long ago, on this boot of this host or on another's."""
    at, ticks = now(), empty(1)
    ticks["instrument"], ticks["time"] = SPY.id, at.wall_ns
    ticks["bid"], ticks["ask"] = to_nano(Decimal(bid)), to_nano(Decimal(bid) + 1)
    fields = {
        "d": pack(ticks), "clk": at.wall_ns, "boot": at.boot_ns - int(ago_s * NS),
        "wall": at.wall_ns - int(ago_s * NS), "bid": boot, "s": session,
    }  # fmt: skip
    return {key: value if isinstance(value, bytes) else str(value) for key, value in fields.items()}


def read(*entries: Any) -> Rig:
    """A gateway that begins with these on the stream."""

    async def begun() -> Rig:
        redis, rig = Redis.from_url(settings.REDIS_URL), Rig()
        inbox = Inbox(
            redis=redis, core=rig.core, teller=Teller(redis, ACCOUNT, rig.core),
            perform=lambda _: None, strategies=nobody,
        )  # fmt: skip
        await redis.delete(streams.TICKS)
        for one in entries:
            last = await redis.xadd(streams.TICKS, one)
        reading = asyncio.create_task(inbox.run())
        try:
            for _ in range(20_000):
                await asyncio.sleep(0.001)
                if inbox.at(streams.TICKS) == last:
                    break
            else:
                raise AssertionError("the stream was not read")
        finally:
            reading.cancel()
            await redis.delete(streams.TICKS)
            await redis.aclose()
        return rig

    return asyncio.run(begun())


async def nobody() -> dict[str, bool]:
    return {}


@pytest.mark.parametrize("boot", [BOOT_ID, "of another host"])
def test_old_entries_that_a_start_reads_are_as_old_as_they_are(boot: str) -> None:
    fresh, old = (read(entry("600", ago_s=ago, boot=boot)).core.prices for ago in (1, 3_600))
    assert fresh.denial("SPY", now().boot_ns) is None
    denial = old.denial("SPY", now().boot_ns)
    assert denial is not None
    assert denial.code == "FEED_SILENT"


def test_prices_of_the_session_before_are_forgotten() -> None:
    other = {**entry("90", session="s2"), "d": b""}
    assert read(entry("600"), other).core.prices.quote("SPY") is None
    quote = read(entry("600"), entry("90", session="s2")).core.prices.quote("SPY")
    assert quote is not None
    assert quote.bid == 90


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
