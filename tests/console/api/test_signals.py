"""/api/signals and /api/signals/latest."""

import pytest
from django.test import Client

from tests.console.api.conftest import new_signal
from trading.models import Strategy

pytestmark = pytest.mark.django_db


def test_a_signal_as_the_runbook_reads_it(caller: Client, strategy: Strategy) -> None:
    new_signal(strategy, 1)
    (one,) = caller.get("/api/signals?limit=10").json()
    assert {name: one[name] for name in ("id", "symbol", "confidence", "timestamp")} == {
        "id": "mom-eurusd-0001",
        "symbol": "EURUSD",
        "confidence": 0.75,
        "timestamp": "2026-11-21T09:30:01.000000Z",
    }
    assert (one["price"], one["direction"]) == ("1.15", 1)


def test_newest_first_by_pages(caller: Client, strategy: Strategy, other: Strategy) -> None:
    for number in range(4):
        new_signal(strategy, number)
        new_signal(other, number)
    answer = caller.get("/api/signals?strategy=mom-eurusd&limit=2")
    rest = caller.get(answer["Link"].split(">")[0][1:])
    ids = [one["id"][-1] for one in (*answer.json(), *rest.json())]
    assert ids == ["3", "2", "1", "0"]


def test_the_latest_of_each_strategy(caller: Client, strategy: Strategy, other: Strategy) -> None:
    for number in range(3):
        new_signal(strategy, number)
    new_signal(other, 9)
    latest = caller.get("/api/signals/latest").json()
    assert [one["id"] for one in latest] == ["mr-btcusdt-0009", "mom-eurusd-0002"]
    found = caller.get("/api/signals/latest?symbol=EURUSD").json()
    assert [one["id"] for one in found] == ["mom-eurusd-0002"]
