"""What the contract does not say of a real exchange: Kraken Futures' own ways, and its bad days."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.venues.kraken_rig import NOTHING_BOOKED, KrakenRig, credentials, played, reader_rests
from tests.venues.venue_contract import BUY, GTC, SELL, Desk
from trading.clock import wall_ns
from trading.gateway.stoploss import stop_price
from trading.papervenue.protocol import InjectFill
from trading.venues.base import (
    Accepted,
    CancelRefused,
    Ended,
    Filled,
    KnownFills,
    OrderStatus,
    Rejected,
    VenueDisconnectedError,
    VenueError,
)
from trading.venues.ccxt_venue import CcxtVenue, KrakenFuturesVenue

Scene = Callable[[KrakenRig], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    return lambda scene: played(tmp_path, scene)


def _venue(desk: Desk) -> CcxtVenue:
    assert isinstance(desk.venue, CcxtVenue)
    return desk.venue


async def _status(desk: Desk, ident: str) -> OrderStatus:
    found = (await desk.venue.order_status(ident)).order
    assert found is not None
    return found


def test_market_orders_and_triggered_stops_take_what_is_shown_and_end(
    play: Callable[[Scene], None],
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02", "100", "100")
        desk = await rig.desk()
        stop = desk.send(SELL, "150", "SPY", stop="499.00", tif=GTC)
        market = desk.send(BUY, "130", "SPY", tif=GTC)
        await rig.quote("SPY", "499.00", "499.02", "100", "100")
        await rig.quote("SPY", "499.00", "499.02", "100", "100")
        await rig.settle(desk)
        assert {(one.client_order_id, one.quantity) for one in desk.said(Filled)} == {
            (market, Decimal(100)), (stop, Decimal(100)),
        }  # fmt: skip
        assert {(one.client_order_id, one.how) for one in desk.said(Ended)} == {
            (market, "expired"), (stop, "expired"),
        }  # fmt: skip
        assert await desk.venue.positions() == [], "flat"
        desk.send(SELL, "3", "SPY")
        await rig.settle(desk)
        (held,) = await desk.venue.positions()
        assert (held.symbol, held.quantity) == ("SPY", Decimal(-3))
        assert (held.cash_flow, held.fees) == (None, None), "it does not say"
        fees = sum(one.fee for one in desk.said(Filled))
        assert fees > 0
        spent = sum(
            (one.side.sign * one.quantity * one.price for one in desk.said(Filled)), Decimal(0)
        )
        assert held.unpaid == -3 * Decimal("499.00"), "what was sold is not in cash"
        cash = Decimal(10_000_000) - spent + held.unpaid - fees
        assert (await desk.venue.balances())["USD"] == cash

    play(scene)


def test_a_create_is_written_in_the_step_that_asks_for_it(play: Callable[[Scene], None]) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        await rig.settle(desk)
        await reader_rests(desk)
        before = rig.server.unread_bytes()
        ident = desk.send(BUY, "5", "SPY")
        assert rig.server.unread_bytes() - before > 300, "the loop had no turn since"
        assert rig.server.requests.count("sendorder") == 0
        await rig.settle(desk)
        assert [one.client_order_id for one in desk.said(Filled)] == [ident]
        assert rig.server.requests.count("sendorder") == 1

    play(scene)


def test_a_request_that_is_not_the_order_never_leaves(play: Callable[[Scene], None]) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        client = _venue(desk)._asking.client
        right = client.amount_to_precision
        client.amount_to_precision = lambda symbol, amount: "4"
        with pytest.raises(VenueDisconnectedError, match=r"nothing was written.*size"):
            desk.send(BUY, "5", "SPY")
        client.amount_to_precision = right
        for _ in range(14):  # as many connections are busy: nothing waits for a free one
            desk.send(BUY, "5", "SPY", limit="400.00", tif=GTC)
        with pytest.raises(VenueDisconnectedError, match="waits for an answer"):
            desk.send(BUY, "6", "SPY")
        await rig.settle(desk)
        assert len(desk.said(Accepted)) == 14
        assert not desk.said(Filled)

    play(scene)


def test_only_a_signed_request_is_heard(play: Callable[[Scene], None]) -> None:
    async def scene(rig: KrakenRig) -> None:
        for wrong in ({"secret": "d3Jvbmc="}, {"key": "nobody"}):
            venue = KrakenFuturesVenue(
                "paper-1", rig.server.address, {**credentials(), **wrong}, timeout_s=2
            )
            with pytest.raises(VenueError) as refused:
                await venue.connect(lambda event: None)
            assert refused.value.code == "AUTHENTICATION"
            assert not venue.connected
        assert set(rig.server.requests) == {"instruments"}

    play(scene)


@pytest.mark.parametrize("done", [True, False], ids=["done", "not-done"])
def test_an_unanswered_create_is_found_out_by_reading_and_never_sent_again(
    play: Callable[[Scene], None], done: bool
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02", "30", "30")
        desk = await rig.desk()
        if done:
            rig.server.faults.lose = {"sendorder": 2}
        else:
            rig.server.faults.status = {"sendorder": (502, "<html>Bad gateway</html>")}
        rests = desk.send(BUY, "5", "SPY", limit="499.00", tif=GTC)
        takes = desk.send(BUY, "50", "SPY")
        await rig.settle(desk)
        rig.server.faults.status = {}
        assert desk.venue.connected, "one lost connection is not all"
        if done:
            assert {one.client_order_id for one in desk.said(Accepted)} == {rests, takes}
            assert [one.quantity for one in desk.said(Filled)] == [Decimal(30)]
            await rig.settle(desk)
            assert [one.client_order_id for one in desk.said(Ended)] == [takes]
            assert (await _status(desk, rests)).state == "working"
        else:
            assert desk.events == []
            answer = await desk.venue.order_status(takes)
            assert answer.order is None
            assert answer.venue_time_ns < desk.venue.not_after(-4_000), "it may still be listed"
        assert rig.server.requests.count("sendorder") == 2
        assert rig.accepted_creates() == ([rests, takes] if done else [])

    play(scene)


def test_a_slow_answer_is_waited_for_and_a_slower_one_is_found_out(
    play: Callable[[Scene], None],
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        await rig.fault(answer_delay_ms=300)
        slow = desk.send(BUY, "1", "SPY")
        await rig.settle(desk)
        assert [one.client_order_id for one in desk.said(Filled)] == [slow]
        await rig.fault(answer_delay_ms=900)
        slower = desk.send(BUY, "2", "SPY")
        await asyncio.sleep(0.05)  # it is there before the fault is gone
        venue = _venue(desk)
        await asyncio.gather(*(venue._tasks - {venue._reader, venue._streaming}))
        assert len(desk.said(Filled)) == 1, "given up, and nothing was concluded"
        await rig.well()
        again = desk if desk.venue.connected else await rig.desk()
        assert (await _status(again, slower)).state == "filled"
        assert [one.client_order_id for one in await again.venue.fills_since(0)] == [slow, slower]
        assert rig.server.requests.count("sendorder") == 2

    play(scene)


def test_a_late_order_is_refused_though_its_answer_comes_to_nobody(
    play: Callable[[Scene], None],
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        await rig.stall()
        late = desk.send(BUY, "5", "SPY", life_ms=50)
        with pytest.raises(TimeoutError):
            await desk.venue.order_status(late)
        await asyncio.sleep(0.1)
        assert desk.events == []
        await rig.well()
        again = await rig.desk()
        for _ in range(100):
            if (answer := await again.venue.order_status(late)).order is not None:
                break
            await asyncio.sleep(0.05)
        assert answer.order is None or answer.order.state == "rejected"
        assert rig.accepted_creates() == []
        assert await again.venue.positions() == []

    play(scene)


def test_a_late_order_is_refused_at_once_as_late(play: Callable[[Scene], None]) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        late = desk.send(BUY, "5", "SPY", life_ms=-100)
        await rig.settle(desk)
        assert [(one.client_order_id, one.code) for one in desk.said(Rejected)] == [(late, "LATE")]
        assert "orders" not in rig.server.requests, "nothing is asked of its history"

    play(scene)


def test_what_the_venue_says_that_we_do_not_know_is_unknown(
    play: Callable[[Scene], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        await rig.fault(reject=1, reject_code="wouldBreakANewRule")
        desk.send(BUY, "1", "SPY")
        other = await rig.desk()
        await reader_rests(other)
        taken = desk.send(BUY, "2", "SPY", limit="400.00", tif=GTC, ident="shared")
        await rig.settle(desk)
        other_id = other.send(BUY, "2", "SPY", limit="400.00", tif=GTC, ident="shared")
        await rig.settle(other)
        assert taken == other_id
        assert not desk.said(Rejected), "an unknown word is no refusal"
        assert not other.said(Rejected), "a duplicate may be an echo of this very request"
        assert [one.client_order_id for one in other.said(Accepted)] == ["shared"]
        rig.server.faults.status = {"sendorder": (200, '{"result":"success"')}
        desk.send(BUY, "3", "SPY")
        await rig.settle(desk)
        assert not desk.said(Rejected)
        assert not desk.said(Filled)

    play(scene)


def test_a_spent_budget_refuses_creates_and_never_cancels(play: Callable[[Scene], None]) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        rests = desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC)
        await rig.settle(desk)
        rig.server.faults.limited = 1
        await reader_rests(desk)
        refused = desk.send(BUY, "2", "SPY", limit="400.00", tif=GTC)
        await asyncio.gather(*_venue(desk)._tasks)
        ours = desk.send(BUY, "3", "SPY", limit="400.00", tif=GTC)
        await asyncio.sleep(0)
        assert [(one.client_order_id, one.code) for one in desk.said(Rejected)] == [
            (refused, "RATE_LIMIT"), (ours, "RATE_LIMIT"),
        ]  # fmt: skip
        desk.venue.send_cancel(rests)
        await asyncio.sleep(0)
        await asyncio.gather(*_venue(desk)._tasks)
        assert rig.log_kinds()[-1] == "ended"
        assert rig.server.requests.count("sendorder") == 2

    play(scene)


def test_a_slow_venue_leaves_cancels_and_what_reduces_a_connection(
    play: Callable[[Scene], None],
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        orders = [desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC) for _ in range(3)]
        await rig.settle(desk)
        await reader_rests(desk)
        await rig.stall()
        for _ in range(14):
            desk.send(BUY, "5", "SPY", limit="400.00", tif=GTC)
        with pytest.raises(VenueDisconnectedError, match="waits for an answer"):
            desk.send(BUY, "6", "SPY")
        reading = asyncio.create_task(desk.venue.open_orders())
        desk.send(SELL, "1", "SPY", reduce_only=True)
        desk.venue.send_cancel(orders[0])
        await asyncio.sleep(0)
        desk.venue.send_cancel(orders[1])  # none is idle any more: it is written when one is
        await asyncio.sleep(0)
        desk.venue.send_cancel(orders[2])
        assert not reading.done(), "it waits, and ends nothing"
        await rig.well()
        await reading
        while rig.log_kinds().count("ended") < 3:  # noqa: ASYNC110 - the far end tells nobody
            await asyncio.sleep(0.01)
        assert desk.venue.connected
        assert rig.server.requests.count("cancelorder") == 1
        assert rig.server.requests.count("batchorder") == 1
        assert rig.server.requests.count("sendorder") == 3 + 14 + 1

    play(scene)


def test_many_cancels_are_one_request_and_each_is_told(play: Callable[[Scene], None]) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        orders = [desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC) for _ in range(12)]
        filled = desk.send(BUY, "1", "SPY")
        await rig.settle(desk)
        for ident in [*orders, filled, "never-sent"]:
            desk.venue.send_cancel(ident)
        await rig.settle(desk)
        assert {one.client_order_id: one.how for one in desk.said(Ended)} == dict.fromkeys(
            orders, "cancelled"
        )
        assert [(one.client_order_id, one.code) for one in desk.said(CancelRefused)] == [
            (filled, "NOT_OPEN"), ("never-sent", "UNKNOWN_ORDER"),
        ]  # fmt: skip
        assert rig.server.requests.count("batchorder") == 1
        assert rig.server.requests.count("cancelorder") == 0
        assert await desk.venue.open_orders() == []

    play(scene)


def test_numbers_of_fills_go_on_where_the_books_end(play: Callable[[Scene], None]) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        for _ in range(5):
            desk.send(BUY, "1", "SPY")
            await rig.settle(desk)
        fills = await desk.venue.fills_since(0)
        assert [one.sequence for one in fills] == [1, 2, 3, 4, 5]
        booked = {one.venue_fill_id: one.sequence for one in fills[:3]}
        newest = fills[2].feed_time_ns
        again = KrakenFuturesVenue("paper-1", rig.server.address, credentials(), timeout_s=2)
        again.fills_known(KnownFills(3, booked, newest))
        heard = Desk(again)
        await again.connect(heard.events.append)
        heard.send(SELL, "2", "SPY")
        await again.settled()
        assert [one.sequence for one in heard.said(Filled)] == [6]
        assert [one.venue_fill_id for one in await again.fills_since(3)][:2] == [
            one.venue_fill_id for one in fills[3:]
        ]
        with pytest.raises(VenueError, match="FILLS_GONE"):
            await again.fills_since(2)
        await again.close()
        later = KrakenFuturesVenue(
            "paper-1", rig.server.address, {**credentials(), "since": str(wall_ns())}, timeout_s=2
        )
        later.fills_known(NOTHING_BOOKED)
        await later.connect(lambda event: None)
        assert await later.fills_since(0) == [], "what was traded before is not the desk's"
        await later.close()

    play(scene)


def test_more_fills_than_one_answer_holds_are_read_page_by_page(
    play: Callable[[Scene], None],
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        await reader_rests(desk)
        begun = wall_ns()
        for number in range(230):  # three share a millisecond, so that a page ends within one
            at = begun + number // 3 * 1_000_000 + number % 3
            rig.server.exchange.inject(_injected("SPY", number + 1), at)
        rig.server.settle()
        fills = await desk.venue.fills_since(0)
        assert [one.sequence for one in fills] == list(range(1, 231))
        assert [one.quantity for one in fills] == [Decimal(n) for n in range(1, 231)]
        assert "executions" not in rig.server.requests, "nor is its history asked for them"

    play(scene)


def test_executions_of_one_millisecond_that_fill_a_page_are_all_counted_once(
    play: Callable[[Scene], None],
) -> None:
    """As when one order takes what rests of a hundred and forty others. Until the history has told
    them nothing is counted, also not by a desk that begins anew."""

    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        await reader_rests(desk)
        begun = wall_ns() // 1_000_000 * 1_000_000
        times = [begun - 1_000_000, *[begun] * 140, *[begun + 1_000_000] * 30]
        for number, at in enumerate(times):
            rig.server.exchange.inject(_injected("SPY", number + 1), at)
        rig.server.settle()
        rig.server.faults.status["executions"] = (503, "later")
        assert await desk.venue.fills_since(0) == []
        again = await rig.desk()
        assert await again.venue.fills_since(0) == []
        rig.server.faults.status.clear()
        for one in (desk, again):
            async with asyncio.timeout(20):
                while not (fills := await one.venue.fills_since(0)):  # noqa: ASYNC110 - later
                    await asyncio.sleep(0.01)
            assert [one.sequence for one in fills] == list(range(1, 172))
            assert [one.quantity for one in fills] == [Decimal(n) for n in range(1, 172)]
        assert await desk.venue.fills_since(171) == []

    play(scene)


def _injected(symbol: str, quantity: int) -> InjectFill:
    return InjectFill(
        id=0, account="paper-1", symbol=symbol, side="buy", quantity=str(quantity), price="500"
    )


def test_a_coarser_market_is_told_of_and_takes_what_is_on_its_grid(
    play: Callable[[Scene], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(rig: KrakenRig) -> None:
        rig.server.ticks["SPY"] = Decimal("0.25")
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        assert "market.coarser: SPY: tick 0.25 of PF_SPYUSD, ours 0.01" in caplog.text
        assert "AAPL: tick" not in caplog.text
        assert desk.venue.price_step("SPY") == Decimal("0.25")
        assert desk.venue.price_step("NOPE") is None
        desk.send(BUY, "5", "SPY")
        await rig.settle(desk)
        price = stop_price(Decimal("500.01"), Decimal(1), SELL, Decimal("0.01"), Decimal("0.25"))
        rests = desk.send(SELL, "5", "SPY", stop=f"{price:f}", tif=GTC, reduce_only=True)
        off = desk.send(SELL, "5", "SPY", stop="495.01", tif=GTC, reduce_only=True)
        await rig.settle(desk)
        assert [one.client_order_id for one in await desk.venue.open_orders()] == [rests]
        assert [(one.client_order_id, one.code) for one in desk.said(Rejected)] == [
            (off, "TICK_SIZE")
        ]

    play(scene)


def test_what_ended_long_ago_is_found_in_the_history(play: Callable[[Scene], None]) -> None:
    async def scene(rig: KrakenRig) -> None:
        rig.server.recent_ns = -1
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        filled = desk.send(BUY, "5", "SPY")
        gone = desk.send(BUY, "5", "SPY", limit="400.00", tif=GTC)
        guard = desk.send(SELL, "5", "SPY", stop="490.00", tif=GTC)
        refused = desk.send(SELL, "50", "SPY", reduce_only=True)
        await rig.settle(desk)
        for ident in (gone, guard):
            desk.venue.send_cancel(ident)
        await rig.settle(desk)
        assert {one.client_order_id: one.how for one in desk.said(Ended)} == {
            gone: "cancelled", guard: "cancelled",
        }  # fmt: skip
        found = {one: (await _status(desk, one)).state for one in (filled, gone, guard, refused)}
        assert list(found.values()) == ["filled", "cancelled", "cancelled", "rejected"]
        assert (await desk.venue.order_status("never-sent")).order is None

    play(scene)


def test_an_order_made_by_hand_is_seen_and_can_be_cancelled(play: Callable[[Scene], None]) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        client = _venue(desk)._asking.client
        await client.private_post_sendorder(
            {
                "orderType": "lmt", "symbol": "PF_SPYUSD", "side": "buy", "size": "7",
                "limitPrice": "400",
            }
        )  # fmt: skip
        (open_order,) = await desk.venue.open_orders()
        assert open_order.client_order_id.startswith("kraken:")
        desk.venue.send_cancel(open_order.client_order_id)
        desk.venue.send_cancel("kraken:nothing")
        await rig.settle(desk)
        assert await desk.venue.open_orders() == []
        assert [one.code for one in desk.said(CancelRefused)] == ["UNKNOWN_ORDER"]

    play(scene)


def test_all_orders_go_when_the_switch_runs_out_and_a_second_is_the_least(
    play: Callable[[Scene], None],
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        desk.send(BUY, "5", "SPY", limit="400.00", tif=GTC)
        await desk.venue.cancel_all_after(1)
        await rig.settle(desk)
        assert len(await desk.venue.open_orders()) == 1, "1 ms is not 0 s, which would disarm"
        await desk.venue.cancel_all_after(0)

    play(scene)


@pytest.mark.parametrize("said", ["<html>", '"well"', "[]", "7", "null", "{}"])
def test_an_answer_that_is_none_is_an_error_of_the_venue_and_ends_nothing(
    play: Callable[[Scene], None], said: str
) -> None:
    async def scene(rig: KrakenRig) -> None:
        desk = await rig.desk()
        rig.server.faults.status["openorders"] = (200, said)
        with pytest.raises(VenueError, match="BAD_ANSWER"):
            await desk.venue.open_orders()
        await asyncio.sleep(0.3)
        assert desk.venue.connected, "its own readings failed on it as well, and go on"
        rig.server.faults.status.clear()
        assert await desk.venue.open_orders() == []

    play(scene)
