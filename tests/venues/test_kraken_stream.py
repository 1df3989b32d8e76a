"""The private stream of Kraken Futures: it makes a reading come at once and does nothing else."""

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.krakenfutures.private import WRONG
from tests.support.desk import PROJECT
from tests.venues.kraken_rig import KrakenRig, credentials
from tests.venues.test_kraken import Scene, _venue, play
from tests.venues.venue_contract import BUY, GTC, Desk
from trading.venues import ccxt_stream
from trading.venues.base import (
    Accepted,
    Filled,
)
from trading.venues.ccxt_client import client_of
from trading.venues.ccxt_dialect import Word
from trading.venues.ccxt_http import Answer
from trading.venues.ccxt_kraken import KrakenFutures
from trading.venues.optional import Streams

__all__ = ["play"]

NEVER_S = 3_600.0
STATES = {
    "mute": "silent", "refuse": "refused", "silent": "silent", "nonsense": "nonsense",
    "drop": "lost",
}  # fmt: skip
"""What is seen of a fault; with the others the stream stays live."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_stream, "ANSWER_S", 0.5)
    monkeypatch.setattr(ccxt_stream, "SILENT_S", 2.0)
    monkeypatch.setattr(ccxt_stream, "RETRY_S", (0.05,))


async def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.01)


def state(desk: Desk) -> str:
    assert isinstance(desk.venue, Streams)
    return desk.venue.stream_state


async def rested(rig: KrakenRig, desk: Desk) -> str:
    """An order that rests at 499, told as accepted."""
    await rig.quote("SPY", "500.00", "500.02", "100", "100")
    ident = desk.send(BUY, "5", "SPY", limit="499.00", tif=GTC)
    await until(lambda: ident in [one.client_order_id for one in desk.said(Accepted)], "accepted")
    return ident


def test_a_fill_is_told_by_the_stream_alone(play: Callable[[Scene], None]) -> None:
    async def scene(rig: KrakenRig) -> None:
        desk = await rig.desk(poll_s=NEVER_S)
        await until(lambda: state(desk) == "live", "the stream is live")
        assert rig.server.feed.proven == 2, "fills and open orders, each signed"
        ident = await rested(rig, desk)
        await rig.quote("SPY", "498.00", "498.02", "100", "100")
        await until(lambda: bool(desk.said(Filled)), "a fill, with no clock to read by")
        assert [(one.client_order_id, one.quantity) for one in desk.said(Filled)] == [
            (ident, Decimal(5))
        ]

    play(scene)


@pytest.mark.parametrize("wrong", WRONG)
def test_whatever_is_wrong_with_it_each_fill_is_told_once(
    play: Callable[[Scene], None], wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, ccxt_stream.__name__)

    async def scene(rig: KrakenRig) -> None:
        rig.server.faults.stream = wrong
        desk = await rig.desk()
        if wrong == "nonsense":  # it is told of what moves alone, to who hears
            await until(lambda: state(desk) == "live", "it is heard")
        await rested(rig, desk)
        for number in range(3):
            desk.send(BUY, str(number + 1), "SPY")
        await rig.quote("SPY", "498.00", "498.02", "100", "100")
        await until(
            lambda: len(desk.said(Filled)) == 4, f"every fill, with a stream that is {wrong}"
        )
        await until(
            lambda: f"venue.stream-{STATES.get(wrong, 'live')}" in caplog.text, "it is seen"
        )
        rig.server.faults.stream = ""
        await until(lambda: state(desk) == "live", "and it comes back")
        await rig.settle(desk)
        assert [one.sequence for one in desk.said(Filled)] == [1, 2, 3, 4]
        assert sum(one.quantity for one in desk.said(Filled)) == Decimal(11)
        assert desk.venue.connected, "the account's own connections have no part in it"

    play(scene)


def test_a_flood_of_it_causes_no_flood_of_readings(play: Callable[[Scene], None]) -> None:
    async def scene(rig: KrakenRig) -> None:
        desk = await rig.desk(poll_s=NEVER_S)
        await until(lambda: state(desk) == "live", "the stream is live")
        stream, began = _venue(desk)._stream, time.monotonic()
        before = rig.server.requests.count("openorders")
        for _ in range(400):
            stream._soon()
            await asyncio.sleep(0)
        await asyncio.sleep(0.3)
        most = (time.monotonic() - began) / ccxt_stream.APART_S + 3
        assert 1 <= rig.server.requests.count("openorders") - before <= most

    play(scene)


def test_a_challenge_is_signed_as_ccxt_signs_it_and_ccxts_own_client_hears_the_stand_in(
    play: Callable[[Scene], None],
) -> None:
    """So what is tested against is what ccxt knows of the exchange."""
    given = credentials()
    code = f"""
import asyncio, json, ccxt.pro
async def main():
    one = ccxt.pro.krakenfutures({{"apiKey": {given["key"]!r}, "secret": {given["secret"]!r}}})
    host = "127.0.0.1:PORT"
    for part, url in one.urls["api"].items():
        path = url.partition("://")[2].partition("/")[2]
        one.urls["api"][part] = ("ws" if part == "ws" else "http") + f"://{{host}}/{{path}}"
    trades = await one.watch_my_trades()
    print(json.dumps([len(trades), one.options["challenge"], one.options["signedChallenge"]]))
    await one.close()
asyncio.run(main())
"""

    async def scene(rig: KrakenRig) -> None:
        asked = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code.replace("PORT", str(rig.server.port)), cwd=PROJECT,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(asked.communicate(), 60)
        _, challenge, signed = json.loads(said)
        client = client_of("krakenfutures", "http://x", given["key"], given["secret"], _nowhere)
        dialect = KrakenFutures()
        texts = dialect.stream_subscribe(client, challenge)
        assert [signed in text for text in texts] == [False, True, True]
        assert dialect.stream_heard({"event": "subscribed", "feed": "fills"}).word is (
            Word.SUBSCRIBED
        )

    play(scene)


async def _nowhere(*_: object) -> Answer:
    raise AssertionError("nothing is sent")
