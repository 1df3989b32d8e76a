"""The part of the contract about terms: post-only, good till date, and modified orders."""

from decimal import Decimal

from tests.venues.protection_cases import CASES
from tests.venues.venue_contract import BUY, GTC, GTD, IOC, SELL, Desk, Rig, case
from trading.venues.base import Accepted, Ended, Filled, Modified, ModifyRefused, Rejected

__all__ = ["CASES"]
D = Decimal


async def _quantities(desk: Desk) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    orders = await desk.venue.open_orders()
    return {one.client_order_id: (one.quantity, one.limit_price) for one in orders}


@case
async def a_post_only_order_rests_or_is_refused(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    crosses = [
        desk.send(BUY, "5", "SPY", limit="500.02", tif=GTC, post_only=True),
        desk.send(SELL, "5", "SPY", limit="499.00", tif=GTC, post_only=True),
    ]
    rests = desk.send(BUY, "5", "SPY", limit="500.01", tif=GTC, post_only=True)
    await rig.settle(desk)
    assert {one.client_order_id: one.code for one in desk.said(Rejected)} == dict.fromkeys(
        crosses, "POST_ONLY"
    )
    assert list(await _quantities(desk)) == [rests]
    await rig.quote("SPY", "499.90", "500.00")
    await rig.settle(desk)
    assert [(one.quantity, one.price) for one in desk.said(Filled)] == [(D(5), D("500.01"))]
    maker, taker = D("0.2"), D("0.5")
    (fill,) = desk.said(Filled)
    assert fill.fee == fill.quantity * fill.price * maker / 10_000 < fill.price * taker / 1_000


@case
async def a_good_till_date_order_ends_at_its_date(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02")
    desk = await rig.desk()
    now = desk.venue.not_after(0)
    soon, late = now + 40_000_000_000, now + 90_000_000_000
    past = desk.send(BUY, "1", "SPY", limit="490.00", tif=GTD, expires_ns=now - 10_000_000_000)
    ends = desk.send(BUY, "2", "SPY", limit="490.00", tif=GTD, expires_ns=soon)
    stays = desk.send(BUY, "3", "SPY", limit="490.00", tif=GTD, expires_ns=late)
    await rig.settle(desk)
    if not desk.venue.capabilities.good_till_date:
        said = {one.client_order_id: one.code for one in desk.said(Rejected)}
        assert said == dict.fromkeys((past, ends, stays), "NOT_SUPPORTED")
        assert await _quantities(desk) == {}
        return
    assert [(one.client_order_id, one.code) for one in desk.said(Rejected)] == [(past, "EXPIRED")]
    await rig.kill(desk)
    again = await rig.desk()
    assert list(await _quantities(again)) == [ends, stays]
    await rig.move_clock(60_000)
    await rig.settle(again)
    assert [(one.client_order_id, one.how) for one in again.said(Ended)] == [(ends, "expired")]
    assert list(await _quantities(again)) == [stays]


@case
async def a_modified_order_is_of_that_size_and_limit(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02", "100", "100")
    desk = await rig.desk()
    ident = desk.send(BUY, "10", "SPY", limit="499.00", tif=GTC)
    await rig.settle(desk)
    desk.venue.send_modify(ident, D(4), D("499.50"))
    await rig.settle(desk)
    assert desk.said(Modified) == [Modified(ident, D(4), D("499.50"))]
    assert await _quantities(desk) == {ident: (D(4), D("499.50"))}
    await rig.quote("SPY", "499.40", "499.49", "3", "3")
    await rig.settle(desk)
    assert [(one.quantity, one.price) for one in desk.said(Filled)] == [(D(3), D("499.50"))]
    desk.venue.send_modify(ident, D(9), D("499.50"))
    await rig.settle(desk)
    await rig.kill(desk)
    again = await rig.desk()
    assert await _quantities(again) == {ident: (D(9), D("499.50"))}
    await rig.quote("SPY", "500.00", "500.02", "100", "100")
    again.venue.send_modify(ident, D(9), D("500.02"))
    await rig.settle(again)
    assert [(one.quantity, one.price) for one in again.said(Filled)] == [(D(6), D("500.02"))]
    assert await _quantities(again) == {}
    assert not again.said(Ended)
    assert not again.said(Accepted)


@case
async def a_modification_that_cannot_be_leaves_the_order_as_it_was(rig: Rig) -> None:
    await rig.quote("SPY", "500.00", "500.02", "4", "4")
    desk = await rig.desk()
    rests = desk.send(BUY, "10", "SPY", limit="500.02", tif=GTC)
    shy = desk.send(SELL, "10", "SPY", limit="510.00", tif=GTC, post_only=True)
    await rig.settle(desk)
    assert [one.quantity for one in desk.said(Filled)] == [D(4)]
    guard = desk.send(SELL, "4", "SPY", limit="520.00", tif=GTC, reduce_only=True)
    gone = desk.send(BUY, "1", "SPY", limit="400.00", tif=IOC)
    await rig.quote("SPY", "500.00", "500.05", "4", "4")
    await rig.settle(desk)
    before = await _quantities(desk)
    assert set(before) == {rests, shy, guard}
    for ident, quantity, limit, code in (
        (rests, "4", "500.02", "LOT_SIZE"), (rests, "9.5", "500.02", "LOT_SIZE"),
        (rests, "10", "500.001", "TICK_SIZE"), (shy, "10", "500.00", "POST_ONLY"),
        (guard, "5", "520.00", "REDUCE_ONLY"), (gone, "2", "400.00", "NOT_OPEN"),
        ("never-sent", "2", "400.00", "UNKNOWN_ORDER"),
    ):  # fmt: skip
        desk.venue.send_modify(ident, D(quantity), D(limit))
        await rig.settle(desk)
        said = desk.said(ModifyRefused)[-1]
        assert (said.client_order_id, said.code) == (ident, code)
    assert await _quantities(desk) == before
    assert not desk.said(Modified)
