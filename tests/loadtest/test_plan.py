"""How many orders are due when, and what a verdict rests on."""

from dataclasses import replace
from typing import Any

import pytest

from workers.loadtest.judge import Account, Times
from workers.loadtest.plan import Plan
from workers.loadtest.run import Outcome


def test_the_rate_is_reached_evenly_and_kept() -> None:
    plan = Plan(rate=100, duration_s=300, ramp_s=60)
    due = [plan.due(at) for at in (0, 30, 60, 61, 300, 400)]
    assert due == [0, 750, 3000, 3100, 27_000, 27_000]
    assert [Plan(10, 5).due(at) for at in (0, 0.5, 5, 9)] == [0, 5, 50, 50]


GOOD = Outcome(
    Plan(100, 10), 500.0,
    Account(made=1000, sent=1000, answered=1000, lost=0, duplicated=0, strange=0, refused={},
            held=0),
    Times(1000, (5.0, 9.0, 20.0), (4.0, 8.0, 19.0)), 99.9, False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "amiss"),
    [({}, {"lost": 1}), ({}, {"duplicated": 1}), ({}, {"strange": 1}), ({}, {"held": 1}),
     ({"rate": 97.0}, {}), ({"cut": True}, {}), ({"times": None}, {}), ({"limit_ms": 19.9}, {})],
    ids=["lost", "twice", "nobody's", "not flat", "too slow", "cut", "nothing", "late"],
)  # fmt: skip
def test_anything_amiss_is_a_miss(change: dict[str, Any], amiss: dict[str, Any]) -> None:
    assert GOOD.reached
    bad = replace(GOOD, account=replace(GOOD.account, **amiss), **change)
    assert not bad.reached
    assert bad.body()["reached"] is False
