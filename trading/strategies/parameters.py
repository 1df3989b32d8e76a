"""What a strategy may be told: typed, bounded parameters of each kind.

Stored as a JSON object on ``Strategy.parameters``; what is left out takes its default.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class ParameterError(ValueError):
    """A parameter is unknown, of the wrong type or out of bounds; the text names it, and so does
    ``name``, which is empty for a kind that is unknown."""

    def __init__(self, text: str, name: str = "") -> None:
        super().__init__(text)
        self.name = name


@dataclass(frozen=True, slots=True)
class Bounds:
    """Smallest and largest value allowed, both included, and the unit they are in."""

    low: float
    high: float
    unit: str


def _bounded(default: float, low: float, high: float, unit: str) -> float:
    field: float = dataclasses.field(default=default, metadata={"bounds": Bounds(low, high, unit)})
    return field


def _counted(default: int, low: int, high: int, unit: str) -> int:
    field: int = dataclasses.field(default=default, metadata={"bounds": Bounds(low, high, unit)})
    return field


@dataclass(frozen=True, slots=True)
class MomentumParameters:
    """Parameters of trading.strategies.momentum."""

    fast_s: float = _bounded(3.0, 0.05, 86_400, "seconds")
    slow_s: float = _bounded(15.0, 0.1, 604_800, "seconds")
    enter: float = _bounded(0.9, 0.01, 10, "standard deviations")
    exit: float = _bounded(0.2, 0.0, 10, "standard deviations")
    warmup_ticks: int = _counted(20, 2, 1_000_000, "ticks")
    cross_ticks: int = _counted(3, 0, 1_000, "price ticks beyond the touch")


@dataclass(frozen=True, slots=True)
class MeanReversionParameters:
    """Parameters of trading.strategies.mean_reversion."""

    mean_s: float = _bounded(20.0, 0.1, 604_800, "seconds")
    enter: float = _bounded(1.5, 0.01, 20, "standard deviations")
    leave: float = _bounded(0.3, 0.0, 20, "standard deviations")
    stop: float = _bounded(4.0, 0.02, 50, "standard deviations")
    warmup_ticks: int = _counted(20, 2, 1_000_000, "ticks")
    rest_s: float = _bounded(5.0, 0.1, 3_600, "seconds")
    cross_ticks: int = _counted(3, 0, 1_000, "price ticks beyond the touch")


@dataclass(frozen=True, slots=True)
class MarketMakingParameters:
    """Parameters of trading.strategies.market_making."""

    sigma_s: float = _bounded(60.0, 1.0, 86_400, "seconds")
    gamma: float = _bounded(0.5, 0.01, 10, "risk aversion")
    kappa: float = _bounded(1.5, 0.1, 100, "decay of fills with distance")
    least_half_bp: float = _bounded(0.5, 0.0, 500, "basis points of the mid")
    share: float = _bounded(0.5, 0.05, 1, "of the largest inventory, each quote")
    requote_ticks: int = _counted(2, 1, 10_000, "price ticks")
    requotes_per_s: int = _counted(4, 1, 50, "quotes a second, both sides")
    rest_s: float = _bounded(0.25, 0.0, 60, "seconds a quote stands, at least")
    life_s: float = _bounded(5.0, 0.5, 60, "seconds a quote stands, at most")
    fresh_s: float = _bounded(2.0, 0.1, 30, "seconds")
    warmup_ticks: int = _counted(20, 2, 1_000_000, "ticks")


@dataclass(frozen=True, slots=True)
class ArbitrageParameters:
    """Parameters of trading.strategies.arbitrage."""

    mean_s: float = _bounded(120.0, 1.0, 604_800, "seconds")
    enter: float = _bounded(2.5, 0.1, 20, "standard deviations")
    leave: float = _bounded(0.5, 0.0, 20, "standard deviations")
    least_bp: float = _bounded(12.0, 0.0, 1_000, "basis points from the mean")
    patience_s: float = _bounded(2.0, 0.2, 3, "seconds for the second leg")
    pause_s: float = _bounded(30.0, 1.0, 3_600, "seconds after legs were given back")
    fresh_s: float = _bounded(2.0, 0.1, 30, "seconds")
    warmup_ticks: int = _counted(40, 2, 1_000_000, "ticks")
    cross_ticks: int = _counted(3, 0, 1_000, "price ticks beyond the touch")


Parameters = (
    MomentumParameters | MeanReversionParameters | MarketMakingParameters | ArbitrageParameters
)

#: By Strategy.kind.
DEFAULTS: dict[str, Parameters] = {
    "momentum": MomentumParameters(),
    "mean-reversion": MeanReversionParameters(),
    "market-making": MarketMakingParameters(),
    "arbitrage": ArbitrageParameters(),
}


#: By kind, what must be below what.
_BELOW: dict[type[Parameters], tuple[tuple[str, str], ...]] = {
    MomentumParameters: (("fast_s", "slow_s"), ("exit", "enter")),
    MeanReversionParameters: (("leave", "enter"), ("enter", "stop")),
    MarketMakingParameters: (("rest_s", "life_s"),),
    ArbitrageParameters: (("leave", "enter"),),
}


def bounds_of(kind: str) -> dict[str, Bounds]:
    """Bounds of each parameter of ``kind``, in order. Raises ParameterError for an unknown kind."""
    return {field.name: field.metadata["bounds"] for field in dataclasses.fields(_default(kind))}


def read_parameters(kind: str, mapping: Mapping[str, object]) -> Parameters:
    """The parameters of a strategy of ``kind`` from a JSON object.

    Raises ParameterError naming the field, its bounds and what was given.
    """
    made, errors = _read(kind, mapping)
    if errors:
        raise errors[0]
    return made


def parameter_errors(kind: str, mapping: Mapping[str, object]) -> list[ParameterError]:
    """All that ``read_parameters`` would refuse, in order; those that contradict each other where
    each is sound by itself. Raises ParameterError for an unknown kind."""
    return _read(kind, mapping)[1]


def _read(kind: str, mapping: Mapping[str, object]) -> tuple[Parameters, list[ParameterError]]:
    default = _default(kind)
    fields = {field.name: field for field in dataclasses.fields(default)}
    given: dict[str, Any] = {}
    errors: list[ParameterError] = []
    for name, value in mapping.items():
        if name not in fields:
            text = f"{kind} has no parameter {name!r}; it has {', '.join(fields)}"
            errors.append(ParameterError(text, name))
            continue
        try:
            given[name] = _number(name, value, fields[name])
        except ParameterError as error:
            errors.append(error)
    made = dataclasses.replace(default, **given)
    if not errors:
        errors += _contradictions(made, mapping)
    return made, errors


def _default(kind: str) -> Parameters:
    try:
        return DEFAULTS[kind]
    except KeyError:
        known = ", ".join(sorted(DEFAULTS))
        raise ParameterError(f"kind {kind!r} is unknown; the kinds are {known}") from None


def _number(name: str, value: object, field: "dataclasses.Field[float]") -> float:
    bounds: Bounds = field.metadata["bounds"]
    whole = field.type in {int, "int"}
    wanted = (
        f"{name} must be a {'whole ' if whole else ''}number from {bounds.low:g} to"
        f" {bounds.high:g} ({bounds.unit}), not {value!r}"
    )
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParameterError(wanted, name)
    if not math.isfinite(value) or not bounds.low <= value <= bounds.high:
        raise ParameterError(wanted, name)
    if whole:
        if value != int(value):
            raise ParameterError(wanted, name)
        return int(value)
    return float(value)


def _contradictions(made: Parameters, mapping: Mapping[str, object]) -> Iterator[ParameterError]:
    """Each named by what was given of the two."""
    for name, other in _BELOW[type(made)]:
        value, bound = getattr(made, name), getattr(made, other)
        if not value < bound:
            text = f"{name} must be below {other} ({bound:g}), not {value:g}"
            yield ParameterError(text, other if other in mapping and name not in mapping else name)
