"""The recorded days in ../shared/data: what is wrong in them is known, and found."""

import gzip

import pytest

from tests.feeds.builders import SHARED
from trading.feeds.ingestor import Ingestor
from trading.feeds.replay import Replay


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("eurusd-fxcm-20140502", {"crossed": 12_061}),
        ("eurusd-oanda-20140502", {}),
        ("xauusd-oanda-20140509", {}),
        ("spy-20131010", {}),
        ("btcusdt-spot-20240808", {}),
        ("btcusdt-perp-20240808", {}),
        # Twelve of its minutes have a bid or an ask only.
        ("gcz3-20131011", {"malformed": 12, "crossed": 1}),
    ],
)
def test_every_line_of_a_recorded_day_is_accounted_for(name: str, refused: dict[str, int]) -> None:
    path = SHARED / f"{name}.quotes.csv.gz"
    with gzip.open(path, "rb") as lines:
        count = sum(1 for _ in lines) - 1
    ingestor = Ingestor()
    passed = sum(len(ingestor.process(one).ticks) for one in Replay([path]).batches(rows=1000))
    assert ingestor.counters() | {"gaps": 0} == {
        "read": count,
        "accepted": count - sum(refused.values()),
        "standby": 0,
        "refused": refused,
        "gaps": 0,
    }
    assert passed == ingestor.counters()["accepted"]
