"""The real ccxt client against the stand-in for Kraken Futures, over the wire, whatever happens."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.feeds.conftest import OwnRedis, Start
from tests.feeds.rig import entries, feed_state, published, until
from tests.krakenfutures.server import KrakenFutures
from tests.support.processes import PROJECT
from trading.clock import NS, boot_ns, wall_ns
from trading.feeds.backed import BackedChecker
from trading.feeds.ingestor import Ingestor
from trading.feeds.live import client as live_client
from trading.feeds.live import source as live_source
from trading.feeds.live.heard import Quote
from trading.feeds.live.source import LiveSource
from trading.feeds.live.spec import LiveSpec, LiveSpecError, parse_live
from trading.feeds.spec import FeedSpecError, parse_feed
from trading.ticks import Ticks, Trades, empty
from trading.universe import UNIVERSE, to_nano

PERP = "BTCUSDT-PERP"
SYMBOLS = "BTCUSDT-PERP=PF_XBTUSD,EURUSD=PF_EURUSD"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for is waited for, only not so long."""
    monkeypatch.setattr(live_client, "QUIET_NS", NS)
    monkeypatch.setattr(live_client, "SILENT_NS", 3 * NS)
    monkeypatch.setattr(live_client, "BACK_OFF_S", (0.1, 0.2))
    monkeypatch.setattr(live_client, "POLL_S", 0.2)
    monkeypatch.setattr(live_client, "LIMITED_S", 0.5)
    monkeypatch.setattr(live_source, "DOWN_NS", 2 * NS)


class Desk:
    """What passes of what sources say; ``servers`` are their stand-ins."""

    def __init__(self, servers: list[KrakenFutures]) -> None:
        self.servers = servers
        self.specs = [parse_live(f"ccxt:krakenfutures@{one.address}:{SYMBOLS}") for one in servers]
        self.source = LiveSource(self.specs)
        names = [one.name for one in self.specs]
        of = range(len(names))
        self.backed = BackedChecker(names, list(of), live=True) if len(names) > 1 else None
        self.ingestor = Ingestor(backed=self.backed, live=names)
        self.ticks: list[Ticks] = []
        self.trades: list[Trades] = []
        self.down: frozenset[int] = frozenset()

    async def until(self, condition: Callable[[], object], what: str) -> None:
        async with asyncio.timeout(30):
            while not condition():
                batch = self.source.pull(boot_ns(), wall_ns())
                if batch is not None:
                    result = self.ingestor.process(batch)
                    self.ticks += [result.ticks[at : at + 1] for at in range(len(result.ticks))]
                    self.trades.append(result.trades)
                    self.down = batch.down
                await asyncio.sleep(0.01)
        assert what

    async def quoted(self, bid: str, ask: str, *, server: int = 0, symbol: str = PERP) -> Ticks:
        """The stand-in quotes; the tick that came of it."""
        tick = a_quote(symbol, bid, ask)
        self.servers[server].quote(tick, wall_ns())
        await self.until(lambda: self.has(bid, ask), f"{bid}/{ask} heard")
        return self.ticks[-1]

    def has(self, bid: str, ask: str) -> bool:
        wanted = (to_nano(Decimal(bid)), to_nano(Decimal(ask)))
        return any((int(one["bid"][0]), int(one["ask"][0])) == wanted for one in self.ticks[-20:])

    def refused(self, reason: str) -> int:
        return int(self.ingestor.counters()["refused"].get(reason, 0))

    @property
    def standing(self) -> dict[str, object]:
        return dict(self.source.state()["live"][0])


def a_quote(symbol: str, bid: str, ask: str) -> Ticks:
    tick = empty(1)
    tick["instrument"], tick["time"] = UNIVERSE.by_symbol(symbol).id, wall_ns()
    tick["bid"], tick["ask"] = to_nano(Decimal(bid)), to_nano(Decimal(ask))
    tick["bid_size"], tick["ask_size"] = 3 * NS // 2, 2 * NS
    return tick


@asynccontextmanager
async def desk_of(folder: Path, count: int = 1) -> AsyncIterator[Desk]:
    servers = [KrakenFutures(folder / f"{number}.sqlite", {}) for number in range(count)]
    for one in servers:
        one.quote(a_quote(PERP, "61000.1", "61000.2"), wall_ns())
        await one.start()
    desk = Desk(servers)
    try:
        yield desk
    finally:
        await asyncio.to_thread(desk.source.close)
        for one in servers:
            await one.stop()


def test_whatever_the_exchange_does_what_passes_is_its_market(tmp_path: Path) -> None:
    asyncio.run(_day(tmp_path))


async def _day(folder: Path) -> None:
    async with desk_of(folder) as desk:
        [server] = desk.servers
        server.streams.away = True
        await desk.until(lambda: desk.has("61000.1", "61000.2"), "REST, at the start")
        tick = await desk.quoted("61000.2", "61000.4")
        assert (int(tick["bid_size"][0]), int(tick["ask_size"][0])) == (3 * NS // 2, 2 * NS)
        server.quote(a_quote("EURUSD", "5000000000", "5000000001"), wall_ns())
        await desk.until(lambda: desk.refused("malformed"), "a number that is too large")
        await desk.quoted("61000.3", "61000.4")
        server.quote(a_quote("EURUSD", "1.15399", "1.154"), wall_ns())
        server.streams.away = False
        await desk.until(lambda: desk.standing["stream"], "the stream")
        await desk.quoted("1.15401", "1.15402", symbol="EURUSD")
        await _messages(desk, server)
        await _breaks(desk, server)
        assert set(desk.ingestor.counters()["refused"]) == {"crossed", "malformed", "halted"}
        perp = UNIVERSE.by_symbol(PERP).id
        times = [one for one in desk.ticks if one["instrument"][0] == perp]
        assert (np.diff(np.concatenate(times)["time"]) >= 0).all()
        assert 0 <= desk.ingestor.standing(wall_ns())["skew"][desk.specs[0].name] < NS
        server.streams.ahead_ns = 5 * NS
        server.quote(a_quote(PERP, "61900.1", "61900.2"), wall_ns())
        await desk.until(lambda: desk.refused("ahead"), "a quote from the future")
        assert desk.ingestor.standing(wall_ns())["skew"][desk.specs[0].name] < -3 * NS


async def _messages(desk: Desk, server: KrakenFutures) -> None:
    """What comes on one connection."""
    opened = server.streams.opened
    server.streams.trade("PF_XBTUSD", "sell", "0.25", "61000.3")
    server.streams.trade("PF_XBTUSD", "buy", "0.5", "61000.4")
    tick = await desk.quoted("61000.5", "61000.6")
    told = np.concatenate(desk.trades)
    assert [(int(one["side"]), int(one["price"]), int(one["size"])) for one in told] == [
        (-1, 61_000_300_000_000, NS // 4), (1, 61_000_400_000_000, NS // 2),
    ]  # fmt: skip
    volumes = sum(int(one["volume"][0]) for one in desk.ticks)
    assert volumes == 3 * NS // 4 >= int(tick["volume"][0])
    server.streams.quote("PF_XBTUSD", (Decimal(61009), Decimal(1)), (Decimal(61008), Decimal(1)))
    await desk.until(lambda: desk.refused("crossed"), "a crossed quote")
    before = desk.refused("malformed")
    server.streams.say("<html>")
    server.streams.say('{"feed":"ticker","product_id":"PF_XBTUSD"}')
    server.streams.say('{"feed":"trade","product_id":"PF_XBTUSD","qty":"much"}')
    server.streams.say('{"feed":"ticker","product_id":"PF_XBTUSD","time":1e30}')
    much = {"feed": "trade", "product_id": "PF_XBTUSD", "time": 1, "side": "buy", "price": 1}
    server.streams.say(json.dumps({**much, "qty": 1e10}))
    server.streams.say('{"feed":"book","product_id":"PF_NOSUCH","seq":1}')
    await desk.until(lambda: desk.refused("malformed") >= before + 5, "nonsense")
    await desk.quoted("61001.1", "61001.2")
    for fault in (server.streams.suspended, server.streams.post_only):
        fault.add("PF_XBTUSD")
        before = desk.refused("halted")
        server.quote(a_quote(PERP, "61001.3", "61001.4"), wall_ns())
        await desk.until(lambda: desk.refused("halted") > before, "a halt")  # noqa: B023
        server.quote(a_quote(PERP, "61001.5", "61001.6"), wall_ns())
        fault.clear()
        await desk.quoted("61001.7", "61001.8")
        assert not desk.has("61001.5", "61001.6")
    assert server.streams.opened == opened


async def _breaks(desk: Desk, server: KrakenFutures) -> None:
    """What ends a connection, and what is heard meanwhile."""
    opened = server.streams.opened
    server.streams.lose("PF_XBTUSD")
    server.quote(a_quote(PERP, "61002.1", "61002.2"), wall_ns())
    await desk.until(lambda: server.streams.opened == opened + 1, "a new book after a gap")
    await desk.until(lambda: desk.has("61002.1", "61002.2"), "its snapshot")
    server.streams.cut()
    await desk.until(lambda: server.streams.opened == opened + 2, "a new stream after a cut")
    await desk.quoted("61003.1", "61003.2")
    # It answers pings and says nothing: REST is asked, and the stream made anew.
    server.streams.silent = True
    server.faults.limited = 1
    await desk.quoted("61004.1", "61004.2")
    await desk.until(lambda: server.streams.opened > opened + 2, "another stream after silence")
    assert server.requests.count("tickers") > 1
    server.streams.silent = False
    await desk.until(lambda: desk.standing["stream"], "the stream again")
    await desk.quoted("61005.1", "61005.2")
    port = server.port
    await server.stop_listening()
    await desk.until(lambda: desk.down == {0}, "nobody there")
    asked = server.requests.count("tickers")
    server.streams.away = True
    await server.start(port)
    await desk.quoted("61006.1", "61006.2")
    await desk.until(lambda: not desk.down, "back")
    assert server.requests.count("tickers") > asked, "by REST, while it has no stream"
    server.streams.away = False
    await desk.until(lambda: desk.standing["stream"], "the stream once more")


def test_a_backup_is_passed_on_while_the_first_is_away(tmp_path: Path) -> None:
    asyncio.run(_backup(tmp_path))


async def _backup(folder: Path) -> None:
    async with desk_of(folder, 2) as desk:
        first, second = desk.servers
        assert desk.backed is not None
        await desk.until(lambda: desk.ticks, "the first")
        port = first.port
        await first.stop_listening()
        await desk.until(lambda: desk.down == {0}, "the first is away")
        await desk.quoted("61010.1", "61010.2", server=1)
        assert desk.backed.arbiter.standing()[PERP]["why"] == "disconnected"
        assert {int(one["source"][0]) for one in desk.ticks[-1:]} == {1}
        await first.start(port)
        await desk.until(lambda: not desk.down, "the first is back")
        second.streams.suspended.add("PF_XBTUSD")
        second.quote(a_quote(PERP, "61010.2", "61010.3"), wall_ns())
        await desk.until(lambda: desk.refused("halted"), "a halt where it is quoted")
        for one in (first, second):
            one.streams.trade("PF_XBTUSD", "buy", "1", "61010.2")
        passed, halted = len(desk.ticks), desk.refused("halted")
        stood_by = desk.ingestor.counters()["standby"]
        for one in (first, second):
            one.quote(a_quote(PERP, "61010.3", "61010.4"), wall_ns())
        await desk.until(lambda: desk.refused("halted") > halted, "the halted one")
        await desk.until(lambda: desk.ingestor.counters()["standby"] > stood_by, "the other")
        assert len(desk.ticks) == passed
        assert [int(one["source"]) for one in np.concatenate(desk.trades)] == [1]


def test_what_is_heard_in_an_outage_is_lost_but_for_halts(tmp_path: Path) -> None:
    asyncio.run(_outage(tmp_path))


async def _outage(folder: Path) -> None:
    async with desk_of(folder) as desk:
        [server] = desk.servers
        await desk.until(lambda: desk.standing["stream"], "the stream")
        await desk.quoted("61020.1", "61020.2")
        heard = desk.source._heard
        server.quote(a_quote(PERP, "61020.3", "61020.4"), wall_ns())
        server.streams.suspended.add("PF_XBTUSD")
        server.streams.trade("PF_XBTUSD", "buy", "1", "61020.3")
        server.quote(a_quote(PERP, "61020.5", "61020.6"), wall_ns())
        await asyncio.to_thread(
            until, lambda: any(isinstance(one, Quote) and one.halted for _, one in list(heard))
        )
        desk.source.resume(boot_ns())
        assert not heard
        server.streams.tell_ticker("PF_XBTUSD")
        await desk.until(lambda: desk.refused("halted"), "the halt, again")
        assert not desk.has("61020.3", "61020.4")
        assert sum(map(len, desk.trades)) == 0
        server.streams.suspended.clear()
        await desk.quoted("61020.7", "61020.8")


@pytest.mark.django_db(transaction=True)
def test_a_live_feed_is_hosted_like_any_other(
    own_redis: OwnRedis, start_feed: Start, tmp_path: Path
) -> None:
    asyncio.run(_hosted(own_redis, start_feed, tmp_path))


async def _hosted(own: OwnRedis, start_feed: Start, folder: Path) -> None:
    redis, server = own.client(), KrakenFutures(folder / "venue.sqlite", {})
    server.quote(a_quote(PERP, "61000.1", "61000.2"), wall_ns())
    await server.start()
    spec = f"ccxt:krakenfutures@{server.address}:{SYMBOLS}"

    async def heard(condition: Callable[[], Any]) -> None:
        await asyncio.to_thread(until, condition, seconds=40)

    first = start_feed(spec)
    await heard(lambda: any(len(one.ticks) for one in entries(redis)))
    await heard(lambda: feed_state(redis)["source"]["live"][0]["stream"])
    server.streams.trade("PF_XBTUSD", "buy", "0.5", "61000.2")
    await heard(lambda: any(len(one.trades) for one in entries(redis)))
    state = feed_state(redis)
    assert (state["kind"], list(state["skew"])) == ("ccxt", [f"krakenfutures@{server.address}"])
    first.kill()
    second = start_feed(spec, token=2)
    server.quote(a_quote(PERP, "61001.1", "61001.2"), wall_ns())
    bid = to_nano(Decimal("61001.1"))
    await heard(lambda: any(bid in one.ticks["bid"] for one in entries(redis)))
    assert feed_state(redis)["session"] == state["session"]
    # Nobody is there: it gives no sign of life, so that this is an outage as of any feed.
    await server.stop()
    await heard(lambda: feed_state(redis)["lost"])
    count = published(redis)
    then = feed_state(redis)["at_wall"]
    await heard(lambda: feed_state(redis)["at_wall"] > then + 2 * NS)
    assert published(redis) == count
    assert second.stop() < 5


def test_what_is_wrong_with_a_source_can_be_said_whatever_is_in_it() -> None:
    [spec] = parse_feed(f"ccxt:krakenfutures@127.0.0.1:1:{SYMBOLS}", "1").live
    source = LiveSource([spec])
    source._clients[0]._trouble("ExchangeError: \0 \ud83d")
    said = msgspec.json.decode(msgspec.json.encode(source.state()))
    assert said["live"][0]["problem"] == "ExchangeError: \ufffd ?"


def test_a_desk_that_is_not_live_does_not_load_ccxt() -> None:
    code = (
        "import os, sys, django; django.setup(); import trading.feeds.hosted;"
        "from trading.feeds.spec import parse_feed;"
        "parse_feed('ccxt:krakenfutures:BTCUSDT-PERP=PF_XBTUSD', '1');"
        "assert not {'ccxt', 'aiohttp'} & set(sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "console.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        ("ccxt:binance:BTCUSDT=BTCUSDT", "names no exchange that is known here"),
        ("ccxt:krakenfutures:BTCUSDT-PERP", "must be SYMBOL=MARKET"),
        ("ccxt:krakenfutures:BTCEUR=PF_XBTEUR", "symbol 'BTCEUR' is not known"),
        ("ccxt:krakenfutures@here:BTCUSDT-PERP=PF_XBTUSD", "'here' is no HOST:PORT"),
        ("ccxt:krakenfutures:A=B|simulated", "'simulated' is no backup of a live feed"),
    ],
    ids=["exchange", "symbols", "unknown", "address", "backup"],
)
def test_a_source_that_cannot_be_followed_is_refused_with_what_to_do(feed: str, said: str) -> None:
    with pytest.raises(FeedSpecError, match="FEED: ") as caught:
        parse_feed(feed, "1")
    assert said in str(caught.value)


def test_a_live_feed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    one = "ccxt:krakenfutures:BTCUSDT-PERP=PF_XBTUSD"
    two = "ccxt:krakenfutures@127.0.0.1:8095:BTCUSDT-PERP=PF_XBTUSD"
    spec = parse_feed(f"{one}|{two}", "1")
    assert spec.sources == ("krakenfutures", "krakenfutures@127.0.0.1:8095")
    assert spec.live[0] == LiveSpec(
        "krakenfutures", "futures.kraken.com:443", {"BTCUSDT-PERP": "PF_XBTUSD"}
    )
    with pytest.raises(FeedSpecError, match="the same source is given twice"):
        parse_feed(f"{one}|{one}", "1")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(LiveSpecError, match="HALTLINE_VENUES=ccxt"):
        parse_live(one)
