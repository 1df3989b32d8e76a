"""The emergency stop's configuration, by the names of emergency-procedures.md, and what the
environment may change of it. Pure: the environment is passed in.

The environment may only tighten. A looser value is ignored with a warning that says so; a value
that cannot be read is an error. ``EMERGENCY_STOP_ENABLED=false`` wishes for shadow mode and does
nothing by itself: it takes two people (an executed approval of kind ``triggers-shadow``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

EMERGENCY_STOP_CONFIG: Final[dict[str, Any]] = {
    "enabled": True,
    "notification_channels": ["slack", "grafana"],
    "auto_triggers": {
        "max_drawdown_percent": 5.0,
        "volatility_threshold": 2.5,
        "execution_delay_ms": 5000,
        "api_error_count": 10,
        "data_quality_threshold": 0.8,
    },
    "liquidation": {
        "use_market_orders": True,
        "max_slippage_percent": 1.0,
        "tranch_large_positions": True,
        "large_position_threshold": 100000,
        "max_tranches": 5,
        "timeout_seconds": 300,
    },
    "circuit_breaker": {
        "check_interval_seconds": 10,
        "recovery_time_minutes": 30,
        "vix_threshold": 30,
        "spread_widening_factor": 3.0,
        "price_velocity_threshold": 5.0,
    },
    "dead_mans_switch": {
        "enabled": True,
        "timeout_minutes": 120,
        "warning_minutes": 30,
    },
}

ENABLED = "EMERGENCY_STOP_ENABLED"
LIQUIDATION_TIMEOUT = "LIQUIDATION_TIMEOUT_SECONDS"
THRESHOLDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "MAX_DRAWDOWN_PERCENT": "drawdown",
        "MAX_POSITION_VALUE": "position-value",
        "VOLATILITY_THRESHOLD": "volatility",
    }
)
"""Variable -> the trigger whose threshold it tightens. All of these breach above."""

_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


class EnvironmentRefusedError(ValueError):
    """A variable that cannot be read; the message names it and what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says. ``thresholds``: variable -> value, of those that are set."""

    shadow_wished: bool = False
    thresholds: Mapping[str, Decimal] = field(default_factory=dict)
    liquidation_timeout_s: Decimal | None = None


def figure(section: str, name: str) -> Decimal:
    """A number of EMERGENCY_STOP_CONFIG, exact."""
    return Decimal(str(EMERGENCY_STOP_CONFIG[section][name]))


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Raises EnvironmentRefusedError naming the first variable that cannot be read."""
    numbers = {
        name: _number(name, environ[name])
        for name in (*THRESHOLDS, LIQUIDATION_TIMEOUT)
        if environ.get(name, "").strip()
    }
    timeout = numbers.pop(LIQUIDATION_TIMEOUT, None)
    return Environment(not _enabled(environ), numbers, timeout)


def _enabled(environ: Mapping[str, str]) -> bool:
    text = environ.get(ENABLED, "").strip().lower()
    if text in ("", *_YES):
        return True
    if text in _NO:
        return False
    raise EnvironmentRefusedError(
        f"{ENABLED}: {text[:40]!r} is neither true nor false: say one, or unset"
    )


def _number(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value <= 0:
        raise EnvironmentRefusedError(
            f"{name}: {text[:40]!r} is no positive number: give one, or unset it"
        )
    return value


def loosening(name: str, value: Decimal, in_force: Decimal) -> str:
    """The warning for a variable that would loosen what is in force."""
    return (
        f"{name}={value} is ignored: it is looser than {in_force}, which is in force;"
        " the environment may only tighten: unset it, or ask for a trigger-relax by two people"
    )


SHADOW_IGNORED = (
    f"{ENABLED}=false is ignored: shadow mode takes two people;"
    " ask for a triggers-shadow approval, or unset it"
)


def liquidation_timeout_s(environment: Environment) -> tuple[Decimal, str]:
    """Seconds a liquidation may take, and a warning ("" when there is nothing to warn of)."""
    default = figure("liquidation", "timeout_seconds")
    wished = environment.liquidation_timeout_s
    if wished is None or wished == default:
        return default, ""
    if wished > default:
        return default, loosening(LIQUIDATION_TIMEOUT, wished, default)
    return wished, ""
