"""Against the paper venue itself: its own process, its own books, its own arithmetic."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from audit.canonical import plain
from tests.reconciliation.builders import Desk, names
from tests.venues.rigs import CREDENTIALS, VenueProcess, redis_url
from trading.clock import utc_from_ns, utc_now
from trading.models import Break, Fill, VenueReading
from trading.reconciliation.service import ReconciliationReport, reconcile_run
from trading.venues.base import Filled
from trading.venues.paper import PaperVenue


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[VenueProcess]:
    process = VenueProcess(tmp_path, redis_url())
    yield process
    process.close()


async def _asked(address: str, sequence: int) -> tuple[list[Filled], dict[str, Any]]:
    venue = PaperVenue("paper-1", address, CREDENTIALS["paper-1"])
    await venue.connect(lambda _: None)
    taken_at = utc_now()
    try:
        fills = await venue.fills_since(sequence)
        positions, orders = await venue.positions(), await venue.open_orders()
        balances = await venue.balances()
    finally:
        await venue.close()
    return fills, {
        "taken_at": taken_at,
        "positions": plain([
            {"symbol": one.symbol, "quantity": one.quantity, "cash_flow": one.cash_flow,
             "fees": one.fees}
            for one in positions
        ]),
        "open_orders": plain([
            {"client_order_id": one.client_order_id, "symbol": one.symbol, "side": str(one.side),
             "quantity": one.quantity, "filled": one.filled}
            for one in orders
        ]),
        "balances": plain(balances),
    }  # fmt: skip


def read_as_the_gateway_does(venue: VenueProcess) -> ReconciliationReport:
    """Book what the venue filled, write down what it says, and reconcile."""
    booked = Fill.objects.filter(account="paper-1").count()
    fills, said = asyncio.run(_asked(venue.address, booked))
    for one in fills:
        Fill.objects.create(
            account_id="paper-1", venue_fill_id=one.venue_fill_id, sequence=one.sequence,
            symbol=one.symbol, side=str(one.side), quantity=one.quantity, price=one.price,
            fee=one.fee, fee_currency=one.fee_currency, venue_time=one.venue_time,
            feed_time=utc_from_ns(one.feed_time_ns),
        )  # fmt: skip
    VenueReading.objects.create(account_id="paper-1", fill_sequence=booked + len(fills), **said)
    return reconcile_run(account="paper-1", asked_by="schedule", mids=dict)[0]


def test_a_fill_nobody_ordered_at_the_venue(db: None, venue: VenueProcess) -> None:
    Desk()
    assert read_as_the_gateway_does(venue).agrees
    with venue.admin() as admin:
        admin.inject_fill("paper-1", "GCZ3", "buy", "3", "1290.5")
        admin.inject_fill("paper-1", "BTCUSDT", "sell", "0.001", "91000.01")
    with capture_logs() as logs:
        report = read_as_the_gateway_does(venue)
    # Cash agrees: what the fills moved, fees and all, is what the venue's balances say.
    assert names(report) == {"fill:#1", "fill:#2", "position:GCZ3", "position:BTCUSDT"}
    assert report.compared["cash"] == 2
    assert Break.objects.get(key="#1").value == Decimal(387_150)
    codes = sorted(f"{one['code']} {one['key']}" for one in logs if one["log_level"] == "critical")
    assert codes == ["BREAK_LARGE GCZ3", "FILL_UNORDERED #1", "FILL_UNORDERED #2"]


def test_an_order_that_we_did_not_send_at_the_venue(db: None, venue: VenueProcess) -> None:
    Desk()
    with venue.admin() as admin:
        order = admin.inject_order("paper-1", "EURUSD", "buy", "2000", "1.10000")
    report = read_as_the_gateway_does(venue)
    (row,) = report.breaks
    assert (row.what, row.key, row.ours) == ("order", order["client_order_id"], "not ours")
    assert row.theirs == "buy 2000 EURUSD, 0 filled"
