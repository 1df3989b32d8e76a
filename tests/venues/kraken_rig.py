"""The ccxt adapter against the Kraken Futures stand-in, over TCP on loopback, as a contract rig."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.krakenfutures.server import KrakenFutures
from tests.krakenfutures.words import symbols_text
from tests.venues.rigs import FEED_START, a_tick
from tests.venues.venue_contract import Desk
from trading.clock import NS, wall_ns
from trading.messages import Side
from trading.papervenue.protocol import Fault, InjectFill, InjectOrder
from trading.universe import UNIVERSE
from trading.venues.base import KnownFills
from trading.venues.ccxt_venue import CcxtVenue, KrakenFuturesVenue

ACCOUNTS = ("paper-1", "paper-2")
NOTHING_BOOKED = KnownFills(0, {}, 0)


def secret_of(account: str) -> str:
    return base64.b64encode(f"secret-of-{account}".encode() * 3).decode()


def keys() -> dict[str, tuple[str, str]]:
    return {f"key-of-{one}": (one, secret_of(one)) for one in ACCOUNTS}


def credentials(account: str = "paper-1") -> dict[str, str]:
    return {
        "key": f"key-of-{account}", "secret": secret_of(account),
        "symbols": symbols_text(UNIVERSE),
    }  # fmt: skip


def played(home: Path, scene: Callable[["KrakenRig"], Awaitable[None]]) -> None:
    """``scene`` at a stand-in of its own."""

    async def run() -> None:
        rig = KrakenRig(home / "venue.sqlite3")
        await rig.open()
        try:
            async with asyncio.timeout(60):
                await scene(rig)
        finally:
            await rig.shut()

    asyncio.run(run())


async def reader_rests(desk: Desk) -> None:
    """The adapter asks nothing by itself from now on."""
    assert isinstance(desk.venue, CcxtVenue)
    for task in (desk.venue._reader, desk.venue._streaming):
        assert task is not None
        task.cancel()
        await asyncio.wait([task])


class KrakenRig:
    """``by_reading``: this adapter hears by reading, so a lost answer's fills are heard too."""

    by_reading = True

    def __init__(self, storage: Path) -> None:
        self._storage = storage
        self.clock = FEED_START
        self._port = 0
        self.server = KrakenFutures(storage, keys())
        self._desks: list[Desk] = []

    async def open(self) -> None:
        await self.server.start(self._port)
        self._port = self.server.port

    async def shut(self) -> None:
        for desk in self._desks:
            await desk.venue.close()
        await self.server.stop()

    async def desk(
        self, account: str = "paper-1", poll_s: float = 0.1, timeout_s: float = 0.7
    ) -> Desk:
        venue = KrakenFuturesVenue(
            account, self.server.address, credentials(account), timeout_s=timeout_s, poll_s=poll_s
        )
        venue.fills_known(NOTHING_BOOKED)
        desk = Desk(venue)
        await venue.connect(desk.events.append)
        self._desks.append(desk)
        return desk

    async def quote(
        self, symbol: str, bid: str, ask: str, bid_size: str = "0", ask_size: str = "0", *,
        after_s: float = 0.1,
    ) -> None:  # fmt: skip
        await asyncio.sleep(0.02)  # what was sent before is there before
        self.clock += int(after_s * NS)
        self.server.quote(a_tick(symbol, self.clock, bid, ask, bid_size, ask_size), self.clock)

    async def settle(self, desk: Desk) -> None:
        assert isinstance(desk.venue, CcxtVenue)
        await desk.venue.settled()

    async def fault(self, **faults: object) -> None:
        fault = Fault(id=0, account="paper-1", **faults)  # type: ignore[arg-type]
        self.server.exchange.set_fault(fault, wall_ns())

    async def stall(self) -> None:
        self.server.well.clear()

    async def well(self) -> None:
        self.server.well.set()
        self.server.exchange.faults.clear(None)
        self.server.exchange.engine.fill_caps = {}

    async def cut(self, desk: Desk) -> None:
        self.server.cut()
        await self._lost(desk)

    async def kill(self, desk: Desk) -> None:
        await self.server.stop()
        await self._lost(desk)
        self.server = KrakenFutures(self._storage, keys())
        await self.open()

    async def _lost(self, desk: Desk) -> None:
        async with asyncio.timeout(20):
            while desk.venue.connected:  # noqa: ASYNC110 - the far end tells nobody
                await asyncio.sleep(0.01)

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def move_clock(self, offset_ms: int) -> None:
        self.server.exchange.move_clock(offset_ms, wall_ns())
        self.server.settle()

    async def inject_fill(self, symbol: str, side: Side, quantity: str, price: str) -> str:
        await asyncio.sleep(0.02)
        return self._inject(
            InjectFill(
                id=0, account="paper-1", symbol=symbol, side=side.value, quantity=quantity,
                price=price,
            ),
            "fill",
        )  # fmt: skip

    async def inject_order(self, symbol: str, side: Side, quantity: str, limit_price: str) -> str:
        await asyncio.sleep(0.02)
        return self._inject(
            InjectOrder(
                id=0, account="paper-1", symbol=symbol, side=side.value, quantity=quantity,
                limit_price=limit_price,
            ),
            "order",
        )  # fmt: skip

    def _inject(self, request: InjectFill | InjectOrder, kind: str) -> str:
        body = self.server.exchange.inject(request, wall_ns())[kind]
        self.server.settle()
        assert isinstance(body, dict)
        return str(body["client_order_id"])

    def log_kinds(self) -> list[str]:
        return [str(one["kind"]) for one in self._log()]

    def accepted_creates(self) -> list[str]:
        return [str(one["client_order_id"]) for one in self._log() if one["kind"] == "accepted"]

    def _log(self) -> list[dict[str, object]]:
        return self.server.exchange.storage.log("paper-1", 0, 1000)
