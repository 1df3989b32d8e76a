"""A gateway core with quotes, limits and a licence, and the intents and events to drive it."""

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from riskctl.licence import Licence, Reading, StageFact
from trading.clock import utc_from_ns
from trading.gateway.admission import Now
from trading.gateway.core import GatewayCore
from trading.gateway.effects import Effect, OrderRow, Persist, SendCreate
from trading.messages import CancelIntent, OrderIntent, OrderType, Side, TimeInForce
from trading.sessions import Sessions
from trading.ticks import empty
from trading.universe import UNIVERSE, to_nano
from trading.venues.base import Filled, NewOrder

D = Decimal
ACCOUNT, STRATEGY, SYMBOL, SHARD = "paper-1", "mom-eurusd", "EURUSD", "shard:0"
TOKEN, SHARD_TOKEN = 4, 9
FEED_TIME = 1_400_000_000 * 10**9
LIMITS: dict[tuple[str, str], Decimal] = {
    ("firm", "order-notional"): D(1_000_000),
    ("firm", "gross-notional"): D(5_000_000),
    ("firm", "price-collar"): D(100),
    (f"account:{ACCOUNT}", "gross-notional"): D(3_000_000),
    (f"account:{ACCOUNT}", "order-rate"): D(1_000),
    (f"strategy:{STRATEGY}", "order-notional"): D(500_000),
    (f"strategy:{STRATEGY}", "position-notional"): D(500_000),
    (f"strategy:{STRATEGY}", "gross-notional"): D(1_000_000),
    (f"strategy:{STRATEGY}", "open-orders"): D(20),
    (f"strategy:{STRATEGY}", "order-rate"): D(1_000),
}


@dataclass
class Rig:
    """A core, its clock and everything it asked for."""

    core: GatewayCore = field(init=False)
    boot_ns: int = 10**12
    wall_ns: int = 1_800_000_000 * 10**9
    sent: list[NewOrder] = field(default_factory=list)
    persisted: list[Persist] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    venue: str = "Paper One"
    rehearsal: bool = False
    since_boot_ns: int = 0
    sessions: Sessions | None = None

    def __post_init__(self) -> None:
        self.core = GatewayCore(
            account=ACCOUNT, universe=UNIVERSE, licence=Licence(TOKEN), venue=self.venue,
            rehearsal=self.rehearsal, since_boot_ns=self.since_boot_ns, sessions=self.sessions,
        )  # fmt: skip
        self.license()
        self.funded()
        self.quote("1.10000", "1.10010")

    def now(self) -> Now:
        return Now(self.boot_ns, self.wall_ns, "boot")

    def later(self, ms: float) -> None:
        self.boot_ns += int(ms * 1e6)
        self.wall_ns += int(ms * 1e6)

    def license(self, limits: dict[tuple[str, str], Decimal] | None = None) -> None:
        self.core.licence.renew(self.reading(limits=limits or LIMITS))

    def funded(self, at_boot_ns: int = 0, **cash: str) -> None:
        """The venue says what the account has."""
        asked = self.core.funds.ask()
        said = {one: D(amount) for one, amount in (cash or {"USD": "10000000"}).items()}
        self.core.funds.on_balances(asked, said, at_boot_ns or self.boot_ns)

    def reading(self, **change: Any) -> Reading:
        facts: dict[str, Any] = {
            "started_boot_ns": self.boot_ns,
            "lease_token": TOKEN,
            "watchdog_age_ms": 10.0,
            "beat": 1,
            "shard_tokens": {SHARD: SHARD_TOKEN},
            "limits": LIMITS,
            "holds": (),
            "lifted": frozenset(),
            "stages": {STRATEGY: StageFact("live", D(1))},
            **change,
        }
        return Reading(**facts)

    @staticmethod
    def stage(rung: str, factor: str = "1") -> dict[str, StageFact]:
        return {STRATEGY: StageFact(rung, D(factor))}

    def quote(self, bid: str, ask: str, symbol: str = SYMBOL, feed_ns: int = FEED_TIME) -> None:
        ticks = empty(1)
        ticks["instrument"] = UNIVERSE.by_symbol(symbol).id
        ticks["time"] = feed_ns
        ticks["bid"], ticks["ask"] = to_nano(D(bid)), to_nano(D(ask))
        self.core.prices.on_ticks(ticks, feed_ns, self.boot_ns)

    def intent(self, side: Side = Side.BUY, quantity: str = "10000", **change: Any) -> OrderIntent:
        held = self.core.book.holding(STRATEGY, SYMBOL).quantity
        facts: dict[str, object] = {
            "intent_id": f"i{next(self.numbers)}",
            "correlation_id": "signal-1",
            "strategy": STRATEGY,
            "account": ACCOUNT,
            "symbol": SYMBOL,
            "side": side,
            "quantity": D(quantity),
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "limit_price": D("1.10010") if side is Side.BUY else D("1.10000"),
            "reference_price": D("1.10005"),
            "expected_position": held + self.core.book.in_flight(STRATEGY, SYMBOL),
            "shard": SHARD,
            "shard_token": SHARD_TOKEN,
            "tick_time": FEED_TIME,
            "tick_boot": self.boot_ns,
            "created_boot": self.boot_ns,
            "created_wall": self.wall_ns,
            "boot_id": "boot",
            **change,
        }
        return OrderIntent(**facts)  # type: ignore[arg-type]

    def take(self, effects: list[Effect]) -> list[Effect]:
        """Note effects as the loop would, without committing anything."""
        for effect in effects:
            if isinstance(effect, Persist):
                self.persisted.append(effect)
            elif isinstance(effect, SendCreate):
                self.sent.append(effect.new_order)
        return effects

    def submit(self, intent: OrderIntent | None = None) -> str:
        """Intent in, committed, released; returns the client order id."""
        intent = intent or self.intent()
        for effect in self.take(self.core.on_intent(intent, self.now())):
            if isinstance(effect, Persist) and effect.release:
                self.release(effect.release)
        return f"{ACCOUNT}.{intent.intent_id}"

    def release(self, client_order_id: str, *, connected: bool = True) -> None:
        self.take(
            self.core.release(
                client_order_id,
                self.now(),
                connected=connected,
                not_after_ns=self.wall_ns + 200_000_000,
            )
        )

    def cancel(self, client_order_id: str) -> list[Effect]:
        intent = CancelIntent(
            intent_id=f"c{next(self.numbers)}",
            strategy=STRATEGY,
            account=ACCOUNT,
            client_order_id=client_order_id,
            shard=SHARD,
            shard_token=SHARD_TOKEN,
            reason="test",
        )
        return self.take(self.core.on_intent(intent, self.now()))

    def fill(self, client_order_id: str, quantity: str, sequence: int | None = None) -> Filled:
        order = self.core.book.order(client_order_id)
        number = sequence or self.core.book.fill_sequence + 1
        return Filled(
            sequence=number,
            venue_fill_id=f"f{number}",
            client_order_id=client_order_id,
            symbol=SYMBOL,
            side=order.side if order else Side.BUY,
            quantity=D(quantity),
            price=D("1.10010"),
            fee=D("0.01"),
            fee_currency="USD",
            venue_time=utc_from_ns(self.wall_ns),
            feed_time_ns=FEED_TIME,
        )

    def state(self, client_order_id: str) -> str:
        order = self.core.book.order(client_order_id)
        return str(order.state) if order else "none"

    def denied(self) -> str:
        """Code of the newest order row written, empty when it was not denied."""
        rows = [row for one in self.persisted for row in one.rows if isinstance(row, OrderRow)]
        return rows[-1].order.reason_code if rows[-1].order.state == "denied" else ""
