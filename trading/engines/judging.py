"""What a sound document leaves to be wished: warnings, and notes on what is not applied. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from trading.engines.conditions import names_in
from trading.engines.constant import BUDGET_USED, constants
from trading.engines.problems import Grade, Problem
from trading.engines.reading import EngineConfig
from trading.engines.schema import DOCUMENT
from trading.engines.shapes import KEPT, fields_of
from trading.engines.units import shown_percent

USUAL = {
    "arbitrage": Decimal("0.01"), "momentum": Decimal("0.03"), "mean-reversion": Decimal("0.02"),
    "market-making": Decimal("0.005"),
}  # fmt: skip
"""Risk limits that the operations guide gives to each type."""
TIERS = {
    "ultra-high": Decimal("0.0001"), "high": Decimal("0.001"), "medium": Decimal("0.1"),
    "low": None,
}  # fmt: skip
"""Seconds that a target latency of each frequency may have at most, after the guide's tiers."""


def judge(config: EngineConfig) -> list[Problem]:
    """Warnings first, by line, then notes."""
    warnings = sorted(_warnings(config), key=lambda one: one.line)
    return [*warnings, *_notes(config)]


def _warnings(config: EngineConfig) -> Iterator[Problem]:
    yield from _of_risk(config)
    yield from _of_controls(config)
    yield from _of_latency(config)
    yield from _of_compliance(config)
    if config.read is None:
        yield _warning(
            config, "spec.strategy.type", f"{config.kind} is not run by this desk: it can be"
            " validated and compared, not applied or backtested",
        )  # fmt: skip
    yield from _of_alerts(config)


def _of_risk(config: EngineConfig) -> Iterator[Problem]:
    usual = USUAL[config.kind]
    if config.risk_limit > usual:
        yield _warning(
            config, "spec.strategy.riskLimit", f"{shown_percent(config.risk_limit)} is above the"
            f" {shown_percent(usual)} that the guide gives to {config.kind}: lower it",
        )  # fmt: skip
    if config.target is not None and config.target > config.max_position:
        yield _warning(
            config, "spec.strategy.targetPosition", "is above maxPositionSize, and would be cut to"
            " it: lower one or raise the other",
        )  # fmt: skip


def _of_controls(config: EngineConfig) -> Iterator[Problem]:
    for name, bound in (("stopLoss", config.stop_loss), ("drawdownLimit", config.drawdown)):
        path = f"spec.riskControls.{name}"
        if bound is None or not bound.enabled:
            yield _warning(config, path, "is not enabled: give it, with enabled: true")
        elif bound.share == 0:
            yield _warning(config, path, "is 0%: every loss is beyond it; give what may be lost")
    loss, drop = config.stop_loss, config.drawdown
    if loss and drop and loss.enabled and drop.enabled and loss.share > drop.share:
        yield _warning(
            config, "spec.riskControls.stopLoss.threshold", "is beyond maxDrawdown, which stops"
            " first: lower it below that",
        )  # fmt: skip


def _of_latency(config: EngineConfig) -> Iterator[Problem]:
    path, most = "spec.latency.targetLatency", TIERS[config.frequency]
    if config.target_latency is None:
        yield _warning(config, path, "is not given: say what latency the strategy needs")
    elif most is not None and config.target_latency > most:
        yield _warning(
            config, path, f"is above the {most.normalize():f} s of frequency {config.frequency}:"
            " lower it, or choose a lower frequency",
        )  # fmt: skip


def _of_compliance(config: EngineConfig) -> Iterator[Problem]:
    if not config.regulations:
        yield _warning(config, "spec.compliance.regulations", "none is named: name what applies")
    for name in config.off:
        text = "false, and it is always on here: say true"
        yield _warning(config, f"spec.compliance.{name}", text)


def _of_alerts(config: EngineConfig) -> Iterator[Problem]:
    if not config.alerts:
        yield _warning(config, "spec.alerts", "no alert: nobody is told when it trades badly")
    budget = config.document["spec"].get("execution", {}).get("slippageBudget")
    for at, alert in enumerate(config.alerts):
        path = f"spec.alerts[{at}].condition"
        for text in constants(alert.condition):
            yield _warning(config, path, text)
        if budget is None and BUDGET_USED in names_in(alert.condition):
            yield _warning(
                config, path, f"{BUDGET_USED} is never known: give spec.execution.slippageBudget",
            )  # fmt: skip


def _notes(config: EngineConfig) -> Iterator[Problem]:
    kept = [path for path, use in fields_of(DOCUMENT) if use == KEPT]
    for path, line in config.lines.items():
        if path in kept:
            yield Problem(Grade.NOTE, line, path, KEPT)


def _warning(config: EngineConfig, path: str, text: str) -> Problem:
    return Problem(Grade.WARNING, config.line_of(path), path, text)
