"""/api/executions."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.console.api.conftest import new_fill, new_order
from tests.console.conftest import person
from trading.models import Strategy

pytestmark = pytest.mark.django_db


def test_an_execution_as_the_runbook_reads_it(caller: Client, strategy: Strategy) -> None:
    new_fill(new_order(strategy, 1), 7)
    (one,) = caller.get("/api/executions?limit=10").json()
    assert one == {
        "execution_id": "f-7",
        "order_id": "paper-1-0001",
        "status": "filled",
        "execution_time": "2026-11-21T09:30:07.000000Z",
        "account": "paper-1",
        "strategy": "mom-eurusd",
        "symbol": "EURUSD",
        "side": "buy",
        "quantity": "10000",
        "price": "1.1524",
        "fee": "0.000000000001",
        "fee_currency": "USD",
        "sequence": 7,
        "recorded_at": "2026-11-21T09:30:07.000000Z",
    }


def test_a_fill_that_nobody_ordered(
    caller: Client, new_token: Callable[..., str], strategy: Strategy
) -> None:
    new_fill(new_order(strategy, 1), 1, order=None, strategy_id=None)
    assert caller.get("/api/executions").json() == [], "it is nobody's: a trader sees it not"
    text = new_token("read", owner=person("ada.nwosu", "risk"))
    ada = Client(headers={"Authorization": f"Bearer {text}"})
    (one,) = ada.get("/api/executions").json()
    assert (one["order_id"], one["strategy"], one["status"]) == (None, None, "unordered")


def test_pages_and_filters(caller: Client, strategy: Strategy, other: Strategy) -> None:
    first, second = new_order(strategy, 1), new_order(other, 2)
    for sequence in range(5):
        new_fill(first, sequence)
        new_fill(second, sequence, venue_fill_id=f"g-{sequence}")
    answer = caller.get("/api/executions?order_id=paper-1-0001&limit=3")
    rest = caller.get(answer["Link"].split(">")[0][1:])
    ids = [one["execution_id"] for one in (*answer.json(), *rest.json())]
    assert ids == ["f-4", "f-3", "f-2", "f-1", "f-0"]
    assert "Link" not in rest.headers
    for query in ("strategy=mr-btcusdt", "account=paper-2", "symbol=BTCUSDT"):
        found = caller.get(f"/api/executions?{query}").json()
        assert {one["account"] for one in found} == {"paper-2"}
