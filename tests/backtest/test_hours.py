"""Prices of a bar lie where they were traded: within its market's sessions."""

import datetime as dt

import numpy as np
import pytest

from trading.backtest.hours import in_session
from trading.clock import NS


def ns(text: str) -> int:
    return int(dt.datetime.fromisoformat(f"{text}+00:00").timestamp()) * NS


@pytest.mark.parametrize(
    ("market", "bar", "opened", "closed"),
    [
        # A day from midnight in New York, and an hour of which half is before the open.
        ("NYSE", ("2021-03-30 04:00", "2021-03-31 03:59:59"),
         "2021-03-30 13:30", "2021-03-30 19:59:59"),
        ("NYSE", ("2021-03-30 13:00", "2021-03-30 13:59:59"),
         "2021-03-30 13:30", "2021-03-30 13:59:59"),
        ("NYSE", ("2021-03-30 15:00", "2021-03-30 15:59:59"),
         "2021-03-30 15:00", "2021-03-30 15:59:59"),
        # Half a day, a holiday, and what no calendar knows.
        ("NYSE", ("2020-11-27 05:00", "2020-11-28 04:59:59"),
         "2020-11-27 14:30", "2020-11-27 17:59:59"),
        ("NYSE", ("2020-11-26 05:00", "2020-11-27 04:59:59"),
         "2020-11-26 05:00", "2020-11-27 04:59:59"),
        ("NYSE", ("1990-01-02 05:00", "1990-01-03 04:59:59"),
         "1990-01-02 05:00", "1990-01-03 04:59:59"),
        ("TSE", ("2020-11-26 02:00", "2020-11-26 02:59:59"),
         "2020-11-26 02:00", "2020-11-26 02:29:59"),
        ("CRYPTO", ("2020-11-28 00:00", "2020-11-28 23:59:59"),
         "2020-11-28 00:00", "2020-11-28 23:59:59"),
    ],
)  # fmt: skip
def test_a_bar_opens_and_closes_within_the_session(
    market: str, bar: tuple[str, str], opened: str, closed: str
) -> None:
    begins, ends = (np.array([ns(one)]) for one in bar)
    found = in_session(market, begins, ends)
    assert [int(one[0]) for one in found] == [ns(opened), ns(closed)]
