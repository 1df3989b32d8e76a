"""/api/signals and /api/signals/latest; how good signals are."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from tests.console.api.conftest import new_signal
from tests.support.desks import on_no_desk
from trading.models import Signal, Strategy

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


AGO = dt.timedelta(minutes=10)


@pytest.fixture
def judged(strategy: Strategy, other: Strategy) -> None:
    """Ten minutes ago: two hits, a miss, one flat, one unknown, one unjudged, one out; one of
    another strategy, and one of two days ago."""
    then = dt.datetime.now(dt.UTC) - AGO
    told = [("hit", "1.1502"), ("hit", "1.1504"), ("miss", "1.1498"), ("flat", "1.15")]
    for number, (outcome, price) in enumerate(told):
        new_signal(
            strategy, number, created_at=then, outcome=outcome, outcome_price=Decimal(price),
            outcome_time=then, spread=Decimal("0.0001"), confidence=number / 10,
        )  # fmt: skip
    new_signal(strategy, 4, created_at=then, outcome="unknown", confidence=1.0)
    new_signal(strategy, 5, created_at=then, latency_us=11_000_000)
    new_signal(strategy, 6, created_at=then + AGO, direction=-1)
    new_signal(strategy, 7, created_at=then, direction=0)
    new_signal(strategy, 8, created_at=then - dt.timedelta(days=2))
    new_signal(other, 1, created_at=then)


def one_of(caller: Client, path: str) -> dict[str, Any]:
    (found,) = [one for one in caller.get(path).json() if one["strategy"] == "mom-eurusd"]
    return dict(found)


def test_accuracy_counts_hits_of_what_was_decided(caller: Client, judged: None) -> None:
    one = one_of(caller, "/api/metrics/signal-accuracy")
    assert one == one_of(caller, "/api/metrics/accuracy?period=24h")
    assert {name: one[name] for name in ("signals", "hits", "misses", "flats", "judged")} == {
        "signals": 8, "hits": 2, "misses": 1, "flats": 1, "judged": 4,
    }  # fmt: skip
    assert (one["waiting"], one["unknown"]) == (1, 2)
    assert one["accuracy"] == pytest.approx(2 / 3)
    assert (one["move_bp"], one["net_bp"]) == ("0.8696", "0")
    assert one_of(caller, "/api/metrics/accuracy?period=3d")["signals"] == 9
    assert caller.get("/api/metrics/accuracy?symbol=XAUUSD").json() == []
    nothing = caller.get("/api/metrics/accuracy?strategy=mr-btcusdt").json()[0]
    assert (nothing["accuracy"], nothing["move_bp"]) == (None, None)


def test_rate_and_distributions(caller: Client, judged: None) -> None:
    rate = one_of(caller, "/api/metrics/signal-rate?period=30m")
    assert (rate["signals"], rate["per_hour"]) == (8, 16.0)
    assert rate["latency_p95_us"] > 120
    sides = one_of(caller, "/api/metrics/signal-distribution")
    assert (sides["long"], sides["flat"], sides["short"]) == (6, 1, 1)
    sure = one_of(caller, "/api/metrics/confidence-distribution?period=1h")
    assert sure["bins"] == [1, 1, 1, 1, 0, 0, 0, 3, 0, 1]
    assert (sure["zero"], sure["signals"]) == (1, 8)
    assert 0.2 < sure["mean"] < sure["median"] < 0.8


def test_recent_ones_are_told_with_what_is_wrong_with_them(caller: Client, judged: None) -> None:
    rows = caller.get("/api/signals/validate-recent?strategy=mom-eurusd").json()
    said = {one["id"][-1]: (one["outcome"], one["problems"], one["move_bp"]) for one in rows}
    assert said == {
        "0": ("hit", ["ZERO_CONFIDENCE"], "1.7391"), "1": ("hit", [], "3.4783"),
        "2": ("miss", [], "-1.7391"), "3": ("flat", [], "0.0000"),
        "4": ("unknown", ["NO_OUTCOME"], None), "5": ("", ["SLOW", "NO_OUTCOME"], None),
        "6": ("", [], None), "7": ("", [], None),
    }  # fmt: skip
    answer = caller.get("/api/signals/validate-recent?limit=3")
    rest = caller.get(answer["Link"].split(">")[0][1:])
    assert len({one["id"] for one in (*answer.json(), *rest.json())}) == 6


def test_a_period_that_is_none_is_refused_by_name(caller: Client, strategy: Strategy) -> None:
    for wrong in ("1", "0h", "1w", "31d", "9999999d", "1h1"):
        answer = caller.get(f"/api/metrics/accuracy?period={wrong}")
        assert (answer.status_code, answer.json()["field"]) == (400, "period"), wrong


def test_nobody_is_told_of_strategies_that_are_not_theirs(caller: Client, judged: None) -> None:
    on_no_desk("mercy.okafor")
    for path in ("/api/metrics/accuracy", "/api/signals/validate-recent"):
        assert {one["strategy"] for one in caller.get(path).json()} == {"mom-eurusd"}, path


def test_a_judged_signal_has_its_price(strategy: Strategy) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        new_signal(strategy, 1, outcome="hit")
    assert not Signal.objects.exists()
