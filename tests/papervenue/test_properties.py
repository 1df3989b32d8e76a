"""Whatever is quoted and ordered, the exchange keeps its promises. Judged in Decimals."""

from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.venues.rigs import FEED_START, a_tick
from trading.clock import NS
from trading.messages import OrderType, Side, TimeInForce
from trading.papervenue.accounts import Accounts
from trading.papervenue.exchange import Exchange
from trading.papervenue.matching import MatchingEngine
from trading.papervenue.protocol import InjectFill
from trading.universe import UNIVERSE
from trading.venues.base import Accepted, Ended, Filled, NewOrder, Rejected, VenueEvent
from trading.venues.lockstep import LockstepExchange, LockstepVenue

SYMBOL = "ESZ6"
TICK = UNIVERSE.by_symbol(SYMBOL).tick_size
MULTIPLIER = UNIVERSE.by_symbol(SYMBOL).multiplier
DEPTH = UNIVERSE.by_symbol(SYMBOL).depth
ACCOUNTS = ("paper-1", "paper-2")
T = TypeVar("T")


def _await(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits: lock-step needs no event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waited")


@dataclass(frozen=True)
class Quote:
    bid: int
    spread: int
    bid_size: int
    ask_size: int


@dataclass(frozen=True)
class Create:
    account: str
    side: Side
    tif: TimeInForce
    quantity: int
    limit: int | None
    stop: int | None = None
    reduce_only: bool = False


@dataclass(frozen=True)
class CancelOf:
    which: int


@dataclass(frozen=True)
class Outside:
    """A fill nobody ordered."""

    account: str
    side: Side
    quantity: int


@dataclass(frozen=True)
class Restart:
    """The venue is killed and comes back on its storage."""


Step = Quote | Create | CancelOf | Outside | Restart


_quotes = st.builds(
    Quote, st.integers(96, 104), st.integers(0, 3), st.integers(0, 8), st.integers(0, 8)
)
_creates = st.builds(
    Create,
    st.sampled_from(ACCOUNTS),
    st.sampled_from(Side),
    st.sampled_from(TimeInForce),
    st.integers(1, 12),
    st.none() | st.integers(95, 107),
    reduce_only=st.booleans(),
)
_stops = st.builds(
    Create,
    st.sampled_from(ACCOUNTS),
    st.sampled_from(Side),
    st.sampled_from(TimeInForce),
    st.integers(1, 12),
    st.none(),
    st.integers(95, 107),
    reduce_only=st.booleans(),
)
_outside = st.builds(
    Outside, st.sampled_from(ACCOUNTS), st.sampled_from(Side), st.integers(1, 12)
)  # fmt: skip
_steps = st.lists(
    _quotes | _creates | _stops | st.builds(CancelOf, st.integers(0, 30)) | _outside
    | st.builds(Restart),
    max_size=40,
)  # fmt: skip


class Run:
    """Plays steps and checks each fill when it comes."""

    def __init__(self) -> None:
        self.venue = LockstepExchange()
        self.venue.now_ns = FEED_START
        self.accounts = {name: LockstepVenue(name, self.venue) for name in ACCOUNTS}
        self.events: dict[str, list[VenueEvent]] = {name: [] for name in ACCOUNTS}
        self.orders: dict[str, tuple[str, NewOrder]] = {}
        self.quote = (Decimal(0), Decimal(0))
        self.shown = {Side.BUY: Decimal(0), Side.SELL: Decimal(0)}
        self.filled: dict[str, Decimal] = defaultdict(Decimal)
        self.final: set[str] = set()
        self.position: dict[str, Decimal] = defaultdict(Decimal)
        self.reducing: dict[str, tuple[str, NewOrder]] = {}
        self.reached: set[str] = set()

    async def play(self, steps: list[Step]) -> None:
        for name, account in self.accounts.items():
            await account.connect(partial(self.hear, name))
        for number, step in enumerate(steps):
            match step:
                case Quote():
                    self.on_quote(step)
                case Create():
                    self.create(f"o-{number}", step)
                case CancelOf() if self.orders:
                    ident = list(self.orders)[step.which % len(self.orders)]
                    self.accounts[self.orders[ident][0]].send_cancel(ident)
                case Outside():
                    self.inject(step)
                case Restart():
                    self.restart()
            self.venue.settle()
            self.check_guards()

    def on_quote(self, quote: Quote) -> None:
        bid, ask = quote.bid * TICK, (quote.bid + quote.spread) * TICK
        sizes = Decimal(quote.bid_size), Decimal(quote.ask_size)
        self.quote = (bid, ask)
        self.shown = {Side.SELL: sizes[0] or DEPTH, Side.BUY: sizes[1] or DEPTH}
        for ident in self.orders:
            self.note_reached(ident)
        now = self.venue.now_ns + NS
        self.venue.advance(a_tick(SYMBOL, now, str(bid), str(ask), *map(str, sizes)), now)

    def create(self, ident: str, step: Create) -> None:
        limit = None if step.limit is None else step.limit * TICK
        stop = None if step.stop is None else step.stop * TICK
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        kind = kind if stop is None else OrderType.STOP
        account = self.accounts[step.account]
        order = NewOrder(
            ident, SYMBOL, step.side, kind, step.tif, Decimal(step.quantity), limit,
            account.not_after(200), reduce_only=step.reduce_only, stop_price=stop,
        )  # fmt: skip
        self.orders[ident] = (step.account, order)
        self.note_reached(ident)
        account.send_create(order)

    def note_reached(self, ident: str) -> None:
        """Judge by the quote of now whether a stop must have triggered."""
        order = self.orders[ident][1]
        bid, ask = self.quote
        if order.stop_price is None or not bid or ident in self.final:
            return
        touch = ask if order.side is Side.BUY else bid
        if (touch - order.stop_price) * order.side.sign >= 0:
            self.reached.add(ident)

    def inject(self, step: Outside) -> None:
        request = InjectFill(
            id=0, account=step.account, symbol=SYMBOL, side=step.side.value,
            quantity=str(step.quantity), price=str(100 * TICK),
        )  # fmt: skip
        self.venue.exchange.inject(request, self.venue.now_ns)

    def restart(self) -> None:
        emit, storage = self.venue._events.append, self.venue._storage
        self.venue.exchange = Exchange(storage, MatchingEngine(), emit)

    def left(self, ident: str) -> Decimal:
        return self.orders[ident][1].quantity - self.filled[ident]

    def reducible(self, account: str, side: Side) -> Decimal:
        return max(-side.sign * self.position[account], Decimal(0))

    def check_guards(self) -> None:
        """No reduce-only order outlives what it could reduce; stops trigger at their price."""
        for ident, (account, order) in self.reducing.items():
            assert self.reducible(account, order.side) > 0, ident
        for account in ACCOUNTS:
            shown: Any = self.venue.exchange.open_orders(account)["orders"]
            for one in shown:
                ident = one["client_order_id"]
                assert one["triggered"] == (ident in self.reached)
                assert one["reduce_only"] == (ident in self.reducing)

    def hear(self, account: str, event: VenueEvent) -> None:
        self.events[account].append(event)
        match event:
            case Filled():
                self.on_fill(account, event)
            case Accepted():
                self.on_accepted(account, event.client_order_id)
            case Ended():
                assert event.filled == self.filled[event.client_order_id]
                self.final.add(event.client_order_id)
                self.reducing.pop(event.client_order_id, None)
            case Rejected():
                self.final.add(event.client_order_id)
                if event.code == "REDUCE_ONLY":
                    assert self.would_not_reduce(account, self.orders[event.client_order_id][1])

    def would_not_reduce(self, account: str, order: NewOrder) -> bool:
        promised = sum(
            (self.left(ident) for ident, (owner, other) in self.reducing.items()
             if (owner, other.side) == (account, order.side)),
            Decimal(0),
        )  # fmt: skip
        return order.quantity + promised > self.reducible(account, order.side)

    def on_accepted(self, account: str, ident: str) -> None:
        order = self.orders[ident][1]
        if order.reduce_only:
            assert not self.would_not_reduce(account, order)
            self.reducing[ident] = (account, order)

    def on_fill(self, account: str, fill: Filled) -> None:
        ident = fill.client_order_id
        before = self.position[account]
        self.position[account] += fill.side.sign * fill.quantity
        if ident.startswith("manual-"):
            return
        if self.orders[ident][1].reduce_only:
            after = self.position[account]
            assert abs(after) < abs(before)
            assert after * before >= 0, "a reduce-only fill went through a flat position"
        self.judge(ident, fill)
        if not self.left(ident):
            self.reducing.pop(ident, None)

    def judge(self, ident: str, fill: Filled) -> None:
        order = self.orders[ident][1]
        assert ident not in self.final
        assert fill.quantity > 0
        self.filled[ident] += fill.quantity
        assert self.filled[ident] <= order.quantity
        self.shown[order.side] -= fill.quantity
        assert self.shown[order.side] >= 0, "more was traded than was displayed"
        bid, ask = self.quote
        touch = ask if order.side is Side.BUY else bid
        assert order.stop_price is None or ident in self.reached
        if order.limit_price is None:
            assert fill.price == touch
        else:
            assert fill.price in (touch, order.limit_price)
            assert (order.limit_price - fill.price) * order.side.sign >= 0


@settings(max_examples=150, deadline=None)
@given(_steps)
def test_the_exchange_keeps_its_promises(steps: list[Step]) -> None:
    run = Run()
    _await(run.play(steps))
    for name, account in run.accounts.items():
        fills = [event for event in run.events[name] if isinstance(event, Filled)]
        assert [one.sequence for one in fills] == list(range(1, len(fills) + 1))
        assert _await(account.fills_since(0)) == fills
        held = {one.symbol: one for one in _await(account.positions())}
        assert set(held) == {one.symbol for one in fills}
        cash = fees = Decimal(0)
        if fills:
            cash = (
                -sum((f.side.sign * f.quantity * f.price for f in fills), Decimal(0)) * MULTIPLIER
            )
            fees = sum((one.fee for one in fills), Decimal(0))
            quantity = sum((one.side.sign * one.quantity for one in fills), Decimal(0))
            mine = held[SYMBOL]
            assert (mine.quantity, mine.cash_flow, mine.fees) == (quantity, cash, fees)
        assert _await(account.balances())["USD"] == Decimal(10_000_000) + cash - fees
        working = {one.client_order_id: one for one in _await(account.open_orders())}
        for ident, (owner, order) in run.orders.items():
            if owner == name:
                done = ident in run.final or run.filled[ident] == order.quantity
                assert (ident in working) != done
    derived = Accounts(run.venue.exchange.storage.all_fills())
    assert [derived.positions(one) for one in ACCOUNTS] == [
        run.venue.exchange.positions(one)["positions"] for one in ACCOUNTS
    ]
    run.venue.close()


@settings(max_examples=25, deadline=None)
@given(_steps)
def test_the_same_steps_give_the_same_events(steps: list[Step]) -> None:
    first, second = Run(), Run()
    _await(first.play(steps))
    _await(second.play(steps))
    assert first.events == second.events
