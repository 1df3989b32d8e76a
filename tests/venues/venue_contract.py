"""What every venue adapter must do. A test module makes a ``Rig`` and runs every case of ``CASES``.

EURUSD: tick 0.00001, lot 1000. SPY: tick 0.01, lot 1.
"""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol, TypeVar

import pytest

from trading.messages import OrderType, Side, TimeInForce
from trading.venues.base import (
    Accepted,
    CancelRefused,
    Disconnected,
    Ended,
    Filled,
    NewOrder,
    Rejected,
    Venue,
    VenueDisconnectedError,
    VenueEvent,
)

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, GTD = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.GTD
LIFE_MS = 5_000
T = TypeVar("T")
_numbers = itertools.count(1)


@dataclass
class Desk:
    """A connected venue and what it said."""

    venue: Venue
    events: list[VenueEvent] = field(default_factory=list)

    def said(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    def send(
        self, side: Side, quantity: str, symbol: str = "EURUSD", *, limit: str | None = None,
        tif: TimeInForce = IOC, ident: str | None = None, life_ms: int = LIFE_MS,
        stop: str | None = None, reduce_only: bool = False, post_only: bool = False,
        expires_ns: int = 0,
    ) -> str:  # fmt: skip
        ident = ident or f"c-{next(_numbers)}"
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        kind = kind if stop is None else OrderType.STOP
        price, trigger = (None if one is None else Decimal(one) for one in (limit, stop))
        not_after = self.venue.not_after(life_ms)
        self.venue.send_create(
            NewOrder(
                ident, symbol, side, kind, tif, Decimal(quantity), price, not_after,
                reduce_only=reduce_only, stop_price=trigger, post_only=post_only,
                expires_ns=expires_ns,
            )
        )  # fmt: skip
        return ident


class Rig(Protocol):
    """One venue under test. ``by_reading``: its adapter hears by asking, again and again."""

    by_reading: bool

    async def desk(self, account: str = "paper-1") -> Desk:
        """A fresh connection of the account."""

    async def quote(
        self, symbol: str, bid: str, ask: str, bid_size: str = "0", ask_size: str = "0", *,
        after_s: float = 0.1,
    ) -> None:  # fmt: skip
        """A quote ``after_s`` of feed time after the last; the venue has it when this returns."""

    async def settle(self, desk: Desk) -> None:
        """All that the venue has said so far has been heard."""

    async def fault(self, **faults: object) -> None:
        """Set faults of account paper-1, in the words of the venue's ``fault`` request."""

    async def stall(self) -> None:
        """The venue takes bytes and answers nothing, until ``well``."""

    async def well(self) -> None:
        """Clear all faults."""

    async def cut(self, desk: Desk) -> None:
        """Break the desk's connection from the venue's side."""

    async def kill(self, desk: Desk) -> None:
        """Kill the venue without warning and start it again on the same storage."""

    async def wait(self, seconds: float) -> None:
        """Let so much of the venue's time pass."""

    async def move_clock(self, offset_ms: int) -> None:
        """The admin's ``move_clock``."""

    async def inject_fill(self, symbol: str, side: Side, quantity: str, price: str) -> str:
        """The admin's ``inject_fill`` for account paper-1; its client order id."""

    async def inject_order(self, symbol: str, side: Side, quantity: str, limit_price: str) -> str:
        """The admin's ``inject_order`` for account paper-1; its client order id."""

    def log_kinds(self) -> list[str]:
        """The kinds in the venue's own log of account paper-1, in order."""

    def accepted_creates(self) -> list[str]:
        """Client order ids that the venue's own log says it accepted, in order."""


Case = Callable[[Rig], Awaitable[None]]
CASES: list[Case] = []


def case(function: Case) -> Case:
    CASES.append(function)
    return function


async def _filled(rig: Rig, desk: Desk, side: Side, quantity: str) -> str:
    ident = desk.send(side, quantity)
    await rig.settle(desk)
    return ident


@case
async def market_order_is_accepted_and_filled_at_the_touch(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    desk = await rig.desk()
    ident = desk.send(BUY, "10000")
    await rig.settle(desk)
    accepted, filled = desk.events
    assert isinstance(accepted, Accepted)
    assert accepted.client_order_id == ident
    assert isinstance(filled, Filled)
    assert (filled.sequence, filled.client_order_id, filled.side) == (1, ident, BUY)
    assert (filled.quantity, filled.price) == (Decimal(10000), Decimal("1.10010"))
    assert (filled.fee, filled.fee_currency) == (Decimal("0.22002"), "USD")
    status = await desk.venue.order_status(ident)
    assert status.order is not None
    assert (status.order.state, status.order.filled) == ("filled", Decimal(10000))
    assert status.order.venue_order_id == accepted.venue_order_id


@case
async def every_rule_has_its_code(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    desk = await rig.desk()
    expected = {
        desk.send(BUY, "1500"): "LOT_SIZE",
        desk.send(BUY, "-1000"): "LOT_SIZE",
        desk.send(BUY, "0"): "LOT_SIZE",
        desk.send(BUY, "1000", limit="1.100001"): "TICK_SIZE",
        desk.send(BUY, "1000", limit="-1"): "TICK_SIZE",
        desk.send(BUY, "1000", "NOPE"): "UNKNOWN_SYMBOL",
        desk.send(BUY, "1000", "GBPUSD"): "NO_MARKET",
        desk.send(BUY, "1000", life_ms=-1): "LATE",
        desk.send(BUY, "0.0001"): "LOT_SIZE",
        desk.send(BUY, "NaN"): "BAD_REQUEST",
    }
    await rig.settle(desk)
    assert {one.client_order_id: one.code for one in desk.said(Rejected)} == expected
    assert not desk.said(Accepted)
    late = next(ident for ident, code in expected.items() if code == "LATE")
    status = await desk.venue.order_status(late)
    assert status.order is not None
    assert status.order.state == "rejected"
    assert rig.accepted_creates() == []


@case
async def an_old_quote_is_no_market(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    await rig.quote("SPY", "500.00", "500.01", after_s=31)
    desk = await rig.desk()
    desk.send(BUY, "1000")
    desk.send(BUY, "1", "SPY")
    await rig.settle(desk)
    assert [one.code for one in desk.said(Rejected)] == ["NO_MARKET"]
    assert [one.symbol for one in desk.said(Filled)] == ["SPY"]


@case
async def immediate_or_cancel_takes_what_is_shown_and_expires_the_rest(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.01", "300", "200")
    desk = await rig.desk()
    ident = desk.send(BUY, "500", "SPY", limit="500.01")
    again = desk.send(BUY, "1", "SPY")
    await rig.settle(desk)
    assert [one.quantity for one in desk.said(Filled)] == [Decimal(200)]
    ended = desk.said(Ended)
    assert {one.client_order_id: (one.how, one.filled) for one in ended} == {
        ident: ("expired", Decimal(200)),
        again: ("expired", Decimal(0)),
    }
    assert len(ended) == 2
    status = await desk.venue.order_status(ident)
    assert status.order is not None
    assert (status.order.state, status.order.filled) == ("expired", Decimal(200))


@case
async def good_till_cancelled_rests_and_fills_later_at_its_price(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    ident = desk.send(BUY, "150", "SPY", limit="500.00", tif=GTC)
    await rig.settle(desk)
    assert [one.client_order_id for one in await desk.venue.open_orders()] == [ident]
    await rig.quote("SPY", "499.98", "499.99", "100", "100")
    await rig.quote("SPY", "499.98", "500.01", "100", "100")
    await rig.quote("SPY", "499.98", "500.00", "100", "100")
    await rig.settle(desk)
    fills = desk.said(Filled)
    assert [(one.quantity, one.price) for one in fills] == [
        (Decimal(100), Decimal("500.00")),
        (Decimal(50), Decimal("500.00")),
    ]
    assert await desk.venue.open_orders() == []
    assert not desk.said(Ended)


@case
async def a_market_order_left_over_takes_the_next_quotes(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.01", "10", "10")
    desk = await rig.desk()
    desk.send(SELL, "25", "SPY", tif=GTC)
    await rig.quote("SPY", "499.90", "500.01", "10", "10")
    await rig.quote("SPY", "499.80", "500.01", "10", "10")
    await rig.settle(desk)
    assert [(one.quantity, one.price) for one in desk.said(Filled)] == [
        (Decimal(10), Decimal("500.00")),
        (Decimal(10), Decimal("499.90")),
        (Decimal(5), Decimal("499.80")),
    ]


@case
async def a_cancel_ends_the_rest(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.01", "10", "10")
    desk = await rig.desk()
    ident = desk.send(BUY, "25", "SPY", limit="500.01", tif=GTC)
    desk.venue.send_cancel(ident)
    await rig.settle(desk)
    assert [(one.how, one.filled) for one in desk.said(Ended)] == [("cancelled", Decimal(10))]
    await rig.quote("SPY", "500.00", "500.01", "10", "10")
    await rig.settle(desk)
    assert len(desk.said(Filled)) == 1
    status = await desk.venue.order_status(ident)
    assert status.order is not None
    assert status.order.state == "cancelled"


@case
async def a_cancel_that_lost_the_race_is_refused(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    ident = desk.send(BUY, "5", "SPY", limit="500.00", tif=GTC)
    await rig.settle(desk)
    await rig.quote("SPY", "499.00", "499.01")
    desk.venue.send_cancel(ident)
    desk.venue.send_cancel("never-sent")
    await rig.settle(desk)
    assert [type(one) for one in desk.events] == [Accepted, Filled, CancelRefused, CancelRefused]
    refused = desk.said(CancelRefused)
    assert [(one.client_order_id, one.code) for one in refused] == [
        (ident, "NOT_OPEN"),
        ("never-sent", "UNKNOWN_ORDER"),
    ]


@case
async def an_id_is_never_accepted_twice(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    desk = await rig.desk()
    desk.send(BUY, "1000", ident="once")
    desk.send(BUY, "2000", ident="once")
    desk.send(BUY, "1500", ident="bad")
    desk.send(BUY, "1000", ident="bad")
    await rig.settle(desk)
    await rig.kill(desk)
    await rig.quote("EURUSD", "1.10000", "1.10010")
    again = await rig.desk()
    again.send(BUY, "1000", ident="once")
    await rig.settle(again)
    assert [one.code for one in desk.said(Rejected)] == [
        "DUPLICATE_ID", "LOT_SIZE", "DUPLICATE_ID",
    ]  # fmt: skip
    assert [one.code for one in again.said(Rejected)] == ["DUPLICATE_ID"]
    assert rig.accepted_creates() == ["once"]
    assert [one.quantity for one in await again.venue.fills_since(0)] == [Decimal(1000)]


@case
async def accounts_have_their_own_ids_and_books(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    one, other = await rig.desk(), await rig.desk("paper-2")
    one.send(BUY, "1000", ident="same")
    other.send(SELL, "3000", ident="same")
    await rig.settle(one)
    await rig.settle(other)
    assert [fill.sequence for fill in one.said(Filled)] == [1]
    assert [fill.sequence for fill in other.said(Filled)] == [1]
    assert [held.quantity for held in await other.venue.positions()] == [Decimal(-3000)]


@case
async def a_status_of_an_unseen_id_is_none_with_the_venues_clock(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    desk = await rig.desk()
    answer = await desk.venue.order_status("never-sent")
    assert answer.order is None
    assert answer.venue_time_ns <= desk.venue.not_after(1_000)
    assert answer.venue_time_ns > desk.venue.not_after(-10_000)


@case
async def fills_since_has_no_gap_and_agrees_with_what_was_pushed(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    desk = await rig.desk()
    for turn in range(12):
        desk.send(BUY if turn % 3 else SELL, f"{turn + 1}000")
    await rig.settle(desk)
    fills = await desk.venue.fills_since(0)
    assert [one.sequence for one in fills] == list(range(1, 13))
    assert fills == desk.said(Filled)
    assert await desk.venue.fills_since(9) == fills[9:]
    assert await desk.venue.fills_since(12) == []
    assert len({one.venue_fill_id for one in fills}) == 12


@case
async def positions_and_balances_are_the_sum_of_the_fills(rig: Rig) -> None:
    await rig.quote("ESZ6", "6694.25", "6694.50")
    desk = await rig.desk()
    before = (await desk.venue.balances())["USD"]
    desk.send(BUY, "3", "ESZ6")
    desk.send(SELL, "5", "ESZ6")
    await rig.settle(desk)
    (held,) = await desk.venue.positions()
    fees = sum((one.fee for one in desk.said(Filled)), Decimal(0))
    assert held.symbol == "ESZ6"
    assert held.quantity == Decimal(-2)
    assert held.cash_flow == 50 * (5 * Decimal("6694.25") - 3 * Decimal("6694.50"))
    assert held.fees == fees > 0
    assert (await desk.venue.balances())["USD"] == before + held.cash_flow - fees


@case
async def a_broken_connection_is_told_and_fills_are_caught_up(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    ident = desk.send(BUY, "5", "SPY", limit="500.00", tif=GTC)
    await rig.settle(desk)
    await rig.cut(desk)
    assert isinstance(desk.events[-1], Disconnected)
    assert not desk.venue.connected
    with pytest.raises(VenueDisconnectedError):
        desk.send(BUY, "1", "SPY")
    with pytest.raises(VenueDisconnectedError):
        desk.venue.send_cancel(ident)
    with pytest.raises(VenueDisconnectedError):
        await desk.venue.open_orders()
    await rig.quote("SPY", "499.00", "499.01")
    again = await rig.desk()
    assert [one.client_order_id for one in await again.venue.fills_since(0)] == [ident]
    assert len([one for one in desk.events if isinstance(one, Disconnected)]) == 1


@case
async def a_killed_venue_comes_back_with_everything(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02", "100", "100")
    desk = await rig.desk()
    resting = desk.send(BUY, "7", "SPY", limit="500.00", tif=GTC)
    desk.send(BUY, "60", "SPY")
    await rig.settle(desk)
    before = (await desk.venue.fills_since(0), await desk.venue.positions())
    await rig.kill(desk)
    assert isinstance(desk.events[-1], Disconnected)
    again = await rig.desk()
    assert (await again.venue.fills_since(0), await again.venue.positions()) == before
    assert [one.client_order_id for one in await again.venue.open_orders()] == [resting]
    again.send(BUY, "60", "SPY")  # of the 100 shown, 60 are gone
    await rig.quote("SPY", "499.00", "499.01")
    await rig.settle(again)
    assert [(one.sequence, one.quantity) for one in again.said(Filled)] == [
        (2, Decimal(40)),
        (3, Decimal(7)),
    ]


@case
async def a_lost_answer_is_resolved_by_asking(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    desk = await rig.desk()
    await rig.fault(drop_answers=1)
    ident = desk.send(BUY, "1000")
    told = desk.send(BUY, "2000")
    await rig.settle(desk)
    heard = [ident, told] if rig.by_reading else [told]
    assert {one.client_order_id for one in desk.said(Accepted)} == set(heard)
    assert [one.client_order_id for one in desk.said(Filled)] == heard
    status = await desk.venue.order_status(ident)
    assert status.order is not None
    assert status.order.state == "filled"
    assert [one.client_order_id for one in await desk.venue.fills_since(0)] == [ident, told]


@case
async def a_venue_that_stops_answering_times_out_and_refuses_what_is_late(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    desk = await rig.desk()
    await rig.stall()
    late = desk.send(BUY, "1000", life_ms=50)
    with pytest.raises(TimeoutError):
        await desk.venue.order_status(late)
    assert desk.events == []
    await rig.quote("EURUSD", "1.10000", "1.10010", after_s=1)
    await rig.well()
    await rig.settle(desk)
    assert [one.code for one in desk.said(Rejected)] == ["LATE"]
    assert rig.accepted_creates() == []


@case
async def rejections_on_demand_stop_after_their_number(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    desk = await rig.desk()
    await rig.fault(reject=2, reject_code="MARGIN")
    for _ in range(3):
        desk.send(BUY, "1000")
    await rig.settle(desk)
    assert [one.code for one in desk.said(Rejected)] == ["MARGIN", "MARGIN"]
    assert len(desk.said(Filled)) == 1


@case
async def partial_fills_on_demand_end_when_cleared(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    desk = await rig.desk()
    await rig.fault(fill_fraction=0.35)
    desk.send(BUY, "10000")
    desk.send(BUY, "10000", limit="1.10010", tif=GTC)
    await rig.settle(desk)
    assert [one.quantity for one in desk.said(Filled)] == [Decimal(3000), Decimal(3000)]
    assert len(desk.said(Ended)) == 1
    await rig.well()
    await rig.quote("EURUSD", "1.10000", "1.10010")
    await rig.settle(desk)
    assert [one.quantity for one in desk.said(Filled)][2:] == [Decimal(7000)]
