"""Live frames: one text for who sees all, one for each other audience, and none for longer than the
right to it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from redis import Redis

from console.access.desks import membership_set
from console.access.visible import ALL, NOTHING, Sight
from console.live import reduced as reducing
from console.live.hub import Hub, hub
from console.live.inbox import Inbox
from console.models import Desk
from tests.pages.conftest import open_session, redis  # noqa: F401 - a fixture
from tests.pages.frames import desk_frame, keep, pipeline_frame, publish, strategy_line
from tests.pages.test_consumers import Socket
from tests.support.desks import on_floor
from trading.models import Strategy, VenueAccount


def sight(*keys: str) -> Sight:
    return Sight(frozenset(keys), scopes=frozenset({"firm"}))


def lines() -> dict[str, Any]:
    return desk_frame(strategy_line("a", pnl="1.00"), strategy_line("b", pnl="2.00"))


async def newest(inbox: Inbox) -> dict[str, Any]:
    """By topic, of what waits within a fifth of a second."""
    found: dict[str, Any] = {}
    end = asyncio.get_running_loop().time() + 0.2
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            for text in await asyncio.wait_for(inbox.take(), left):
                found[json.loads(text)["topic"]] = text
        except TimeoutError:
            break
    return found


def with_hub(steps: Callable[[Hub], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(steps(Hub()))


def test_each_audience_is_encoded_once_and_who_sees_all_gets_the_text_as_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Sight] = []

    def noted(frame: dict[str, Any], of: Sight) -> dict[str, Any]:
        made.append(of)
        return reducing.reduced(frame, of)

    monkeypatch.setattr("console.live.hub.reduced", noted)

    async def steps(hub: Hub) -> None:
        inboxes = [Inbox() for _ in range(7)]
        for inbox, of in zip(inboxes, [ALL, ALL, sight("a"), sight("a"), sight("b"), NOTHING,
                                       sight("a")], strict=True):  # fmt: skip
            await hub.join(inbox, ["desk", "pipeline"], of)
        text = json.dumps(lines())
        hub.accept(text.encode())
        hub.accept(json.dumps(pipeline_frame()).encode())
        got = [await newest(inbox) for inbox in inboxes]
        for inbox in inboxes:
            await hub.leave(inbox)
        assert got[0]["desk"] is got[1]["desk"] == text
        assert got[2]["desk"] is got[3]["desk"] is got[6]["desk"]
        shown = [[one["key"] for one in json.loads(one["desk"])["strategies"]] for one in got]
        assert shown == [["a", "b"]] * 2 + [["a"]] * 2 + [["b"], [], ["a"]]
        assert [json.loads(got[n]["desk"])["totals"]["pnl_today"] for n in (2, 4, 5)] == [
            "1.00", "2.00", "0.00",
        ]  # fmt: skip
        assert len({one["pipeline"] for one in got}) == 1, "of no strategy: for everybody"
        assert sorted(made, key=str) == sorted([sight("a"), sight("b"), NOTHING], key=str)

    with_hub(steps)


def test_who_joins_later_is_given_the_newest_as_they_may_see_it() -> None:
    async def steps(hub: Hub) -> None:
        first, later = Inbox(), Inbox()
        await hub.join(first, ["desk"], ALL)
        hub.accept(json.dumps(lines()).encode())
        await newest(first)
        await hub.join(later, ["desk"], sight("b"))
        frame = json.loads((await newest(later))["desk"])
        for inbox in (first, later):
            await hub.leave(inbox)
        assert [one["key"] for one in frame["strategies"]] == ["b"]

    with_hub(steps)


def test_an_older_frame_is_not_what_a_later_audience_sees() -> None:
    async def steps(hub: Hub) -> None:
        inbox = Inbox()
        await hub.join(inbox, ["desk"], sight("a"))
        for pnl in ("1.00", "5.00"):
            hub.accept(
                json.dumps(desk_frame(strategy_line("a", pnl=pnl), strategy_line("b"))).encode()
            )
            frame = json.loads((await newest(inbox))["desk"])
            assert frame["totals"]["pnl_today"] == pnl
        await hub.leave(inbox)

    with_hub(steps)


# Sockets -----------------------------------------------------------------------------------------


@pytest.fixture
def books(transactional_db: None, mercy: User, tomas: User) -> Desk:
    """Mercy on one desk, Tomas on another, a strategy each."""
    account = VenueAccount.objects.create(name="paper-1", venue="One", adapter="x", address="x:1")
    made = [
        Strategy.objects.create(key=key, kind="momentum", owner="nobody", account=account,
                                symbols=["EURUSD"], size_notional=1)
        for key in ("a", "b")
    ]  # fmt: skip
    for user in (mercy, tomas):
        user.desks.clear()
    on_floor(key="other", people=[tomas], strategies=made[1:])
    return on_floor(key="own", people=[mercy], strategies=made[:1])


def with_sockets(steps: Callable[..., Awaitable[None]], *people: User) -> None:
    keys = [open_session(one) for one in people]

    async def run() -> None:
        sockets = [Socket("desk", one) for one in keys]
        for one in sockets:
            await one.open()
        try:
            await steps(*sockets)
        finally:
            for one in sockets:
                await one.leave()
        assert not hub()._tasks

    asyncio.run(run())


def seen(frames: list[dict[str, Any]]) -> list[str]:
    return [one["key"] for one in frames[-1]["strategies"]]


@pytest.mark.django_db(transaction=True)
def test_two_desks_one_frame_and_each_is_sent_its_own(
    books: Desk,
    mercy: User,
    tomas: User,
    redis: Redis,  # noqa: F811
) -> None:
    keep(redis, lines())

    async def steps(mercys: Socket, tomass: Socket) -> None:
        assert seen(await mercys.frames(0.5)) == ["a"]
        assert seen(await tomass.frames(0.5)) == ["b"]
        publish(redis, lines())
        assert seen(await mercys.frames(0.3)) == ["a"]

    with_sockets(steps, mercy, tomas)


@pytest.mark.django_db(transaction=True)
def test_who_leaves_a_desk_is_closed_within_five_seconds_and_sees_it_no_more(
    books: Desk,
    mercy: User,
    redis: Redis,  # noqa: F811
) -> None:
    keep(redis, lines())

    async def steps(socket: Socket) -> None:
        assert seen(await socket.frames(0.5)) == ["a"]
        await database_sync_to_async(membership_set)(mercy, books, member=False)
        code, after_s = await socket.closed(6)
        assert code == 4410
        assert after_s < 5

    with_sockets(steps, mercy)

    async def again(socket: Socket) -> None:
        assert seen(await socket.frames(0.5)) == []

    with_sockets(again, mercy)
