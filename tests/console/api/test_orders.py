"""/api/orders and /orders/open."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.test import Client

from tests.console.api.conftest import START, new_order
from trading.models import Strategy
from trading.orders.states import OPEN, OrderState

pytestmark = pytest.mark.django_db

WARRANT = uuid.UUID(int=7)


def test_an_order_as_it_is_written(caller: Client, strategy: Strategy) -> None:
    new_order(strategy, 1, filled=Decimal("2500.5"), state="partially-filled")
    answer = caller.get("/api/orders")
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == [
        {
            "order_id": "paper-1-0001",
            "venue_order_id": "",
            "account": "paper-1",
            "strategy": "mom-eurusd",
            "symbol": "EURUSD",
            "side": "buy",
            "order_type": "limit",
            "time_in_force": "ioc",
            "quantity": "10000",
            "limit_price": "1.1524",
            "stop_price": None,
            "reduce_only": False,
            "post_only": False,
            "life_ms": 0,
            "expires_at": None,
            "warrant": None,
            "reference_price": "1.1523",
            "status": "partially-filled",
            "filled": "2500.5",
            "filled_value": "0",
            "fees": "0",
            "reason_code": "",
            "reason": "",
            "correlation_id": "c-1",
            "created_at": "2026-11-21T09:30:01.000000Z",
            "sent_at": None,
            "answered_at": None,
            "ended_at": None,
        }
    ]


def test_every_term_of_an_order_is_told(caller: Client, strategy: Strategy) -> None:
    """A stop that protects, a quote and one good till a date are told from an entry."""
    new_order(
        strategy, 1, state="working", side="sell", order_type="stop", time_in_force="gtc",
        limit_price=None, stop_price=Decimal("1.0780"), reduce_only=True, warrant=WARRANT,
    )  # fmt: skip
    new_order(strategy, 2, state="working", time_in_force="gtc", post_only=True, life_ms=1500)
    new_order(strategy, 3, state="working", time_in_force="gtd",
              expires_at=START + dt.timedelta(hours=1))  # fmt: skip
    until, quote, stop = caller.get("/orders/open").json()
    terms = ("order_type", "limit_price", "stop_price", "reduce_only", "post_only", "life_ms",
             "expires_at", "warrant")  # fmt: skip
    assert [stop[one] for one in terms] == [
        "stop", None, "1.078", True, False, 0, None, str(WARRANT),
    ]  # fmt: skip
    assert [quote[one] for one in terms] == [
        "limit", "1.1524", None, False, True, 1500, None, None,
    ]  # fmt: skip
    assert until["expires_at"] == "2026-11-21T10:30:00.000000Z"


def test_newest_first_and_a_hundred_when_not_said(caller: Client, strategy: Strategy) -> None:
    for number in range(101):
        new_order(strategy, number)
    ids = [one["order_id"] for one in caller.get("/api/orders").json()]
    assert len(ids) == 100
    assert ids == sorted(ids, reverse=True)
    assert ids[0] == "paper-1-0100"


def test_pages_lead_through_all_orders_once_while_new_ones_come(
    caller: Client, strategy: Strategy
) -> None:
    for number in range(7):
        new_order(strategy, number, created_at=new_order(strategy, number + 100).created_at)
    seen: list[str] = []
    address = "/api/orders?limit=3&side=buy"
    while address:
        answer = caller.get(address)
        seen += [one["order_id"] for one in answer.json()]
        new_order(strategy, 1000 + len(seen))
        link = answer.headers.get("Link", "")
        assert not link or link.startswith("<http://testserver/api/orders?limit=3&side=buy&cursor=")
        address = link.split(">")[0].removeprefix("<http://testserver")
    assert len(seen) == len(set(seen)) == 14
    assert all(int(one[-4:]) < 1000 for one in seen)


@pytest.mark.parametrize("status", [*OrderState])
def test_by_status(caller: Client, strategy: Strategy, status: OrderState) -> None:
    for number, state in enumerate(OrderState):
        new_order(strategy, number, state=state)
    states = [one["status"] for one in caller.get(f"/api/orders?status={status}").json()]
    assert states == [status]
    for path in ("/api/orders?status=open", "/orders/open", "/orders/open/"):
        states = [one["status"] for one in caller.get(path).json()]
        assert sorted(states) == sorted(OPEN)


@pytest.mark.parametrize(
    "query", ["strategy=mr-btcusdt", "account=paper-2", "symbol=BTCUSDT", "side=sell"]
)
@pytest.mark.parametrize("path", ["/api/orders", "/orders/open"])
def test_by_what_it_belongs_to(
    caller: Client, strategy: Strategy, other: Strategy, path: str, query: str
) -> None:
    new_order(strategy, 1, state="working")
    new_order(other, 2, side="sell", state="working")
    assert [one["strategy"] for one in caller.get(f"{path}?{query}").json()] == ["mr-btcusdt"]
    assert caller.get(f"{path}?strategy=no-such").json() == []
