"""The part of the contract that guards a position: reduce-only, stops, the dead man's switch."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.venues.venue_contract import BUY, CASES, GTC, IOC, SELL, Desk, Rig, case
from trading.messages import OrderType
from trading.venues.base import (
    Accepted,
    Disconnected,
    Ended,
    Filled,
    OrderStatus,
    Rejected,
    StatusAnswer,
    VenueDisconnectedError,
    VenueError,
)

__all__ = ["CASES"]

RAN_OUT = "cancel_all_after ran out"


async def _long(rig: Rig, quantity: str) -> Desk:
    """A desk that holds so much SPY, bought at 500.02."""
    await rig.quote("SPY", "500.00", "500.02", "1000", "1000")
    desk = await rig.desk()
    desk.send(BUY, quantity, "SPY")
    await rig.settle(desk)
    assert [one.quantity for one in desk.said(Filled)] == [Decimal(quantity)]
    desk.events.clear()
    return desk


async def _held(desk: Desk) -> Decimal:
    return sum((one.quantity for one in await desk.venue.positions()), Decimal(0))


def _order(answer: StatusAnswer) -> OrderStatus:
    assert answer.order is not None
    return answer.order


async def _open(desk: Desk) -> list[str]:
    return [one.client_order_id for one in await desk.venue.open_orders()]


async def _log_says(rig: Rig, kind: str) -> None:
    for _ in range(50):
        await rig.wait(0.1)
        if kind in rig.log_kinds():
            return
    raise AssertionError(f"the venue's log has no {kind} after 5 s")


# -- reduce-only


@case
async def a_reduce_only_order_that_would_not_reduce_is_refused(rig: Rig) -> None:
    await rig.quote("EURUSD", "1.10000", "1.10010")
    desk = await _long(rig, "5")
    refused = [
        desk.send(SELL, "1000", reduce_only=True),
        desk.send(BUY, "1", "SPY", reduce_only=True),
        desk.send(SELL, "6", "SPY", reduce_only=True),
    ]
    desk.send(SELL, "3", "SPY", limit="510.00", tif=GTC, reduce_only=True)
    desk.send(SELL, "9", "SPY", limit="510.00", tif=GTC)  # not reduce-only: promises nothing
    refused.append(desk.send(SELL, "3", "SPY", stop="490.00", tif=GTC, reduce_only=True))
    desk.send(SELL, "2", "SPY", stop="490.00", tif=GTC, reduce_only=True)
    refused.append(desk.send(SELL, "1", "SPY", reduce_only=True))
    await rig.settle(desk)
    said = desk.said(Rejected)
    assert [(one.client_order_id, one.code) for one in said] == [
        (ident, "REDUCE_ONLY") for ident in refused
    ]
    assert all("reduce_only" in one.reason for one in said)
    assert await _held(desk) == Decimal(5)
    assert _order(await desk.venue.order_status(refused[0])).state == "rejected"


@case
async def a_reduce_only_order_that_ended_promises_nothing_any_more(rig: Rig) -> None:
    desk = await _long(rig, "5")
    first = desk.send(SELL, "5", "SPY", limit="510.00", tif=GTC, reduce_only=True)
    desk.venue.send_cancel(first)
    await rig.settle(desk)
    desk.send(SELL, "2", "SPY", reduce_only=True)
    desk.send(SELL, "3", "SPY", reduce_only=True)
    await rig.settle(desk)
    assert [one.quantity for one in desk.said(Filled)] == [Decimal(2), Decimal(3)]
    assert await _held(desk) == 0


@case
async def a_reduce_only_fill_stops_at_a_flat_position(rig: Rig) -> None:
    desk = await _long(rig, "5")
    guard = desk.send(SELL, "5", "SPY", limit="501.00", tif=GTC, reduce_only=True)
    desk.send(SELL, "3", "SPY")
    await rig.quote("SPY", "501.00", "501.02", "1000", "1000")
    await rig.settle(desk)
    fills = desk.said(Filled)
    assert [(one.client_order_id == guard, one.quantity) for one in fills] == [
        (False, Decimal(3)), (True, Decimal(2)),
    ]  # fmt: skip
    (ended,) = desk.said(Ended)
    assert (ended.client_order_id, ended.how, ended.filled) == (guard, "expired", Decimal(2))
    assert "reduce_only" in ended.reason
    assert await _held(desk) == 0
    status = _order(await desk.venue.order_status(guard))
    assert (status.state, status.filled, status.reason) == ("expired", Decimal(2), ended.reason)


@case
async def a_stop_loss_is_taken_back_before_a_smaller_one_stands(rig: Rig) -> None:
    desk = await _long(rig, "5")
    whole = desk.send(SELL, "5", "SPY", stop="490.00", tif=GTC, reduce_only=True)
    both = desk.send(SELL, "3", "SPY", stop="490.00", tif=GTC, reduce_only=True)
    await rig.settle(desk)
    assert [(one.client_order_id, one.code) for one in desk.said(Rejected)] == [
        (both, "REDUCE_ONLY")
    ]
    (open_,) = await desk.venue.open_orders()
    assert (open_.client_order_id, open_.order_type, open_.reduce_only, open_.stop_price) == (
        whole, OrderType.STOP, True, Decimal(490),
    )  # fmt: skip
    desk.venue.send_cancel(whole)
    await rig.settle(desk)
    smaller = desk.send(SELL, "3", "SPY", stop="490.00", tif=GTC, reduce_only=True)
    await rig.settle(desk)
    assert await _open(desk) == [smaller]
    await rig.quote("SPY", "489.00", "489.02", "1000", "1000")
    await rig.settle(desk)
    assert [(one.client_order_id, one.quantity, one.price) for one in desk.said(Filled)] == [
        (smaller, Decimal(3), Decimal(489))
    ]
    assert (await _open(desk), await _held(desk)) == ([], Decimal(2))


@case
async def reduce_only_orders_end_with_the_position_they_guard(rig: Rig) -> None:
    desk = await _long(rig, "5")
    guards = [
        desk.send(SELL, "2", "SPY", limit="510.00", tif=GTC, reduce_only=True),
        desk.send(SELL, "3", "SPY", stop="490.00", tif=GTC, reduce_only=True),
    ]
    plain = desk.send(SELL, "1", "SPY", stop="490.00", tif=GTC)
    desk.send(SELL, "8", "SPY")
    await rig.settle(desk)
    assert [(one.client_order_id, one.how) for one in desk.said(Ended)] == [
        (ident, "expired") for ident in guards
    ]
    assert await _open(desk) == [plain]
    assert await _held(desk) == Decimal(-3)
    await rig.kill(desk)
    again = await rig.desk()
    assert await _open(again) == [plain]
    again.send(SELL, "1", "SPY", reduce_only=True)
    again.send(BUY, "3", "SPY", reduce_only=True)
    await rig.settle(again)
    assert [one.code for one in again.said(Rejected)] == ["REDUCE_ONLY"]
    assert await _held(again) == 0


# -- stops


@case
async def a_stop_waits_for_its_price_and_takes_the_market(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02", "100", "100")
    desk = await rig.desk()
    sell = desk.send(SELL, "150", "SPY", stop="499.00", tif=GTC)
    buy = desk.send(BUY, "5", "SPY", stop="501.00", tif=IOC)
    await rig.quote("SPY", "499.01", "500.99", "100", "100")
    await rig.settle(desk)
    assert [type(one) for one in desk.events] == [Accepted, Accepted]
    assert await _open(desk) == [sell, buy]
    await rig.quote("SPY", "499.00", "499.01", "100", "100")
    await rig.quote("SPY", "499.50", "501.00", "100", "3")
    await rig.settle(desk)
    fills = desk.said(Filled)
    assert [(one.client_order_id, one.quantity, one.price) for one in fills] == [
        (sell, Decimal(100), Decimal("499.00")),
        (buy, Decimal(3), Decimal("501.00")),
        (sell, Decimal(50), Decimal("499.50")),
    ]
    assert [(one.client_order_id, one.how) for one in desk.said(Ended)] == [(buy, "expired")]
    assert rig.log_kinds().count("triggered") == 2


@case
async def a_stop_that_is_reached_on_arrival_triggers_at_once(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    desk.send(SELL, "5", "SPY", stop="500.00", tif=GTC)
    desk.send(BUY, "4", "SPY", stop="500.01", tif=IOC)
    await rig.settle(desk)
    assert [(one.quantity, one.price) for one in desk.said(Filled)] == [
        (Decimal(5), Decimal("500.00")),
        (Decimal(4), Decimal("500.02")),
    ]
    assert await _open(desk) == []


@case
async def a_stop_price_belongs_to_stop_orders_and_lies_on_the_grid(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    expected = {
        desk.send(SELL, "5", "SPY", stop="499.005", tif=GTC): ("TICK_SIZE", "stop_price"),
        desk.send(SELL, "5", "SPY", stop="-1", tif=GTC): ("TICK_SIZE", "stop_price"),
        desk.send(SELL, "5", "SPY", stop="499.00", limit="499.00", tif=GTC): (
            "BAD_REQUEST", "limit_price",
        ),
    }  # fmt: skip
    await rig.settle(desk)
    said = {one.client_order_id: one for one in desk.said(Rejected)}
    assert set(said) == set(expected)
    for ident, (code, field) in expected.items():
        assert said[ident].code == code
        assert field in said[ident].reason
    assert await _open(desk) == []


@case
async def a_stop_needs_no_market_yet_and_survives_a_killed_venue(rig: Rig) -> None:
    desk = await rig.desk()
    waits = desk.send(SELL, "5", "SPY", stop="499.00", tif=IOC)
    await rig.settle(desk)
    await rig.kill(desk)
    await rig.quote("SPY", "499.01", "499.02")
    again = await rig.desk()
    (status,) = await again.venue.open_orders()
    assert (status.client_order_id, status.order_type) == (waits, OrderType.STOP)
    assert (status.stop_price, status.limit_price) == (Decimal(499), None)
    await rig.quote("SPY", "498.00", "498.02")
    await rig.settle(again)
    assert [(one.client_order_id, one.price) for one in again.said(Filled)] == [
        (waits, Decimal(498))
    ]
    assert await _open(again) == []


@case
async def a_triggered_stop_stays_triggered_over_a_kill(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02", "100", "100")
    desk = await rig.desk()
    ident = desk.send(SELL, "150", "SPY", stop="499.00", tif=GTC)
    await rig.quote("SPY", "499.00", "499.02", "100", "100")
    await rig.settle(desk)
    await rig.kill(desk)
    again = await rig.desk()
    await rig.quote("SPY", "505.00", "505.02", "100", "100")
    await rig.settle(again)
    fills = await again.venue.fills_since(0)
    assert [(one.client_order_id, one.quantity, one.price) for one in fills] == [
        (ident, Decimal(100), Decimal(499)),
        (ident, Decimal(50), Decimal(505)),
    ]


@case
async def a_protective_stop_is_shown_as_what_it_is_and_closes_the_position(rig: Rig) -> None:
    desk = await _long(rig, "5")
    ident = desk.send(SELL, "5", "SPY", stop="490.00", tif=GTC, reduce_only=True)
    await rig.settle(desk)
    (shown,) = await desk.venue.open_orders()
    told = _order(await desk.venue.order_status(ident))
    assert told.quantity in (shown.quantity, None), "asked by its id a stop may have no quantity"
    assert shown == replace(told, quantity=shown.quantity)
    assert (shown.order_type, shown.reduce_only) == (OrderType.STOP, True)
    assert (shown.stop_price, shown.limit_price) == (Decimal(490), None)
    other = desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC)
    await rig.settle(desk)
    plain = _order(await desk.venue.order_status(other))
    assert (plain.order_type, plain.reduce_only, plain.stop_price) == (
        OrderType.LIMIT, False, None,
    )  # fmt: skip
    desk.send(SELL, "2", "SPY")
    await rig.quote("SPY", "489.00", "489.02")
    await rig.settle(desk)
    assert await _held(desk) == 0
    assert [one.quantity for one in desk.said(Filled)] == [Decimal(2), Decimal(3)]
    (ended,) = desk.said(Ended)
    assert (ended.client_order_id, ended.how, ended.filled) == (ident, "expired", Decimal(3))


# -- the dead man's switch


@case
async def a_silent_account_loses_its_working_orders_and_keeps_its_stops(rig: Rig) -> None:
    desk = await _long(rig, "5")
    other = await rig.desk("paper-2")
    kept = desk.send(SELL, "5", "SPY", stop="490.00", tif=GTC, reduce_only=True)
    lost = [desk.send(side, "5", "SPY", limit=price, tif=GTC)
            for side, price in ((BUY, "490.00"), (SELL, "510.00"))]  # fmt: skip
    theirs = other.send(BUY, "5", "SPY", limit="490.00", tif=GTC)
    await desk.venue.cancel_all_after(60_000)
    await rig.move_clock(40_000)
    await desk.venue.cancel_all_after(60_000)
    await rig.move_clock(80_000)
    await rig.settle(desk)
    assert not desk.said(Ended)
    await rig.move_clock(101_000)
    await rig.settle(desk)
    assert [(one.client_order_id, one.how, one.reason) for one in desk.said(Ended)] == [
        (ident, "cancelled", RAN_OUT) for ident in lost
    ]
    assert await _open(desk) == [kept]
    assert await _open(other) == [theirs]
    assert _order(await desk.venue.order_status(lost[0])).reason == RAN_OUT
    assert rig.log_kinds().count("deadman") == 1


@case
async def a_triggered_stop_goes_with_the_working_orders(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02", "10", "10")
    desk = await rig.desk()
    ident = desk.send(SELL, "15", "SPY", stop="500.00", tif=GTC)
    await desk.venue.cancel_all_after(100)
    await _log_says(rig, "ended")
    await rig.settle(desk)
    assert [(one.client_order_id, one.reason) for one in desk.said(Ended)] == [(ident, RAN_OUT)]


@case
async def a_disarmed_switch_does_nothing_and_a_bad_time_is_refused(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    ident = desk.send(BUY, "5", "SPY", limit="490.00", tif=GTC)
    await desk.venue.cancel_all_after(150)
    await desk.venue.cancel_all_after(0)
    await rig.wait(0.3)
    await rig.settle(desk)
    assert await _open(desk) == [ident]
    with pytest.raises(VenueError, match="timeout_ms"):
        await desk.venue.cancel_all_after(-1)
    await desk.venue.cancel_all_after(150)
    await desk.venue.cancel_all_after(0)
    await rig.kill(desk)
    await rig.wait(0.3)
    again = await rig.desk()
    assert await _open(again) == [ident]
    assert "deadman" not in rig.log_kinds()


@case
async def the_switch_runs_out_with_no_connection_open(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    ident = desk.send(BUY, "5", "SPY", limit="490.00", tif=GTC)
    await desk.venue.cancel_all_after(150)
    await desk.venue.close()
    with pytest.raises(VenueDisconnectedError):
        await desk.venue.cancel_all_after(150)
    await _log_says(rig, "ended")
    assert rig.log_kinds()[-2:] == ["deadman", "ended"]
    again = await rig.desk()
    assert await _open(again) == []
    assert _order(await again.venue.order_status(ident)).state == "cancelled"


@case
async def the_switch_runs_on_over_a_kill(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    first = desk.send(BUY, "5", "SPY", limit="490.00", tif=GTC)
    await desk.venue.cancel_all_after(60_000)
    await rig.kill(desk)
    again = await rig.desk()
    assert await _open(again) == [first]
    await rig.move_clock(61_000)
    assert await _open(again) == []
    await rig.move_clock(0)
    second = again.send(BUY, "5", "SPY", limit="490.00", tif=GTC)
    await again.venue.cancel_all_after(150)
    await rig.kill(again)
    for _ in range(50):
        await rig.wait(0.1)
        if rig.log_kinds().count("deadman") == 2:
            break
    last = await rig.desk()
    assert await _open(last) == []
    assert _order(await last.venue.order_status(second)).reason == RAN_OUT
    await rig.wait(0.2)
    assert rig.log_kinds().count("deadman") == 2


# -- the connection


@case
async def an_aborted_connection_is_gone_at_once_and_told(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    await rig.settle(desk)
    assert desk.venue.unsent_bytes == 0
    desk.venue.abort()
    assert not desk.venue.connected
    assert desk.venue.unsent_bytes == 0
    for write in (lambda: desk.send(BUY, "1", "SPY"), lambda: desk.venue.send_cancel("x")):
        with pytest.raises(VenueDisconnectedError):
            write()
    desk.venue.abort()
    with suppress(VenueDisconnectedError):
        await rig.settle(desk)
    await asyncio.sleep(0.05)
    assert [type(one) for one in desk.events] == [Disconnected]
    desk.venue.abort()
    again = await rig.desk()
    again.send(BUY, "1", "SPY")
    await rig.settle(again)
    assert len(again.said(Filled)) == 1
    again.events.clear()
    again.venue.abort()
    await again.venue.connect(again.events.append)
    assert [type(one) for one in again.events] == [Disconnected]
    assert again.venue.connected
    again.venue.abort()
    await again.venue.close()
    assert [type(one) for one in again.events] == [Disconnected, Disconnected]


# -- what nobody asked for, and a clock that is wrong


@case
async def what_nobody_ordered_is_in_the_books_and_told(rig: Rig) -> None:
    desk = await _long(rig, "5")
    guard = desk.send(SELL, "5", "SPY", limit="510.00", tif=GTC, reduce_only=True)
    order = await rig.inject_order("SPY", BUY, "7", "499.00")
    fill = await rig.inject_fill("SPY", SELL, "9", "505.00")
    await rig.settle(desk)
    assert (order, fill) == ("manual-1", "manual-2")
    assert [one.client_order_id for one in desk.said(Accepted)] == [guard, order]
    (filled,) = desk.said(Filled)
    assert (filled.client_order_id, filled.sequence, filled.side) == (fill, 2, SELL)
    assert (filled.quantity, filled.price) == (Decimal(9), Decimal(505))
    assert [one.client_order_id for one in desk.said(Ended)] == [guard]
    assert await _held(desk) == Decimal(-4)
    assert await _open(desk) == [order]
    assert (await desk.venue.order_status(fill)).order is None
    assert await desk.venue.fills_since(1) == [filled]
    await rig.kill(desk)
    again = await rig.desk()
    again.send(SELL, "1", "SPY", ident="manual-3")
    assert await rig.inject_order("SPY", BUY, "7", "499.00") == "manual-4"
    again.venue.send_cancel(order)
    again.send(BUY, "4", "SPY", reduce_only=True)
    await rig.settle(again)
    assert not again.said(Rejected)
    assert await _held(again) == Decimal(-1)


@case
async def not_after_is_judged_by_the_venues_own_clock(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    for offset, codes in ((6_000, ["LATE"]), (-6_000, []), (0, [])):
        await rig.move_clock(offset)
        desk.events.clear()
        desk.send(BUY, "1", "SPY")  # five seconds to live by the clock measured at sign-in
        await rig.settle(desk)
        assert [one.code for one in desk.said(Rejected)] == codes
    await rig.move_clock(3_600_000)
    await desk.venue.ping()
    for _ in range(8):
        await desk.venue.ping()
    desk.events.clear()
    desk.send(BUY, "1", "SPY")
    await rig.settle(desk)
    (filled,) = desk.said(Filled)
    answer = await desk.venue.order_status("never-sent")
    ahead_ms = (desk.venue.not_after(0) - answer.venue_time_ns) / 1e6
    assert -1_000 < ahead_ms < 10_000, "it may be told late, and never early"
    assert abs(filled.venue_time.timestamp() - answer.venue_time_ns / 1e9) < 5


@case
async def an_order_that_filled_while_it_rested_is_filled_for_good(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    ident = desk.send(BUY, "5", "SPY", limit="499.00", tif=GTC)
    await rig.quote("SPY", "498.00", "498.02")
    await rig.settle(desk)
    assert _order(await desk.venue.order_status(ident)).state == "filled"
    await rig.kill(desk)
    again = await rig.desk()
    assert await _open(again) == []
    assert _order(await again.venue.order_status(ident)).state == "filled"
