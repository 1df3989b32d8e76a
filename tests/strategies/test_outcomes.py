"""What became of a signal: judged by the price at its horizon, net of the spread then."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies.desk import START, Desk, quotes, spec
from trading.clock import NS
from trading.strategies import outcomes as module
from trading.strategies.outcomes import Outcome, Outcomes, outcome_of
from trading.strategies.specs import OutcomeMade, SignalMade
from trading.ticks import TICK, Ticks
from trading.universe import UNIVERSE

D = Decimal
EURUSD = UNIVERSE.by_symbol("EURUSD").id


def signal(
    direction: int = 1, *, name: str = "n1", at: int = START, horizon_s: float = 10
) -> SignalMade:
    return SignalMade(
        id=name, strategy="mom", symbol="EURUSD", direction=direction, score=1.0, confidence=0.6,
        horizon_s=horizon_s, price=D("1.15"), spread=D("0.00002"), feed_time=at, created_wall=at,
        latency_ns=1,
    )  # fmt: skip


def later(mid: float, seconds: float) -> Ticks:
    return quotes("EURUSD", [mid], start=START + int(seconds * NS))


def judged(one: SignalMade, *some: Ticks) -> list[OutcomeMade]:
    watch = Outcomes()
    watch.add(one, EURUSD)
    for ticks in some:
        watch.judge(ticks, int(ticks["time"][-1]))
    return watch.take()


@pytest.mark.parametrize(
    ("direction", "mid", "outcome"),
    [
        (1, 1.15003, "hit"),
        (1, 1.15002, "flat"),
        (1, 1.14998, "flat"),
        (1, 1.14997, "miss"),
        (-1, 1.14997, "hit"),
        (-1, 1.15, "flat"),
        (-1, 1.15003, "miss"),
    ],
)
def test_it_is_judged_by_the_first_quote_after_its_horizon(
    direction: int, mid: float, outcome: str
) -> None:
    far = 1.2 if direction > 0 else 1.1
    (one,) = judged(signal(direction), later(far, 9.9), later(mid, 10.5), later(far, 11))
    assert (one.id, one.outcome) == ("n1", outcome)
    assert one.price == D(str(mid))
    assert one.feed_time == START + int(10.5 * NS)


def test_a_signal_that_says_out_is_no_forecast() -> None:
    assert judged(signal(0), later(1.2, 60)) == []


def test_what_is_quoted_too_late_is_not_known() -> None:
    quiet = np.zeros(0, dtype=TICK)
    watch = Outcomes()
    watch.add(signal(), EURUSD)
    watch.judge(quiet, START + 40 * NS)
    assert watch.take() == []
    watch.judge(quiet, START + 41 * NS)
    (one,) = watch.take()
    assert (one.outcome, one.price) == ("unknown", None)
    (one,) = judged(signal(), later(1.2, 41))
    assert one.outcome == "unknown"


def test_another_recording_ends_what_waits() -> None:
    watch = Outcomes()
    watch.add(signal(name="b", horizon_s=20), EURUSD)
    watch.add(signal(name="a"), EURUSD)
    watch.restart()
    assert [(one.id, one.outcome) for one in watch.take()] == [("a", "unknown"), ("b", "unknown")]
    watch.judge(later(1.2, 30), START + 30 * NS)
    assert watch.take() == []


def test_no_more_wait_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    watch = Outcomes()
    for number in range(3):
        watch.add(signal(name=f"n{number}"), EURUSD)
    assert [(one.id, one.outcome) for one in watch.take()] == [("n2", "unknown")]


@given(
    st.sampled_from([1, -1]),
    st.decimals("0.5", 2, places=5),
    st.decimals("0.5", 2, places=5),
    st.decimals(0, "0.1", places=5),
)
def test_a_hit_one_way_is_a_miss_the_other(
    direction: int, price: Decimal, then: Decimal, cost: Decimal
) -> None:
    mirror = {Outcome.HIT: Outcome.MISS, Outcome.MISS: Outcome.HIT, Outcome.FLAT: Outcome.FLAT}
    one = outcome_of(direction, price, then, cost)
    assert outcome_of(-direction, price, then, cost) == mirror[one]
    if one is Outcome.HIT:
        assert direction * (then - price) - cost > 0


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_however_ticks_are_batched_the_outcomes_are_the_same(sizes: list[int]) -> None:
    """In the shard's engine, from the ticks on."""
    mids = [1.15] * 30 + [1.15 + 0.00005 * n for n in range(1, 40)] + [1.1515] * 30
    ticks = quotes("EURUSD", mids)

    def run(some: list[int]) -> tuple[list[int], list[tuple[str, str, Decimal | None]]]:
        desk, at, turn = Desk([spec(fast_s=2, slow_s=8, warmup_ticks=10)]), 0, 0
        while at < len(ticks):
            size = some[turn % len(some)]
            desk.batch(ticks[at : at + size])
            at, turn = at + size, turn + 1
        made = desk.engine.take_signals()
        found = desk.engine.take_outcomes()
        place = {one.id: str(number) for number, one in enumerate(made)}
        return [one.direction for one in made], [
            (place[one.id], one.outcome, one.price) for one in found
        ]

    directions, found = run(sizes)
    assert (directions, found) == run([1])
    assert len(found) == sum(bool(one) for one in directions)
    assert found[0][1] == "hit"
