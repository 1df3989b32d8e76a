"""The evaluator: confirmations, cool-down, warnings, shadow, the unknown, and monotony."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskctl.holds import FIRM, Kind, Mode
from riskctl.triggers.evaluate import BREACH, WARNING, Evaluator, Firing, Moment, Reading
from riskctl.triggers.specs import SPECS, Direction
from tests.triggers.builders import plain_settings as settings

D = Decimal
S = 1_000_000_000
STEP = S // 10
NAMES = sorted(name for name, spec in SPECS.items() if spec.seen_by)


def moment(step: int) -> Moment:
    return Moment(step * STEP, step * STEP)


def fed(
    evaluator: Evaluator,
    values: Sequence[Decimal | None],
    *,
    name: str = "drawdown",
    facts: Sequence[int] | None = None,
) -> list[tuple[int, Firing]]:
    """One reading a step, each of new facts unless ``facts`` says otherwise."""
    return [
        (step, one)
        for step, value in enumerate(values)
        for one in evaluator.take(
            [Reading(name, FIRM, value, facts[step] if facts else step)], moment(step)
        )
        if one.trigger == name
    ]


def breaching(name: str, threshold: Decimal) -> Decimal:
    return threshold * 2 if SPECS[name].direction is Direction.ABOVE else threshold / 2


def fine(name: str, threshold: Decimal) -> Decimal:
    return threshold / 10 if SPECS[name].direction is Direction.ABOVE else threshold * 10


@pytest.mark.parametrize("name", sorted(SPECS))
def test_each_trigger_fires_after_its_confirmations_and_not_before(name: str) -> None:
    spec = SPECS[name]
    evaluator = Evaluator("path", settings())
    count = spec.confirmations
    value = breaching(name, spec.threshold)
    fired = fed(evaluator, [fine(name, spec.threshold), *[value] * count], name=name)
    [(step, firing)] = [(step, one) for step, one in fired if one.level == BREACH]
    assert step == count
    assert (firing.trigger, firing.scope, firing.value) == (name, FIRM, value)
    assert firing.holds
    if name == "open-leg":  # what stands alone may still be given back
        assert (spec.kind, spec.mode) == (Kind.REDUCE_ONLY, Mode.REDUCE_ONLY)
        return
    assert spec.kind in (Kind.KILL, Kind.BREAKER, Kind.DEAD_MAN)
    assert spec.mode is Mode.HALTED
    assert spec.what in firing.reason


values = st.lists(st.one_of(st.none(), st.decimals(0, 20, places=2)), max_size=60)


@given(values, st.integers(1, 5))
def test_it_fires_when_so_many_in_a_row_breach_and_never_else(
    found: list[Decimal | None], confirmations: int
) -> None:
    evaluator = Evaluator("path", settings(confirmations=confirmations, cooldown_s=0))
    steps = {step for step, one in fed(evaluator, found) if one.level == BREACH}
    run = 0
    for step, value in enumerate(found):
        if value is not None:
            run = run + 1 if value >= 5 else 0
        expected = value is not None and run >= confirmations
        assert (step in steps) is expected


@given(values, st.integers(2, 5))
def test_one_reading_looked_at_again_and_again_confirms_nothing(
    found: list[Decimal | None], confirmations: int
) -> None:
    evaluator = Evaluator("path", settings(confirmations=confirmations))
    assert not fed(evaluator, found, facts=[7] * len(found))


@given(values, st.decimals(1, 10, places=1), st.decimals(1, 10, places=1))
def test_a_tighter_threshold_never_fires_later(
    found: list[Decimal | None], one: Decimal, other: Decimal
) -> None:
    first = {}
    for threshold in (one, other):
        evaluator = Evaluator("path", settings(threshold=threshold))
        steps = [step for step, firing in fed(evaluator, found) if firing.level == BREACH]
        first[threshold] = min(steps, default=len(found) + 1)
    assert first[min(one, other)] <= first[max(one, other)]


@given(values, st.integers(0, 3))
def test_between_two_breaches_lies_the_cool_down(
    found: list[Decimal | None], cooldown_s: int
) -> None:
    evaluator = Evaluator("path", settings(confirmations=1, cooldown_s=cooldown_s))
    steps = [step for step, one in fed(evaluator, found) if one.level == BREACH]
    for before, after in pairwise(steps):
        assert (after - before) * STEP >= cooldown_s * S


@given(values, st.booleans())
def test_in_shadow_nothing_leads_to_a_hold(found: list[Decimal | None], everything: bool) -> None:
    plain, shadowed = settings(cooldown_s=0), settings(cooldown_s=0, shadow=not everything)
    shadowed = replace(shadowed, shadow=everything)
    expected = [step for step, _ in fed(Evaluator("path", plain), found)]
    fired = fed(Evaluator("path", shadowed), found)
    assert [step for step, _ in fired] == expected
    assert not any(one.holds for _, one in fired)


def test_what_fired_in_shadow_fires_at_once_when_the_shadow_ends() -> None:
    """Nothing was held: the cool-down of a firing in shadow protects nobody."""
    for shadowed in (settings(shadow=True), replace(settings(), shadow=True)):
        evaluator = Evaluator("path", shadowed)
        assert [one.holds for _, one in fed(evaluator, [D(9)] * 5)] == [False]
        evaluator.set_in_force(settings())
        fired = fed(evaluator, [D(9)] * 5, facts=list(range(10, 15)))
        assert [(step, one.holds) for step, one in fired] == [(0, True)]
        evaluator.set_in_force(shadowed)
        assert fed(evaluator, [D(9)] * 5, facts=list(range(20, 25))) == []


def test_the_dead_mans_switch_has_no_shadow() -> None:
    evaluator = Evaluator("watchdog", replace(settings(), shadow=True))
    fired = fed(evaluator, [D(120)], name="dead-man")
    assert [one.holds for _, one in fired] == [True]


def test_it_warns_once_on_approach_and_again_after_it_was_away() -> None:
    evaluator = Evaluator("path", settings(confirmations=2, cooldown_s=0))
    found = [D(4), D(4), D(4), D("4.5"), D(1), D(4), D(4)]
    fired = fed(evaluator, found)
    assert [(step, one.level) for step, one in fired] == [(1, WARNING), (6, WARNING)]
    assert not any(one.holds for _, one in fired)


def test_a_breach_needs_no_warning_before_it_and_none_comes_after() -> None:
    evaluator = Evaluator("path", settings(confirmations=2))
    fired = fed(evaluator, [D(6), D(6), D(4), D(4), D(4)])
    assert [(step, one.level) for step, one in fired] == [(1, BREACH)]


def test_below_the_threshold_breaches_where_less_is_worse() -> None:
    evaluator = Evaluator("path", settings(confirmations=1))
    fired = fed(evaluator, [D("0.95"), D("0.85"), D("0.8")], name="data-quality")
    assert [(step, one.level) for step, one in fired] == [(1, WARNING), (2, BREACH)]
    assert [(step, one.level) for step, one in fed(evaluator, [D(0)], name="volume-drop")] == [
        (0, BREACH)
    ]


def test_what_is_unknown_is_neither_fine_nor_a_breach_and_component_down_sees_it() -> None:
    evaluator = Evaluator("path", settings())
    count = SPECS["component-down"].confirmations
    fired: list[tuple[int, Firing]] = []
    for step in range(700):
        readings = [
            Reading("drawdown", FIRM, None, step, "no books"),
            Reading("component-down", FIRM, D("0.1"), step, "feed"),
        ]
        fired += [(step, one) for one in evaluator.take(readings, moment(step))]
        [_, standing] = evaluator.standings(moment(step))
        assert standing.trigger == "drawdown"
        assert (standing.state, standing.value, standing.share) == ("unknown", None, None)
        assert standing.unknown_s == step // 10
    assert [(step, one.level) for step, one in fired] == [
        (300 + count - 1, WARNING), (600 + count - 1, BREACH),
    ]  # fmt: skip
    assert {one.trigger for _, one in fired} == {"component-down"}
    assert "drawdown on firm is unknown: no books" in fired[-1][1].reason


def test_what_the_market_says_is_seen_by_feed_outage_when_unknown() -> None:
    evaluator = Evaluator("path", settings(confirmations=1))
    fired = [
        (step, one.trigger, one.level)
        for step in range(310)
        for one in evaluator.take(
            [Reading("volatility", "instrument:SPY", None, step)], moment(step)
        )
    ]
    assert (300, "feed-outage", BREACH) in fired
    assert {trigger for _, trigger, _ in fired} == {"feed-outage"}


def test_what_is_itself_unknown_goes_on_being_so_whatever_else_comes_and_goes() -> None:
    evaluator = Evaluator("path", settings(confirmations=1))
    fired: list[tuple[int, str]] = []
    for step in range(700):
        other = None if step // 100 % 2 else D(1)
        readings = [
            Reading("component-down", FIRM, None, step, "nobody says"),
            Reading("drawdown", FIRM, other, step),
        ]
        fired += [(step, one.level) for one in evaluator.take(readings, moment(step))]
    assert fired == [(300, WARNING), (600, BREACH)]


def test_a_reading_between_two_unknowns_starts_their_time_anew() -> None:
    evaluator = Evaluator("path", settings())
    found: list[Decimal | None] = [None] * 500 + [D(1)] + [None] * 500
    for step, value in enumerate(found):
        assert not [
            one
            for one in evaluator.take([Reading("drawdown", FIRM, value, step)], moment(step))
            if one.level == BREACH
        ]


def test_after_a_lift_or_a_failure_it_fires_again_freshly_confirmed() -> None:
    evaluator = Evaluator("path", settings(confirmations=3))
    assert len(fed(evaluator, [D(9)] * 20)) == 1
    evaluator.rearm("drawdown", FIRM)
    fired = fed(evaluator, [D(9)] * 20, facts=list(range(100, 120)))
    assert [step for step, _ in fired] == [2]


def test_a_scope_that_is_gone_is_forgotten_but_not_that_it_fired() -> None:
    evaluator = Evaluator("path", settings(confirmations=1))
    assert len(fed(evaluator, [D(9)])) == 1
    evaluator.take([], moment(1))
    assert evaluator.standings(moment(1)) == []
    assert fed(evaluator, [D(9)], facts=[5]) == []


@given(st.sampled_from(NAMES), st.integers(1, 20))
def test_ids_differ_by_source_moment_and_scope(name: str, step: int) -> None:
    spec = SPECS[name]
    found = set()
    for source in ("path", "watchdog"):
        for scope in (FIRM, "strategy:x"):
            for at in (step, step + 1):
                evaluator = Evaluator(source, settings(confirmations=1))
                value = breaching(name, spec.threshold)
                fired = evaluator.take([Reading(name, scope, value, 1)], moment(at))
                found |= {one.id for one in fired}
    assert len(found) == 8
