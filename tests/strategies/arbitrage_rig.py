"""Spot against perpetual, through the real shard, gateway core and paper exchange, with faults.

One process, one clock, a step every tenth of a second. What the live gateway does round its core
(time-outs, asking the venue about what is in doubt, fetching missed fills) is done here as there;
the trigger of open legs reads the books as it does on the desk, and its hold is told to the core.
"""

from collections.abc import Coroutine
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

from riskctl.holds import RULES, HoldFact, Kind
from riskctl.triggers.specs import OPEN_LEG, SPECS
from tests.feeds.builders import raw_rows
from trading.feeds.raw import RawBatch
from trading.gateway.core import GatewayCore
from trading.gateway.effects import CatchUpFills, Effect
from trading.lockstep import BOOT_ID, SHARD, TOKEN, Lockstep
from trading.papervenue.protocol import ClearFaults, Fault
from trading.portfolio.books import Books, PositionRow, StrategyRow
from trading.strategies.engine import ShardEngine
from trading.strategies.parameters import read_parameters
from trading.strategies.specs import Clocks, StrategySpec
from trading.strategies.terms import full_terms
from trading.triggers.legs import LegWatch
from trading.universe import UNIVERSE, to_nano
from trading.venues.base import Filled, VenueEvent

D = Decimal
NS = 1_000_000_000
START = 1_723_104_000 * NS
STEP_S = 0.1
KEY, ACCOUNT, SPOT, PERP = "arb", "paper-2", "BTCUSDT", "BTCUSDT-PERP"
OTHER = "paper-1"
PARAMETERS = {
    "mean_s": 5.0, "warmup_ticks": 20, "enter": 2.0, "least_bp": 10.0, "pause_s": 5.0,
}  # fmt: skip

T = TypeVar("T")


def limits() -> dict[tuple[str, str], Decimal]:
    wide = D(10_000_000)
    found = {("firm", kind): wide for kind in ("order-notional", "gross-notional")}
    found["firm", "price-collar"] = D(200)
    for account in (ACCOUNT, OTHER):
        found[f"account:{account}", "gross-notional"] = wide
        found[f"account:{account}", "order-rate"] = D(1000)
    for kind in ("order-notional", "position-notional", "gross-notional"):
        found[f"strategy:{KEY}", kind] = wide
    for kind in ("open-orders", "order-rate"):
        found[f"strategy:{KEY}", kind] = D(100)
    return found


def at_once(waiting: Coroutine[Any, Any, T]) -> T:
    """The answer of a venue in this process, which never waits."""
    try:
        waiting.send(None)
    except StopIteration as stopped:
        return stopped.value  # type: ignore[no-any-return]
    raise AssertionError("it waits")


class ArbitrageRig(Lockstep):
    """``basis_bp``: of the perpetual over ``spot``, from the next step on. ``second``: the account
    of the perpetual, when it is another; faults strike ``struck``."""

    def __init__(self, second: str = "", struck: str = ACCOUNT) -> None:
        spec = StrategySpec(
            KEY, "arbitrage", ACCOUNT, (SPOT, PERP), read_parameters("arbitrage", PARAMETERS),
            D(50_000), second,
        )  # fmt: skip
        super().__init__([spec], limits())
        self.spec = spec
        self.core = self.cores[ACCOUNT]
        self.struck = struck
        self.places = {SPOT: ACCOUNT, PERP: second or ACCOUNT}
        self.row = StrategyRow(
            KEY, "arbitrage", "tomas", ACCOUNT, "Paper Two", False, 0, (SPOT, PERP), second
        )
        self.spot = D("91200.00")
        self.basis_bp = 1.0
        self.quiet: set[str] = set()
        self.seconds = 0.0
        self.watch = LegWatch(UNIVERSE)
        self.open_s = D(0)
        self.named = ""
        self.most_open_s = D(0)
        self._cut = False
        self._number = self._holds = self._starts = 0

    # The market -------------------------------------------------------------------------------

    def runs(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.tick()

    def nothing_comes(self, seconds: float) -> None:
        """A night, a halt, a feed that was away."""
        self._number += round(seconds / STEP_S)

    def tick(self) -> None:
        self._number += 1
        self.seconds = self._number * STEP_S
        clock = START + self._number * NS // 10
        jitter = (self._number * 7919) % 5 - 2  # calm, but never still
        spot = self.spot + D(jitter) / 10
        perp = (spot * (1 + D(str(self.basis_bp)) / 10_000)).quantize(D("0.1"))
        rows = [
            (symbol, clock, to_nano(mid - half), to_nano(mid + half), clock)
            for symbol, mid, half in ((SPOT, spot, D("0.01")), (PERP, perp, D("0.1")))
            if symbol not in self.quiet
        ]
        self._heal()
        self.step(RawBatch(raw_rows(rows), clock))
        self._heal()
        self._look()

    # Faults -----------------------------------------------------------------------------------

    def fault(self, **wanted: Any) -> None:
        fault = Fault(id=1, account=self.struck, **wanted)
        self.exchange.exchange.set_fault(fault, self.exchange.now_ns)

    def clear(self) -> None:
        self.exchange.exchange.clear_faults(ClearFaults(id=1), self.exchange.now_ns)
        self.quiet.clear()
        for venue in self._venues.values():
            venue.resume()

    def restart_shard(self) -> None:
        """Its successor knows nothing but what the gateways tell."""
        self._starts += 1
        numbers = count(1)
        self.engine = ShardEngine(
            [self.spec], UNIVERSE, shard=SHARD, token=TOKEN,
            ids=lambda: f"s{self._starts}-{next(numbers)}",
            clocks=Clocks(lambda: self._clock_ns, lambda: self._clock_ns, BOOT_ID),
        )  # fmt: skip

    def size(self, size: int) -> None:
        """Set as on the desk, between two ticks."""
        self.spec = replace(self.spec, size_notional=D(size))
        for intent in self.engine.apply({KEY: full_terms(self.spec)}):
            self._on_intent(intent)

    def stall(self) -> None:
        self._venues[self.struck].stalled = True

    def hold(self, scope: str, reason: str, kind: Kind = Kind.KILL) -> None:
        """Told to the gateways, as a stop is."""
        self._holds += 1
        known = self._holds
        fact = HoldFact(
            id=f"00000000-0000-0000-0000-{known:012d}", scope=scope, kind=kind,
            mode=RULES[kind].mode, cancels=RULES[kind].cancels, protective_too=False,
            reason=reason, placed_by="ada", actor_kind="person", placed_wall_ns=known,
        )  # fmt: skip
        for core in self.cores.values():
            core.holds.learn(fact, self._clock_ns)

    def lift(self) -> None:
        for core in self.cores.values():
            core.holds.open.clear()
        self.named = ""

    # What the live gateway does round its core --------------------------------------------------

    def _on_event(self, account: str, event: VenueEvent) -> None:
        self._perform(account, self.cores[account].on_venue_event(event, self._now()))

    def _perform(self, account: str, effects: Any) -> None:
        found: list[Effect] = list(effects)
        if any(isinstance(one, CatchUpFills) for one in found):
            self.cores[account].catching_up = True
        super()._perform(account, [one for one in found if not isinstance(one, CatchUpFills)])

    def _heal(self) -> None:
        for account, core in self.cores.items():
            self._perform(account, core.on_time(self._now()))
            if not self._venues[account].stalled:
                self._heal_one(account, core)

    def _heal_one(self, account: str, core: GatewayCore) -> None:
        venue = self._venues[account]
        self._catch_up(account, core)
        for order in core.unresolved():
            answer = at_once(venue.order_status(order.client_order_id))
            effects = core.on_status(order, answer, self._now())
            if any(isinstance(one, CatchUpFills) for one in effects):
                core.catching_up = True
                self._catch_up(account, core)
                answer = at_once(venue.order_status(order.client_order_id))
                effects = core.on_status(order, answer, self._now())
            self._perform(account, effects)
        self.exchange.settle()
        held = {one.symbol: one.quantity for one in at_once(venue.positions()) if one.quantity}
        core.confirmed.on_reading(held, self._clock_ns, core.book)

    def _catch_up(self, account: str, core: GatewayCore) -> None:
        venue = self._venues[account]
        while core.catching_up:
            fills: list[Filled] = at_once(venue.fills_since(core.book.fill_sequence))
            for fill in fills:
                self._perform(account, core.book_fill(fill, self._now()))
            if not fills:
                self._perform(account, core.catch_up_done(self._now()))

    # The other half of the rule -----------------------------------------------------------------

    def positions(self) -> tuple[Decimal, Decimal]:
        first, second = (
            self.cores[self.places[symbol]].book.holding(KEY, symbol).quantity
            for symbol in (SPOT, PERP)
        )
        return first, second

    def _look(self) -> None:
        rows = tuple(
            PositionRow(account, KEY, symbol, one.quantity, one.cost, D(0), D(0), one.fills)
            for account, core in self.cores.items()
            for (_, symbol), one in core.book.holdings.items()
        )
        books = Books(strategies=(self.row,), positions=rows)
        (reading,) = self.watch.readings(books, self._clock_ns)
        assert reading.value is not None
        self.open_s = reading.value
        self.most_open_s = max(self.most_open_s, self.open_s)
        if self.open_s >= SPECS[OPEN_LEG].threshold and not self.named:
            self.named = reading.detail
            self.hold(f"strategy:{KEY}", reading.detail, SPECS[OPEN_LEG].kind)
