"""Arbitrage across two accounts at two stand-ins for Kraken Futures, in real time.

Shard, gateway cores, their venue sessions and the ccxt adapter are the real ones; what is written
down counts as written at once. Faults strike the exchange of one leg.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from riskctl.holds import RULES, HoldFact
from riskctl.licence import NOT_AFTER_MS, Licence, Reading, StageFact
from riskctl.rules import Denial
from riskctl.triggers.specs import OPEN_LEG, SPECS
from tests.krakenfutures.server import KrakenFutures
from tests.venues.kraken_rig import NOTHING_BOOKED, credentials, keys
from tests.venues.rigs import a_tick
from trading.clock import boot_ns, wall_ns
from trading.gateway.core import GatewayCore
from trading.gateway.effects import CatchUpFills, Effect, LookUpOrder, Persist, SendCreate
from trading.gateway.session import BOOT_ID, VenueSession, now
from trading.gateway.telling import snapshot
from trading.messages import GatewayMessage
from trading.papervenue.protocol import Fault
from trading.portfolio.books import Books, PositionRow, StrategyRow
from trading.strategies.engine import ShardEngine
from trading.strategies.legs import NOTHING
from trading.strategies.parameters import read_parameters
from trading.strategies.specs import Clocks, StrategySpec
from trading.triggers.legs import LegWatch
from trading.universe import UNIVERSE
from trading.venues.base import VenueDisconnectedError
from trading.venues.ccxt_venue import KrakenFuturesVenue

D = Decimal
KEY, SHARD, TOKEN = "arb", "shard:0", 1
FIRST, SECOND = "BTCUSDT-PERP", "ETHUSDT"
PLACES = {FIRST: "paper-1", SECOND: "paper-2"}
BASE = D(3_000)
PARAMETERS = {
    "mean_s": 2.0, "warmup_ticks": 10, "enter": 2.0, "least_bp": 10.0, "patience_s": 1.0,
    "pause_s": 2.0,
}  # fmt: skip
TICK_S = 0.1
WIDE = D(10_000_000)


def _limits() -> dict[tuple[str, str], Decimal]:
    found = {("firm", kind): WIDE for kind in ("order-notional", "gross-notional")}
    found["firm", "price-collar"] = D(200)
    for account in PLACES.values():
        found[f"account:{account}", "gross-notional"] = WIDE
        found[f"account:{account}", "order-rate"] = D(1000)
    for kind in ("order-notional", "position-notional", "gross-notional"):
        found[f"strategy:{KEY}", kind] = WIDE
    for kind in ("open-orders", "order-rate"):
        found[f"strategy:{KEY}", kind] = D(200)
    return found


LIMITS = _limits()


class Leg:
    """One account: its stand-in, its gateway's core and its session."""

    def __init__(self, account: str, home: Path, tell: Callable[[Any], None]) -> None:
        self.account = account
        self.server = KrakenFutures(home / f"{account}.sqlite3", keys())
        self.core = GatewayCore(account=account, universe=UNIVERSE, licence=Licence(TOKEN))
        self.core.gate.spanning = frozenset({KEY})
        self._tell = tell
        self.task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self.server.start()
        self.venue = KrakenFuturesVenue(
            self.account, self.server.address, credentials(self.account), timeout_s=0.7, poll_s=0.3
        )
        self.venue.fills_known(NOTHING_BOOKED)
        self.session = VenueSession(
            core=self.core, venue=self.venue, dsn="", perform=self.perform, write=lambda _: None
        )
        self.task = asyncio.create_task(self.session.run())

    async def close(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
        await self.venue.close()
        await self.server.stop()

    def perform(self, effects: list[Effect]) -> None:
        """As the gateway's loop does it."""
        for effect in effects:
            if isinstance(effect, Persist):
                for message in effect.messages:
                    self._tell(message)
                if effect.release:
                    self._release(effect.release)
            elif isinstance(effect, SendCreate):
                self._send(effect)
            elif isinstance(effect, CatchUpFills | LookUpOrder):
                self.core.catching_up = True
                self.session.want_catch_up()
            elif self.venue.connected:
                self.venue.send_cancel(effect.client_order_id)

    def _release(self, order: str) -> None:
        connected = self.venue.connected and self.session.settled.is_set()
        not_after = self.venue.not_after(NOT_AFTER_MS) if connected else 0
        self.perform(self.core.release(order, now(), connected=connected, not_after_ns=not_after))

    def _send(self, effect: SendCreate) -> None:
        try:
            self.venue.send_create(effect.new_order)
        except VenueDisconnectedError as error:
            order = self.core.book.order(effect.new_order.client_order_id)
            assert order is not None
            denial = Denial("VENUE_DISCONNECTED", str(error))
            self.perform(self.core.refuse_unsent(order, denial, now()))


class KrakenLegs:
    """``basis_bp``: how far the second is from where it belongs, from the next tick on."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        self.spec = StrategySpec(
            KEY, "arbitrage", PLACES[FIRST], (FIRST, SECOND),
            read_parameters("arbitrage", PARAMETERS), D(20_000), PLACES[SECOND],
        )  # fmt: skip
        self._numbers = count(1)
        self.start_shard()
        self.legs = {one: Leg(one, home, self._tell) for one in PLACES.values()}
        self.row = StrategyRow(
            KEY, "arbitrage", "tomas", PLACES[FIRST], "Kraken", False, 0, (FIRST, SECOND),
            PLACES[SECOND],
        )  # fmt: skip
        self.watch = LegWatch(UNIVERSE)
        self.basis_bp = 0.0
        self.open_s = D(0)
        self.named: list[str] = []
        self.held = False
        self._number = 0

    def start_shard(self) -> None:
        """Anew: it knows nothing but what the gateways tell."""
        self.engine = ShardEngine(
            [self.spec], UNIVERSE, shard=SHARD, token=TOKEN,
            ids=lambda: f"n{next(self._numbers)}", clocks=Clocks(boot_ns, wall_ns, BOOT_ID),
        )  # fmt: skip

    def _tell(self, message: GatewayMessage) -> None:
        self.engine.on_gateway(message)

    @property
    def warm(self) -> bool:
        """Whether the shard's averages mean something."""
        (pair,) = self.engine._pairs
        return pair.measure.warm

    async def open(self) -> None:
        for one in self.legs.values():
            await one.open()
        for one in self.legs.values():
            await one.session.settled.wait()

    async def close(self) -> None:
        for one in self.legs.values():
            await one.close()

    def fault(self, leg: str, **wanted: Any) -> None:
        fault = Fault(id=0, account=PLACES[leg], **wanted)
        self.legs[PLACES[leg]].server.exchange.set_fault(fault, wall_ns())

    def clear(self) -> None:
        for one in self.legs.values():
            server = one.server
            server.well.set()
            server.faults.lose.clear()
            server.faults.status.clear()
            server.faults.limited, server.faults.stream = 0, ""
            server.exchange.faults.clear(None)
            server.exchange.engine.fill_caps = {}

    def lift(self) -> None:
        for one in self.legs.values():
            one.core.holds.open.clear()
        self.held = False

    async def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Tick until it is so; whether it was in time."""
        end = boot_ns() + int(seconds * 1e9)
        while boot_ns() < end:
            await self.tick()
            if true():
                return True
        return False

    async def tick(self) -> None:
        self._number += 1
        clock, boot = wall_ns(), boot_ns()
        jitter = D((self._number * 7919) % 5 - 2) / 10  # calm, but never still
        first = BASE + jitter
        second = (BASE * (1 + D(str(self.basis_bp)) / 10_000)).quantize(D("0.1"))
        ticks = np.concatenate(
            [
                a_tick(
                    FIRST, clock, f"{first - D('0.1'):f}", f"{first + D('0.1'):f}", "500", "500"
                ),
                a_tick(
                    SECOND, clock, f"{second - D('0.1'):f}", f"{second + D('0.1'):f}", "500", "500"
                ),
            ]
        )
        for one in self.legs.values():
            one.core.licence.renew(self._reading(boot))
            one.core.prices.on_ticks(ticks, clock, boot)
            one.server.quote(ticks, clock)
            one.perform([*one.core.on_time(now()), *one.core.take_back(now())])
            if one.session.settled.is_set():
                self.engine.on_gateway(snapshot(one.account, one.core.book, wall_ns()))
        for intent in self.engine.on_ticks(ticks, clock, boot):
            leg = self.legs[intent.account]
            leg.perform(leg.core.on_intent(intent, now()))
        self._look()
        await asyncio.sleep(TICK_S)

    @staticmethod
    def _reading(boot: int) -> Reading:
        return Reading(
            started_boot_ns=boot, lease_token=TOKEN, watchdog_age_ms=0.0, beat=1,
            shard_tokens={SHARD: TOKEN}, limits=LIMITS, holds=(), lifted=frozenset(),
            stages={KEY: StageFact("live", D(1))},
        )  # fmt: skip

    def positions(self) -> tuple[Decimal, Decimal]:
        first, second = (
            self.legs[PLACES[symbol]].core.book.holding(KEY, symbol).quantity
            for symbol in (FIRST, SECOND)
        )
        return first, second

    @property
    def sent(self) -> int:
        """Creates that reached an exchange."""
        return sum(one.server.requests.count("sendorder") for one in self.legs.values())

    @property
    def flat(self) -> bool:
        return self.positions() == NOTHING

    @property
    def paired(self) -> bool:
        first, second = self.positions()
        return first * second < 0 and not self.open_s

    def _look(self) -> None:
        """The trigger, and the hold it places at every gateway."""
        rows = tuple(
            PositionRow(account, KEY, symbol, held.quantity, held.cost, D(0), D(0), held.fills)
            for account, leg in self.legs.items()
            for (_, symbol), held in leg.core.book.holdings.items()
        )
        (reading,) = self.watch.readings(Books(strategies=(self.row,), positions=rows), boot_ns())
        assert reading.value is not None
        self.open_s = reading.value
        if self.open_s >= SPECS[OPEN_LEG].threshold and not self.held:
            self.held = True
            self.named.append(reading.detail)
            kind = SPECS[OPEN_LEG].kind
            fact = HoldFact(
                id=f"00000000-0000-0000-0000-{len(self.named):012d}", scope=f"strategy:{KEY}",
                kind=kind, mode=RULES[kind].mode, cancels=RULES[kind].cancels,
                protective_too=False, reason=reading.detail, placed_by="open-leg",
                actor_kind="trigger", placed_wall_ns=wall_ns(),
            )  # fmt: skip
            for one in self.legs.values():
                one.core.holds.learn(fact, boot_ns())

    def unaccounted(self) -> list[str]:
        """What an exchange holds and its gateway's books do not."""
        found = []
        for symbol, account in PLACES.items():
            leg = self.legs[account]
            said = leg.server.exchange.positions(account)["positions"]
            at_venue = {one["symbol"]: D(one["quantity"]) for one in said}  # type: ignore[attr-defined]
            ours = leg.core.book.holding(KEY, symbol).quantity
            if at_venue.get(symbol, D(0)) != ours:
                found.append(f"{account}: {at_venue} at the exchange, {ours} in the books")
        return found
