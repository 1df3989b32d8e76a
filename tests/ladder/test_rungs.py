"""The ladder's rules: what each rung takes, when one falls, where a lift lets in."""

import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskctl.models import Stage
from riskctl.rungs import (
    BOUNDS,
    JUDGED_ORDERS,
    Evidence,
    Rung,
    bounds_with,
    conditions_of,
    fall_of,
    next_up,
    reentry,
)

GOOD = Evidence(
    minutes=Decimal(60),
    signals=3,
    orders=40,
    refused=2,
    fills=30,
    drawdown=Decimal("0.01"),
    slippage_bp=Decimal(4),
    rehearsal="paper-r",
)
RUNGS = st.sampled_from(list(Rung))


def bad(**changes: Any) -> Evidence:
    return dataclasses.replace(GOOD, **changes)


def unmet(rung: Rung, seen: Evidence) -> list[str]:
    return [one.name for one in conditions_of(rung, seen, BOUNDS[rung]) if not one.met]


def test_the_rungs_are_those_that_are_stored() -> None:
    assert [str(one) for one in Rung] == Stage.Rung.values
    assert [next_up(one) for one in Rung] == [*list(Rung)[1:], None]


@pytest.mark.parametrize("rung", [Rung.MONITOR, Rung.PAPER, Rung.RAMP])
def test_good_evidence_opens_the_next_rung(rung: Rung) -> None:
    assert unmet(rung, GOOD) == []


@pytest.mark.parametrize(
    ("rung", "changes", "name"),
    [
        (Rung.MONITOR, {"minutes": Decimal("4.99")}, "time"),
        (Rung.MONITOR, {"signals": 0}, "signals"),
        (Rung.MONITOR, {"stale": ("EURUSD",)}, "data"),
        (Rung.MONITOR, {"warnings": ("feed-outage",)}, "data"),
        (Rung.MONITOR, {"errors": 1}, "errors"),
        (Rung.MONITOR, {"errors": None}, "errors"),
        (Rung.PAPER, {"rehearsal": ""}, "rehearsal"),
        (Rung.PAPER, {"minutes": Decimal("14.99")}, "time"),
        (Rung.PAPER, {"fills": 0}, "fills"),
        (Rung.PAPER, {"refused": 5}, "rejections"),
        (Rung.PAPER, {"drawdown": Decimal("0.0201")}, "drawdown"),
        (Rung.PAPER, {"drawdown": None}, "drawdown"),
        (Rung.RAMP, {"minutes": Decimal("29.99")}, "time"),
        (Rung.RAMP, {"fills": 0}, "fills"),
        (Rung.RAMP, {"warnings": ("drawdown",)}, "warnings"),
        (Rung.RAMP, {"refused": 5}, "rejections"),
        (Rung.RAMP, {"slippage_bp": Decimal("10.01")}, "slippage"),
        (Rung.RAMP, {"slippage_bp": None}, "slippage"),
    ],
)
def test_each_condition_closes_its_rung_alone(
    rung: Rung, changes: dict[str, Any], name: str
) -> None:
    assert unmet(rung, bad(**changes)) == [name]


def test_every_condition_has_words_and_evidence_that_can_be_recorded() -> None:
    from audit.canonical import plain  # noqa: PLC0415 - only here

    for rung in (Rung.MONITOR, Rung.PAPER, Rung.RAMP):
        for seen in (GOOD, Evidence(minutes=Decimal(0), errors=None)):
            for one in conditions_of(rung, seen, BOUNDS[rung]):
                assert one.text
                plain(one.body())


@pytest.mark.parametrize(
    ("rung", "changes", "to"),
    [
        (Rung.LIVE, {"refused": 5}, Rung.RAMP),
        (Rung.LIVE, {"slippage_bp": Decimal(11)}, Rung.RAMP),
        (Rung.RAMP, {"refused": 5}, Rung.MONITOR),
        (Rung.RAMP, {"alarms": ("strategy-drawdown",)}, Rung.MONITOR),
        (Rung.RAMP, {"slippage_bp": Decimal(11)}, Rung.MONITOR),
        (Rung.PAPER, {"drawdown": Decimal("0.03")}, Rung.MONITOR),
        (Rung.PAPER, {"refused": 5}, Rung.MONITOR),
    ],
)
def test_what_takes_a_strategy_down(rung: Rung, changes: dict[str, Any], to: Rung) -> None:
    bounds = BOUNDS[Rung.RAMP if rung is Rung.LIVE else rung]
    assert fall_of(rung, GOOD, bounds) is None
    fall = fall_of(rung, bad(**changes), bounds)
    assert fall is not None
    assert fall.to is to
    assert fall.why


def test_a_few_orders_or_somebody_elses_warning_take_nobody_down() -> None:
    few = bad(orders=JUDGED_ORDERS - 1, refused=JUDGED_ORDERS - 1, fills=1,
              slippage_bp=Decimal(99))  # fmt: skip
    assert fall_of(Rung.LIVE, few, BOUNDS[Rung.RAMP]) is None
    assert fall_of(Rung.RAMP, bad(warnings=("margin",)), BOUNDS[Rung.RAMP]) is None
    assert fall_of(Rung.LIVE, bad(alarms=("drawdown",)), BOUNDS[Rung.RAMP]) is None


@given(RUNGS, st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_a_fall_is_always_down(rung: Rung, orders: int, refused: int, alarmed: bool) -> None:
    seen = bad(orders=orders, refused=min(orders, refused), alarms=("x",) if alarmed else ())
    fall = fall_of(rung, seen, BOUNDS.get(rung, BOUNDS[Rung.RAMP]))
    assert fall is None or fall.to.height < rung.height


@given(RUNGS, st.booleans(), st.booleans(), st.booleans(), RUNGS)
def test_a_lift_lets_in_no_higher_than_allowed_measured_and_stood(
    stands: Rung, moved: bool, monitor: bool, paper: bool, highest: Rung
) -> None:
    found = reentry(
        stands=stands, moved_under_hold=moved, monitor_met=monitor, paper_met=paper,
        highest=highest,
    )  # fmt: skip
    assert found.height <= max(highest.height, Rung.STOPPED.height) or stands is Rung.STOPPED
    assert found is not Rung.LIVE or not moved or highest is Rung.LIVE
    assert found is not Rung.LIVE  # nothing is live at once
    assert moved or found.height <= stands.height
    assert (found is Rung.STOPPED) == (stands is Rung.STOPPED or highest is Rung.STOPPED)
    if not monitor:
        assert found.height <= Rung.MONITOR.height
    if not paper:
        assert found.height <= Rung.PAPER.height


def test_times_can_be_set_and_bad_ones_are_named() -> None:
    made = bounds_with({"paper": Decimal(1)})
    assert (made[Rung.PAPER].minutes, made[Rung.RAMP]) == (Decimal(1), BOUNDS[Rung.RAMP])
    for minutes in ({"live": Decimal(1)}, {"stopped": Decimal(1)}, {"ramp": Decimal(0)}):
        with pytest.raises(ValueError, match="ladder minutes"):
            bounds_with(minutes)
