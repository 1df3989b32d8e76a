"""An account with a long life behind it at Kraken Futures, and what asking about it costs."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.venues.kraken_rig import (
    NOTHING_BOOKED,
    KrakenRig,
    credentials,
    played,
    reader_rests,
)
from tests.venues.venue_contract import BUY, GTC, Desk
from trading.clock import NS, boot_ns, wall_ns
from trading.papervenue.protocol import InjectFill
from trading.venues.base import (
    Ended,
    Filled,
    KnownFills,
    Rejected,
    StatusAnswer,
    VenueError,
)
from trading.venues.ccxt_venue import CcxtVenue, KrakenFuturesVenue
from trading.venues.optional import hurried

MINUTE_MS = 60_000


def _venue(desk: Desk) -> CcxtVenue:
    assert isinstance(desk.venue, CcxtVenue)
    return desk.venue


async def _told(desk: Desk, ident: str, since_ns: int = 0) -> StatusAnswer:
    """What it says of an order, asked again as long as it is still looking."""
    while True:
        try:
            return await desk.venue.order_status(ident, since_ns)
        except VenueError as error:
            if error.code != "HISTORY_SLOW":
                raise
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("ahead_ms", [-10 * MINUTE_MS, 0, 10 * MINUTE_MS])
def test_the_history_is_read_back_to_when_the_order_was_made_by_the_venues_clock(
    tmp_path: Path, ahead_ms: int
) -> None:
    async def scene(rig: KrakenRig) -> None:
        rig.server.recent_ns, rig.server.older = -1, 10_001
        await rig.move_clock(ahead_ms)
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk(timeout_s=20)  # twenty pages of five hundred
        made = wall_ns()
        filled = desk.send(BUY, "5", "SPY")
        await rig.settle(desk)
        found = (await _told(desk, filled, made)).order
        assert found is not None
        assert found.state == "filled"
        assert (await _told(desk, "never-sent", made)).order is None
        with pytest.raises(VenueError, match="HISTORY_TOO_LONG"):
            await _told(desk, "never-sent")

    played(tmp_path, scene)


def test_found_nowhere_is_told_as_of_when_asking_began(tmp_path: Path) -> None:
    async def scene(rig: KrakenRig) -> None:
        desk = await rig.desk()
        await reader_rests(desk)
        asking = _venue(desk)._asking
        before = asking.heard_ns
        asked = asyncio.create_task(desk.venue.order_status("never-sent", wall_ns()))
        while "orders" not in rig.server.requests:
            await desk.venue.positions()  # another's answer comes between the pages
        answer = await asked
        assert asking.heard_ns > before
        assert answer.venue_time_ns == before - _venue(desk).dialect.settle_ns

    played(tmp_path, scene)


def test_who_only_cancels_waits_for_no_executions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a gateway does whose database is away: it cannot know which fills are booked."""

    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        rests = desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC)
        await rig.settle(desk)
        await desk.venue.close()
        for _ in range(250):
            injected = InjectFill(
                id=0, account="paper-1", symbol="SPY", side="buy", quantity="1", price="500"
            )
            rig.server.exchange.inject(injected, wall_ns())
        rig.server.settle()
        rig.server.requests.clear()
        bare = Desk(KrakenFuturesVenue("paper-1", rig.server.address, credentials(), timeout_s=2))
        await bare.venue.connect(bare.events.append)
        (order,) = await bare.venue.open_orders()
        bare.venue.send_cancel(order.client_order_id)
        await rig.settle(bare)
        assert [one.client_order_id for one in bare.said(Ended)] == [rests]
        assert {"fills", "account-log"}.isdisjoint(rig.server.requests)
        with pytest.raises(VenueError, match="BOOKS_UNKNOWN"):
            await bare.venue.fills_since(0)
        await reader_rests(bare)
        paid: list[str] = []
        budget = _venue(bare)._asking.budget
        monkeypatch.setattr(budget, "force", lambda path, now_s: paid.append(path))
        _venue(bare).fills_known(NOTHING_BOOKED)
        assert len(await bare.venue.fills_since(0)) == 250
        assert paid.count("fills/before") == 3, "older pages have a price of their own"
        await bare.venue.close()

    played(tmp_path, scene)


def test_what_the_books_told_meanwhile_is_not_numbered_again(tmp_path: Path) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        await reader_rests(desk)
        desk.send(BUY, "1", "SPY")
        await rig.settle(desk)
        (booked,) = await desk.venue.fills_since(0)
        again = KrakenFuturesVenue("paper-1", rig.server.address, credentials(), timeout_s=2)
        again.fills_known(NOTHING_BOOKED)
        await rig.fault(answer_delay_ms=200)
        signing_in = asyncio.create_task(again.connect(lambda event: None))
        rig.server.requests.clear()
        while "account-log" not in rig.server.requests:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.005)
        again.fills_known(KnownFills(7, {booked.venue_fill_id: 7}, booked.feed_time_ns))
        await signing_in
        await rig.well()
        assert await again.fills_since(7) == []
        await again.close()

    played(tmp_path, scene)


def test_histories_have_a_budget_of_their_own_and_nobody_waits_for_it(tmp_path: Path) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        await rig.settle(desk)
        await reader_rests(desk)
        rig.server.faults.limited_paths = {"account-log"}
        first = desk.send(BUY, "1", "SPY")
        await rig.settle(desk)
        second = desk.send(BUY, "2", "SPY")
        await rig.settle(desk)
        assert [one.client_order_id for one in desk.said(Filled)] == [first, second]
        assert not desk.said(Rejected), "creates are not refused for it"
        assert rig.server.requests.count("account-log") == 1, "spent: not asked again"
        assert all(one.fee > 0 for one in desk.said(Filled)), "by the market's rates"
        rig.server.recent_ns = -1
        with pytest.raises(VenueError, match="RATE_LIMIT"):
            await desk.venue.order_status("never-sent", wall_ns())
        assert rig.server.requests.count("orders") == 0

    played(tmp_path, scene)


def test_fees_leave_a_part_of_that_budget_to_what_became_of_orders(tmp_path: Path) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        await reader_rests(desk)
        _venue(desk)._asking.histories.force("history", boot_ns() / 1e9, more=69)
        desk.send(BUY, "1", "SPY")
        await rig.settle(desk)
        assert len(desk.said(Filled)) == 1
        assert "account-log" not in rig.server.requests
        assert (await desk.venue.order_status("never-sent", wall_ns())).order is None
        assert "triggers" in rig.server.requests

    played(tmp_path, scene)


def _left(desk: Desk, units: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """So much of the budget, and no more comes."""
    budget, now = _venue(desk)._asking.budget, boot_ns()
    monkeypatch.setattr("trading.venues.ccxt_asking.boot_ns", lambda: now)
    budget._left, budget._at = units, now / 1e9


def test_the_switch_is_renewed_whatever_is_left_of_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a busy account would lose all its orders, protective stops too, without a word."""

    async def scene(rig: KrakenRig) -> None:
        desk = await rig.desk()
        await reader_rests(desk)
        await rig.stall()
        for _ in range(14):
            desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC)
        _left(desk, 0, monkeypatch)
        renewing = asyncio.create_task(desk.venue.cancel_all_after(30_000))
        await rig.well()
        await renewing
        assert rig.server.requests.count("cancelallordersafter") == 1

    played(tmp_path, scene)


def test_what_proves_a_stop_is_read_where_other_readings_wait_for_creates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        rests = desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC)
        await rig.settle(desk)
        await reader_rests(desk)
        rig.server.requests.clear()
        desk.venue.send_cancel(rests)
        await asyncio.sleep(0)
        _left(desk, 41, monkeypatch)
        ends = asyncio.create_task(_venue(desk).settled())
        while _venue(desk)._tasks:  # noqa: ASYNC110 - until the cancel is answered
            await asyncio.sleep(0.005)
        assert rig.server.requests == ["cancelorder"]
        with hurried(desk.venue):
            assert await desk.venue.open_orders() == []
            await ends  # it waited already when the stop came
        assert [one.client_order_id for one in desk.said(Ended)] == [rests]

    played(tmp_path, scene)


def test_what_filled_while_nobody_listened_is_counted_once(tmp_path: Path) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        rests = desk.send(BUY, "100", "SPY", limit="500.00", tif=GTC)
        await rig.settle(desk)
        await desk.venue.close()
        await rig.quote("SPY", "499.98", "499.99", "50", "50")
        again = await rig.desk()
        await reader_rests(again)
        (order,) = await again.venue.open_orders()
        assert order.filled == 50
        again.venue.send_cancel(rests)
        await rig.settle(again)
        assert [(one.client_order_id, one.filled) for one in again.said(Ended)] == [
            (rests, Decimal(50))
        ]

    played(tmp_path, scene)


def test_an_end_that_is_not_told_holds_up_neither_fills_nor_other_ends(tmp_path: Path) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        rests = desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC)
        await rig.settle(desk)
        await reader_rests(desk)
        said = {"order": {"cliOrdId": rests, "orderId": "v"}, "status": "BRAND_NEW"}
        text = json.dumps({"result": "success", "orders": [said]})
        rig.server.faults.status["orders/status"] = (200, text)
        rig.server.faults.status["orders"] = (200, "{}")
        desk.venue.send_cancel(rests)
        filled = desk.send(BUY, "5", "SPY")
        await rig.settle(desk)
        fills = await desk.venue.fills_since(0)
        assert [one.client_order_id for one in fills] == [filled]
        assert not desk.said(Ended)
        assert rig.server.requests.count("orders/status") == 1, "not again at once"
        rig.server.faults.status.clear()
        while not desk.said(Ended):
            await asyncio.sleep(0.01)
            await _venue(desk).settled()
        assert [one.client_order_id for one in desk.said(Ended)] == [rests]

    played(tmp_path, scene)


def test_a_history_that_takes_long_is_read_once_and_holds_up_no_end_and_no_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.venues.ccxt_past.PATIENCE_S", 0.05)

    async def scene(rig: KrakenRig) -> None:
        rig.server.recent_ns = -1
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        first, second = (desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC) for _ in range(2))
        await rig.settle(desk)
        await reader_rests(desk)
        rig.server.faults.held["orders"] = given = asyncio.Event()
        desk.venue.send_cancel(first)
        await rig.settle(desk)
        assert not desk.said(Ended)
        filled = desk.send(BUY, "5", "SPY")
        await rig.settle(desk)
        assert [one.client_order_id for one in desk.said(Filled)] == [filled]
        rig.server.recent_ns = 5 * NS  # of what moved just now it tells at once
        desk.venue.send_cancel(second)
        await rig.settle(desk)
        assert [one.client_order_id for one in desk.said(Ended)] == [second]
        rig.server.recent_ns = -1
        given.set()
        while len(desk.said(Ended)) < 2:
            await asyncio.sleep(0.01)
            await _venue(desk).settled()
        assert rig.server.requests.count("orders") == 1

    played(tmp_path, scene)


def test_what_is_found_after_long_is_told_as_of_when_looking_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.venues.ccxt_past.PATIENCE_S", 0.05)

    async def scene(rig: KrakenRig) -> None:
        desk = await rig.desk(timeout_s=0.2)
        await reader_rests(desk)
        asking = _venue(desk)._asking
        rig.server.faults.held["orders"] = given = asyncio.Event()
        with pytest.raises(VenueError, match="HISTORY_SLOW"):
            await desk.venue.order_status("never-sent", wall_ns())
        began = asking.heard_ns
        rig.server.faults.held["openpositions"] = given
        with pytest.raises(TimeoutError):  # longer than any other answer may take
            await desk.venue.positions()
        del rig.server.faults.held["openpositions"]
        await desk.venue.positions()
        given.set()
        answer = await _told(desk, "never-sent", wall_ns())
        assert answer.order is None
        assert began < asking.heard_ns
        assert answer.venue_time_ns == began - _venue(desk).dialect.settle_ns

    played(tmp_path, scene)


def test_an_end_that_is_asked_for_in_vain_is_asked_for_later(tmp_path: Path) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk(timeout_s=0.2)
        rests = desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC)
        await rig.settle(desk)
        await reader_rests(desk)
        rig.server.faults.held["orders/status"] = given = asyncio.Event()
        desk.venue.send_cancel(rests)
        await rig.settle(desk)
        assert not desk.said(Ended), "and the reading went on"
        given.set()
        while not desk.said(Ended):
            await asyncio.sleep(0.01)
            await _venue(desk).settled()

    played(tmp_path, scene)


def test_what_became_of_an_order_is_not_asked_at_every_reading_until_its_fill_is_listed(
    tmp_path: Path,
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        rests = desk.send(BUY, "100", "SPY", limit="500.00", tif=GTC)
        await rig.settle(desk)
        await reader_rests(desk)
        none = json.dumps({"result": "success", "fills": []})
        rig.server.faults.status["fills"] = (200, none)
        await rig.quote("SPY", "499.98", "499.99", "50", "50")
        desk.venue.send_cancel(rests)
        rig.server.requests.clear()
        for _ in range(3):
            await rig.settle(desk)
        assert rig.server.requests.count("orders/status") == 1
        rig.server.faults.status.clear()
        while not desk.said(Ended):
            await asyncio.sleep(0.01)
            await _venue(desk).settled()
        (end,) = desk.said(Ended)
        assert (end.client_order_id, end.filled) == (rests, Decimal(50))

    played(tmp_path, scene)
