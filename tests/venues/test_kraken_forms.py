"""Kraken Futures' words and forms as its public reference has them, and forms that nobody foresaw:
these are read as nothing, never as something else."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.kraken_rig import KrakenRig, played, reader_rests
from tests.venues.venue_contract import BUY, GTC, SELL
from trading.messages import OrderType, Side
from trading.universe import UNIVERSE
from trading.venues.base import Filled, OrderStatus, VenueError
from trading.venues.ccxt_dialect import Cancelled, Placed, Refused
from trading.venues.ccxt_kraken import KrakenFutures
from trading.venues.ccxt_kraken_words import NO_EXECUTION, PLACED, REFUSALS, TELLS_NOTHING
from trading.venues.ccxt_markets import Markets
from trading.venues.ccxt_venue import CcxtVenue

D = Decimal
DIALECT = KrakenFutures()
MARKET = {
    "id": "PF_SPYUSD", "symbol": "SPY/USD:USD", "quote": "USD", "active": True, "inverse": False,
    "contractSize": "1", "taker": "0.0005", "maker": "0.0002",
    "precision": {"price": "0.01", "amount": "1"},
}  # fmt: skip
MARKETS = Markets({"x": MARKET}, {"SPY": "PF_SPYUSD"}, UNIVERSE)
OURS, UID = "kraken-1.stop-1", "2ceb1d31-f619-457b-870c-fd4ddbb10d45"
UNREADABLE = (KeyError, ValueError, TypeError, ArithmeticError, AttributeError)

TRIGGER = {
    "uid": UID, "accountId": "1", "accountUid": "f7d5571c-6d10-4cf1-944a-048d25682ed0",
    "tradeable": "PF_SPYUSD", "direction": "Sell", "quantity": "5", "timestamp": "1604937694000",
    "limitPrice": "", "orderType": "Market", "clientId": OURS, "reduceOnly": True,
    "lastUpdateTimestamp": "1604937694000",
    "triggerOptions": {
        "triggerPrice": "490.5", "triggerSignal": "MarkPrice", "triggerSide": "Below",
        "trailingStopOptions": {"maxDeviation": "0", "unit": "Percent"},
        "limitPriceOffset": {"priceOffset": "0", "unit": "Percent"},
    },
}  # fmt: skip
ORDER = {
    "uid": UID, "accountUid": "f7d5571c-6d10-4cf1-944a-048d25682ed0", "tradeable": "PF_SPYUSD",
    "direction": "Sell", "quantity": "3", "filled": "2", "timestamp": "1604937694000",
    "limitPrice": "500", "orderType": "IoC", "clientId": OURS, "reduceOnly": False,
    "lastUpdateTimestamp": "1604937694000", "spotData": None,
}  # fmt: skip
SOMEBODYS = {**TRIGGER, "clientId": "", "uid": "another"}
UPDATED = {"oldOrderTrigger": {**TRIGGER, "quantity": "9"}, "newOrderTrigger": TRIGGER}
EDIT_REFUSED = {"oldOrderTrigger": TRIGGER, "attemptedOrderTrigger": TRIGGER, "orderError": "x"}


def history(*events: dict[str, Any]) -> OrderStatus | None:
    """What a page of them, newest first, says of our order."""
    elements = [{"uid": "e", "timestamp": "1604937694000", "event": one} for one in events]
    return DIALECT.history_said({"elements": elements, "len": "1"}, OURS, MARKETS)[0]


def status(order: dict[str, Any], **more: Any) -> OrderStatus | None:
    """What orders/status says of our order."""
    body = {
        "type": "ORDER", "orderId": UID, "cliOrdId": OURS, "symbol": "PF_SPYUSD", "side": "sell",
        "quantity": "5", "filled": "2", "limitPrice": "500", "reduceOnly": False,
        "timestamp": "2026-05-27T19:50:32.156Z", "lastUpdateTimestamp": "2026-05-27T19:50:32.156Z",
        **order,
    }  # fmt: skip
    element = {"order": body, "updateReason": None, "error": None, **more}
    return DIALECT.order_said({"orders": [element]}, OURS, MARKETS)


# Stops ------------------------------------------------------------------------------------------


def test_a_stop_that_was_taken_back_is_read_as_the_reference_writes_it() -> None:
    gone = {"OrderTriggerCancelled": {"order": TRIGGER, "reason": "dead_man_switch"}}
    placed = {"OrderTriggerPlaced": {"order": TRIGGER, "reason": "new_user_order"}}
    somebodys = {"OrderTriggerCancelled": {"order": SOMEBODYS, "reason": "cancelled_by_user"}}
    refused = {"OrderTriggerEditRejected": EDIT_REFUSED}
    found = history(somebodys, refused, gone, placed)
    assert found == OrderStatus(
        OURS, UID, "SPY", Side.SELL, D(5), D(0), None, "cancelled", "cancel_all_after ran out",
        OrderType.STOP, reduce_only=True, stop_price=D("490.5"),
    )  # fmt: skip
    moved = history({"OrderTriggerUpdated": {**UPDATED, "reason": "edited_by_user"}}, placed)
    assert moved is not None
    assert (moved.state, moved.quantity) == ("working", D(5))
    assert history(somebodys, {"OrderNotFound": {"accountUid": "a", "orderId": UID}}) is None


@pytest.mark.parametrize(
    "newest",
    [
        {"OrderTriggerActivated": {"order": TRIGGER}},
        {"OrderTriggerCancelled": {"order": TRIGGER, "reason": "stop_order_triggered"}},
        {"OrderTriggerSplit": {"order": TRIGGER}},
        {"OrderTriggerCancelled": {"order": {**TRIGGER, "quantity": None}, "reason": "x"}},
        {"OrderCancelled": {"order": {**ORDER, "filled": None}, "reason": "cancelled_by_user"}},
    ],
    ids=["triggered", "gone-because-triggered", "a-new-event", "no-quantity", "no-filled"],
)
def test_what_does_not_say_how_it_is_says_nothing_and_neither_does_anything_older(
    newest: dict[str, Any],
) -> None:
    with pytest.raises(UNREADABLE):
        history(newest, {"OrderTriggerPlaced": {"order": TRIGGER, "reason": "new_user_order"}})


def test_a_stop_is_asked_for_by_its_id_and_has_no_quantities() -> None:
    trigger = {
        "type": "TRIGGER_ORDER", "quantity": None, "filled": None, "limitPrice": None,
        "reduceOnly": True,
        "priceTriggerOptions": {
            "triggerPrice": "490.5", "triggerSide": "TRIGGER_BELOW",
            "triggerSignal": "MARK_PRICE", "triggerTime": None,
        },
    }  # fmt: skip
    found = status(trigger, status="CANCELLED", updateReason="CANCELLED_BY_USER")
    assert found == OrderStatus(
        OURS, UID, "SPY", Side.SELL, None, D(0), None, "cancelled", "cancelled on request",
        OrderType.STOP, reduce_only=True, stop_price=D("490.5"),
    )  # fmt: skip
    rests = status(trigger, status="TRIGGER_PLACED", updateReason="NEW_USER_ORDER")
    assert rests is not None
    assert rests.state == "working"
    for order, more in (
        (trigger, {"status": "CANCELLED", "updateReason": "STOP_ORDER_TRIGGERED"}),
        (trigger, {"status": None}),
        (trigger, {"status": "NOT_FOUND"}),
        ({"filled": None}, {"status": "CANCELLED"}),
    ):
        with pytest.raises(UNREADABLE):
            status(order, **more)


# Words ------------------------------------------------------------------------------------------

SEND_STATUSES = (
    "placed", "partiallyFilled", "filled", "cancelled", "edited", "marketSuspended",
    "marketInactive", "invalidPrice", "invalidSize", "invalidOrderType", "invalidSide",
    "tooManySmallOrders", "insufficientAvailableFunds", "wouldCauseLiquidation",
    "clientOrderIdAlreadyExist", "clientOrderIdTooBig", "clientOrderIdTooLong",
    "maxPositionViolation", "outsidePriceCollar", "wouldIncreasePriceDislocation", "notFound",
    "orderForEditNotAStop", "orderForEditNotFound", "postWouldExecute", "iocWouldNotExecute",
    "selfFill", "wouldNotReducePosition", "marketIsPostOnly", "tooManyOrders",
    "fixedLeverageTooHigh", "clientOrderIdInvalid", "cannotEditTriggerPriceOfTrailingStop",
    "cannotEditLimitPriceOfTrailingStop", "wouldProcessAfterSpecifiedTime",
)  # fmt: skip
"""Of the reference's send-order, May 2026."""


@pytest.mark.parametrize("word", SEND_STATUSES)
def test_every_documented_answer_to_a_create_has_its_meaning(word: str) -> None:
    said = DIALECT.created({"sendStatus": {"status": word, "order_id": UID, "orderEvents": []}})
    if word in PLACED:
        assert said == Placed(UID)
    elif word in TELLS_NOTHING:
        assert said is None
    else:
        assert isinstance(said, Refused)
        assert said.code == {NO_EXECUTION: "EXPIRED"}.get(word, REFUSALS.get(word, "DUPLICATE_ID"))
    assert DIALECT.created({"sendStatus": {"status": f"{word}Now"}}) is None


@pytest.mark.parametrize(
    ("said", "error", "state", "how", "reason"),
    [
        ("IOC_WOULD_NOT_EXECUTE_REASON", None, "CANCELLED", "expired", "found no quantity"),
        ("IOC_WOULD_NOT_EXECUTE", None, "CANCELLED", "expired", "found no quantity"),
        ("NEW_USER_ORDER", "IOC_WOULD_NOT_EXECUTE", "REJECTED", "expired", "found no quantity"),
        ("EXPIRED", None, "CANCELLED", "expired", "its time was over"),
        ("WOULD_NOT_REDUCE_POSITION", None, "CANCELLED", "expired", "reduce_only"),
        ("NEW_USER_ORDER", "WOULD_NOT_REDUCE_POSITION", "REJECTED", "rejected", "reduce_only"),
        ("POST_WOULD_EXECUTE_REASON", None, "CANCELLED", "cancelled", "post_only"),
        ("WOULD_EXECUTE_SELF_REASON", None, "CANCELLED", "cancelled", "its own account"),
        ("SOMETHING_NEW", None, "CANCELLED", "cancelled", "something_new"),
        (None, None, "CANCELLED", "cancelled", ""),
    ],
)
def test_why_an_order_ended_is_told_the_same_by_every_list(
    said: str | None, error: str | None, state: str, how: str, reason: str
) -> None:
    now = status({}, status=state, updateReason=said, error=error)
    kind = "OrderCancelled" if state == "CANCELLED" else "OrderRejected"
    event = {"order": ORDER, "reason": (said or "").lower(), "orderError": error}
    past = history({kind: event})
    for found in (now, past):
        assert found is not None
        assert (found.state, found.filled) == (how, D(2))
        assert reason in found.reason
        assert "REASON" not in found.reason.upper()


# Open orders ------------------------------------------------------------------------------------

OPEN = {
    "order_id": UID, "cliOrdId": OURS, "status": "untouched", "side": "sell", "orderType": "stop",
    "symbol": "PF_SPYUSD", "stopPrice": "490.5", "filledSize": "0", "unfilledSize": "5",
    "reduceOnly": True, "triggerSignal": "mark", "lastUpdateTime": "2019-09-05T17:01:17.410Z",
    "receivedTime": "2019-09-05T17:01:17.410Z",
}  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def opened(*orders: Any) -> list[OrderStatus]:
    return DIALECT.open_orders_said({"openOrders": list(orders)}, MARKETS)


def test_an_order_without_a_size_is_named_and_is_what_it_says_of_itself() -> None:
    sizeless = {k: v for k, v in OPEN.items() if k not in ("unfilledSize", "cliOrdId")}
    named, whole = opened({**sizeless, "receivedTime": "2018"}, OPEN)
    assert (named.client_order_id, named.quantity) == (f"kraken:{UID}", None)
    assert (named.symbol, named.side, named.order_type) == ("SPY", Side.SELL, OrderType.STOP)
    assert named.reduce_only, "a protective one is spared like any other"
    assert "unfilledSize" in named.reason
    assert (whole.client_order_id, whole.quantity, whole.reason) == (OURS, D(5), "")


@given(st.dictionaries(st.sampled_from(sorted(OPEN)), JSON), JSON)
def test_no_order_hides_another_whatever_its_form(changes: dict[str, Any], other: Any) -> None:
    found = opened({**OPEN, **changes}, other, {**OPEN, "cliOrdId": "next"})
    assert len(found) == 3
    assert len({one.client_order_id for one in found}) >= 2
    (next_one,) = [one for one in found if one.client_order_id == "next"]
    assert (next_one.quantity, next_one.stop_price) == (D(5), D("490.5"))


# Cancels ----------------------------------------------------------------------------------------

IDENTS = ["a", "b", "kraken:v3", "d"]
TOLD: list[dict[str, Any]] = [
    {"status": "cancelled", "cliOrdId": "a", "order_id": "v1", "orderEvents": []},
    {"status": "notFound", "cliOrdId": "b", "orderEvents": []},
    {"status": "filled", "order_id": "v3", "orderEvents": []},
    {
        "status": "cancelled", "order_id": "v4",
        "orderEvents": [
            {"type": "CANCEL", "uid": "v4", "order": {"orderId": "v4", "cliOrdId": "d"}}
        ],
    },
]  # fmt: skip
SAID = [Cancelled(None), "UNKNOWN_ORDER", "NOT_OPEN", Cancelled(None)]


def cancelled(*told: Any) -> list[Any]:
    found = DIALECT.cancelled_many({"batchStatus": list(told)}, IDENTS)
    return [one.code if isinstance(one, Refused) else one for one in found]


@given(st.permutations(TOLD))
def test_answers_to_cancels_are_matched_by_the_names_in_them(told: list[Any]) -> None:
    assert cancelled(*told) == SAID


def test_what_an_answer_to_cancels_does_not_tell_is_told_of_none() -> None:
    assert cancelled(*({"status": one["status"]} for one in TOLD)) == SAID, "by place, unnamed"
    assert cancelled(*TOLD[1:]) == [None, *SAID[1:]]
    assert cancelled({"status": "cancelled"}, *TOLD[2:]) == [None, None, *SAID[2:]]
    assert cancelled({**TOLD[0], "cliOrdId": "z"}, *TOLD[1:]) == [None, *SAID[1:]]
    assert cancelled({**TOLD[1], "status": "cancelled"}, *TOLD[1:]) == [None, None, *SAID[2:]]
    assert cancelled({"status": "pending", "cliOrdId": "a"}, 7, *TOLD[2:])[0] is None


# Over the wire ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["NOT_FOUND", None], ids=["a-new-word", "none"])
def test_what_is_said_unreadably_of_now_is_looked_for_in_the_histories(
    tmp_path: Path, status: str | None
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        rests = desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC)
        guard = desk.send(SELL, "5", "SPY", stop="490.00", tif=GTC)
        gone = desk.send(BUY, "1", "SPY", limit="400.00", tif=GTC)
        await rig.settle(desk)
        for ident in (guard, gone):
            desk.venue.send_cancel(ident)
        await rig.settle(desk)
        await reader_rests(desk)
        orders = [
            {"order": {"cliOrdId": one, "orderId": "v"}, "status": status, "error": "x"}
            for one in (rests, guard, gone, "never-sent")
        ]
        said = json.dumps({"result": "success", "orders": orders})
        rig.server.faults.status["orders/status"] = (200, said)
        for ident in (guard, gone):
            found = (await desk.venue.order_status(ident)).order
            assert found is not None
            assert (found.state, found.reason) == ("cancelled", "cancelled on request")
        for ident in (rests, "never-sent"):
            with pytest.raises(VenueError, match="BAD_ANSWER"):
                await desk.venue.order_status(ident)
        said = json.dumps({"result": "success", "orders": []})
        rig.server.faults.status["orders/status"] = (200, said)
        with pytest.raises(VenueError, match="NOT_TOLD"):  # it was placed once: is it still there?
            await desk.venue.order_status(rests)
        assert (await desk.venue.order_status("never-sent")).order is None

    played(tmp_path, scene)


def test_an_order_of_an_unforeseen_form_blinds_nothing_and_can_be_cancelled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(rig: KrakenRig) -> None:
        rig.server.hidden = ("unfilledSize", "stopPrice")
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        assert isinstance(desk.venue, CcxtVenue)
        await desk.venue._asking.client.private_post_sendorder(
            {
                "orderType": "stp", "symbol": "PF_SPYUSD", "side": "sell", "size": "7",
                "stopPrice": "490",
            }
        )  # fmt: skip
        filled = desk.send(BUY, "5", "SPY")
        await rig.settle(desk)
        assert [one.client_order_id for one in desk.said(Filled)] == [filled]
        again = await rig.desk()
        assert again.venue.connected, "signing in reads the open orders"
        await rig.settle(again)
        (order,) = await again.venue.open_orders()
        assert order.client_order_id.startswith("kraken:")
        again.venue.send_cancel(order.client_order_id)
        await rig.settle(again)
        assert await again.venue.open_orders() == []
        told = [one for one in caplog.messages if "order.not-understood" in one]
        assert len(told) == 2, "once by each connection that saw it"

    played(tmp_path, scene)
