"""How many orders are due when, and what a verdict rests on."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, cast
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from trading.clock import NS
from workers.loadtest.judge import Account, Times
from workers.loadtest.load import Load
from workers.loadtest.plan import Plan
from workers.loadtest.run import Outcome


def test_the_rate_is_reached_evenly_and_kept() -> None:
    plan = Plan(rate=100, duration_s=300, ramp_s=60)
    due = [plan.due(at) for at in (0, 30, 60, 61, 300, 400)]
    assert due == [0, 750, 3000, 3100, 27_000, 27_000]
    assert [Plan(10, 5).due(at) for at in (0, 0.5, 5, 9)] == [0, 5, 50, 50]


@given(
    st.floats(0.5, 2_000), st.floats(1, 600), st.floats(0, 1), st.integers(1, 100_000)
)  # fmt: skip
def test_an_order_is_due_when_the_plan_first_wants_it(
    rate: float, duration: float, share: float, number: int
) -> None:
    plan = Plan(rate, duration, duration * share)
    at = plan.due_s(number)
    if at < duration * 0.999:
        assert plan.due(at * 1.001 + 1e-6) >= number
        assert plan.due(at * 0.999 - 1e-6) < number


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


class Stalling:
    """A Redis that answers nothing, takes 10 ms each time and 2 s once; it moves the clock."""

    def __init__(self) -> None:
        self.now_ns = 10**12
        self.asked = 0

    def xread(self, *_: Any, **__: Any) -> None:
        self.asked += 1
        self.now_ns += 2 * NS if self.asked == 50 else NS // 100

    def pipeline(self, **_: Any) -> Any:
        return MagicMock(__len__=lambda _: 0)


def test_what_a_stall_kept_from_being_made_was_due_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    redis = Stalling()
    monkeypatch.setattr("workers.loadtest.load.clock.boot_ns", lambda: redis.now_ns)
    load = Load(cast("Redis", redis))
    monkeypatch.setattr(load, "settle", lambda: None)
    load.run(Plan(rate=10, duration_s=4))
    due = sorted(load.made.values())
    assert len(due) >= 38
    assert {(later - one) // 1_000_000 for one, later in pairwise(due)} <= {99, 100}
