"""Builders: ticks on a path, an engine with a clock of its own, a gateway that answers."""

import itertools
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from trading.clock import NS
from trading.messages import (
    BookSnapshot,
    CancelIntent,
    FillInfo,
    Holding,
    Intent,
    OpenOrder,
    OrderIntent,
    OrderUpdate,
    TimeInForce,
)
from trading.strategies.engine import ShardEngine
from trading.strategies.parameters import read_parameters
from trading.strategies.specs import Clocks, StrategySpec
from trading.ticks import TICK, Ticks
from trading.universe import UNIVERSE

START = 1_700_000_000 * NS
ACCOUNT = "paper-1"


def spec(key: str = "mom", kind: str = "momentum", **changes: object) -> StrategySpec:
    """A strategy in EURUSD of 100,000 dollars; ``changes`` are parameters or StrategySpec's."""
    own = {name: changes.pop(name) for name in ("symbols", "account", "size") if name in changes}
    return StrategySpec(
        key=key,
        kind=kind,
        account=str(own.get("account", ACCOUNT)),
        symbols=tuple(own.get("symbols", ("EURUSD",))),  # type: ignore[arg-type]
        parameters=read_parameters(kind, changes),
        size_notional=Decimal(str(own.get("size", "100000"))),
    )


def quotes(symbol: str, mids: list[float], start: int = START, step_s: float = 1.0) -> Ticks:
    """Ticks of ``symbol`` at ``mids``, one every ``step_s``, with a spread of two price ticks."""
    instrument = UNIVERSE.by_symbol(symbol)
    tick = int(instrument.tick_size * 10**9)
    made = np.zeros(len(mids), dtype=TICK)
    made["instrument"] = instrument.id
    made["time"] = start + (np.arange(len(mids)) * step_s * NS).astype(np.int64)
    centre = np.round(np.array(mids) * 1e9 / tick).astype(np.int64) * tick
    made["bid"], made["ask"] = centre - tick, centre + tick
    return made


@dataclass
class Desk:
    """An engine, its clock (feed time), and what it sent."""

    specs: list[StrategySpec]
    token: int = 1
    now: int = START
    sent: list[Intent] = field(default_factory=list)

    def __post_init__(self) -> None:
        counter = itertools.count(1)
        self.engine = ShardEngine(
            self.specs,
            UNIVERSE,
            shard="shard:0",
            token=self.token,
            ids=lambda: f"i{next(counter)}",
            clocks=Clocks(lambda: self.now, lambda: self.now, "boot"),
        )

    def book(self, *holdings: Holding, account: str = ACCOUNT) -> None:
        self.engine.on_gateway(BookSnapshot(account, 0, list(holdings), []))

    def feed(self, ticks: Ticks, *, trade: bool = True) -> list[Intent]:
        """Each tick as a batch of its own; what came out."""
        made: list[Intent] = []
        for at in range(len(ticks)):
            made += self.batch(ticks[at : at + 1], trade=trade)
        return made

    def batch(self, ticks: Ticks, *, trade: bool = True) -> list[Intent]:
        self.now = int(ticks["time"][-1])
        made = self.engine.on_ticks(ticks, self.now, self.now, trade=trade)
        self.sent += made
        return made

    def idle(self, seconds: float) -> list[Intent]:
        """An entry without ticks, ``seconds`` later."""
        self.now += int(seconds * NS)
        made = self.engine.on_ticks(np.zeros(0, dtype=TICK), self.now, self.now)
        self.sent += made
        return made


class Gateway:
    """Answers intents as the real one does: fills what crosses, rests what does not."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.positions: dict[tuple[str, str], Decimal] = {}
        self.resting: dict[str, OrderIntent] = {}

    def in_flight(self, name: tuple[str, str]) -> Decimal:
        return sum(
            (
                one.side.sign * one.quantity
                for one in self.resting.values()
                if (one.strategy, one.symbol) == name
            ),
            Decimal(0),
        )

    def take(self, intents: list[Intent]) -> None:
        for one in intents:
            if isinstance(one, CancelIntent):
                order = self.resting.pop(one.client_order_id)
                self.say(order, "cancelled", final=True)
            elif one.time_in_force is TimeInForce.IOC:
                self.fill(one)
            else:
                self.resting[f"o-{one.intent_id}"] = one
                self.say(one, "working", final=False)

    def fill(self, order: OrderIntent) -> None:
        name = (order.strategy, order.symbol)
        self.resting.pop(f"o-{order.intent_id}", None)
        self.positions[name] = (
            self.positions.get(name, Decimal(0)) + order.side.sign * order.quantity
        )
        price = order.limit_price or order.reference_price
        fill = FillInfo(f"f-{order.intent_id}", order.quantity, price, Decimal(0), "USD")
        self.say(order, "filled", final=True, filled=order.quantity, fill=fill)

    def say(
        self, order: OrderIntent, state: str, *, final: bool, filled: Decimal = Decimal(0),
        code: str = "", fill: FillInfo | None = None,
    ) -> None:  # fmt: skip
        name = (order.strategy, order.symbol)
        self.desk.engine.on_gateway(
            OrderUpdate(
                account=order.account,
                strategy=order.strategy,
                symbol=order.symbol,
                client_order_id=f"o-{order.intent_id}",
                intent_id=order.intent_id,
                correlation_id=order.correlation_id,
                side=order.side,
                quantity=order.quantity,
                filled=filled,
                state=state,
                final=final,
                reason_code=code,
                reason="",
                version=1,
                position=self.positions.get(name, Decimal(0)),
                in_flight=self.in_flight(name),
                at_wall=0,
                fill=fill,
            )
        )

    def book(self) -> BookSnapshot:
        names = {*self.positions, *((o.strategy, o.symbol) for o in self.resting.values())}
        return BookSnapshot(
            account=ACCOUNT,
            at_wall=0,
            holdings=[
                Holding(*name, self.positions.get(name, Decimal(0)), self.in_flight(name))
                for name in sorted(names)
            ],
            open_orders=[
                OpenOrder(o.strategy, o.symbol, key, o.side, o.quantity, Decimal(0), o.limit_price)
                for key, o in self.resting.items()
            ],
        )


def orders(intents: list[Intent]) -> list[OrderIntent]:
    return [one for one in intents if isinstance(one, OrderIntent)]


def cancels(intents: list[Intent]) -> list[CancelIntent]:
    return [one for one in intents if isinstance(one, CancelIntent)]


def walk(seed: int, count: int, sigma: float = 2e-5, start: float = 1.15) -> list[float]:
    """A random walk of mids."""
    steps = np.random.default_rng(seed).normal(0, sigma, count)
    return [float(one) for one in start + np.cumsum(steps)]
