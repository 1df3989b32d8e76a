"""The hub: one subscription, newest only, at most ten a second, through Redis coming and going."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from redis import Redis

from console.access.visible import ALL, NOTHING, Sight
from console.live.hub import HUB_TOPIC, Hub
from console.live.inbox import Inbox
from console.live.reduced import reduced
from tests.pages.frames import desk_frame, keep, pipeline_frame, publish, strategy_line
from trading import streams


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "not within the time"
        await asyncio.sleep(0.01)


async def frames(inbox: Inbox, seconds: float) -> list[int]:
    """Numbers of the frames that come within ``seconds``."""
    numbers: list[int] = []
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            texts = await asyncio.wait_for(inbox.take(), left)
        except TimeoutError:
            break
        numbers += [m["seq"] for m in map(json.loads, texts) if m["topic"] != HUB_TOPIC]
    return numbers


def with_hub(steps: Callable[[Hub, Inbox], Awaitable[None]], *topics: str) -> None:
    async def run() -> None:
        hub, inbox = Hub(), Inbox()
        await hub.join(inbox, topics or ("desk",))
        try:
            await until(lambda: hub.reading)
            await steps(hub, inbox)
        finally:
            await hub.leave(inbox)

    asyncio.run(run())


def subscribers(redis: Redis) -> int:
    """Subscriptions on the run's Redis."""
    return len(connections(redis))


def connections(redis: Redis) -> list[dict[str, str]]:
    """Who subscribes, from this database alone: others may share the server."""
    known = cast("list[dict[str, str]]", redis.client_list(_type="pubsub"))
    mine = redis.connection_pool.connection_kwargs["db"]
    return [one for one in known if int(one["db"]) == mine]


def test_what_was_published_before_comes_first(redis: Redis) -> None:
    frame = desk_frame()
    keep(redis, frame)

    async def steps(hub: Hub, inbox: Inbox) -> None:
        assert await frames(inbox, 0.3) == [frame["seq"]]

    with_hub(steps)


def test_only_topics_that_were_asked_for_come(redis: Redis) -> None:
    async def steps(hub: Hub, inbox: Inbox) -> None:
        publish(redis, pipeline_frame())
        wanted = desk_frame()
        publish(redis, wanted)
        assert await frames(inbox, 0.3) == [wanted["seq"]]

    with_hub(steps)


def test_a_hundred_frames_a_second_leave_as_ten(redis: Redis) -> None:
    async def steps(hub: Hub, inbox: Inbox) -> None:
        sent = []

        async def flood() -> None:
            for _ in range(100):
                sent.append(desk_frame()["seq"])
                publish(redis, desk_frame(seq=sent[-1]))
                await asyncio.sleep(0.01)

        clock = asyncio.get_running_loop()
        began, flooding, got = clock.time(), asyncio.create_task(flood()), [0]
        while not flooding.done() or got[-1] != sent[-1]:
            assert clock.time() - began < 30, "the last one is never lost"
            got += await frames(inbox, 0.2)
        lasted = clock.time() - began
        assert 5 <= len(got) - 1 <= lasted * 10 + 2
        assert got == sorted(got)

    with_hub(steps)


def test_a_slow_reader_gets_the_newest_alone(redis: Redis) -> None:
    async def steps(hub: Hub, inbox: Inbox) -> None:
        last = 0
        for _ in range(5):
            frame = desk_frame()
            last = frame["seq"]
            publish(redis, frame)
            await asyncio.sleep(0.12)
        waiting = [json.loads(text) for text in await inbox.take()]
        assert [m["seq"] for m in waiting if m["topic"] == "desk"] == [last]
        assert len(waiting) <= 2

    with_hub(steps)


def test_every_socket_gets_the_same_text_over_one_subscription(redis: Redis) -> None:
    async def steps(hub: Hub, inbox: Inbox) -> None:
        others = [Inbox() for _ in range(20)]
        for one in others:
            await hub.join(one, ("desk",))
        assert subscribers(redis) == before + 1
        publish(redis, desk_frame())
        await asyncio.sleep(0.3)
        texts = []
        for one in [inbox, *others]:
            texts += [text for text in await one.take() if '"desk"' in text]
        assert len(texts) == 21
        assert len({id(text) for text in texts}) == 1, "encoded once"
        for one in others:
            await hub.leave(one)

    before = subscribers(redis)
    with_hub(steps)


def test_the_last_one_out_ends_the_subscription(redis: Redis) -> None:
    before = subscribers(redis)

    async def steps(hub: Hub, inbox: Inbox) -> None:
        await hub.leave(inbox)
        await until(lambda: subscribers(redis) == before)

    with_hub(steps)


def test_a_lost_subscription_is_taken_up_again(redis: Redis) -> None:
    async def steps(hub: Hub, inbox: Inbox) -> None:
        for one in connections(redis):
            redis.client_kill(one["addr"])
        await until(lambda: not hub.reading)
        assert json.loads(hub.word())["source"] == "down"
        await until(lambda: hub.reading)
        frame = desk_frame()
        publish(redis, frame)
        assert (await frames(inbox, 0.5))[-1] == frame["seq"]

    with_hub(steps)


def test_without_redis_sockets_join_and_hear_of_it(redis: Redis, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    async def run() -> None:
        hub, inbox = Hub(), Inbox()
        await hub.join(inbox, ("desk",))
        for _ in range(2):
            (text,) = await asyncio.wait_for(inbox.take(), 3)
            assert json.loads(text)["source"] == "down"
        await hub.leave(inbox)

    asyncio.run(run())


@pytest.mark.parametrize(
    "wrong", [b"", b"no json", b'{"topic": "desk"}', b'{"topic": "orders", "seq": 1}', b"\xff{}"]
)
def test_what_is_no_frame_is_dropped_and_counted(redis: Redis, wrong: bytes) -> None:
    async def steps(hub: Hub, inbox: Inbox) -> None:
        redis.publish(streams.FRAMES, wrong)
        await until(lambda: hub.refused == 1)
        frame = desk_frame()
        publish(redis, frame)
        assert await frames(inbox, 0.3) == [frame["seq"]]

    with_hub(steps)


def test_an_older_frame_is_not_shown_after_a_newer_one(redis: Redis) -> None:
    async def steps(hub: Hub, inbox: Inbox) -> None:
        old, new = desk_frame(), desk_frame()
        publish(redis, new)
        publish(redis, old)
        assert await frames(inbox, 0.4) == [new["seq"]]

    with_hub(steps)


def test_a_publisher_that_stumbles_once_is_not_late_ever_after() -> None:
    async def run() -> None:
        hub = Fed()
        await hub.join(Inbox(), ("desk",))
        for pause in (0.14, 0.06, 0.1, 0.1):
            hub.accept(json.dumps(desk_frame()).encode())
            assert hub._topics["desk"].due is None, "handed out at once"
            await asyncio.sleep(pause)
        for inbox in list(hub._members):
            await hub.leave(inbox)

    asyncio.run(run())


STEPS = st.lists(
    st.one_of(
        st.lists(st.sampled_from("abc"), max_size=3, unique=True),  # a frame of these strategies
        st.sampled_from(["join all", "join a", "join none", "take", "wait"]),
    ),
    max_size=25,
)
SIGHTS = {"all": ALL, "a": Sight(frozenset("a"), scopes=frozenset({"firm"})), "none": NOTHING}


class Fed(Hub):
    """Fed by hand, not by Redis."""

    async def _read(self) -> None:
        await asyncio.Event().wait()


class World:
    """A hub, sockets that joined at some time, and the last frame that each has read."""

    def __init__(self) -> None:
        self.hub = Fed()
        self.newest: dict[str, Any] | None = None
        self.joined: dict[Inbox, Sight] = {}
        self.last: dict[Inbox, dict[str, Any]] = {}

    async def do(self, step: Any) -> None:
        if isinstance(step, list):
            self.newest = desk_frame(*(strategy_line(one) for one in step or "z"))
            self.hub.accept(json.dumps(self.newest).encode())
        elif step == "wait":
            await asyncio.sleep(0.11)  # as long as the hub holds frames together
        elif step == "take":
            for inbox in self.joined:
                await self._take(inbox)
        else:
            inbox, sight = Inbox(), SIGHTS[step.removeprefix("join ")]
            self.joined[inbox] = sight
            await self.hub.join(inbox, ("desk",), sight)

    async def _take(self, inbox: Inbox) -> None:
        for message in map(json.loads, await inbox.take() if inbox._waiting else ()):
            if message["topic"] != HUB_TOPIC:
                assert message["seq"] >= self.last.get(inbox, message)["seq"]
                self.last[inbox] = message


@hypothesis.settings(max_examples=15)
@given(STEPS)
def test_snapshot_and_frames_are_a_fresh_snapshot(steps: list[Any]) -> None:
    """Whenever a socket joined and however slowly it read: it stands at the newest frame, as far
    as it may be seen, and each frame it took was whole."""

    async def run() -> None:
        world = World()
        for step in [*steps, "join all", "join a", "wait", "take"]:
            await world.do(step)
        for inbox, sight in world.joined.items():
            fresh = reduced(world.newest, sight) if world.newest else None
            assert world.last.get(inbox) == fresh
            await world.hub.leave(inbox)

    asyncio.run(run())
