"""The socket of a page: snapshot, then frames, for as long as the session lasts."""

import asyncio
import datetime as dt
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import channel_layers, get_channel_layer
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings
from redis import Redis

from console.access.revocation import roles_changed, session_revoke, sessions_end
from console.asgi import application
from console.live import watch
from console.live.hints import hints
from console.live.hub import HUB_TOPIC, hub
from console.models import SessionRecord
from riskctl.actors import Actor
from tests.pages.conftest import open_session
from tests.pages.frames import desk_frame, keep, pipeline_frame, publish

pytestmark = pytest.mark.django_db(transaction=True)


class Socket:
    """A page's socket with the cookie of ``session_key``."""

    def __init__(self, page: str, session_key: str) -> None:
        headers = [
            (b"host", b"desk.example"),
            (b"origin", b"http://desk.example"),
            (b"cookie", f"sessionid={session_key}".encode()),
        ]
        path = f"/live/{page}"
        self.scope: dict[str, Any] = {
            "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": headers, "client": ["127.0.0.1", 5], "subprotocols": [],
        }  # fmt: skip
        self._talk = ApplicationCommunicator(application, self.scope)

    async def open(self) -> None:
        await self._talk.send_input({"type": "websocket.connect"})
        assert (await self.receive())["type"] == "websocket.accept"

    async def receive(self) -> dict[str, Any]:
        return dict(await self._talk.receive_output(timeout=5))

    async def stop(self) -> None:
        """As a server does that goes down: no disconnect is told."""
        self._talk.future.cancel()
        await asyncio.gather(self._talk.future, return_exceptions=True)

    async def say(self, text: str) -> None:
        await self._talk.send_input({"type": "websocket.receive", "text": text, "bytes": None})

    async def leave(self) -> None:
        await self._talk.send_input({"type": "websocket.disconnect", "code": 1001})
        await self._talk.wait(timeout=5)

    async def frames(self, seconds: float) -> list[dict[str, Any]]:
        """Frames that come within ``seconds``, the hub's own words left out."""
        got = []
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                message = await asyncio.wait_for(self._talk.output_queue.get(), left)
            except TimeoutError:
                break
            if message["type"] == "websocket.send":
                got.append(json.loads(message["text"]))
        return [one for one in got if one["topic"] != HUB_TOPIC]

    async def closed(self, seconds: float) -> tuple[int, float]:
        """The code it is closed with, and after how many seconds."""
        begun = time.monotonic()
        while (left := begun + seconds - time.monotonic()) > 0:
            message = await asyncio.wait_for(self._talk.output_queue.get(), left)
            if message["type"] == "websocket.close":
                return int(message["code"]), time.monotonic() - begun
        raise AssertionError("not closed")


def with_socket(
    steps: Callable[[Socket], Awaitable[None]], session_key: str, page: str = "desk"
) -> None:
    async def run() -> None:
        socket = Socket(page, session_key)
        await socket.open()
        try:
            await steps(socket)
        finally:
            await socket.leave()
        assert not hub()._tasks, "the hub ends with its last socket"

    asyncio.run(run())


def test_snapshot_at_once_then_frames(ada: User, redis: Redis) -> None:
    first = desk_frame()
    keep(redis, first)

    async def steps(socket: Socket) -> None:
        begun = time.monotonic()
        assert [one["seq"] for one in await socket.frames(0.5)] == [first["seq"]]
        assert time.monotonic() - begun < 1
        for _ in range(3):
            frame = desk_frame()
            publish(redis, frame)
            assert await socket.frames(0.25) == [frame]

    with_socket(steps, open_session(ada))


def test_the_hub_says_its_time_first(mercy: User, redis: Redis) -> None:
    async def steps(socket: Socket) -> None:
        word = json.loads((await socket.receive())["text"])
        assert word["topic"] == HUB_TOPIC
        said = dt.datetime.fromisoformat(word["now"])
        assert abs((dt.datetime.now(dt.UTC) - said).total_seconds()) < 2

    with_socket(steps, open_session(mercy))


def test_the_pipeline_page_gets_both_topics_and_the_desk_one(mercy: User, redis: Redis) -> None:
    keep(redis, desk_frame())
    keep(redis, pipeline_frame())

    async def both(socket: Socket) -> None:
        assert {one["topic"] for one in await socket.frames(0.5)} == {"desk", "pipeline"}

    async def one(socket: Socket) -> None:
        assert {frame["topic"] for frame in await socket.frames(0.5)} == {"desk"}

    with_socket(both, open_session(mercy), "pipeline")
    with_socket(one, open_session(mercy), "desk")


def refused(session_key: str) -> int:
    async def run() -> int:
        socket = Socket("desk", session_key)
        await socket.open()
        return (await socket.closed(5))[0]

    return asyncio.run(run())


def test_the_password_alone_opens_nothing(mercy: User, redis: Redis) -> None:
    keep(redis, desk_frame())
    assert refused(open_session(mercy, factor=False)) == 4401


def test_no_session_opens_nothing(db: None, redis: Redis) -> None:
    assert refused("a" * 32) == 4401


async def end_session(key: str) -> None:
    await Session.objects.filter(session_key=key).adelete()


async def deactivate(_key: str) -> None:
    await User.objects.aupdate(is_active=False)


async def take_factor(_key: str) -> None:
    await sync_to_async(TOTPDevice.objects.all().delete)()


@pytest.mark.parametrize("end", [end_session, deactivate, take_factor])
def test_a_session_that_ends_closes_its_socket_within_five_seconds(
    end: Callable[[str], Awaitable[None]], mercy: User, redis: Redis
) -> None:
    key = open_session(mercy)

    async def steps(socket: Socket) -> None:
        await socket.frames(0.2)
        await end(key)
        code, after = await socket.closed(8)
        assert code == 4403
        assert after < 5.5
        publish(redis, desk_frame())
        assert await socket.frames(0.3) == []

    with_socket(steps, key)


# Revocation and changed rights -------------------------------------------------------------------

PRIYA = Actor(kind="person", name="priya.raman", roles=frozenset({"administrator"}))


async def revoke(key: str) -> None:
    row = await SessionRecord.objects.aget(session_key=key)
    await sync_to_async(session_revoke)(session_id=row.id, actor=PRIYA, reason="left")


async def end_all(_key: str) -> None:
    await sync_to_async(sessions_end)(username="mercy.okafor", actor=PRIYA, reason="reset")


async def change_roles(_key: str) -> None:
    await sync_to_async(roles_changed)(username="mercy.okafor")


async def take_role_by_hand(_key: str) -> None:
    await Group.objects.filter(name="trader").adelete()


async def new_password(_key: str) -> None:
    user = await User.objects.aget(username="mercy.okafor")
    await sync_to_async(user.set_password)("another-long-password-1")
    await user.asave()


ENDS = [(revoke, 4403), (end_all, 4403), (new_password, 4403), (change_roles, 4410),
        (take_role_by_hand, 4410)]  # fmt: skip
TOLD = [(revoke, 4403), (end_all, 4403), (change_roles, 4410)]


@pytest.fixture
def without_redis(settings: Settings) -> Iterator[None]:
    """Neither frames nor hints: what this process knows of Redis is not there."""
    settings.REDIS_URL = "redis://127.0.0.1:1"
    before: Any = get_channel_layer()
    nowhere: Any = RedisPubSubChannelLayer([settings.REDIS_URL])
    channel_layers.set("default", nowhere)
    yield
    channel_layers.set("default", before)


@pytest.mark.parametrize(("end", "code"), ENDS)
def test_without_redis_the_socket_closes_within_five_seconds_by_its_own_clock(
    end: Callable[[str], Awaitable[None]], code: int, mercy: User, without_redis: None
) -> None:
    assert watch.CHECK_EVERY_S < 5
    key = open_session(mercy)

    async def steps(socket: Socket) -> None:
        await socket.frames(0.2)
        await end(key)
        found, after = await socket.closed(8)
        assert found == code
        assert after < 5.5

    with_socket(steps, key)


@pytest.mark.parametrize(("end", "code"), TOLD)
def test_a_hint_closes_it_before_its_clock_does(
    end: Callable[[str], Awaitable[None]], code: int, mercy: User, redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(watch, "CHECK_EVERY_S", 3_600.0)
    key = open_session(mercy)

    async def steps(socket: Socket) -> None:
        await listening()
        await end(key)
        assert (await socket.closed(8))[0] == code

    with_socket(steps, key)


def test_a_hint_closes_nobody_whose_session_is_good(
    mercy: User, tomas: User, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "CHECK_EVERY_S", 3_600.0)
    here, there, foreign = open_session(mercy), open_session(mercy), open_session(tomas)

    async def steps(socket: Socket) -> None:
        others = [Socket("desk", key) for key in (there, foreign)]
        for one in others:
            await one.open()
        await listening()
        await revoke(here)
        assert (await socket.closed(8))[0] == 4403
        frame = desk_frame()
        publish(redis, frame)
        for one in others:
            assert [got["seq"] for got in await one.frames(0.5)] == [frame["seq"]]
            await one.leave()

    with_socket(steps, here)


async def listening() -> None:
    """Until this process is subscribed to the hints."""
    await asyncio.wait_for(hints().listening.wait(), 20)


def test_hints_end_with_the_last_socket(mercy: User, redis: Redis) -> None:
    key = open_session(mercy)

    async def run() -> None:
        socket = Socket("desk", key)
        await socket.open()
        await listening()
        await socket.leave()
        assert hints()._task is None
        assert not hints()._waiting

    asyncio.run(run())


def test_a_revoked_session_opens_no_socket(mercy: User, redis: Redis) -> None:
    key = open_session(mercy)
    SessionRecord.objects.update(ended_at=dt.datetime.now(dt.UTC))
    assert refused(key) == 4401


def test_watching_goes_on_for_a_minute_without_the_database(
    mercy: User, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "CHECK_EVERY_S", 0.05)
    monkeypatch.setattr(watch, "UNCHECKED_S", 1.0)

    def no_database(_key: str) -> None:
        raise OperationalError("connection refused")

    async def steps(socket: Socket) -> None:
        await socket.frames(0.2)
        monkeypatch.setattr(watch, "person_of_key", no_database)
        publish(redis, desk_frame())
        assert len(await socket.frames(0.5)) == 1
        assert (await socket.closed(3))[0] == 4408

    with_socket(steps, open_session(mercy))


def test_what_a_page_says_is_not_listened_to(ada: User, redis: Redis) -> None:
    async def steps(socket: Socket) -> None:
        for _ in range(10):
            await socket.say('{"do": "resume"}')
        frame = desk_frame()
        publish(redis, frame)
        assert await socket.frames(0.4) == [frame]
        await socket.say("{}")
        assert (await socket.closed(2))[0] == 4409

    with_socket(steps, open_session(ada))


def test_a_long_message_ends_the_socket(mercy: User, redis: Redis) -> None:
    async def steps(socket: Socket) -> None:
        await socket.say("x" * 300)
        assert (await socket.closed(2))[0] == 4409

    with_socket(steps, open_session(mercy))


def test_a_slow_page_gets_the_newest_alone(mercy: User, redis: Redis) -> None:
    """The transport takes nothing for a while, as with a full send buffer."""
    numbers: list[int] = []

    async def run() -> None:
        gate = asyncio.Event()
        sent: list[dict[str, Any]] = []
        come: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        come.put_nowait({"type": "websocket.connect"})

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.send":
                await gate.wait()
                sent.append(json.loads(message["text"]))

        socket = Socket("desk", open_key)
        page = asyncio.create_task(application(socket.scope, come.get, send))  # type: ignore[arg-type]
        for _ in range(8):
            await asyncio.sleep(0.15)
            frame = desk_frame()
            numbers.append(frame["seq"])
            publish(redis, frame)
        await asyncio.sleep(0.2)
        gate.set()
        await asyncio.sleep(0.3)
        got = [one["seq"] for one in sent if one["topic"] == "desk"]
        assert got[-1] == numbers[-1]
        assert len(got) <= 2, "at most what was being sent, and the newest"
        come.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(page, 5)

    open_key = open_session(mercy)
    asyncio.run(run())


def test_a_server_that_stops_leaves_nothing_behind(mercy: User, redis: Redis) -> None:
    key = open_session(mercy)

    async def run() -> None:
        socket = Socket("desk", key)
        await socket.open()
        await socket.receive()
        assert hub()._members
        await socket.stop()
        assert not hub()._members

    asyncio.run(run())


def test_sockets_of_a_session_are_watched_by_one_look(
    mercy: User, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a watch that breaks closes them all: nobody would look any more."""
    monkeypatch.setattr(watch, "CHECK_EVERY_S", 0.1)
    key = open_session(mercy)
    looks: list[str] = []
    read = watch._mark_of

    def counted(session_key: str) -> Any:
        looks.append(session_key)
        if broken:
            raise ZeroDivisionError
        return read(session_key)

    broken: list[bool] = []
    monkeypatch.setattr(watch, "_mark_of", counted)

    async def run() -> None:
        sockets = [Socket("desk", key) for _ in range(6)]
        for one in sockets:
            await one.open()
        await asyncio.gather(*(one.frames(0.3) for one in sockets))
        looks.clear()
        await asyncio.gather(*(one.frames(0.5) for one in sockets))
        assert 2 <= len(looks) <= 8, "not each for itself"
        broken.append(True)
        assert [(await one.closed(3))[0] for one in sockets] == [4408] * 6
        for one in sockets:
            await one.leave()
        assert not watch.watches()._known

    asyncio.run(run())
