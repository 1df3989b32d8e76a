"""The desk of these tests."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from audit.models import Entry
from tests.reconciliation.builders import Desk


@pytest.fixture
def desk(db: None) -> Desk:
    """Two accounts that agree with their venues: fills 1 and 2, and fill 1."""
    made = Desk()
    made.fill("mom-eurusd", "EURUSD", "buy", "2000", "1.15")
    made.fill("mr-gold", "GCZ3", "sell", "2", "1290")
    made.fill("mom-btc", "BTCUSDT", "buy", "0.1", "90000")
    return made


@pytest.fixture
def recorded(db: None) -> Callable[[str], list[dict[str, Any]]]:
    """Bodies of the entries of an action, oldest first."""

    def read(action: str) -> list[dict[str, Any]]:
        rows = Entry.objects.filter(action=action).order_by("recorded_at", "happened_at", "id")
        return [json.loads(bytes(one.body)) for one in rows]

    return read
