"""What a strategy may be told, and how it refuses the rest."""

import dataclasses

import pytest

from trading.strategies.parameters import (
    DEFAULTS,
    MeanReversionParameters,
    MomentumParameters,
    ParameterError,
    bounds_of,
    parameter_errors,
    read_parameters,
)


@pytest.mark.parametrize("kind", list(DEFAULTS))
def test_defaults_are_within_their_own_bounds(kind: str) -> None:
    given = dataclasses.asdict(DEFAULTS[kind])
    assert read_parameters(kind, given) == DEFAULTS[kind]
    assert read_parameters(kind, {}) == DEFAULTS[kind]
    assert set(bounds_of(kind)) == set(given)


def test_values_are_typed() -> None:
    made = read_parameters("momentum", {"fast_s": 2, "warmup_ticks": 30.0})
    assert isinstance(made, MomentumParameters)
    assert (made.fast_s, type(made.fast_s)) == (2.0, float)
    assert (made.warmup_ticks, type(made.warmup_ticks)) == (30, int)
    assert isinstance(read_parameters("mean-reversion", {}), MeanReversionParameters)


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("momentum", {"fst_s": 1}, "no parameter 'fst_s'; it has fast_s"),
        ("momentum", {"fast_s": "3"}, "fast_s must be a number from 0.05 to 86400 .* not '3'"),
        ("momentum", {"fast_s": True}, "not True"),
        ("momentum", {"fast_s": float("nan")}, "not nan"),
        ("momentum", {"fast_s": 0}, "fast_s must be .* from 0.05 .* not 0"),
        ("momentum", {"warmup_ticks": 2.5}, "warmup_ticks must be a whole number"),
        ("momentum", {"fast_s": 20, "slow_s": 10}, r"fast_s must be below slow_s \(10\), not 20"),
        ("momentum", {"enter": 1, "exit": 1}, "exit must be below enter"),
        ("mean-reversion", {"leave": 3}, "leave must be below enter"),
        ("mean-reversion", {"stop": 1.0}, "enter must be below stop"),
        ("mean-reversion", {"rest_s": None}, "rest_s must be a number .* not None"),
        ("scalping", {}, "kind 'scalping' is unknown; the kinds are arbitrage, market-making"),
    ],
)
def test_a_wrong_parameter_is_named(kind: str, given: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        read_parameters(kind, given)


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = parameter_errors("momentum", {"enter": 11, "speed": 1, "fast_s": 20})
    assert [one.name for one in found] == ["enter", "speed"]
    found = parameter_errors("mean-reversion", {"stop": 1.0, "leave": 3})
    assert [one.name for one in found] == ["leave", "stop"], "by what was given of the two"
