"""A TradingEngine document as it is meant, or everything that is wrong with it. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from audit.canonical import canonical_bytes
from trading.engines.composing import compose
from trading.engines.conditions import Condition
from trading.engines.problems import EngineInvalidError, Problem, error
from trading.engines.schema import DOCUMENT
from trading.engines.shapes import Read
from trading.strategies.parameters import DEFAULTS, ParameterError, Parameters, read_parameters
from trading.universe import UNIVERSE

LEGS = 2


@dataclass(frozen=True, slots=True)
class Alert:
    name: str
    condition: Condition
    severity: str


@dataclass(frozen=True, slots=True)
class Bound:
    """``stopLoss`` or ``drawdownLimit``: a share of capital, over so many seconds."""

    enabled: bool
    share: Decimal
    seconds: Decimal


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What a document says. ``document``: as written, JSON; ``lines`` of its fields by path.

    ``parameters``: as written; ``read``: those with their defaults, None for a kind that this
    desk does not run.
    """

    name: str
    kind: str
    risk_limit: Decimal
    max_position: Decimal
    frequency: str
    instruments: tuple[str, ...]
    account: str
    second_account: str
    target: Decimal | None
    parameters: Mapping[str, float]
    read: Parameters | None
    markets: tuple[str, ...]
    target_latency: Decimal | None
    stop_loss: Bound | None
    drawdown: Bound | None
    regulations: tuple[str, ...]
    off: tuple[str, ...]
    alerts: tuple[Alert, ...]
    document: Mapping[str, Any]
    lines: Mapping[str, int]

    def line_of(self, path: str) -> int:
        """Of the field, or of the nearest that there is above it; 0 of none."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path, 0)


def read_engine(raw: bytes | str) -> EngineConfig:
    """Raises EngineInvalidError with every problem found."""
    into = Read()
    written, meant = DOCUMENT.read(compose(raw), "", into)
    if not into.problems:
        _check_whole(meant, into)
    if into.problems:
        raise EngineInvalidError(sorted(into.problems, key=lambda one: one.line))
    return _config(written, meant, into.lines)


def read_document(document: Mapping[str, Any]) -> tuple[str, EngineConfig]:
    """As ``read_engine``, from JSON; and the YAML that it comes to, which lines are of."""
    text = yaml.dump(dict(document), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return text, read_engine(text)


class _Plain(yaml.SafeDumper):
    """Writes what is said twice out twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of what a document says: the same for another order, other comments and quotes.

    Parameters are floats, which canonical bytes refuse: they stand there as their text.
    """
    return hashlib.sha256(canonical_bytes(_texts(document))).hexdigest()


def _texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return repr(value) if isinstance(value, float) else value


# Beyond single fields ----------------------------------------------------------------------------


def _check_whole(meant: Mapping[str, Any], into: Read) -> None:
    strategy = meant["spec"]["strategy"]
    _check_parameters(strategy, into)
    for at, symbol in enumerate(strategy.get("instruments", ())):
        if symbol not in UNIVERSE:
            known = ", ".join(one.symbol for one in UNIVERSE.instruments)
            into.problems.append(
                _at(into, "spec.strategy.instruments", f"[{at}]",
                    f"{symbol} is not known here; there are {known}")
            )  # fmt: skip
    _check_legs(strategy, into)
    _check_markets(meant["spec"], into)
    names = [one["name"] for one in meant["spec"].get("alerts", ())]
    for at, name in enumerate(names):
        if name in names[:at]:
            into.problems.append(
                _at(into, "spec.alerts", f"[{at}].name", f"{name!r} stands there twice: rename one")
            )


def _check_parameters(strategy: Mapping[str, Any], into: Read) -> None:
    given = strategy.get("parameters", {})
    if strategy["type"] in DEFAULTS:
        try:
            read_parameters(strategy["type"], given)
        except ParameterError as problem:
            into.problems.append(_at(into, "spec.strategy.parameters", "", str(problem)))
    elif given:
        text = f"{strategy['type']} is not run by this desk, so its parameters are not known"
        into.problems.append(_at(into, "spec.strategy.parameters", "", text))


def _check_legs(strategy: Mapping[str, Any], into: Read) -> None:
    given = strategy.get("instruments")
    if strategy["type"] == "arbitrage" and given is not None and len(given) != LEGS:
        text = f"arbitrage trades two linked instruments, not {len(given)}: name both"
        into.problems.append(_at(into, "spec.strategy.instruments", "", text))
    second = strategy.get("secondAccount")
    if second is not None and strategy["type"] != "arbitrage":
        text = "only arbitrage trades on two accounts: leave it out"
        into.problems.append(_at(into, "spec.strategy.secondAccount", "", text))
    elif second is not None and second == strategy.get("account"):
        text = f"is {second} like account: leave it out, and both legs are traded there"
        into.problems.append(_at(into, "spec.strategy.secondAccount", "", text))


def _check_markets(spec: Mapping[str, Any], into: Read) -> None:
    """Every instrument that is known here trades on a market that is named."""
    for at, symbol in enumerate(spec["strategy"].get("instruments", ())):
        market = UNIVERSE.by_symbol(symbol).market if symbol in UNIVERSE else ""
        if market and market not in spec["markets"]:
            text = f"{symbol} trades on {market}, not on {', '.join(spec['markets'])}: add {market}"
            where = _at(into, "spec.strategy.instruments", f"[{at}]", f"{text} to spec.markets")
            into.problems.append(where)


def _at(into: Read, path: str, more: str, text: str) -> Problem:
    return error(into.lines.get(path, 0), f"{path}{more}", text)


def _config(written: Any, meant: Any, lines: Mapping[str, int]) -> EngineConfig:
    spec, strategy = meant["spec"], meant["spec"]["strategy"]
    controls, compliance = spec.get("riskControls", {}), spec.get("compliance", {})
    given = dict(strategy.get("parameters", {}))
    kind = strategy["type"]
    return EngineConfig(
        name=meant["metadata"]["name"],
        kind=kind,
        risk_limit=strategy["riskLimit"],
        max_position=strategy["maxPositionSize"],
        frequency=strategy["frequency"],
        instruments=tuple(strategy.get("instruments", ())),
        account=strategy.get("account", ""),
        second_account=strategy.get("secondAccount", ""),
        target=strategy.get("targetPosition"),
        parameters=given,
        read=read_parameters(kind, given) if kind in DEFAULTS else None,
        markets=tuple(spec["markets"]),
        target_latency=spec.get("latency", {}).get("targetLatency"),
        stop_loss=_bound(controls.get("stopLoss"), "threshold", "timeWindow"),
        drawdown=_bound(controls.get("drawdownLimit"), "maxDrawdown", "lookbackPeriod"),
        regulations=tuple(compliance.get("regulations", ())),
        off=_switched_off(compliance),
        alerts=_alerts(spec.get("alerts", ())),
        document=written,
        lines=dict(lines),
    )


def _bound(given: Mapping[str, Any] | None, share: str, seconds: str) -> Bound | None:
    if given is None:
        return None
    return Bound(given.get("enabled", True), given[share], given[seconds])


def _switched_off(compliance: Mapping[str, Any]) -> tuple[str, ...]:
    named = ("auditLog", "realTimeMonitoring")
    return tuple(one for one in named if compliance.get(one) is False)


def _alerts(given: Sequence[Mapping[str, Any]]) -> tuple[Alert, ...]:
    return tuple(Alert(one["name"], one["condition"], one["severity"]) for one in given)
