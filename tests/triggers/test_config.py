"""The contract of emergency-procedures.md, and an environment that can only tighten."""

import os
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskctl.triggers.config import (
    EMERGENCY_STOP_CONFIG,
    ENABLED,
    LIQUIDATION_TIMEOUT,
    THRESHOLDS,
    EnvironmentRefusedError,
    liquidation_timeout_s,
    read_environment,
)
from riskctl.triggers.inforce import (
    Setting,
    SettingError,
    changed,
    default_of,
    in_force,
    loosened,
    spec_of,
    tighter,
)
from riskctl.triggers.specs import SPECS

D = Decimal
#: As emergency-procedures.md gives it: names and values are a contract.
PROCEDURES = {
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
    "dead_mans_switch": {"enabled": True, "timeout_minutes": 120, "warning_minutes": 30},
}
VARIABLES = {
    "EMERGENCY_STOP_ENABLED", "MAX_DRAWDOWN_PERCENT", "MAX_POSITION_VALUE", "VOLATILITY_THRESHOLD",
    "LIQUIDATION_TIMEOUT_SECONDS",
}  # fmt: skip


def test_the_configuration_is_that_of_the_procedures() -> None:
    assert EMERGENCY_STOP_CONFIG == PROCEDURES
    assert {ENABLED, LIQUIDATION_TIMEOUT, *THRESHOLDS} == VARIABLES


def test_its_figures_are_the_triggers_defaults() -> None:
    assert SPECS["drawdown"].threshold == 5
    assert SPECS["volatility"].threshold == D("2.5")
    assert SPECS["execution-delay"].threshold == 5000
    assert SPECS["error-burst"].threshold == 10
    assert SPECS["data-quality"].threshold == D("0.8")
    assert SPECS["spread-widening"].threshold == 3
    assert SPECS["price-velocity"].threshold == 5
    assert SPECS["drawdown"].cooldown_s == 1800
    assert (SPECS["dead-man"].threshold, SPECS["dead-man"].warn_at) == (D(120), D("0.75"))


@pytest.mark.parametrize("variable", sorted(THRESHOLDS))
def test_a_tighter_value_is_in_force(variable: str) -> None:
    name = THRESHOLDS[variable]
    value = SPECS[name].threshold / 2
    found = in_force((), read_environment({variable: str(value)}), shadow_approved=False)
    assert (found.settings[name].threshold, found.settings[name].origin) == (value, variable)
    assert found.warnings == ()


@pytest.mark.parametrize("variable", sorted(THRESHOLDS))
def test_a_looser_value_is_ignored_and_said_so(variable: str) -> None:
    name = THRESHOLDS[variable]
    environment = read_environment({variable: str(SPECS[name].threshold * 2)})
    found = in_force((), environment, shadow_approved=False)
    assert found.settings[name] == default_of(SPECS[name])
    [text] = found.warnings
    for part in (variable, str(SPECS[name].threshold * 2), str(SPECS[name].threshold), "unset"):
        assert part in text


def test_it_tightens_what_people_decided_and_cannot_undo_it() -> None:
    decided = replace(default_of(SPECS["drawdown"]), threshold=D(2), origin="setting", version=3)
    for text, threshold, warned in (("1", D(1), 0), ("2", D(2), 0), ("4", D(2), 1)):
        environment = read_environment({"MAX_DRAWDOWN_PERCENT": text})
        found = in_force((decided,), environment, shadow_approved=False)
        assert found.settings["drawdown"].threshold == threshold
        assert len(found.warnings) == warned


@pytest.mark.parametrize("name", [*THRESHOLDS, "LIQUIDATION_TIMEOUT_SECONDS"])
@pytest.mark.parametrize("text", ["five", "-1", "0", "nan", "inf", "5%"])
def test_what_is_no_number_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(EnvironmentRefusedError, match=f"^{name}: .*give one, or unset it"):
        read_environment({name: text})


@pytest.mark.parametrize("text", ["maybe", "2", "disabled"])
def test_what_is_neither_true_nor_false_is_refused(text: str) -> None:
    with pytest.raises(EnvironmentRefusedError, match=r"^EMERGENCY_STOP_ENABLED: .*true nor false"):
        read_environment({"EMERGENCY_STOP_ENABLED": text})


@pytest.mark.parametrize("text", ["false", "False", "0", "no"])
def test_disabling_alone_disables_nothing(text: str) -> None:
    environment = read_environment({"EMERGENCY_STOP_ENABLED": text})
    alone = in_force((), environment, shadow_approved=False)
    assert not alone.shadow
    assert "EMERGENCY_STOP_ENABLED" in alone.warnings[0]
    assert "two people" in alone.warnings[0]
    both = in_force((), environment, shadow_approved=True)
    assert both.shadow
    assert both.warnings == ()


def test_an_approval_without_the_wish_is_no_shadow() -> None:
    assert not in_force((), read_environment({}), shadow_approved=True).shadow


def test_the_time_of_a_liquidation_only_shrinks() -> None:
    assert liquidation_timeout_s(read_environment({})) == (D(300), "")
    assert liquidation_timeout_s(read_environment({"LIQUIDATION_TIMEOUT_SECONDS": "60"})) == (
        D(60), "",
    )  # fmt: skip
    seconds, warning = liquidation_timeout_s(
        read_environment({"LIQUIDATION_TIMEOUT_SECONDS": "900"})
    )
    assert seconds == 300
    assert "LIQUIDATION_TIMEOUT_SECONDS=900 is ignored" in warning


@given(
    st.sampled_from(sorted(name for name, spec in SPECS.items() if not spec.fixed)),
    st.decimals("0.01", 1_000, places=2),
)
def test_tighter_is_loosening_turned_round(name: str, threshold: Decimal) -> None:
    before = default_of(SPECS[name])
    after = changed(before, {"threshold": str(threshold)})
    assert ("threshold" in loosened(before, after)) is tighter(
        SPECS[name], before.threshold, threshold
    )
    assert not (loosened(before, after) and loosened(after, before))


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"threshold": "x"}, "threshold"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": "0.0000000001"}, "threshold"),
        ({"confirmations": 0}, "confirmations"),
        ({"confirmations": "2.5"}, "confirmations"),
        ({"cooldown_s": -1}, "cooldown_s"),
        ({"warn_at": "1.2"}, "warn_at"),
        ({"shadow": "yes"}, "shadow"),
        ({"color": 1}, "color"),
        ({}, "request"),
    ],
)
def test_a_setting_that_cannot_be_names_its_field(request_: dict[str, object], field: str) -> None:
    with pytest.raises(SettingError, match=f"^{field}: ") as caught:
        changed(default_of(SPECS["drawdown"]), request_)
    assert caught.value.field == field


def test_the_dead_mans_switch_cannot_be_put_in_shadow() -> None:
    with pytest.raises(SettingError, match=r"^shadow: "):
        changed(default_of(SPECS["dead-man"]), {"shadow": True})


def test_an_unknown_trigger_is_refused_by_name() -> None:
    with pytest.raises(SettingError, match=r"^name: 'x' is none of "):
        spec_of("x")


def test_every_change_that_loosens_is_named() -> None:
    before = default_of(SPECS["drawdown"])
    looser: dict[str, object] = {
        "threshold": 6, "confirmations": 9, "cooldown_s": 9999, "warn_at": 1, "window_s": 60,
        "shadow": True,
    }  # fmt: skip
    after = changed(before, looser)
    assert loosened(before, after) == list(looser)
    tight: Setting = changed(
        before, {"threshold": 4, "confirmations": 2, "cooldown_s": 60, "warn_at": "0.5"}
    )
    assert loosened(before, tight) == []


def test_the_environment_of_the_tests_says_nothing_of_it() -> None:
    assert in_force((), read_environment(os.environ), shadow_approved=False).warnings == ()
