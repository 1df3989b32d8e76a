"""Venues under test: the real server process on loopback with real Redis ticks, and lock-step."""

import asyncio
import json
import os
import signal
import socket
import time
from decimal import Decimal
from pathlib import Path

from redis import Redis

from tests.support.processes import Started, start_python
from tests.venues.venue_contract import Desk, Rig
from trading.clock import NS, boot_ns, wall_ns
from trading.messages import Side
from trading.papervenue.admin import AdminClient
from trading.papervenue.protocol import Fault, InjectFill, InjectOrder
from trading.ticks import Ticks, empty, pack
from trading.universe import UNIVERSE, to_nano
from trading.venues.lockstep import LockstepExchange, LockstepVenue
from trading.venues.paper import PaperVenue

FEED_START = 1_700_000_000 * NS
CREDENTIALS = {
    name: {"key": f"key-of-{name}", "secret": f"secret-of-{name}"}
    for name in ("paper-1", "paper-2", "admin")
}


def a_tick(symbol: str, time_ns: int, *numbers: str) -> Ticks:
    """One tick: bid, ask, bid size, ask size."""
    tick = empty(1)
    tick["instrument"] = UNIVERSE.by_symbol(symbol).id
    tick["time"] = time_ns
    for name, number in zip(("bid", "ask", "bid_size", "ask_size"), numbers, strict=True):
        tick[name] = to_nano(Decimal(number))
    return tick


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class VenueProcess:
    """The paper venue as a real process, and a feed that publishes to it through Redis."""

    def __init__(self, home: Path, redis_url: str, *extra: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.storage = home / "venue.sqlite3"
        self.clock = FEED_START
        self.session = "one"
        self.redis = Redis.from_url(redis_url)
        self.stream, self.acks = f"d:ticks:{home.name}", f"d:acks:{home.name}"
        self._seen = "0-0"
        credentials = home / "credentials.json"
        credentials.write_text(json.dumps(CREDENTIALS))
        self._log = (home / "venue.log").open("ab")
        self.command = [
            "-m", "trading.papervenue", "--port", self.address.split(":")[1],
            "--storage", str(self.storage), "--credentials", str(credentials),
            "--redis-url", redis_url, "--ticks-stream", self.stream, "--acks-stream", self.acks,
            *extra,
        ]  # fmt: skip
        self.process = self._start()

    def _start(self) -> Started:
        process = start_python(*self.command, env=os.environ, stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                self.admin().close()
            except OSError:
                assert process.poll() is None, "the venue ended; see venue.log"
                time.sleep(0.02)
            else:
                return process
        raise TimeoutError("the venue did not come up in 20 s")

    def admin(self) -> AdminClient:
        return AdminClient(self.address, CREDENTIALS["admin"], timeout_s=3)

    def publish(self, ticks: Ticks, *, lock: bool = True) -> str:
        """Add one entry to the tick stream; its id."""
        fields: dict[str | bytes, object] = {
            "d": pack(ticks), "clk": self.clock, "boot": boot_ns(), "wall": wall_ns(),
            "bid": "boot", "s": self.session,
        }  # fmt: skip
        if lock:
            fields["lock"] = 1
        return str(self.redis.xadd(self.stream, fields).decode())  # type: ignore[arg-type, union-attr]

    def acknowledged(self, ident: str) -> None:
        """Return when the venue acknowledged the entry. Raises TimeoutError after 5 s."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            for _, entries in self.redis.xread({self.acks: self._seen}, block=500):  # type: ignore[union-attr]
                for mine, fields in entries:
                    self._seen = mine
                    if fields == {b"who": b"papervenue", b"id": ident.encode()}:
                        return
        raise TimeoutError(f"the venue did not acknowledge {ident}")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)

    def restart(self) -> None:
        self.process = self._start()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(15)
        self.redis.delete(self.stream, self.acks)
        self.redis.close()
        self._log.close()


class TcpRig:
    """The TCP adapter against the process."""

    by_reading = False

    def __init__(self, process: VenueProcess) -> None:
        self.process = process

    async def desk(self, account: str = "paper-1") -> Desk:
        venue = PaperVenue(account, self.process.address, CREDENTIALS[account], timeout_s=0.7)
        desk = Desk(venue)
        await venue.connect(desk.events.append)
        return desk

    async def quote(
        self, symbol: str, bid: str, ask: str, bid_size: str = "0", ask_size: str = "0", *,
        after_s: float = 0.1,
    ) -> None:  # fmt: skip
        self.process.clock += int(after_s * NS)
        tick = a_tick(symbol, self.process.clock, bid, ask, bid_size, ask_size)
        self.process.acknowledged(self.process.publish(tick))

    async def settle(self, desk: Desk) -> None:
        await desk.venue.ping()

    async def fault(self, **faults: object) -> None:
        with self.process.admin() as admin:
            admin.fault("paper-1", **faults)

    async def stall(self) -> None:
        await self.fault(stall_s=60)

    async def well(self) -> None:
        with self.process.admin() as admin:
            admin.clear_faults()

    async def cut(self, desk: Desk) -> None:
        await self.fault(disconnect_after=1)
        try:
            await desk.venue.ping()
        except ConnectionError:
            return
        raise AssertionError("the venue kept the connection")

    async def kill(self, desk: Desk) -> None:
        self.process.kill()
        try:
            await desk.venue.ping()
        except ConnectionError:
            self.process.restart()
            return
        raise AssertionError("a killed venue answered")

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def move_clock(self, offset_ms: int) -> None:
        with self.process.admin() as admin:
            admin.move_clock(offset_ms)

    async def inject_fill(self, symbol: str, side: Side, quantity: str, price: str) -> str:
        with self.process.admin() as admin:
            said = admin.inject_fill("paper-1", symbol, side, quantity, price)
        return str(said["client_order_id"])

    async def inject_order(self, symbol: str, side: Side, quantity: str, limit_price: str) -> str:
        with self.process.admin() as admin:
            said = admin.inject_order("paper-1", symbol, side, quantity, limit_price)
        return str(said["client_order_id"])

    def log_kinds(self) -> list[str]:
        with self.process.admin() as admin:
            return [one["kind"] for one in admin.log("paper-1")]

    def accepted_creates(self) -> list[str]:
        with self.process.admin() as admin:
            log = admin.log("paper-1")
        return [one["client_order_id"] for one in log if one["kind"] == "accepted"]


class LockstepRig:
    """The in-process adapter; its clock moves with the quotes."""

    by_reading = False

    def __init__(self, storage: Path) -> None:
        self._storage = storage
        self.exchange = LockstepExchange(storage=storage)
        self.exchange.now_ns = FEED_START
        self._desks: list[Desk] = []

    async def desk(self, account: str = "paper-1") -> Desk:
        venue = LockstepVenue(account, self.exchange)
        desk = Desk(venue)
        await venue.connect(desk.events.append)
        self._desks.append(desk)
        return desk

    async def quote(
        self, symbol: str, bid: str, ask: str, bid_size: str = "0", ask_size: str = "0", *,
        after_s: float = 0.1,
    ) -> None:  # fmt: skip
        now = self.exchange.now_ns + int(after_s * NS)
        self.exchange.advance(a_tick(symbol, now, bid, ask, bid_size, ask_size), now)

    async def settle(self, desk: Desk) -> None:
        self.exchange.settle()

    async def fault(self, **faults: object) -> None:
        fault = Fault(id=0, account="paper-1", **faults)  # type: ignore[arg-type]
        self.exchange.exchange.set_fault(fault, self.exchange.now_ns)

    def _venues(self) -> list[LockstepVenue]:
        return list(self.exchange.venues.values())

    async def stall(self) -> None:
        for venue in self._venues():
            venue.stalled = True

    async def well(self) -> None:
        self.exchange.exchange.faults.clear(None)
        self.exchange.exchange.engine.fill_caps = {}
        for venue in self._venues():
            venue.resume()

    async def cut(self, desk: Desk) -> None:
        assert isinstance(desk.venue, LockstepVenue)
        desk.venue.disconnect()

    async def kill(self, desk: Desk) -> None:
        await self.cut(desk)
        now = self.exchange.now_ns
        self.exchange.close()
        self.exchange = LockstepExchange(storage=self._storage)
        self.exchange.now_ns = now

    async def wait(self, seconds: float) -> None:
        self.exchange.advance(empty(0), self.exchange.now_ns + int(seconds * NS))

    async def move_clock(self, offset_ms: int) -> None:
        self.exchange.exchange.move_clock(offset_ms, self.exchange.now_ns)

    async def inject_fill(self, symbol: str, side: Side, quantity: str, price: str) -> str:
        return self._inject(
            InjectFill(
                id=0, account="paper-1", symbol=symbol, side=side.value, quantity=quantity,
                price=price,
            ),
            "fill",
        )  # fmt: skip

    async def inject_order(self, symbol: str, side: Side, quantity: str, limit_price: str) -> str:
        return self._inject(
            InjectOrder(
                id=0, account="paper-1", symbol=symbol, side=side.value, quantity=quantity,
                limit_price=limit_price,
            ),
            "order",
        )  # fmt: skip

    def _inject(self, request: InjectFill | InjectOrder, kind: str) -> str:
        body = self.exchange.exchange.inject(request, self.exchange.now_ns)[kind]
        assert isinstance(body, dict)
        return str(body["client_order_id"])

    def log_kinds(self) -> list[str]:
        log = self.exchange.exchange.storage.log("paper-1", 0, 1000)
        return [str(one["kind"]) for one in log]

    def accepted_creates(self) -> list[str]:
        log = self.exchange.exchange.storage.log("paper-1", 0, 1000)
        return [str(one["client_order_id"]) for one in log if one["kind"] == "accepted"]


def redis_url() -> str:
    return os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")


__all__ = ["LockstepRig", "Rig", "TcpRig", "VenueProcess", "redis_url"]
