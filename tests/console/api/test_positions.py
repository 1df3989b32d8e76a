"""/api/positions, /api/positions/summary and /api/broker-positions."""

import pytest
from django.test import Client

from tests.console.api.conftest import new_position, new_reading, quoted
from trading.models import Strategy

pytestmark = pytest.mark.django_db


def test_a_position_as_the_runbook_reads_it(caller: Client, strategy: Strategy) -> None:
    new_position(strategy, "10000", "11524.00")
    quoted("EURUSD", "1.1530", "1.1532")
    (one,) = caller.get("/api/positions?status=open").json()
    wanted = ("symbol", "quantity", "unrealized_pnl", "entry_price")
    assert [one[name] for name in wanted] == ["EURUSD", "10000", "7", "1.1524"]
    summary = caller.get("/api/positions/summary").json()
    assert summary["total_unrealized_pnl"] == "7"
    assert summary["total_pnl"] == "5.5"
    assert summary["open_positions"] == 1


def test_without_a_price_pnl_is_unknown_and_not_zero(caller: Client, strategy: Strategy) -> None:
    new_position(strategy, "-10000", "-11524")
    (one,) = caller.get("/api/positions").json()
    assert (one["quantity"], one["unrealized_pnl"], one["mark_price"]) == ("-10000", None, None)
    summary = caller.get("/api/positions/summary").json()
    assert summary["total_unrealized_pnl"] is None
    assert summary["unmarked"] == ["EURUSD"]


def test_open_leaves_flat_ones_out_and_filters_hold(
    caller: Client, strategy: Strategy, other: Strategy
) -> None:
    new_position(strategy, "0", "0")
    new_position(other, "0.5", "30000")
    assert len(caller.get("/api/positions").json()) == 2
    for query in ("status=open", "strategy=mr-btcusdt", "account=paper-2", "symbol=BTCUSDT"):
        found = caller.get(f"/api/positions?{query}").json()
        assert [one["strategy"] for one in found] == ["mr-btcusdt"]


def test_the_list_of_positions_is_whole(caller: Client, strategy: Strategy) -> None:
    """It is compared with the venue's: no default may cut it."""
    for number in range(130):
        new_position(strategy, "1", "1", symbol=f"SYM{number}")
    assert len(caller.get("/api/positions").json()) == 130
    assert len(caller.get("/api/positions?limit=7").json()) == 7


def test_the_venues_view_is_its_last_word(
    caller: Client, strategy: Strategy, other: Strategy
) -> None:
    new_reading(strategy, "5000", 1)
    new_reading(strategy, "10000.50", 2)
    new_reading(other, "-0.25", 3)
    both = caller.get("/api/broker-positions").json()
    assert [(one["account"], one["quantity"]) for one in both] == [
        ("paper-2", "-0.25"),
        ("paper-1", "10000.5"),
    ]
    (one,) = caller.get("/api/broker-positions?account=paper-1").json()
    assert one == {
        "account": "paper-1", "venue": "Paper One", "symbol": "EURUSD", "quantity": "10000.5",
        "cash_flow": "-11524", "fees": "1.5", "fill_sequence": 2,
        "taken_at": "2026-11-21T09:30:02.000000Z",
    }  # fmt: skip
