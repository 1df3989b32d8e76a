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
from trading.universe import UNIVERSE
from trading.venues.base import Ended, Filled, NewOrder, Rejected, VenueEvent
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


@dataclass(frozen=True)
class CancelOf:
    which: int


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
)
_steps = st.lists(_quotes | _creates | st.builds(CancelOf, st.integers(0, 30)), max_size=40)


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

    async def play(self, steps: list[Quote | Create | CancelOf]) -> None:
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
            self.venue.settle()

    def on_quote(self, quote: Quote) -> None:
        bid, ask = quote.bid * TICK, (quote.bid + quote.spread) * TICK
        sizes = Decimal(quote.bid_size), Decimal(quote.ask_size)
        self.quote = (bid, ask)
        self.shown = {Side.SELL: sizes[0] or DEPTH, Side.BUY: sizes[1] or DEPTH}
        now = self.venue.now_ns + NS
        self.venue.advance(a_tick(SYMBOL, now, str(bid), str(ask), *map(str, sizes)), now)

    def create(self, ident: str, step: Create) -> None:
        limit = None if step.limit is None else step.limit * TICK
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        account = self.accounts[step.account]
        order = NewOrder(
            ident, SYMBOL, step.side, kind, step.tif, Decimal(step.quantity), limit,
            account.not_after(200),
        )  # fmt: skip
        self.orders[ident] = (step.account, order)
        account.send_create(order)

    def hear(self, account: str, event: VenueEvent) -> None:
        self.events[account].append(event)
        match event:
            case Filled():
                self.on_fill(event)
            case Ended():
                assert event.filled == self.filled[event.client_order_id]
                self.final.add(event.client_order_id)
            case Rejected():
                self.final.add(event.client_order_id)

    def on_fill(self, fill: Filled) -> None:
        ident = fill.client_order_id
        order = self.orders[ident][1]
        assert ident not in self.final
        assert fill.quantity > 0
        self.filled[ident] += fill.quantity
        assert self.filled[ident] <= order.quantity
        self.shown[order.side] -= fill.quantity
        assert self.shown[order.side] >= 0, "more was traded than was displayed"
        bid, ask = self.quote
        touch = ask if order.side is Side.BUY else bid
        if order.limit_price is None:
            assert fill.price == touch
        else:
            assert fill.price in (touch, order.limit_price)
            assert (order.limit_price - fill.price) * order.side.sign >= 0


@settings(max_examples=150, deadline=None)
@given(_steps)
def test_the_exchange_keeps_its_promises(steps: list[Quote | Create | CancelOf]) -> None:
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
def test_the_same_steps_give_the_same_events(steps: list[Quote | Create | CancelOf]) -> None:
    first, second = Run(), Run()
    _await(first.play(steps))
    _await(second.play(steps))
    assert first.events == second.events
